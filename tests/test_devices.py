"""Every stage on a device that is not there, and on a GPU where there is one.

On the first nothing mixes with the CPU's tensors, and nothing wants double precision; the second computes for itself.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cgdenoise import denoise
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.plan import Preset
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.noise.known import KnownNoise
from cgdenoise.operators import (
    Blur,
    Border,
    Coils,
    ComplexFromChannels,
    ComplexFromReal,
    DenseMatrix,
    Downsample,
    ForwardOperator,
    Measurement,
    PixelMask,
    SubsampledDCT,
    blur_within,
    random_matrix,
    stack,
    subsampled_fourier,
)
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.inpainting import fill_missing
from cgdenoise.patches.ridge import nonlocal_ridge
from cgdenoise.restoration.competition import Contender, Trial, mixed
from cgdenoise.restoration.mixture import filter_patches
from cgdenoise.restoration.plug_and_play import plug_and_play
from cgdenoise.restoration.reconstruct import reconstruct
from cgdenoise.restoration.total_variation import Iterate, minimise_variation

from .devices import DeviceError, pretended

RNG = np.random.default_rng(0)
SIDE = 24
CLEAN = 5 * np.add.outer(np.arange(float(SIDE)), np.arange(float(SIDE)))
NOISY = CLEAN + 5 * RNG.standard_normal(CLEAN.shape)
HOLES = np.where(RNG.random(CLEAN.shape) < 0.2, np.nan, NOISY)
COLOURS = np.stack([NOISY, NOISY[::-1], HOLES], -1)
LIGHT = Preset(
    generators=(DecoderSpec((16, 16, 8)), DecoderSpec((16, 16, 16, 8))),
    probe_iterations=0,
    members=3,
    max_iterations=20,
    patience=20,
    guided=True,
)


@pytest.fixture
def strict(monkeypatch):
    """The pretended device, which "auto" chooses."""
    with pretended() as place:
        for module in ("whole", "reconstruct"):
            monkeypatch.setattr(f"cgdenoise.restoration.{module}.choose_device", lambda name: place)
        yield place


@pytest.fixture(params=["strict", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))])
def device(request):
    """Each device on which every stage has to run; "auto" chooses it."""
    return request.getfixturevalue("strict") if request.param == "strict" else torch.device(request.param)


def image(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_device_refuses_what_real_ones_refuse(strict):
    there, here = image(3, 4).to(strict), image(3, 4)
    for refused in (
        lambda: there + here,
        lambda: here @ there.mT,
        lambda: there[:, here[0] > 0.5],
        lambda: there.double(),
        lambda: there.sum(dtype=torch.float64),
        lambda: torch.zeros(3, device=strict, dtype=torch.float64),
        lambda: there.to(torch.complex128),
        lambda: torch.linalg.eigh(there @ there.mT),
    ):
        with pytest.raises(DeviceError):
            refused()
    with pytest.raises(RuntimeError):
        there.numpy()


def test_the_device_computes(device):
    there, here = image(3, 4).to(device), image(3, 4)
    there[1:] += torch.tensor(2.0)
    here[1:] += 2
    assert there.device.type == device.type
    assert torch.equal(there.cpu(), here)
    assert float(there.sum()) == pytest.approx(float(here.sum()))
    assert there.cpu().double().numpy().dtype == np.float64
    weight = torch.nn.Parameter(there)
    (weight.square().sum()).backward()
    assert weight.grad.device.type == device.type
    assert torch.equal(weight.grad.cpu(), 2 * here)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        pytest.param(NOISY, {"sigma": 5}, marks=pytest.mark.slow),
        pytest.param(NOISY, {}, marks=pytest.mark.slow),
        (HOLES, {"sigma": 5}),
        pytest.param(HOLES, {"sigma": 0}, marks=pytest.mark.slow),
        pytest.param(COLOURS, {"sigma": 5}, marks=pytest.mark.slow),
        pytest.param(CLEAN, {"noise": KnownNoise("poisson", gain=1.0)}, marks=pytest.mark.slow),
        pytest.param(COLOURS, {"noise": "correlated"}, marks=pytest.mark.slow),
    ],
)
def test_denoising_runs_on_a_device(device, array, options):
    result = denoise(array, preset=LIGHT, **options)
    restored = result.image
    assert np.isfinite(restored).all()
    assert result.device == device.type
    assert {part.name for part in result.parts} >= {"generator"}
    assert all(np.isfinite(part.image()).all() for part in result.parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"probe_iterations": 10},
        {"stop": "noise-level"},
        {"optimiser": OptimiserSpec("adam", 0.01), "averaging": 0.0, "hold_out": 0.0, "stop": "none"},
        {"generators": (DecoderSpec((16, 8), sigmoid=True, random_grid=False, early_normalisation=False),)},
    ],
)
def test_fits_run_on_a_device(device, changes):
    assert np.isfinite(denoise(COLOURS, sigma=5, preset=replace(LIGHT, guided=False, **changes)).image).all()


def test_a_device_restores_what_the_cpu_restores(monkeypatch, device):
    one = replace(LIGHT, members=1, generators=LIGHT.generators[:1])
    there = denoise(HOLES, sigma=5, preset=one).image
    monkeypatch.undo()
    here = denoise(HOLES, sigma=5, preset=one, device="cpu").image
    assert np.abs(there - here).mean() < 1.0


def test_groups_run_on_a_device(device):
    y, known, noise = image(2, 20, 20), (image(2, 20, 20, seed=2) < 0.8).float(), ChannelNoise.equal(0.1, 2)
    there = y.to(device)
    torch.testing.assert_close(nonlocal_ridge(there, noise).cpu(), nonlocal_ridge(y, noise), rtol=0, atol=1e-4)
    start = image(2, 20, 20, seed=3)  # in a flat one all patches are alike, and each way would complete others
    filled = fill_missing(there, known.to(device), start.to(device), 0.1).cpu()
    torch.testing.assert_close(filled, fill_missing(y, known, start, 0.1), rtol=0, atol=1e-3)


def test_rounds_of_the_groups_are_made_on_a_device(device):
    y, noise = image(3, 20, 20), ChannelNoise.equal(0.1, 3)
    found = filter_patches(y.to(device), noise, y.to(device))
    assert found.device.type == device.type
    torch.testing.assert_close(found.cpu(), filter_patches(y, noise, y), rtol=0, atol=1e-4)


MAPS = RNG.standard_normal((3, 12, 12)) + 1j * RNG.standard_normal((3, 12, 12))
LINES = np.arange(12)[None] % 3 > 0
OPERATORS = {
    "mask": PixelMask(RNG.random((1, 12, 12)) < 0.6),
    "dense": DenseMatrix(RNG.standard_normal((80, 144)), (1, 12, 12)),
    "generated": random_matrix((1, 12, 12), 80, 0, stored=0),
    "dct": SubsampledDCT((1, 12, 12), 80, 0),
    "blur": Blur((1, 12, 12), RNG.random((5, 3))),
    "blur within": blur_within((1, 12, 12), RNG.random((3, 3)), Border.REFLECT),
    "means": Downsample((1, 12, 12), 2),
    "views": stack([PixelMask(RNG.random((1, 12, 12)) < 0.6), 2 * blur_within((1, 12, 12), RNG.random((3, 3)), Border.REFLECT)]),
    "lines of a real image": subsampled_fourier(LINES, (1, 12, 12)) @ ComplexFromReal((1, 12, 12)),
    "coils": subsampled_fourier(LINES, (3, 12, 12)) @ Coils(MAPS) @ ComplexFromChannels((2, 12, 12)),
}
every_operator = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())


@every_operator
def test_operators_and_least_squares_run_on_a_device(device, operator: ForwardOperator):
    x = image(*operator.in_shape[-3:]).expand(operator.in_shape)
    measurement = Measurement.complete(operator.to("cpu", torch.float32), operator.to("cpu", torch.float32)(x), 0.1)
    there = measurement.to(device, torch.float32)
    torch.testing.assert_close(there.operator(x.to(device)).cpu(), measurement.y)
    torch.testing.assert_close(there.operator.adjoint(there.y).cpu(), measurement.operator.adjoint(measurement.y))
    start = torch.zeros_like(x).to(device)
    assert conjugate_gradients(there, start, 3, 0.1).device.type == device.type


def most_are_slow(*quick):
    """All operators by name; in the default run only those that are named: a reconstruction takes seconds."""
    return pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in quick else pytest.mark.slow) for n in OPERATORS])


@most_are_slow("mask", "coils")
def test_plug_and_play_runs_on_a_device(device, name):
    operator = OPERATORS[name].to("cpu", torch.float32)
    x = image(*operator.in_shape[-3:]).expand(operator.in_shape)
    there = Measurement.complete(operator, operator(x), 0.1).to(device, torch.float32)
    assert torch.isfinite(plug_and_play(there, torch.zeros_like(x).to(device), iterations=2).cpu()).all()


@most_are_slow("coils")
def test_priors_compete_on_a_device(device, name):
    operator = OPERATORS[name].to("cpu", torch.float32)
    x = image(*operator.in_shape[-3:]).expand(operator.in_shape)
    there = Measurement.complete(operator, operator(x), 0.1).to(device, torch.float32)
    trial = Trial.of(there, torch.rand(operator.out_shape, generator=torch.Generator().manual_seed(0)) < 0.2)
    blank = torch.zeros_like(x).to(device)
    found = minimise_variation(trial.training, Iterate.first(there, blank), 0.01, 5)
    variation = Contender("total variation", found.image, minimise_variation(there, found, 0.01, 5).image)
    mixture = mixed([variation, Contender("nothing", blank, blank)], trial)
    assert mixture.image.device.type == device.type
    assert mixture.parts[0].weight > 0.5


@most_are_slow("mask")
@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_reconstruction_runs_on_a_device(device, name, sigma):
    operator = OPERATORS[name]
    x = image(*operator.in_shape, seed=3).double()
    light = replace(LIGHT, generators=LIGHT.generators[:1], members=2)
    found = reconstruct(operator, operator.to("cpu", torch.float64)(x).numpy(), sigma=sigma, preset=light)
    assert found.device == device.type
    assert np.isfinite(found.image).all()
