"""What docs/architecture.md promises: a format, a command, an operator, a noise law and a stopping rule in ten lines each."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data
from typer.testing import CliRunner

import cgdenoise
from cgdenoise.cli.app import app
from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.fitting.stopping import RULES, Verdict
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.images import Picture
from cgdenoise.images.container import Container
from cgdenoise.images.registry import CONTAINERS
from cgdenoise.operators import ForwardOperator
from cgdenoise.operators.checks import dot_test
from cgdenoise.restoration.presets import PRESETS, RECONSTRUCTION

SMALL = {"generators": (DecoderSpec((32, 32, 16)),), "probe_iterations": 0, "max_iterations": 60, "patience": 20}
TINY = replace(PRESETS["fast"], **SMALL)
IMAGE = data.camera()[100:132, 200:232].astype(float)


def test_a_format(monkeypatch, tmp_path):
    def decode(contents: bytes) -> Picture:
        _, size, _, pixels = contents.split(b"\n", 3)
        width, height = map(int, size.split())
        return Picture((np.frombuffer(pixels, np.uint8).reshape(height, width),), None, "pgm")

    def encode(picture: Picture) -> bytes:
        page = picture.pages[0]
        return b"P5\n%d %d\n255\n" % page.shape[::-1] + page.tobytes()

    monkeypatch.setitem(CONTAINERS, "pgm", Container("PGM", (b"P5\n",), (".pgm",), decode, lambda picture: None, encode))

    page = IMAGE.astype(np.uint8)
    cgdenoise.write_image(tmp_path / "a.pgm", Picture((page,), None, "pgm"))
    assert np.array_equal(cgdenoise.read_image(tmp_path / "a.pgm").pages[0], page)
    (tmp_path / "b.png").write_bytes(b"?")
    with pytest.raises(cgdenoise.ImageError, match=r"expected PNG, JPEG, .* or PGM"):
        cgdenoise.read_image(tmp_path / "b.png")


@pytest.fixture
def commands():
    before = list(app.registered_commands)
    yield
    app.registered_commands[:] = before


def test_a_command(commands):
    @app.command()
    @with_shared_options()
    def echo(name: str, shared: SharedOptions) -> None:
        """Print a name."""
        print(name, shared.seed)

    assert CliRunner().invoke(app, ["echo", "a.png", "--seed", "3"]).output == "a.png 3\n"


class EveryOtherRow(ForwardOperator):
    def __init__(self, shape):
        super().__init__(shape, ((shape[0] + 1) // 2, shape[1]))

    def _forward(self, x):
        return x[..., ::2, :]

    def _adjoint(self, y):
        x = y.new_zeros(*y.shape[:-2], *self.in_shape)
        x[..., ::2, :] = y
        return x


def test_an_operator():
    operator = EveryOtherRow(IMAGE.shape)
    dot_test(operator, torch.Generator().manual_seed(0))
    result = cgdenoise.reconstruct(operator, IMAGE[::2], preset=replace(RECONSTRUCTION["fast"], **SMALL), device="cpu")
    np.testing.assert_allclose(result.image[::2], IMAGE[::2], atol=0.5)
    assert np.abs(result.image[1::2] - IMAGE[1::2]).mean() < 0.6 * np.abs(IMAGE[1::2] - IMAGE.mean()).mean()


class Speckle:
    """Values times exp(sigma * N(0, 1))."""

    def __init__(self, sigma):
        self.sigma = sigma

    def forward(self, values):
        return np.log(values) / self.sigma

    def inverse(self, estimates):
        return np.exp(self.sigma * estimates + self.sigma**2 / 2)


def test_a_noise_law():
    # Steps of brightness: the level of the noise grows with them, by a factor of 25.
    clean = np.repeat(np.repeat([[4.0, 20.0], [50.0, 100.0]], 24, 0), 24, 1)
    noisy = clean * np.exp(0.2 * np.random.default_rng(0).standard_normal(clean.shape))
    found = cgdenoise.denoise(noisy, noise=cgdenoise.KnownNoise(transform=Speckle(0.2)), preset=replace(TINY, guided=True))
    relative = np.abs(found.image / (clean * math.exp(0.02)) - 1)
    assert relative.mean() < 0.3 * np.abs(noisy / clean - 1).mean()
    assert found.noise.reasons == ("its law was given",)


class At:
    """Stop at a given iteration."""

    def __init__(self, iteration):
        self.iteration = iteration

    def monitor(self):
        return self

    def observe(self, evaluation):
        reached = evaluation.iteration >= self.iteration
        return Verdict(keep=True, stop=cgdenoise.fitting.results.StopReason.BUDGET if reached else None)


def test_a_stopping_rule(monkeypatch):
    monkeypatch.setitem(RULES, "soon", lambda at: At(at.patience // 2))
    found = cgdenoise.denoise(IMAGE, 5.0, preset=replace(TINY, stop="soon"))
    assert [fit.last_iteration for fit in found.fits] == [10]


def test_an_unknown_stopping_rule_is_an_error_before_any_fit():
    with pytest.raises(cgdenoise.OptionError, match="stop 'never'; expected one of holdout, noise-level, none"):
        cgdenoise.denoise(IMAGE, 5.0, preset=replace(TINY, stop="never"))
