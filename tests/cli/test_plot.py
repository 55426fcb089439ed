"""`plot`: a fit log as a picture."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.fitlog.plot import draw
from cgdenoise.fitlog.reader import read_log


@pytest.fixture
def log(restored, folder, noisy_png):
    restored("noisy.png", "-q")
    return folder / "noisy_denoised.fit.jsonl"


@pytest.fixture
def compared(restored, folder, noisy_png, clean):
    Image.fromarray(clean).save(folder / "clean.png")
    restored("noisy.png", "-q", "--reference", "clean.png", "-o", "compared.png", "--members", "2")
    return folder / "compared.fit.jsonl"


@pytest.fixture
def plotted(cli):
    def run(*args):
        outcome = cli("plot", *args)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    return run


def test_picture_lies_beside_the_log(plotted, folder, log):
    assert plotted(log.name) == "noisy_denoised.fit.png\n"
    with Image.open(folder / "noisy_denoised.fit.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert len(np.unique(np.array(picture).reshape(-1, 4), axis=0)) > 10


def test_svg_is_well_formed(plotted, folder, log):
    plotted(log.name, "-o", "curves.svg")
    assert ElementTree.parse(folder / "curves.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_reference_adds_a_panel(plotted, folder, log, compared, kind):
    plotted(log.name, "-o", f"one.{kind}")
    plotted(compared.name, "-o", f"two.{kind}")

    def height(name):
        if kind == "png":
            return len(np.array(Image.open(folder / name)))
        return float(ElementTree.parse(folder / name).getroot().get("height").removesuffix("pt"))

    assert height(f"two.{kind}") > 1.5 * height(f"one.{kind}")


def test_errors_of_poisson_noise_are_told_in_its_standard_deviations(folder, log):
    (page,) = read_log(log)
    law = page.header["noise"] | {"kind": "poisson", "gain": 3.0}
    svg = draw(replace(page, header=page.header | {"noise": law}), "svg").decode()
    assert "RMS in standard deviations of the noise" in svg
    assert "RMS in grey levels" in draw(page, "svg").decode()


def test_ticks_are_plain_numbers(log):
    (page,) = read_log(log)
    for factor in (1.0, 1e-3, 100.0):
        evaluations = [e | {"held_out_rms": factor ** (e["iteration"] / 20) * e["held_out_rms"]} for e in page.evaluations]
        svg = draw(replace(page, evaluations=evaluations), "svg").decode()
        assert "mathdefault" not in svg
        assert len(re.findall('id="ytick_', svg)) >= 3


def test_pdf_is_one(plotted, folder, log):
    plotted(log.name, "-o", "curves.pdf")
    assert (folder / "curves.pdf").read_bytes().startswith(b"%PDF")


def test_quiet_prints_nothing(plotted, log):
    assert plotted(log.name, "-q") == ""


def test_page_is_chosen(plotted, refused, restored, folder, noisy):
    tifffile.imwrite(folder / "a.tif", np.stack([noisy[..., 0], noisy[..., 1]]), photometric="minisblack")
    restored("a.tif")
    plotted("a_denoised.fit.jsonl", "-o", "0.png", "--page", "1")
    plotted("a_denoised.fit.jsonl", "-o", "1.png", "--page", "2")
    assert (folder / "0.png").read_bytes() != (folder / "1.png").read_bytes()
    refused("plot", "a_denoised.fit.jsonl", "-o", "2.png", "--page", "3", names="a_denoised.fit.jsonl", code=2)


def test_existing_picture_is_kept_without_force(refused, plotted, folder, log):
    target = folder / "noisy_denoised.fit.png"
    target.write_bytes(b"precious")
    assert "--force" in refused("plot", log.name, names=target.name)
    plotted(log.name, "--force")
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("target", ["curves.eps", "curves"])
def test_other_suffix_is_a_usage_error(refused, log, target):
    refused("plot", log.name, "-o", target, names=target, code=2)


def test_missing_folder_is_refused(refused, log):
    refused("plot", log.name, "-o", "absent/curves.png", names="absent/curves.png")


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


HEADER = {"type": "header", "page": 0, "input": {"name": "a.png"}, "sigma": 3.0}
END = {"type": "end", "page": 0, "status": "complete", "reason": "budget"}
EVALUATION = {"type": "evaluation", "page": 0, "fit": 0, "iteration": 1, "held_out_rms": 3.0, "residual_rms": 2.0}
FIT = {"type": "fit", "page": 0, "fit": 0, "depth": 4, "probe": False, "iteration": 1}


BAD_LOGS = {
    "empty": b"",
    "words": b"words\n",
    "bytes": b"\x89PNG\r\n\x1a\n\xff\xfe",
    "list": lines([1, 2]),
    "string": lines("text"),
    "no type": lines({"page": 0}),
    "no end": lines(HEADER),
    "no header": lines(END),
    "two headers": lines(HEADER, HEADER, END),
    "truncated": lines(HEADER, END)[:-5],
    "bare header": lines({"type": "header", "page": 0}, END),
    "bare end": lines(HEADER, {"type": "end", "page": 0}),
    "null page": lines(HEADER | {"page": None}, END),
    "list as page": lines(HEADER | {"page": [0]}, END | {"page": [0]}),
    "list as type": lines(HEADER | {"type": ["header"]}, END),
    "word as sigma": lines(HEADER | {"sigma": "three"}, END),
    "null input": lines(HEADER | {"input": None}, END),
    "bare evaluation": lines(HEADER, {"type": "evaluation", "page": 0}, FIT, END),
    "bare fit": lines(HEADER, EVALUATION, {"type": "fit", "page": 0}, END),
    "huge page": lines(HEADER | {"page": 10**400}, END),
    "not a number": lines(HEADER, EVALUATION, FIT, END).replace(b"2.0", b"NaN"),
    "infinite": lines(HEADER, EVALUATION, FIT, END).replace(b"2.0", b"1e999"),
    "huge iteration": lines(HEADER, EVALUATION | {"iteration": 10**30}, FIT, END),
    "nested": b"[" * 100_000,
    "beyond any axis": lines(HEADER, EVALUATION | {"psnr": -1e308}, EVALUATION | {"psnr": 1e308}, FIT, END),
    "word as error": lines(HEADER, EVALUATION | {"held_out_rms": "low"}, FIT, END),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_bad_log_is_one_line(refused, folder, name):
    (folder / "bad.jsonl").write_bytes(BAD_LOGS[name])
    refused("plot", "bad.jsonl", names="bad.jsonl")


def test_missing_log_is_one_line(refused, folder):
    refused("plot", "absent.jsonl", names="absent.jsonl")
    (folder / "folder.jsonl").mkdir()
    refused("plot", "folder.jsonl", names="folder.jsonl")


def test_good_log_of_the_same_making_is_drawn(plotted, folder):
    (folder / "good.jsonl").write_bytes(lines(HEADER, EVALUATION, FIT, END))
    assert plotted("good.jsonl") == "good.png\n"


@pytest.mark.parametrize("value", [0, -1, 1e100, 5e-324, 2**62, True, None])
def test_odd_numbers_are_drawn_without_a_word(plotted, folder, value):
    odd = EVALUATION | {"held_out_rms": value, "residual_rms": value, "iteration": 2, "psnr": value}
    (folder / "odd.jsonl").write_bytes(lines(HEADER | {"sigma": value}, EVALUATION, odd, FIT, END))
    assert plotted("odd.jsonl") == "odd.png\n"


@pytest.mark.parametrize("name", ["cost_$5.png", "$x_{$.png", "a\\b.png", "\u753b\u50cf.png", "no text \udcff.png"])
def test_any_file_name_can_be_a_title(plotted, folder, name):
    (folder / "a.jsonl").write_bytes(lines(HEADER | {"input": {"name": name}}, EVALUATION, FIT, END))
    plotted("a.jsonl")


def test_log_of_a_constant_image_is_drawn(plotted, restored, folder):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "flat.png")
    restored("flat.png")
    plotted("flat_denoised.fit.jsonl")
