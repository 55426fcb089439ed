"""The widget in a viewer, with pytest-qt: xvfb-run python -m pytest -m slow -W ignore tests/integrations/test_napari.py."""

import os
import sys
import time

import numpy as np
import pytest

if "DISPLAY" not in os.environ:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("pytestqt")
napari = pytest.importorskip("napari")
RestoreWidget = pytest.importorskip("cgdenoise.integrations.napari").RestoreWidget


SCREEN = os.environ.get("DISPLAY") is not None or os.name == "nt" or sys.platform == "darwin"


@pytest.fixture
def viewer(request, qapp):
    """A viewer with its window, or, where nothing can draw (no X server, no OpenGL), all of it but the window."""
    return request.getfixturevalue("make_napari_viewer")() if SCREEN else napari.components.ViewerModel()


@pytest.fixture
def widget(viewer, light, qtbot):
    """The widget as the plugin manager opens it."""
    if SCREEN:
        _, widget = viewer.window.add_plugin_dock_widget("cgdenoise", "Restore")
    else:
        widget = RestoreWidget(viewer)
        qtbot.addWidget(widget)
    widget.preset.setCurrentText("fast")
    return widget


def noisy_stack(noisy):
    return noisy[..., :2].transpose(2, 0, 1).astype(np.uint16)


def test_the_result_is_a_layer_with_scale_and_metadata_kept(viewer, widget, noisy, qtbot):
    about = {
        "name": "cells",
        "scale": (2.0, 0.5, 0.25),
        "translate": (1, 2, 3),
        "colormap": "green",
        "metadata": {"stain": "GFP"},
    }
    layer = viewer.add_image(noisy_stack(noisy), **about)
    assert widget.chosen is layer
    shown = []
    widget.progressed.connect(lambda share, stage: shown.append((share, stage)))
    widget.start()
    assert not widget.run.isEnabled()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=60_000)
    made = viewer.layers[1]
    assert (made.name, made.data.dtype, made.data.shape) == ("cells restored", np.uint16, layer.data.shape)
    np.testing.assert_allclose(made.scale, layer.scale)
    np.testing.assert_allclose(made.translate, layer.translate)
    assert made.colormap.name == "green"
    assert made.metadata["stain"] == "GFP"
    assert [fact["noise"] for fact in made.metadata["cgdenoise"]] == ["gaussian"] * 2
    assert made.data.std() < layer.data.std()
    assert len({share for share, _ in shown}) > 3
    qtbot.waitUntil(widget.run.isEnabled, timeout=5_000)
    assert widget.said.text().startswith("Made of the generator.\ngaussian noise ")
    assert widget.bar.value() == widget.bar.maximum()
    assert layer.metadata == {"stain": "GFP"}


def test_a_run_is_cancelled(viewer, widget, noisy, qtbot):
    viewer.add_image(noisy, rgb=True)
    widget.preset.setCurrentText("balanced")
    widget.start()
    qtbot.waitUntil(lambda: widget.bar.value() > 0, timeout=60_000)
    began = time.monotonic()
    widget.cancel.click()
    qtbot.waitUntil(widget.run.isEnabled, timeout=20_000)
    assert time.monotonic() - began < 15
    assert len(viewer.layers) == 1
    assert widget.said.text() == "cancelled; nothing was added"


def test_colours_and_a_told_level(viewer, widget, noisy, qtbot):
    viewer.add_image(noisy, rgb=True)
    widget.sigma.setValue(20)
    widget.start()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=60_000)
    made = viewer.layers[1]
    assert made.rgb
    assert made.data.dtype == np.uint8
    assert made.metadata["cgdenoise"][0]["sigma"] == 20
    qtbot.waitUntil(widget.run.isEnabled, timeout=5_000)


def test_what_cannot_be_restored_is_said(viewer, widget, qtbot):
    widget.start()
    assert "no image layer" in widget.said.text()
    viewer.add_image(np.full((8, 8), np.nan), contrast_limits=(0, 1))
    widget.start()
    qtbot.waitUntil(lambda: "NaN" in widget.said.text(), timeout=60_000)
    qtbot.waitUntil(widget.run.isEnabled, timeout=5_000)
    assert len(viewer.layers) == 1


def test_the_selected_image_is_offered_and_no_other_kind_of_layer(viewer, widget, noisy):
    first, second = (viewer.add_image(noisy[..., channel]) for channel in (0, 1))
    viewer.add_points([[1, 1]])
    assert [widget.layer.itemData(index) for index in range(widget.layer.count())] == [first, second]
    viewer.layers.selection.active = first
    assert widget.chosen is first
    viewer.layers.remove(first)
    assert widget.chosen is second


def test_the_manifest_is_found():
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("cgdenoise")
    assert [widget.display_name for widget in manifest.contributions.widgets] == ["Restore"]
