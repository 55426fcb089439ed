"""The wrappers of deepinv, with deepinv's own physics."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data, transform

import cgdenoise
from cgdenoise.errors import MeasurementError, OptionError
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.restoration.presets import RECONSTRUCTION

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
try:
    import torchvision  # noqa: F401 - which deepinv imports
except RuntimeError:  # built for CUDA, beside a torch that is not: it misses operators that nothing here calls
    torchvision_operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        torchvision_operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
except ImportError:
    pass
deepinv = pytest.importorskip("deepinv")

IMAGE = (
    torch.from_numpy(transform.resize(data.astronaut()[:256, 96:352] / 255, (48, 48), anti_aliasing=True))
    .float()
    .permute(2, 0, 1)
)
QUICK = replace(cgdenoise.PRESETS["fast"], generators=(DecoderSpec((64, 32)),), probe_iterations=0, max_iterations=60)
FIT = replace(RECONSTRUCTION["fast"], generators=(DecoderSpec((64, 64, 32)),), probe_iterations=0, max_iterations=200)


@pytest.fixture
def models():
    from cgdenoise.integrations import deepinv as integration

    return integration


def psnr(found, expected):
    return float(deepinv.metric.PSNR()(found, expected).mean())


def noisy(sigma, count=1):
    return IMAGE[None] + sigma * torch.randn((count, *IMAGE.shape), generator=torch.Generator().manual_seed(0))


def test_a_denoiser_takes_a_batch_and_a_level_for_each(models):
    denoiser = models.Denoiser(QUICK)
    assert isinstance(denoiser, deepinv.models.Denoiser)
    x = noisy(0.1, 2)
    with torch.inference_mode():
        found = denoiser(x, torch.tensor([0.1, 0.1]))
    assert (found.shape, found.dtype, found.requires_grad) == (x.shape, x.dtype, False)
    assert psnr(found, IMAGE[None]) > psnr(x, IMAGE[None]) + 1
    untold = denoiser(x[:1])
    assert psnr(untold, IMAGE[None]) > psnr(x[:1], IMAGE[None]) + 1
    with pytest.raises(OptionError, match="sigma of 3 values for 2 images"):
        denoiser(x, torch.ones(3))


def test_a_denoiser_serves_deepinvs_own_denoising_physics(models):
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(0.1))
    y = physics(IMAGE[None])
    model = deepinv.models.ArtifactRemoval(models.Denoiser(QUICK), mode="direct")
    assert psnr(model(y, physics), IMAGE[None]) > psnr(y, IMAGE[None]) + 1


@pytest.mark.parametrize("sigma", [0.0, 0.05])
def test_missing_pixels(models, sigma):
    noise = deepinv.physics.GaussianNoise(sigma) if sigma else deepinv.physics.ZeroNoise()
    physics = deepinv.physics.Inpainting(tuple(IMAGE.shape), mask=0.5, noise_model=noise, rng=torch.Generator().manual_seed(0))
    y = physics(IMAGE[None])
    found = models.Reconstructor(FIT)(y, physics)
    assert found.shape == y.shape
    assert psnr(found, IMAGE[None]) > 20
    if not sigma:
        kept = physics.mask.expand_as(y) > 0
        torch.testing.assert_close(found[kept], y[kept], atol=1e-4, rtol=0)


def test_blur_and_fewer_pixels(models):
    for physics in (
        deepinv.physics.Blur(
            deepinv.physics.blur.gaussian_blur(1.0), padding="circular", noise_model=deepinv.physics.GaussianNoise(0.01)
        ),
        deepinv.physics.Downsampling(tuple(IMAGE.shape), filter="gaussian", factor=2),
    ):
        y = physics(IMAGE[None])
        found = models.Reconstructor(FIT)(y, physics)
        assert found.shape == (1, *IMAGE.shape)
        assert psnr(found, IMAGE[None]) > psnr(physics.A_adjoint(y), IMAGE[None]) + 1


def test_lines_of_a_fourier_plane_are_held_out_whole(models):
    mask = (torch.rand(48, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    mask[20:28] = 1
    physics = deepinv.physics.MRI(mask=mask.expand(1, 2, 48, 48), img_size=(2, 48, 48))
    x = torch.stack([IMAGE.mean(0), torch.zeros(48, 48)])[None]
    y = physics(x)
    sampling = models.sampling_of(models.wrap(physics, (2, 48, 48)))
    assert torch.equal(sampling.valid[0], mask.expand(48, 48))
    assert len(torch.unique(sampling.units)) < 50
    found = models.Reconstructor("fast")(y, physics)
    assert psnr(found, x) > psnr(physics.A_adjoint(y), x) + 1


def test_random_measurements(models):
    physics = deepinv.physics.CompressedSensing(m=700, img_size=(1, 48, 48), rng=torch.Generator().manual_seed(0))
    x = IMAGE.mean(0)[None, None]
    found = models.Reconstructor(FIT)(physics(x), physics)
    assert psnr(found, x) > psnr(physics.A_dagger(physics(x)), x) + 3


def test_noise_that_is_not_gaussian_has_to_be_told(models):
    physics = deepinv.physics.Denoising(deepinv.physics.PoissonNoise(0.1))
    with pytest.raises(MeasurementError, match=r"PoissonNoise.*sigma="):
        models.Reconstructor(FIT)(physics(IMAGE[None]), physics)


def test_double_precision_stays(models):
    x = noisy(0.1).double()
    found = models.Denoiser(QUICK)(x, 0.1)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found[0].numpy(), cgdenoise.denoise(x[0].numpy(), 0.1, channel_axis=0, preset=QUICK).image)


def test_the_documented_lines_work():
    page = (Path(cgdenoise.__file__).parents[1] / "docs" / "integrations.md").read_text()
    (lines,) = re.findall(r"^```python\n(import deepinv\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names = {}
    exec(lines, names)
    assert names["restored"].shape == names["denoised"].shape == (1, 3, 64, 64)
