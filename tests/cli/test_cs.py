"""`cs` and `mri`: from files of measurements to an array and a picture."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch
from PIL import Image
from skimage import data

import cgdenoise
from cgdenoise.fitlog.reader import read_log
from cgdenoise.measurements import read_cfl, write_cfl
from cgdenoise.operators import Fourier, random_matrix

LIGHT = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu")
QUICK = (*LIGHT, "--max-iterations", "10")
FULL = (*LIGHT, "--max-iterations", "150")

OPERATORS = """
import numpy as np

class Sampling:
    def __init__(self, shape):
        self.shape = (100, int(np.prod(shape)))
        self.matrix = np.random.default_rng(0).standard_normal(self.shape) / 10
    def matvec(self, x):
        return self.matrix @ x
    def rmatvec(self, y):
        return self.matrix.T @ y

class Wrong(Sampling):
    def rmatvec(self, y):
        return 2 * self.matrix.T @ y
"""


@pytest.fixture
def done(cli, light):
    def run(command, *args, quick=QUICK):
        outcome = cli(command, *args, *quick)
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return outcome

    return run


@pytest.fixture
def image(clean):
    return clean[..., 1].astype(float)


def measured(operator, image):
    return operator(torch.from_numpy(image)).numpy()


@pytest.fixture
def matrix():
    return np.random.default_rng(1).standard_normal((288, 576)) / 17


def test_matrix_gives_the_image_in_row_major_order(done, folder, image, matrix):
    np.save(folder / "A.npy", matrix)
    np.save(folder / "y.npy", matrix @ image.ravel())
    outcome = done("cs", "--measurements", "y.npy", "--matrix", "A.npy", "--shape", "24,24", quick=FULL)
    found = np.load(folder / "y_reconstructed.npy")
    assert (found.shape, found.dtype) == ((24, 24), np.float32)
    np.testing.assert_allclose(matrix @ found.ravel(), matrix @ image.ravel(), atol=1)
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.75
    picture = np.array(Image.open(folder / "y_reconstructed.png"))
    low, high = min(0, found.min()), found.max()
    np.testing.assert_allclose(picture, (found - low) / (high - low) * 255, atol=0.51)
    assert f"range {low:.4g} to {high:.4g}" in outcome.out
    (log,) = read_log(folder / "y_reconstructed.fit.jsonl")
    assert log.header["input"]["order"] == "row-major"
    assert 0.5 * np.ptp(image) < log.header["input"]["scale"]["factor"] < 2 * np.ptp(image)


@pytest.mark.parametrize("kind", ["npz", "mat", "sparse", "factory", "gaussian"])
def test_every_source_of_an_operator_gives_consistent_images(done, folder, image, matrix, kind):
    rows = matrix[:100]
    y = rows @ image.ravel()
    options = ["--measurements", "y.npy", "--shape", "24,24"]
    if kind == "npz":
        np.savez(folder / "y.npz", y=y, A=rows, shape=[24, 24])
        options = ["--measurements", "y.npz"]
    elif kind == "mat":  # x(:) is column-major there
        columns = rows.reshape(100, 24, 24).transpose(0, 2, 1).reshape(100, -1)
        scipy.io.savemat(folder / "y.mat", {"y": y[:, None], "A": columns, "shape": [24, 24]})
        options = ["--measurements", "y.mat"]
    elif kind == "sparse":
        scipy.sparse.save_npz(folder / "A.npz", scipy.sparse.csr_array(rows))
        options += ["--matrix", "A.npz"]
    elif kind == "factory":
        (folder / "my_operators.py").write_text(OPERATORS)
        rows = np.random.default_rng(0).standard_normal((100, 576)) / 10
        y = rows @ image.ravel()
        options += ["--operator", "my_operators:Sampling"]
    else:
        rows = None
        y = measured(random_matrix((24, 24), 100, 7), image)
        options += ["--operator", "gaussian", "--seed", "7"]
    np.save(folder / "y.npy", y)
    done("cs", *options, "--sigma", "0", "-o", "x.png")
    found = np.load(folder / "x.npy").astype(float)
    again = measured(random_matrix((24, 24), 100, 7), found) if rows is None else rows @ found.ravel()
    np.testing.assert_allclose(again, y, atol=0.03 * np.abs(y).max())


@pytest.mark.parametrize("sigma", ["0", "5"])
def test_another_operator_explains_nothing_and_its_result_is_kept(cli, light, folder, sigma):
    picture = data.camera()[100:356:8, 100:356:8].astype(float)
    np.save(folder / "y.npy", measured(random_matrix((32, 32), 700, 7), picture))
    options = ("--measurements", "y.npy", "--operator", "gaussian", "--shape", "32,32", "--sigma", sigma, *FULL)
    right, wrong = (cli("cs", *options, "--seed", seed, "--json", "-o", f"{seed}.png") for seed in ("7", "8"))
    assert (right.code, json.loads(right.out)["status"], right.err) == (0, "complete", "")
    found = json.loads(wrong.out)
    assert (wrong.code, found["status"]) == (1, "unexplained")
    assert re.fullmatch(
        r"cgdenoise: error: y.npy: nothing is explained: held-out error [\d.]+, that of a constant image [\d.]+; "
        r"expected the operator that made the measurements; the result is in 8.png\n",
        wrong.err,
    )
    assert np.load(folder / "8.npy").shape == (32, 32)
    (log,) = read_log(folder / "8.fit.jsonl")
    assert (log.end["status"], log.end["error"]) == ("unexplained", found["error"])
    evidence = log.end["evidence"]
    assert evidence["held_out"]["rms"] > 0.95 * evidence["held_out"]["constant_rms"]
    assert "warnings" in log.end


def test_coils_of_another_maps_explain_nothing(cli, light, folder, image, lines):
    ramp = np.linspace(0.1, 0.9, 24)
    maps = np.sqrt(np.stack([np.tile(ramp, (24, 1)), np.tile(1 - ramp, (24, 1))])) * np.exp(1j * np.arange(2))[:, None, None]
    np.save(folder / "k.npy", measured(Fourier((2, 24, 24)), maps * image) * lines)
    turned = maps.transpose(0, 2, 1) * np.exp(1j * np.outer(np.arange(24), np.arange(24)))
    np.save(folder / "maps.npy", turned)
    outcome = cli("mri", "k.npy", "--maps", "maps.npy", *FULL)
    assert outcome.code == 1
    assert "k.npy: nothing is explained" in outcome.err
    assert (folder / "k_reconstructed.npy").exists()


def test_samples_elsewhere_than_the_mask_says_are_told(cli, light, folder, phantom, lines):
    others = np.roll(lines, 1, 1)
    np.savez(folder / "k.npz", y=measured(Fourier((24, 24)), phantom) * lines, mask=others)
    outcome = cli("mri", "k.npz", *QUICK)
    empty, outside = 24 * int((others & ~lines)[0].sum()), 24 * int((lines & ~others)[0].sum())
    assert outcome.code == 0
    assert (
        f"warning: k.npz: {empty} of {24 * int(others[0].sum())} samples that the mask keeps are 0, and {outside}" in outcome.err
    )
    (log,) = read_log(folder / "k_reconstructed.fit.jsonl")
    assert len(log.end["warnings"]) == 1


@pytest.mark.parametrize("operator", ["gaussian", "rademacher", "dct", "fourier"])
def test_simulated_measurements_can_be_saved_and_read(done, folder, clean, operator):
    Image.fromarray(clean[..., 1]).save(folder / "clean.png")
    options = ["--operator", operator, "--seed", "3"]
    found = json.loads(
        done(
            "cs", "--simulate", "clean.png", *options, "--ratio", "0.5", "--save-measurements", "y.npz", "--json", "-o", "a.png"
        ).out
    )
    assert found["psnr"] > 12
    name = "zero-filled" if operator == "fourier" else "pseudo-inverse"
    assert (found["start"]["name"], found["start"]["psnr"] > 5) == (name, True)
    assert np.array(Image.open(folder / "a.png")).dtype == np.uint8
    done("cs", "y.npz", "--seed", "3", "-o", "b.png")
    done("cs", "--measurements", "y.npz", *options, "-o", "c.png")
    for again in ("b.npy", "c.npy"):
        np.testing.assert_array_equal(np.load(folder / "a.npy"), np.load(folder / again))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_matrix_and_noise_level_are_saved_with_simulated_measurements(done, folder, clean, matrix, kind):
    Image.fromarray(clean[..., 1]).save(folder / "clean.png")
    if kind == "dense":
        np.save(folder / "A.npy", matrix)
    else:
        scipy.sparse.save_npz(folder / "A.npz", scipy.sparse.csr_array(np.where(matrix > 0.05, matrix, 0)))
    simulated = ("--simulate", "clean.png", "--matrix", "A.npy" if kind == "dense" else "A.npz", "--simulate-sigma", "2")
    done("cs", *simulated, "--save-measurements", "y.npz", "-o", "a.png")
    found = json.loads(done("cs", "y.npz", "--json").out)
    assert found["sigma"] == 2
    np.testing.assert_array_equal(np.load(folder / "a.npy"), np.load(folder / "y_reconstructed.npy"))


def test_operator_of_ones_own_is_never_started_by_a_file(cli, light, folder, clean, refused):
    (folder / "my_operators.py").write_text(OPERATORS)
    Image.fromarray(clean[..., 1]).save(folder / "clean.png")
    own = ("--operator", "my_operators:Sampling")
    assert cli("cs", "--simulate", "clean.png", *own, "--save-measurements", "y.npz", "-o", "a.png", *QUICK).code == 0
    told = "by your own my_operators:Sampling, which no file may start; expected --operator my_operators:Sampling"
    refused("cs", "y.npz", *QUICK, names=f"y.npz: measurements {told}", code=2)
    assert cli("cs", "y.npz", *own, *QUICK).code == 0


@pytest.mark.parametrize("name", ["y.txt", "y.csv", "y.mat", "named.mat"])
def test_files_as_people_have_them(done, folder, image, matrix, name):
    rows = matrix[:100]
    y = rows @ image.ravel()
    columns = rows.reshape(100, 24, 24).transpose(0, 2, 1).reshape(100, -1)  # as MATLAB has them
    options = ["--matrix", "A.csv"]
    if name.endswith(".mat"):
        other = name == "named.mat"
        scipy.io.savemat(folder / name, {"b": y[:, None]} | ({"c": y} if other else {}))
        scipy.io.savemat(folder / "A.mat", {"Phi": columns} | ({"Psi": columns} if other else {}))
        options = ["--matrix", "A.mat", *(("--variable", "y=b", "--variable", "A=Phi") if other else ())]
    else:
        np.savetxt(folder / name, y, delimiter=",")
        np.savetxt(folder / "A.csv", rows, delimiter=",")
    done("cs", name, *options, "--shape", "24,24", "--sigma", "0", "-o", "x.png")
    again = rows @ np.load(folder / "x.npy").astype(float).ravel()
    np.testing.assert_allclose(again, y, atol=0.03 * np.abs(y).max())


def test_mri_of_named_variables(done, folder, phantom, lines):
    scipy.io.savemat(folder / "scan.mat", {"ksp": measured(Fourier((24, 24)), phantom) * lines, "other": np.ones((24, 24))})
    scipy.io.savemat(folder / "sampled.mat", {"mask": lines, "other": np.ones((24, 24))})
    done("mri", "scan.mat", "--variable", "y=ksp", "--mask", "sampled.mat", "--sigma", "0")
    np.savez(folder / "k.npz", y=measured(Fourier((24, 24)), phantom) * lines, mask=lines)
    done("mri", "k.npz", "--sigma", "0")
    np.testing.assert_array_equal(np.load(folder / "scan_reconstructed.npy"), np.load(folder / "k_reconstructed.npy"))


EXAMPLE = Path(cgdenoise.__file__).parents[1] / "examples" / "own_operator.py"


def test_documented_operator_of_ones_own_runs(done, folder, image, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    sums = importlib.import_module("own_operator").sums
    np.save(folder / "y.npy", sums((24, 24)).matvec(image))
    found = json.loads(done("cs", "y.npy", "--operator", "own_operator:sums", "--shape", "24,24", "--json").out)
    assert found["evidence"] is None or found["evidence"]["result"]["rms"] < found["evidence"]["result"]["constant_rms"]
    np.testing.assert_allclose(
        sums((24, 24)).matvec(np.load(folder / "y_reconstructed.npy")), np.load(folder / "y.npy"), rtol=0.05
    )


@pytest.mark.slow
def test_documented_lines_of_an_operator_of_ones_own(folder):
    document = (EXAMPLE.parents[1] / "docs" / "measurements.md").read_text()
    (block,) = [text for text in re.findall(r"```sh\n(.*?)```", document, re.DOTALL) if EXAMPLE.name in text]
    (folder / EXAMPLE.name).write_bytes(EXAMPLE.read_bytes())
    lines = [line.removeprefix("cd examples && ") for line in block.splitlines()]
    for line in lines:
        words = [sys.executable, *shlex.split(line, comments=True)[1:]] if line.startswith("python") else shlex.split(line)
        words = [sys.executable, "-m", *words] if words[0] == "cgdenoise" else words
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert np.load(folder / "y_reconstructed.npy").shape == (96, 96)


def test_example_is_written_and_its_commands_run(cli, light, folder, refused):
    outcome = cli("cs", "--example", "to try")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err, len(lines)) == (0, "", 2)
    for line in lines:
        program, *words = shlex.split(line)
        found = cli(*words, *QUICK, "--json")
        assert (program, found.code) == ("cgdenoise", 0)
        end = json.loads(found.out)
        assert end["psnr"] > 15  # after ten iterations
    refused("cs", "--example", "to try", names="clean.png: exists")
    before = (folder / "to try" / "y.npy").read_bytes()
    assert cli("cs", "--example", "to try", "--force").code == 0
    assert (folder / "to try" / "y.npy").read_bytes() == before


def test_simulated_noise_is_told_to_the_fit(done, folder, clean):
    Image.fromarray(clean).save(folder / "clean.png")
    found = json.loads(
        done("cs", "--simulate", "clean.png", "--count", "300", "--simulate-sigma", "5", "--json", "-o", "a.png").out
    )
    assert found["sigma"] == 5
    assert np.load(folder / "a.npy").shape == (3, 24, 24)
    assert np.array(Image.open(folder / "a.png")).shape == (24, 24, 3)


@pytest.fixture
def phantom(image):
    inside = np.outer(np.hanning(26), np.hanning(26))[1:-1, 1:-1] > 0.1
    return image * inside * np.exp(1j * np.linspace(0, 2, 24))


@pytest.fixture
def lines():
    return np.tile((np.arange(24) % 2 == 0) | (abs(np.arange(24) - 12) < 5), (24, 1))


def test_mri_of_one_coil_keeps_its_samples(done, folder, phantom, lines):
    y = measured(Fourier((24, 24)), phantom) * lines
    np.savez(folder / "k.npz", y=y, mask=lines)
    done("mri", "k.npz", "--sigma", "0")
    found = np.load(folder / "k_reconstructed.npy")
    assert found.dtype == np.complex64
    np.testing.assert_allclose(measured(Fourier((24, 24)), found)[lines], y[lines], atol=0.05)
    # The same by the other command.
    Image.fromarray(lines.astype(np.uint8) * 255).save(folder / "mask.png")
    np.save(folder / "samples.npy", y[lines])
    done("cs", "--measurements", "samples.npy", "--mask", "mask.png", "--sigma", "0", "-o", "b.png")
    np.testing.assert_array_equal(np.load(folder / "b.npy"), found)


def test_noise_scan_tells_the_level_and_undoes_what_coils_share(done, folder, phantom, lines):
    ramp = np.linspace(0.2, 0.8, 24)
    maps = np.sqrt(np.stack([np.tile(ramp, (24, 1)), np.tile(1 - ramp, (24, 1))])).astype(complex)
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal((2, 2000)) + 1j * rng.standard_normal((2, 2000))) * 2
    # White exactly, so that the mixed coils, made white again, are these very ones.
    noise = 2 * np.linalg.solve(np.linalg.cholesky(noise @ noise.conj().T / 2000), noise)
    mixing = np.array([[1.5, 0], [0.8 - 0.4j, 0.5]])
    y = measured(Fourier((2, 24, 24)), maps * phantom) * lines
    np.savez(folder / "white.npz", y=y, maps=maps, noise=noise)
    np.savez(folder / "mixed.npz", y=np.tensordot(mixing, y, 1), maps=np.tensordot(mixing, maps, 1))
    np.savez(folder / "scan.npz", noise=mixing @ noise, other=1)
    white = json.loads(done("mri", "white.npz", "--json").out)
    mixed = json.loads(done("mri", "mixed.npz", "--noise-scan", "scan.npz", "--json").out)
    assert (white["sigma"], white["sigma_estimated"]) == (pytest.approx(2), False)
    assert mixed["sigma"] == pytest.approx(2 * np.linalg.norm(mixing) / np.sqrt(2))
    # In the mixed coils' unit, by which the map leaves their level as it is.
    found, expected = (np.load(folder / f"{name}_reconstructed.npy") for name in ("mixed", "white"))
    assert np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)


def test_noise_scan_of_one_coil(done, folder, phantom, lines):
    y = measured(Fourier((24, 24)), phantom) * lines
    np.savez(folder / "k.npz", y=y, noise=3 * np.exp(1j * np.arange(100)).reshape(10, 10))
    assert json.loads(done("mri", "k.npz", "--json").out)["sigma"] == pytest.approx(3)


@pytest.mark.parametrize("given", [True, False])
def test_mri_of_coils_in_files_of_bart(done, folder, phantom, lines, given):
    ramp = np.linspace(0.2, 0.8, 24)
    maps = np.sqrt(np.stack([np.tile(ramp, (24, 1)), np.tile(1 - ramp, (24, 1))])).astype(complex)
    y = measured(Fourier((2, 24, 24)), maps * phantom) * lines
    write_cfl(folder / "k", np.moveaxis(y, 0, -1)[:, :, None])
    write_cfl(folder / "maps", np.moveaxis(maps, 0, -1)[:, :, None])
    done("mri", "k.cfl", *(["--maps", "maps.cfl"] if given else []), quick=FULL)
    found = np.squeeze(read_cfl(folder / "k_reconstructed.cfl"))
    assert found.shape == (24, 24)
    zero_filled = np.sqrt((abs(Fourier((2, 24, 24)).adjoint(torch.from_numpy(y)).numpy()) ** 2).sum(0))
    before, after = (np.mean((seen - abs(phantom)) ** 2) for seen in (zero_filled, abs(found)))
    assert after < before * (0.5 if given else 1.1)  # nine lines of 24 tell little of the maps
    assert np.array(Image.open(folder / "k_reconstructed.png")).shape == (24, 24)


@pytest.mark.parametrize("stage", ["noise level", "fits"])
def test_interrupted_run_keeps_both_files_if_there_is_anything(stage, cli, light, folder, image, matrix, monkeypatch):
    import os
    import signal

    from cgdenoise.cli.progress import ProgressDisplay

    stages = []

    def update(self, page, now, pages=1):
        stages.append(now.stage)
        if stages.count(stage) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressDisplay, "update", update)
    np.savez(folder / "y.npz", y=matrix @ image.ravel(), A=matrix, shape=[24, 24])
    outcome = cli("cs", "--measurements", "y.npz", *LIGHT, "--max-iterations", "20000")
    assert outcome.code == 130
    if stage == "noise level":  # before anything was reconstructed
        assert "interrupted; nothing was written" in outcome.err
        assert not list(folder.glob("y_*"))
        return
    assert "interrupted; the best result so far is in y_reconstructed.png" in outcome.err
    assert np.isfinite(np.load(folder / "y_reconstructed.npy")).all()
    (log,) = read_log(folder / "y_reconstructed.fit.jsonl")
    assert log.end["status"] == "interrupted"


Y = ("cs", "--measurements", "y.npy")


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ((*Y, "--matrix", "A.npy", "--shape", "5,5"), "A.npy: a matrix of shape [8, 16] for an image of [5, 5]"),
        ((*Y, "--matrix", "B.npy", "--shape", "4,4"), "y.npy: y of shape [8]; expected [9]"),
        ((*Y, "--matrix", "absent.npy", "--shape", "4,4"), "absent.npy"),
        ((*Y, "--matrix", "y.npz", "--shape", "4,4"), "y.npz"),
        (("cs", "--measurements", "nan.npy", "--matrix", "A.npy", "--shape", "4,4"), "nan.npy: y of shape (8,) has 1 values"),
        (("cs", "--measurements", "none.npy", "--matrix", "A.npy", "--shape", "4,4"), "none.npy: y of shape (0,) is empty"),
        (("cs", "--measurements", "zero.npy", "--matrix", "A.npy", "--shape", "4,4"), "zero.npy: y of shape (8,) is 0"),
        ((*Y, "--operator", "my_operators:Wrong", "--shape", "10,10"), "<A x, y> = "),
        ((*Y, "--operator", "my_operators:Absent", "--shape", "10,10"), "my_operators:Absent"),
        ((*Y, "--mask", "mask.png"), "y.npy: y of float64; expected complex"),
        ((*Y, "--operator", "fourier"), "y.npy: y of float64; expected complex"),
        (("mri", "y.npy"), "y.npy: y of float64; expected complex"),
        (("mri", "k.npy", "--mask", "mask.png"), "mask.png: a mask of shape (3, 4); expected (4, 4)"),
        (("mri", "k.npy", "--maps", "y.npy"), "k.npy"),
        (("mri", "last.npy"), "last.npy: y of shape [40, 48, 4] looks as if the coils came last; expected [coils, H, W]"),
        (("mri", "short.cfl"), "short.cfl: truncated short.cfl: 100 bytes; expected 128"),
        (("mri", "words.h5"), "words.h5"),
        (("mri", "k.npy", "--slice", "2"), "k.npy: slice 2"),
        (("mri", "coils.npy", "--maps", "few.npy", "--noise-scan", "some.npy"), "coils.npy: maps of shape (2, 8)"),
        (("mri", "k.npy", "--reference", "mask.png"), "k.npy: the reference has shape (3, 4)"),
        (("mri", "k.npy", "-o", "y.npy"), "y.npy: exists"),
        (("mri", "k.npy", "--variable", "y=ksp"), "k.npy: one array without a name; found --variable y=ksp"),
        (("cs", "y.npz", "--variable", "y=b", "--operator", "dct"), "y.npz: no array b, which was to be y; found y"),
        (("cs", "words.txt", "--operator", "dct", "--shape", "4,4"), "words.txt: line 2: 'two'; expected numbers"),
        (("cs", "y.npy", "--matrix", "words.txt", "--shape", "4,4"), "words.txt: line 2"),
        (
            ("cs", "y.npy", "--matrix", "two.npz", "--shape", "4,4"),
            "two.npz: no array A; found B, C; expected that, or one array",
        ),
        (("cs", "--example", "y.npy"), "y.npy: cannot be made"),
        (("mri", "k.npy", "--noise-scan", "absent.npy"), "absent.npy: cannot be read (no such file or directory)"),
        (("mri", "k.npy", "--noise-scan", "y.npy"), "y.npy: noise of float64; expected complex numbers"),
        (("mri", "coils.npy", "--noise-scan", "last.npy"), "last.npy: noise of shape [40, 48, 4]; expected [2, ...]"),
        (("mri", "coils.npy", "--noise-scan", "few.npy"), "few.npy: 8 samples of the noise of 2 coils; expected at least 20"),
        (("mri", "coils.npy", "--noise-scan", "copies.npy"), "copies.npy: coils whose noise is 0, or is that of others"),
        (("mri", "coils.npy", "--noise-scan", "two.npz"), "two.npz: no array noise; found B, C"),
        (("mri", "k.npy", "-o", "x.gif"), "x.gif"),
    ],
)
def test_bad_input_is_refused(refused, folder, args, names):
    h5py = pytest.importorskip("h5py")
    (folder / "my_operators.py").write_text(OPERATORS)
    np.save(folder / "A.npy", np.eye(16)[:8])
    np.save(folder / "B.npy", np.eye(16)[:9])
    y = np.arange(1.0, 9.0)
    np.savez(folder / "y.npz", y=y)
    np.savez(folder / "two.npz", B=y, C=y)
    (folder / "words.txt").write_text("1\ntwo\n")
    for name, value in (("y", y), ("nan", np.where(y == 3, np.nan, y)), ("none", y[:0]), ("zero", 0 * y)):
        np.save(folder / f"{name}.npy", value)
    np.save(folder / "k.npy", np.ones((4, 4), complex))
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, 50)) + 1j * rng.standard_normal((2, 50))
    for name, value in (
        ("coils", np.ones((2, 4, 4), complex)),
        ("some", noise),
        ("few", noise[:, :8]),
        ("copies", noise[[0, 0]]),
    ):
        np.save(folder / f"{name}.npy", value)
    np.save(folder / "last.npy", np.ones((40, 48, 4), complex))
    Image.fromarray(np.ones((3, 4), np.uint8)).save(folder / "mask.png")
    write_cfl(folder / "short", np.ones((4, 4)))
    (folder / "short.cfl").write_bytes(bytes(100))
    with h5py.File(folder / "words.h5", "w") as file:
        file["words"] = np.ones(3)
    refused(*args, *QUICK, names=names)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("mri", "k.npy", "--noise-scan", "k.npy", "--sigma", "1"), "--noise-scan with --sigma"),
        (("cs",), "one of MEASUREMENTS, --measurements, --simulate and --example"),
        ((*Y, "--simulate", "a.png"), "one of MEASUREMENTS"),
        ((*Y, "y.npy"), "one of MEASUREMENTS"),
        ((*Y, "--example", "folder"), "one of MEASUREMENTS"),
        (
            Y,
            "no operator and no shape of the image; expected as in: cgdenoise cs y.npy --matrix A.npy --shape 256,256",
        ),
        (
            (*Y, "--matrix", "A.npy"),
            "no shape of the image; expected as in: cgdenoise cs y.npy --matrix A.npy --shape 256,256",
        ),
        ((*Y, "--operator", "dct"), "expected as in: cgdenoise cs y.npy --operator dct --shape 256,256 (rows and columns"),
        ((*Y, "--shape", "4,4"), "no operator; expected as in: cgdenoise cs y.npy --matrix A.npy --shape 4,4"),
        (("cs", "k.npy"), "no operator; expected as in: cgdenoise cs k.npy --operator fourier"),
        (("cs", "saved.npz", "--operator", "gaussian"), "saved.npz: --operator gaussian for measurements by dct"),
        ((*Y, "--operator", "dct", "--variable", "z=k"), "--variable z=k; expected ROLE=NAME with ROLE one of y, mask"),
        ((*Y, "--operator", "dct", "--variable", "y"), "--variable y; expected"),
        (
            (*Y, "--operator", "dct", "--variable", "y=a", "--variable", "y=b"),
            "--variable y=b; expected ROLE=NAME with ROLE once",
        ),
        ((*Y, "--matrix", "A.npy", "--operator", "dct"), "one of --matrix, --operator and --mask"),
        ((*Y, "--shape", "4,4"), "no operator"),
        ((*Y, "--operator", "dct"), "no shape"),
        ((*Y, "--operator", "wavelet", "--shape", "4,4"), "'wavelet'"),
        ((*Y, "--operator", "dct", "--shape", "4,x"), "--shape 4,x"),
        ((*Y, "--operator", "gaussian", "--shape", "20000,20000"), "8 GiB"),
        ((*Y, "--operator", "gaussian", "--shape", "4294967296,4294967296"), "8 GiB"),
        ((*Y, "--operator", "dct", "--shape", "100000,100000"), "8 GiB"),
        ((*Y, "--operator", "dct", "--shape", "4,4", "--save-measurements", "z.npz"), "--save-measurements"),
        (("cs", "--simulate", "a.png", "--ratio", "1.5"), "1.5"),
        (("cs", "--simulate", "a.png", "--save-measurements", "z.mat"), "z.mat"),
        ((*Y, "--operator", "dct", "--shape", "4,4", "-o", "y.npy"), "y.npy: is an input"),
    ],
)
def test_usage_errors(refused, folder, args, names):
    np.save(folder / "y.npy", np.arange(1.0, 9.0))
    np.save(folder / "k.npy", np.ones((4, 4), complex))
    np.savez(folder / "saved.npz", y=np.arange(1.0, 9.0), shape=[4, 4], operator="dct", seed=1)
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(folder / "a.png")
    refused(*args, *QUICK, names=names, code=2)


@pytest.mark.parametrize("operator", ["dct", "fourier"])
def test_side_by_side_shows_what_the_measurements_give_by_themselves(done, folder, clean, operator):
    Image.fromarray(clean[..., 1]).save(folder / "clean.png")
    done("cs", "--simulate", "clean.png", "--operator", operator, "--ratio", "1", "--side-by-side", "sides.png", quick=FULL)
    with Image.open("sides.png") as sheet:
        before = np.array(sheet.convert("L"))[24 + 4 :: 8, 4:192:8].astype(float)
    # With all measurements A^H y is the image itself.
    assert np.corrcoef(before.ravel(), clean[..., 1].ravel())[0, 1] > 0.99


def test_log_and_picture_of_before_may_go_into_folders(done, folder, clean):
    Image.fromarray(clean[..., 1]).save(folder / "clean.png")
    (folder / "more").mkdir()
    done("cs", "--simulate", "clean.png", "--operator", "dct", "--log", "more", "--side-by-side", "more/")
    assert sorted(path.name for path in (folder / "more").iterdir()) == [
        "clean_reconstructed.fit.jsonl",
        "clean_reconstructed.sides.png",
    ]
