"""A bad value of every option of the commands for inverse problems, each refused in one line that says what is wrong."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli import app
from cgdenoise.cli.law import Law
from cgdenoise.cli.options import SharedOptions
from cgdenoise.cli.restore import BatchOptions

COMMANDS = {command.__name__: command for command in (app.cs, app.mri, app.ct, app.inpaint, app.deblur, app.upscale)}
GIVEN = {
    "cs": ["y.npy", "--matrix", "A.npy", "--shape", "8,8"],
    "mri": ["k.npy"],
    "ct": ["sinogram.npy", "--angles", "0:180:10"],
    "inpaint": ["holes.png"],
    "deblur": ["clean.png", "--psf", "box:3"],
    "upscale": ["clean.png"],
}
CS, MRI, CT = (GIVEN[name] for name in ("cs", "mri", "ct"))

# Of each option: what is said on the command line, what is answered, and the exit code.
OWN = {
    "cs": {
        "y": (["absent.npy", *CS[1:]], "absent.npy", 1),
        "measurements": (["--measurements", "absent.npy", *CS[1:]], "absent.npy", 1),
        "simulate": (["--simulate", "absent.png"], "absent.png", 1),
        "matrix": (["y.npy", "--matrix", "absent.npy", *CS[3:]], "absent.npy", 1),
        "operator": (["y.npy", "--operator", "cosine", *CS[3:]], "operator 'cosine'; expected one of gaussian", 2),
        "mask": (["k.npy", "--mask", "text.png"], "text.png", 1),
        "maps": (["k.npy", "--operator", "fourier", "--maps", "absent.npy"], "absent.npy", 1),
        "shape": ([*CS[:3], "--shape", "8x8"], "--shape 8x8; expected N, H,W, C,H,W or C,D,H,W", 2),
        "real": (["coils.npy", "--operator", "fourier", "--real"], "--real with coils", 2),
        "ratio": (["--simulate", "clean.png", "--ratio", "2"], "--ratio 2.0; expected above 0", 2),
        "count": (["--simulate", "clean.png", "--count", "0"], "--count", 2),
        "simulate_sigma": (["--simulate", "clean.png", "--simulate-sigma", "-1"], "--simulate-sigma", 2),
        "save_measurements": ([*CS, "--save-measurements", "m.npz"], "--save-measurements without --simulate", 2),
        "sigma": ([*CS, "--sigma", "-1"], "--sigma", 2),
        "variable": ([*CS, "--variable", "y"], "--variable y; expected ROLE=NAME", 2),
        "example": (["--example", "clean.png"], "clean.png: cannot be made", 1),
    },
    "mri": {
        "kspace": (["absent.npy"], "absent.npy", 1),
        "simulate": (["--simulate", "colour.png"], "colour.png: an image of shape [16, 16, 3]; expected a grey one", 1),
        "coils": (["--simulate", "clean.png", "--coils", "0"], "--coils", 2),
        "ratio": (["--simulate", "clean.png", "--ratio", "0"], "clean.png: ratio 0.0; expected above 0", 2),
        "simulate_sigma": (["--simulate", "clean.png", "--simulate-sigma", "-1"], "--simulate-sigma", 2),
        "save_measurements": ([*MRI, "--save-measurements", "m.npz"], "--save-measurements without --simulate", 2),
        "mask": ([*MRI, "--mask", "clean.png"], "clean.png: a mask of shape (16, 16); expected (8, 8)", 1),
        "maps": ([*MRI, "--maps", "absent.npy"], "absent.npy", 1),
        "trajectory": ([*MRI, "--trajectory", "absent.npy"], "absent.npy", 1),
        "shape": ([*MRI, "--shape", "8,8"], "--shape without --trajectory", 2),
        "slice_number": ([*MRI, "--slice", "1"], "k.npy: slice 1 of a file without slices", 1),
        "sigma": ([*MRI, "--sigma", "-1"], "--sigma", 2),
        "noise_scan": ([*MRI, "--noise-scan", "absent.npy"], "absent.npy", 1),
        "crop": ([*MRI, "--crop", "2"], "--crop", 2),
        "variable": ([*MRI, "--variable", "y=other"], "k.npy: one array without a name", 1),
    },
    "ct": {
        "sinogram": (["absent.npy", *CT[1:]], "absent.npy", 1),
        "simulate": (
            [*CT[1:], "--simulate", "colour.png"],
            "colour.png: an image of shape [16, 16, 3]; expected",
            1,
        ),
        "angles": (["sinogram.npy", "--angles", "0:180"], "0:180", 1),
        "fan": ([*CT, "--fan", "300"], "--fan 300; expected SOURCE,DETECTOR", 2),
        "axis": ([*CT, "--axis", "nan"], "axis", 1),
        "pitch": ([*CT, "--pitch", "0"], "sinogram.npy: 12 bins of 0.0 pixels", 1),
        "shape": ([*CT, "--shape", "3,8,8"], "--shape 3,8,8; expected H,W", 2),
        "sigma": ([*CT, "--sigma", "-1"], "--sigma", 2),
        "photons": ([*CT, "--photons", "0"], "--photons 0.0; expected a number above 0", 2),
        "simulate_sigma": ([*CT, "--simulate-sigma", "1"], "--simulate-sigma; expected --simulate", 2),
        "save_measurements": ([*CT, "--save-measurements", "m.npz"], "--save-measurements without --simulate", 2),
    },
    "inpaint": {
        "batch": (["absent.png"], "absent.png", 1),
        "mask": (["clean.png", "--mask", "text.png"], "text.png", 1),
        "invert": (["clean.png", "--invert"], "--invert without --mask", 2),
        "sigma": (["holes.png", "--sigma", "-1"], "--sigma", 2),
        "axes": (["holes.png", "--axes", "ZZ"], "--axes", 2),
    },
    "deblur": {
        "batch": (["absent.png", "--psf", "box:3"], "absent.png", 1),
        "psf": (["clean.png", "--psf", "disc:2"], "disc:2", 1),
        "sigma": (["clean.png", "--psf", "box:3", "--sigma", "-1"], "--sigma", 2),
    },
    "upscale": {
        "batch": (["absent.png"], "absent.png", 1),
        "factor": (["clean.png", "--factor", "1"], "--factor", 2),
        "kernel": (["clean.png", "--kernel", "lanczos"], "--kernel", 2),
        "sigma": (["clean.png", "--sigma", "-1"], "--sigma", 2),
    },
}
SHARED = {
    "output": (["-o", "x.xyz"], "x.xyz: suffix '.xyz' is of no known format", 1),
    "suffix": (["--suffix", "a/b"], "--suffix a/b; expected a part of a file's name", 2),
    "force": (["--force=no"], "--force", 2),
    "preset": (["--preset", "slow"], "--preset", 2),
    "members": (["--members", "0"], "--members", 2),
    "max_iterations": (["--max-iterations", "0"], "--max-iterations", 2),
    "stop": (["--stop", "never"], "--stop", 2),
    "hold_out": (["--hold-out", "2"], "--hold-out", 2),
    "seed": (["--seed", "-1"], "--seed", 2),
    "device": (["--device", "tpu"], "--device", 2),
    "threads": (["--threads", "0"], "--threads", 2),
    "reference": (["--reference", "absent.png"], "absent.png: cannot be read (no such file or directory)", 1),
    "report": (["--report", "page.txt"], "page.txt: no web page; expected a name with .html", 2),
    "json": (["--json=3"], "--json", 2),
    "quiet": (["--quiet=3"], "--quiet", 2),
    "log": (["--log", "text.png"], "text.png: exists", 1),
    "no_log": (["--no-log", "--report", "page.html"], "--report with --no-log; expected one of them", 2),
    "side_by_side": (["--side-by-side", "sides.txt"], "sides.txt: suffix '.txt'; expected .png", 2),
}
LAW = {
    "noise": (["--noise", "uniform"], "--noise", 2),
    "gain": (["--gain", "1"], "--gain without --noise poisson", 2),
    "outliers": (["--outliers=no"], "--outliers", 2),
}
BATCH = {
    "from_file": (["--from-file", "absent.txt"], "absent.txt: cannot be read", 1),
    "null": (["--null"], "--null without a list", 2),
    "on_exists": (["--on-exists", "ask"], "--on-exists", 2),
    "shard": (["--shard", "9/3"], "--shard 9/3; expected I/N", 2),
    "jobs": (["--jobs", "0"], "--jobs", 2),
    "scheduler": (["--scheduler", "x", "--jobs", "2"], "--scheduler", 2),
    "journal": (["--journal", "text.png"], "text.png: not the journal of a batch", 1),
}
ROWS = [(name, *row) for name, rows in OWN.items() for row in rows.values()]
ROWS += [(name, [*given, *words], told, code) for name, given in GIVEN.items() for words, told, code in SHARED.values()]
ROWS += [
    (name, [*GIVEN[name], *words], told, code)
    for name in ("inpaint", "deblur", "upscale")
    for words, told, code in BATCH.values()
]
ROWS += [
    (name, [*given, *words], told, code) for name, given in GIVEN.items() if name != "mri" for words, told, code in LAW.values()
]


@pytest.fixture
def files(folder):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save("clean.png")
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save("colour.png")
    Image.fromarray(np.dstack([rng.integers(0, 256, (16, 16, 3)), 255 * np.eye(16)]).astype(np.uint8)).save("holes.png")
    (folder / "text.png").write_text("no picture")
    np.save("A.npy", rng.normal(size=(20, 64)))
    np.save("y.npy", rng.normal(size=20))
    np.save("k.npy", rng.normal(size=(8, 8)) + 0j)
    np.save("coils.npy", rng.normal(size=(2, 8, 8)) + 0j)
    np.save("sinogram.npy", rng.random((10, 12)))
    return folder


@pytest.mark.parametrize(("command", "args", "told", "code"), ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_bad_value_is_refused(cli, files, monkeypatch, command, args, told, code):
    monkeypatch.setenv("COLUMNS", "200")
    before = sorted(files.iterdir())
    outcome = cli(command, *args)
    assert (outcome.code, outcome.out) == (code, "")
    assert told in outcome.err
    assert "Traceback" not in outcome.err
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row(name):
    own = set(inspect.signature(COMMANDS[name].__wrapped__).parameters) - {"shared", "law"}
    assert own == set(OWN[name])


def test_every_option_that_commands_share_has_a_row():
    assert {field.name for field in fields(SharedOptions)} - {"arguments", "config"} == set(SHARED)
    assert {field.name for field in fields(BatchOptions)} - {"inputs"} == set(BATCH)
    assert {field.name for field in fields(Law)} == set(LAW)
