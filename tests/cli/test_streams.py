"""Pipes, full devices and closed ends, each in a process of its own; and what the process need not import."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

import cgdenoise

PROBLEMS = ("inpaint", "deblur", "upscale", "cs", "mri", "ct")

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


@pytest.fixture
def flat_png(folder):
    """An image that needs no fit."""
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(folder / "flat.png")
    return folder / "flat.png"


def test_pipe_in_and_out_gives_the_bytes_of_a_file(start, folder, noisy):
    tifffile.imwrite(folder / "noisy.tif", noisy.astype(np.uint16) * 200, photometric="rgb")
    piped = start("denoise", "-", "-o", "-", "-q", stdin=subprocess.PIPE)
    out, err = piped.communicate((folder / "noisy.tif").read_bytes(), timeout=3000)
    assert piped.returncode == 0
    assert err == b""
    assert list(folder.iterdir()) == [folder / "noisy.tif"]
    filed = start("denoise", "noisy.tif")
    filed.communicate(timeout=3000)
    assert out == (folder / "noisy_denoised.tif").read_bytes()
    assert tifffile.imread(folder / "noisy_denoised.tif").dtype == np.uint16


@pytest.mark.slow
def test_standard_input_alone_goes_to_standard_output(start, folder, flat_png):
    process = start("denoise", "-", stdin=subprocess.PIPE)
    out, err = process.communicate(flat_png.read_bytes(), timeout=3000)
    assert (process.returncode, err) == (0, b"")
    (folder / "back.png").write_bytes(out)
    assert np.array_equal(np.array(Image.open(folder / "back.png")), np.array(Image.open(flat_png)))


@pytest.mark.parametrize("output", [["-o", "-"], []], ids=["image", "result line"])
def test_reader_that_has_gone_is_no_traceback(start, flat_png, output):
    reader, writer = os.pipe()
    os.close(reader)
    process = start("denoise", "flat.png", *output, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=3000)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.slow
def test_reader_that_wants_ten_bytes_gets_them(start, noisy_png):
    process = start("denoise", "noisy.png", "-o", "-", "-q")
    head = subprocess.run(["head", "-c", "10"], stdin=process.stdout, capture_output=True, check=True, timeout=3000)
    process.stdout.close()
    assert head.stdout == noisy_png.read_bytes()[:10]
    assert process.stderr.read() == b""
    assert process.wait(timeout=300) in (0, 1)


@pytest.mark.slow
@FULL
@pytest.mark.parametrize("output", [["-o", "-"], []], ids=["image", "result line"])
def test_full_standard_output_is_one_line(start, flat_png, output):
    with open("/dev/full", "wb") as full:
        process = start("denoise", "flat.png", *output, stdout=full)
        _, err = process.communicate(timeout=3000)
    assert process.returncode == 1
    assert err == b"cgdenoise: error: standard output: cannot be written (No space left on device)\n"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text")
def test_name_that_is_not_utf8_can_be_printed(start, folder, flat_png):
    flat_png.rename(os.fsdecode(b"caf\xe9.png"))
    process = start("denoise", b"caf\xe9.png", environment={"PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "0"})
    out, err = process.communicate(timeout=3000)
    assert (process.returncode, err) == (0, b"")
    assert b"_denoised.png: " in out


def test_python_m_and_version(start):
    process = start("--version")
    assert process.communicate(timeout=3000) == (f"cgdenoise {cgdenoise.__version__}\n".encode(), b"")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "args",
    [["--help"], ["-h"], ["denoise", "--help"], ["info", "--help"], ["plot", "--help"], *([name, "--help"] for name in PROBLEMS)],
)
def test_help_goes_to_standard_output(cli, args):
    outcome = cli(*args)
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage: cgdenoise" in outcome.out
    assert "\x1b" not in outcome.out


def test_help_and_usage_errors_import_nothing_heavy(folder):
    program = """
import sys
from cgdenoise.cli.app import main
commands = ["denoise", "info", "plot", "inpaint", "deblur", "upscale", "cs", "mri", "ct"]
for args in (["--help"], *([name, "--help"] for name in commands), ["--version"], ["denoise"], ["mri"]):
    sys.argv = ["cgdenoise", *args]
    try:
        main()
    except SystemExit:
        pass
print("\\nheavy:", sorted({"torch", "numpy", "matplotlib", "skimage", "tifffile"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=3000)
    assert found.stdout.endswith("\nheavy: []\n")
