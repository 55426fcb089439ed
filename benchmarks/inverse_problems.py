"""The problems of `inverse.py`: measurements of a picture, and the usual methods with all their settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import baselines
import numpy as np
import torch
from torch import Tensor

from cgdenoise.fitting.holdout import Sampling
from cgdenoise.metrics import psnr
from cgdenoise.operators import (
    Blur,
    Coils,
    ComplexFromReal,
    Downsample,
    ForwardOperator,
    Kernel,
    Measurement,
    PixelMask,
    SubsampledDCT,
    gaussian_psf,
    motion_psf,
    random_matrix,
    subsampled_fourier,
)
from cgdenoise.operators.least_squares import pilot
from cgdenoise.problems.sensing import fourier_lines
from cgdenoise.restoration.measured import on_channels

Method = Callable[[], Tensor]
_WEIGHTS = tuple(2.0**power for power in range(-1, 10))
"""Of total variation and wavelets, in variances of the noise."""

_PATIENCE = 2
"""Settings that may be worse than one before until the others are not tried."""


@dataclass
class Task:
    """Measurements of one image: `operator` takes what `reconstruct` gives, `through` the same as real channels."""

    truth: Tensor  # [C, H, W]
    operator: ForwardOperator
    y: np.ndarray
    sigma: float
    start: Method
    methods: dict[str, list[Method]] = field(default_factory=dict)  # each with all its settings, in their order
    sampling: Sampling | None = None
    margin: int = 0  # pixels beyond the frame, that do not count
    consistency: int = 10

    @property
    def through(self) -> ForwardOperator:
        return on_channels(self.operator, self.y.dtype.kind == "c")

    @property
    def data(self) -> Tensor:
        return torch.from_numpy(self.y.astype(np.complex64 if self.y.dtype.kind == "c" else np.float32))

    def best(self, name: str) -> float:
        """Return the PSNR of a method with the best of its settings; past a maximum there is nothing better."""
        found: list[float] = []
        for method in self.methods[name]:
            found.append(self.quality(method()))
            if len(found) > _PATIENCE and max(found[-_PATIENCE:]) < max(found):
                break
        return max(found)

    def quality(self, channels: Tensor) -> float:
        """Return the PSNR in dB, of the magnitude if the image is complex."""
        found, truth = (x[:, self.margin : x.shape[1] - self.margin, self.margin : x.shape[2] - self.margin].double().numpy()
                        for x in (channels, self.truth))  # fmt: skip
        if len(truth) == 2:
            found, truth = np.hypot(*found), np.hypot(*truth)
        return psnr(found, truth, 1.0)


def measured(truth: Tensor, operator: ForwardOperator, sigma: float, start: str = "pilot", **settings: object) -> Task:
    """Measure an image, and give it the baselines that any problem has."""
    y = operator(torch.complex(*truth) if len(truth) == 2 else truth)
    rng = torch.Generator().manual_seed(1)
    noise = torch.view_as_complex(torch.randn(*y.shape, 2, generator=rng)) / 2**0.5 if y.is_complex() else None
    noise = torch.randn(y.shape, generator=rng) if noise is None else noise
    y = torch.where(y == 0, 0, y + sigma * noise).numpy()
    task = Task(truth, operator, y, sigma, lambda: first, **settings)  # type: ignore[arg-type]
    through, data = task.through.to(dtype=torch.float32), task.data
    first = pilot(Measurement.complete(through, data).to(data.device, torch.float64), 10).float()
    weights = [factor * sigma**2 for factor in _WEIGHTS] if sigma else [0.0, 1e-3]
    sparse = [factor * sigma**2 for factor in _WEIGHTS] if sigma else [1e-3, 3e-3, 1e-2]
    task.methods = {
        start: [lambda: task.start()],
        "TV": [partial(baselines.total_variation, through, data, first, weight) for weight in weights],
        "wavelets": [partial(baselines.wavelets, through, data, first, weight) for weight in sparse],
    }
    return task


def inpainting(missing: float, truth: Tensor) -> Task:
    kept = torch.rand(truth.shape[1:], generator=torch.Generator().manual_seed(1)) >= missing
    mask = kept[None]
    task = measured(truth, PixelMask(mask), 0.0, "biharmonic", sampling=Sampling.pixels(mask))
    task.start = lambda: baselines.biharmonic(task.data, mask)
    return task


def fourier(acceleration: int, truth: Tensor) -> Task:
    shape = (truth.shape[1], truth.shape[2])
    mask = fourier_lines(shape, 1 / acceleration, 0)
    whole = tuple(truth.shape)
    operator = subsampled_fourier(mask, whole) @ ComplexFromReal(whole)
    task = measured(truth, operator, 0.0, "zero-filled", sampling=Sampling.lines(torch.from_numpy(mask), whole))
    task.start = lambda: operator.adjoint(task.data)
    return task


def sensing(structured: bool, sigma: float, truth: Tensor) -> Task:
    small = truth if structured else torch.nn.functional.avg_pool2d(truth, 2)
    make = SubsampledDCT if structured else random_matrix
    return measured(small, make(tuple(small.shape), small.numel() // 4, 0), sigma, "least squares")


def deblurring(psf: np.ndarray, truth: Tensor) -> Task:
    task = measured(truth, Blur(tuple(truth.shape), psf), 2 / 255, "blurred", margin=psf.shape[0] // 2, consistency=0)
    side = (psf.shape[0] // 2,) * 4
    task.start = lambda: torch.nn.functional.pad(task.data, side, mode="replicate")
    task.methods["Wiener"] = [partial(baselines.wiener, task.operator, task.data, 10.0**e) for e in (-3.5, -3, -2.5, -2, -1.5)]
    task.methods["RL"] = [partial(baselines.richardson_lucy, task.operator, task.data, n) for n in (5, 10, 20, 40, 80)]
    return task


def upscaling(factor: int, truth: Tensor) -> Task:
    task = measured(truth, Downsample(tuple(truth.shape), factor, Kernel.BICUBIC), 0.0, "bicubic")
    size = tuple(truth.shape[1:])
    task.start = lambda: torch.nn.functional.interpolate(task.data[None], size=size, mode="bicubic")[0]
    return task


def parallel(acceleration: int, truth: Tensor) -> Task:
    shape = (truth.shape[1], truth.shape[2])
    row, column = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    phase = 1.5 * np.sin(1.3 * row + 0.4) * np.cos(1.1 * column)
    image = torch.cat([truth * torch.from_numpy(np.cos(phase)), truth * torch.from_numpy(np.sin(phase))]).float()
    angles = 2 * np.pi * np.arange(8) / 8
    maps = np.stack(
        [np.exp(-((row - np.sin(a)) ** 2 + (column - np.cos(a)) ** 2) / 0.9 + 1j * (a + row * np.cos(a))) for a in angles]
    )
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    mask = fourier_lines(shape, 1 / acceleration, 0)
    operator = subsampled_fourier(mask, maps.shape) @ Coils(maps)
    task = measured(image, operator, 0.01, "zero-filled", sampling=Sampling.lines(torch.from_numpy(mask), maps.shape))
    task.start = lambda: task.through.to(dtype=torch.float32).adjoint(task.data)
    task.methods["SENSE"] = [partial(baselines.sense, task.through, task.data, n) for n in (3, 5, 10, 20, 40)]
    return task


PROBLEMS: dict[str, Callable[[Tensor], Task]] = {
    "mask50": partial(inpainting, 0.5),
    "mask90": partial(inpainting, 0.9),
    "fourier4": partial(fourier, 4),
    "gaussian": partial(sensing, False, 0.0),
    "gaussian, noise 10": partial(sensing, False, 10 / 255),
    "dct": partial(sensing, True, 0.0),
    "dct, noise 10": partial(sensing, True, 10 / 255),
    "blur": partial(deblurring, gaussian_psf(1.6)),
    "motion": partial(deblurring, motion_psf(15, 30)),
    "x2": partial(upscaling, 2),
    "x4": partial(upscaling, 4),
    "coils4": partial(parallel, 4),
    "coils8": partial(parallel, 8),
}

SCANS = ("fourier4", "coils4", "coils8")
"""Those that a phantom is for; it does not count in the means."""
