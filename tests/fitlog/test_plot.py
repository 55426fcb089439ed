"""The picture of a fit log."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cgdenoise.fitlog.plot import draw
from cgdenoise.fitlog.reader import FitLog

HEADER = {"input": {"name": "some/folder/a.png"}, "sigma": 10.0}
END = {"status": "complete", "reason": "budget"}


def log(fits=1, points=4, held_out=True, psnr=False, **header):
    evaluations = [
        {"fit": fit, "iteration": 10 * k, "residual_rms": 30.0 / k + fit, "held_out_rms": 31.0 / k + fit if held_out else None}
        | ({"psnr": 20.0 + k} if psnr else {})
        for fit in range(fits)
        for k in range(1, points + 1)
    ]
    made = [{"fit": fit, "depth": 4 + fit, "probe": fit == 1, "iteration": 30} for fit in range(fits)]
    return FitLog(HEADER | header, evaluations, made, END)


def pixels(found):
    return np.array(Image.open(io.BytesIO(draw(found, "png"))).convert("RGB")).astype(int)


def coloured(image, colour):
    return int((np.abs(image - colour).max(axis=2) < 30).sum())


BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


def test_size_grows_with_a_panel():
    assert pixels(log()).shape == (540, 960, 3)
    assert pixels(log(psnr=True)).shape == (900, 960, 3)


def test_each_fit_has_a_line_of_its_own_colour():
    one, two = pixels(log(fits=1)), pixels(log(fits=2))
    assert coloured(one, BLUE) > 100
    assert coloured(one, ORANGE) == 0
    assert coloured(two, ORANGE) > 100


def test_kept_iteration_is_marked():
    found = log()
    unmarked = FitLog(found.header, found.evaluations, [found.fits[0] | {"iteration": 35}], found.end)
    assert coloured(pixels(found), BLUE) > coloured(pixels(unmarked), BLUE) + 20


def test_residual_stands_in_where_nothing_was_held_out():
    assert coloured(pixels(log(held_out=False)), BLUE) > 100


def test_svg_is_well_formed_and_has_both_panels():
    root = ElementTree.fromstring(draw(log(psnr=True, fits=2), "svg"))
    groups = {element.get("id") for element in root.iter("{http://www.w3.org/2000/svg}g")}
    assert {"axes_1", "axes_2"} <= groups
    assert "axes_3" not in groups


def test_missing_psnr_leaves_a_gap():
    found = log(psnr=True)
    found.evaluations[1]["psnr"] = None
    assert pixels(found).shape == (900, 960, 3)


@pytest.mark.parametrize("sigma", [0.0, None])
@pytest.mark.parametrize("fits", [0, 1])
def test_unknown_or_no_noise_draws_without_a_warning(sigma, fits):
    assert pixels(log(fits=fits, sigma=sigma)).shape == (540, 960, 3)


@pytest.mark.parametrize("name", ["$x_{$.png", "$5 or $6.png", "\u753b\u50cf.png", "line\nbreak.png"])
def test_any_name_can_be_a_title(name):
    assert pixels(log(input={"name": name})).shape == (540, 960, 3)


def test_input_is_named_and_not_its_folder():
    assert draw(log(), "png") == draw(log(input={"name": "a.png"}), "png")
    assert draw(log(), "png") != draw(log(input={"name": "b.png"}), "png")


def test_probe_fits_without_a_psnr_are_drawn():
    found = log(fits=2, psnr=True)
    for evaluation in found.evaluations:
        if evaluation["fit"] == 1:  # the probe
            del evaluation["psnr"]
    assert coloured(pixels(found)[:450], ORANGE) > 100
