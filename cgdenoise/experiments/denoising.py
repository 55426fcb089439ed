"""Figure 2: one photograph with noise, restored by each method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels, show
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import generator_rng, paper_decoder, to_tensor, trace
from cgdenoise.experiments.pictures import square
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import HourglassSpec
from cgdenoise.metrics import psnr, ssim
from cgdenoise.restoration.denoise import denoise

_SIGMA = 25 / 255
"""Of the noise: the paper's."""


def run(setting: Setting) -> Findings:
    """Restore a photograph by the deep image prior, DD-O, non-local means, and this package's presets."""
    photograph = setting.photographs[min(1, len(setting.photographs) - 1)].values
    # DD-O as published needs a multiple of 32.
    clean = square(photograph, 96 if setting.quick else min(min(photograph.shape[:2]) // 32 * 32, 512))
    noisy = clean + np.random.default_rng(setting.seed).normal(0, _SIGMA, clean.shape)
    restored: dict[str, Array] = {"noisy": noisy}
    steps: dict[str, Callable[[], Array]] = {
        "hourglass": partial(_hourglass, noisy, setting),
        "DD-O": partial(_dd_o, noisy, setting),
        "non-local means": partial(_non_local_means, noisy),
        **{preset: partial(_preset, noisy, setting, preset) for preset in ("fast", "balanced", "best")},
    }
    for number, (name, step) in enumerate(steps.items()):
        setting.progress(name, number / len(steps))
        restored[name] = np.clip(step(), 0, 1)
    scores = {name: (psnr(image, clean, 1.0), ssim(image, clean, 1.0)) for name, image in restored.items()}
    gain = min(scores[name][0] for name in ("hourglass", "DD-O", "fast")) - scores["noisy"][0]
    ahead = scores["balanced"][0] - max(scores[name][0] for name in ("hourglass", "DD-O"))
    claims = (
        Claim("PSNR of the generators above the noisy photograph, dB, least of them", gain, ">=", 3),
        Claim("PSNR of `balanced` above the better of hourglass and DD-O, dB", ahead, ">=", 0),
    )
    table = Table(("method", "psnr", "ssim"), [(name, *score) for name, score in scores.items()])
    seen, numbers = _seen(scores, setting.quick)
    return Findings(seen, numbers, claims, table, _figure(restored | {"clean": clean}, scores))


def _preset(noisy: Array, setting: Setting, preset: str) -> Array:
    return np.asarray(denoise(noisy, preset=preset, seed=setting.seed, device=setting.device).image, np.float64)


def _hourglass(noisy: Array, setting: Setting) -> Array:
    channels = noisy.shape[2] if noisy.ndim == 3 else 1
    width, iterations = (32, 300) if setting.quick else (128, 1800)
    size = (noisy.shape[0], noisy.shape[1])
    generator = build(HourglassSpec(width).limited_to(size), channels, size, [generator_rng(setting.seed, 1)])
    return trace(generator, to_tensor(noisy), {}, iterations, device=setting.device, every=iterations).image.reshape(noisy.shape)


def _dd_o(noisy: Array, setting: Setting) -> Array:
    channels = noisy.shape[2] if noisy.ndim == 3 else 1
    width, levels, iterations = (128, 4, 500) if setting.quick else (512, 6, 1500)
    generator = paper_decoder(width, levels, channels, noisy.shape[0], generator_rng(setting.seed, 2))
    return trace(generator, to_tensor(noisy), {}, iterations, device=setting.device, every=iterations).image.reshape(noisy.shape)


def _non_local_means(noisy: Array) -> Array:
    from skimage.restoration import denoise_nl_means

    axis = 2 if noisy.ndim == 3 else None
    # Settings of scikit-image's own example for a known level.
    image: Array = denoise_nl_means(
        noisy, patch_size=5, patch_distance=6, h=0.8 * _SIGMA, sigma=_SIGMA, fast_mode=True, channel_axis=axis
    )
    return image


def _seen(scores: dict[str, tuple[float, float]], quick: bool) -> tuple[str, list[str]]:
    lines = [f"{name}: {decibels:.2f} dB, SSIM {likeness:.3f}" for name, (decibels, likeness) in scores.items()]
    smaller = " The first two are smaller and shorter here than as published." if quick else ""
    seen = (
        "White Gaussian noise of 25 grey levels. The generators that are stopped after a fixed number of "
        f"iterations remove most of it; groups of similar patches that a generator guides remove more.{smaller}"
    )
    return seen, lines


def _figure(restored: dict[str, Array], scores: dict[str, tuple[float, float]]) -> Figure:
    figure, grid = panels(2, (len(restored) + 1) // 2, width=2.6, height=2.8)
    for panel in grid.flat:
        panel.set_axis_off()
    for panel, (name, image) in zip(grid.flat, restored.items(), strict=False):
        show(panel, image, f"{name}: {scores[name][0]:.2f} dB" if name in scores else name)
    return figure
