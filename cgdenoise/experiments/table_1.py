"""Table 1: methods under the paper's protocol, over a set of photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from matplotlib.figure import Figure

from cgdenoise.errors import ImageError
from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Photograph, Setting, Table
from cgdenoise.experiments.fits import generator_rng, paper_decoder, to_tensor, trace
from cgdenoise.experiments.pictures import square
from cgdenoise.generators.hourglass import Hourglass
from cgdenoise.generators.spec import HourglassSpec
from cgdenoise.metrics import psnr
from cgdenoise.restoration.denoise import denoise

_SIGMA = 25 / 255

_PUBLISHED = {"noisy": 20.60, "BM3D": 25.52, "DIP": 25.77, "DD": 27.84, "DD-O": 28.09}
"""Means of the paper's Table 1, in dB: 100 pictures of ImageNet, 512 x 512."""

_OPPONENT = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.array([[3], [2], [6]]) ** 0.5
"""Orthonormal: the first row is the mean of the channels, the only place where noise that they share is."""

_SEEN = (
    "Noise of 25 grey levels, the same in all channels, and clipped: the paper's protocol. It takes colour BM3D by "
    "surprise, which looks for noise of each channel's own; told where the noise is, in the mean of the channels, it is "
    "another method. The generators make no such assumption, and this package's presets measure it."
)

Method = Callable[[Array, Setting, int], Array]
"""From a noisy picture, (S, S, 3), and its number to the restored one."""


def run(setting: Setting) -> Findings:
    """Restore each colour photograph by each method; what was restored before an interruption is remembered."""
    photographs = [photograph for photograph in setting.photographs if photograph.values.ndim == 3]
    if not photographs:
        raise ImageError("no colour photograph; expected one at least: the noise is the same in all channels")
    photographs = photographs[:2] if setting.quick else photographs
    methods = _methods()
    scores: dict[str, list[float]] = {name: [] for name in methods}
    for number, photograph in enumerate(photographs):
        clean, noisy = _pair(photograph, setting, number)
        for place, (name, method) in enumerate(methods.items()):
            setting.progress(f"{photograph.name}, {name}", (number + place / len(methods)) / len(photographs))
            compute = partial(_score, method, noisy, clean, setting, number)
            scores[name] += setting.remember(f"{photograph.name}, {name}", compute)
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    rows = [(photograph.name, name, scores[name][number]) for number, photograph in enumerate(photographs) for name in scores]
    numbers = [f"{name}: {mean:.2f} dB{_beside(name)}" for name, mean in means.items()]
    return Findings(_SEEN, numbers, _claims(means), Table(("photograph", "method", "psnr"), rows), _figure(means))


def _pair(photograph: Photograph, setting: Setting, number: int) -> tuple[Array, Array]:
    # DD-O as published needs a multiple of 32.
    side = 96 if setting.quick else min(min(photograph.values.shape[:2]) // 32 * 32, 512)
    clean = square(photograph.values, side)
    noise = np.random.default_rng((setting.seed, number)).normal(0, _SIGMA, (side, side, 1))
    return clean, np.clip(clean + noise, 0, 1)


def _score(method: Method, noisy: Array, clean: Array, setting: Setting, number: int) -> list[float]:
    return [psnr(np.clip(method(noisy, setting, number), 0, 1), clean, 1.0)]


def _methods() -> dict[str, Method]:
    """Return the methods by name, with BM3D if it is installed: it is not free for all uses, and no part of this package."""
    has_bm3d = find_spec("bm3d") is not None
    return {
        "noisy": lambda noisy, setting, number: noisy,
        **({"BM3D": _bm3d, "BM3D, on the mean of the channels": _bm3d_on_mean} if has_bm3d else {}),
        "DIP": _dip,
        "DD": partial(_decoder, 128, 3000),
        "DD-O": partial(_decoder, 512, 1500),
        "fast": partial(_preset, "fast"),
        "balanced": partial(_preset, "balanced"),
        "best": partial(_preset, "best"),
    }


def _bm3d(noisy: Array, setting: Setting, number: int) -> Array:
    import bm3d

    return np.asarray(bm3d.bm3d_rgb(noisy, _SIGMA), np.float64)


def _bm3d_on_mean(noisy: Array, setting: Setting, number: int) -> Array:
    import bm3d

    planes = noisy @ _OPPONENT.T
    planes[..., 0] = bm3d.bm3d(planes[..., 0], _SIGMA * 3**0.5)
    restored: Array = planes @ _OPPONENT
    return restored


def _dip(noisy: Array, setting: Setting, number: int) -> Array:
    width, iterations = (32, 300) if setting.quick else (128, 1800)
    size = (noisy.shape[0], noisy.shape[1])
    spec = HourglassSpec(width, input_noise=1 / 30).limited_to(size)
    generator = Hourglass(spec, 3, size, [generator_rng(setting.seed, number, 1)])
    trace(generator, to_tensor(noisy), {}, iterations, device=setting.device, every=iterations)
    generator.input_noise = 0.0
    with torch.no_grad():
        return np.asarray(generator()[0].permute(1, 2, 0).double().cpu())


def _decoder(channels: int, iterations: int, noisy: Array, setting: Setting, number: int) -> Array:
    channels, iterations = (channels // 4, iterations // 5) if setting.quick else (channels, iterations)
    generator = paper_decoder(channels, 4 if setting.quick else 6, 3, len(noisy), generator_rng(setting.seed, number, channels))
    return trace(generator, to_tensor(noisy), {}, iterations, device=setting.device, every=iterations).image


def _preset(preset: str, noisy: Array, setting: Setting, number: int) -> Array:
    return np.asarray(denoise(noisy, preset=preset, seed=setting.seed, device=setting.device).image, np.float64)


def _beside(name: str) -> str:
    return f" (published: {_PUBLISHED[name]:.2f})" if name in _PUBLISHED else ""


def _claims(means: dict[str, float]) -> tuple[Claim, ...]:
    generators = min(means["DD"], means["DD-O"]) - means["noisy"]
    claims = [Claim("PSNR of DD and DD-O above the noisy pictures, dB, least of them", generators, ">=", 2)]
    if "BM3D" in means:
        claims.append(Claim("PSNR of DD-O above colour BM3D, dB", means["DD-O"] - means["BM3D"], ">=", 0))
    return tuple(claims)


def _figure(means: dict[str, float]) -> Figure:
    figure, grid = panels(1, 1, width=6.5)
    position = np.arange(len(means))
    grid[0, 0].barh(position, list(means.values()), label="measured here")
    published = [(place, _PUBLISHED[name]) for place, name in enumerate(means) if name in _PUBLISHED]
    grid[0, 0].plot([value for _, value in published], [place for place, _ in published], "k|", markersize=14, label="published")
    grid[0, 0].set_yticks(position, list(means))
    grid[0, 0].invert_yaxis()
    grid[0, 0].set(xlabel="PSNR, dB", xlim=(min(means.values()) - 2, max(means.values()) + 1))
    grid[0, 0].legend(fontsize="small", loc="lower right")
    return figure
