"""A widget of napari that restores an image layer into a new one beside it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from cgdenoise import names
from cgdenoise.errors import CgDenoiseError
from cgdenoise.names import PresetName

try:
    import napari.viewer
    from napari.layers import Image
    from napari.qt.threading import create_worker
    from qtpy.QtCore import Signal
    from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget
except ImportError as error:
    raise ImportError(f"{error}; napari comes with pip install 'cgdenoise[napari]'") from error

if TYPE_CHECKING:
    from cgdenoise.restoration.results import Restoration

_NOISES = ("auto", "gaussian", "poisson", "poisson-gaussian", "impulse", "correlated")
_STEPS = 1000


class RestoreWidget(QWidget):
    """Layer, preset and noise; a bar, and a button that ends the run.

    The result is a new layer at the same place, with the scale, the units, the colours and the metadata of the first. The
    metadata have one more entry, "cgdenoise": what was assumed of the noise, and what the result is made of.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose image layers are offered.
    """

    progressed = Signal(float, str)  # from the thread that restores

    def __init__(self, viewer: napari.viewer.Viewer) -> None:  # napari gives the viewer to a parameter of this very type
        super().__init__()
        self.viewer = viewer
        self.layer, self.preset, self.noise = QComboBox(), QComboBox(), QComboBox()
        self.preset.addItems([name for name in PresetName if name != PresetName.PAPER])
        self.preset.setCurrentText(PresetName.BALANCED)
        self.noise.addItems(_NOISES)
        self.sigma = QDoubleSpinBox()
        self.sigma.setRange(0, 1e9)
        self.sigma.setDecimals(4)
        self.sigma.setSpecialValueText("estimated")
        self.sigma.setToolTip("Standard deviation of the noise, in the units of the layer; 0 estimates it")
        self.run, self.cancel = QPushButton("Restore"), QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.bar, self.said = QProgressBar(), QLabel()
        self.bar.setRange(0, _STEPS)
        self.said.setWordWrap(True)
        self._arrange()
        self._stop = threading.Event()
        self._worker: Any = None
        self.run.clicked.connect(self.start)
        self.cancel.clicked.connect(self.stop)
        self.progressed.connect(self._show)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered):
            event.connect(self._offer)
        viewer.layers.selection.events.active.connect(self._offer)
        self._offer()

    def _arrange(self) -> None:
        form = QFormLayout(self)
        rows = {"layer": self.layer, "preset": self.preset, "noise": self.noise, "level": self.sigma}
        for name, field in rows.items():
            form.addRow(name, field)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        form.addRow(buttons)
        form.addRow(self.bar)
        form.addRow(self.said)

    def _offer(self, event: Any = None) -> None:
        """Offer the image layers that there are, first the one that is selected."""
        active = self.viewer.layers.selection.active
        chosen = active if isinstance(active, Image) else self.chosen
        self.layer.clear()
        for layer in self.viewer.layers:
            if isinstance(layer, Image):
                self.layer.addItem(layer.name, layer)
                if layer is chosen:
                    self.layer.setCurrentIndex(self.layer.count() - 1)

    @property
    def chosen(self) -> Image | None:
        """The layer that would be restored."""
        return self.layer.currentData()

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """End a run that nobody would see."""
        self._stop.set()
        super().closeEvent(event)

    def start(self) -> None:
        """Restore the chosen layer in a thread of its own."""
        layer = self.chosen
        if layer is None:
            self.said.setText("no image layer; open or add one first")
            return
        self._stop.clear()
        self._running(True)
        self.said.setText("starting")
        self._worker = create_worker(
            _restore,
            layer.data[0] if layer.multiscale else layer.data,
            layer.rgb,
            {"preset": self.preset.currentText(), "noise": self.noise.currentText(), "sigma": self.sigma.value() or None},
            self._report,
            self._stop.is_set,
        )
        self._worker.returned.connect(lambda made: self._add(layer, made))
        self._worker.finished.connect(lambda: self._running(False))
        self._worker.start()

    def stop(self) -> None:
        """End the run: nothing is added."""
        self._stop.set()
        self.said.setText("ending")

    def _report(self, share: float, stage: str) -> None:
        if not self._stop.is_set():  # the widget may be gone
            self.progressed.emit(share, stage)

    def _running(self, runs: bool) -> None:
        self.run.setEnabled(not runs)
        self.cancel.setEnabled(runs)
        if runs:
            self.bar.setValue(0)

    def _show(self, share: float, stage: str) -> None:
        if self.cancel.isEnabled() and not self._stop.is_set():
            self.bar.setValue(round(_STEPS * share))
            self.said.setText(stage)

    def _add(self, layer: Image, made: tuple[Any, list[Restoration]] | str | None) -> None:
        """Add what the thread returned: an array and how it came about, or why there is none."""
        if made is None or isinstance(made, str):
            self.said.setText(made or "cancelled; nothing was added")
            self.bar.setValue(0)
            return
        data, results = made
        _, state, _ = layer.as_layer_data_tuple()
        facts = [_facts(result) for result in results]
        self.viewer.add_layer(
            Image(
                data,
                **state
                | {"name": f"{layer.name} restored", "multiscale": False, "metadata": layer.metadata | {"cgdenoise": facts}},
            )
        )
        made_of = sorted({fact["made_of"] for fact in facts})
        levels = sorted({f"{fact['noise']} noise {fact['sigma']:.4g}" for fact in facts})
        warnings = sorted({warning for fact in facts for warning in fact["warnings"]})
        self.said.setText("\n".join([f"Made of {'; '.join(made_of)}.", ", ".join(levels[:3]), *warnings]))
        self.bar.setValue(_STEPS)


def _restore(
    data: Any, rgb: bool, chosen: dict[str, Any], report: Any, cancelled: Any
) -> tuple[Any, list[Restoration]] | str | None:
    """Restore in the worker's thread; torch is imported there, too. A text says what is wrong with the data."""
    from cgdenoise.integrations.planes import Settings, restore_planes

    try:
        return restore_planes(data, rgb, Settings(**chosen), report, cancelled)
    except CgDenoiseError as error:
        return str(error)


def _facts(result: Restoration) -> dict[str, Any]:
    return {
        "noise": str(result.noise.kind),
        "sigma": float(np.round(result.sigma, 6)),
        "sigma_estimated": result.sigma_estimated,
        "made_of": names.made_of([(part.name, part.weight) for part in result.parts]),
        "parts": {part.name: part.weight for part in result.parts},
        "seconds": round(result.seconds, 3),
        "warnings": list(result.warnings),
    }
