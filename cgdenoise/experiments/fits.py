"""A fit that is watched: its errors against pictures that it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from cgdenoise.experiments.findings import Array
from cgdenoise.fitting.loop import Forward, Problem, Schedule, fit, identity
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.results import Step
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.restoration.presets import DD_O

RATE = 0.01
"""Step size of Adam, for all generators: the paper's code for DD-O, and the deep image prior's."""


@dataclass(frozen=True)
class Curves:
    """What was seen of a fit.

    Attributes
    ----------
    iterations : (T,) array
        That were looked at, from 1.
    errors : mapping of (T,) arrays
        By the name of a picture, the mean squared difference to it.
    misfit : (T,) array
        Mean squared error on the data.
    image : (H, W, C) array
        The last iterate.
    """

    iterations: Array
    errors: Mapping[str, Array]
    misfit: Array
    image: Array


def trace(
    generator: nn.Module,
    y: Tensor,
    against: Mapping[str, Array],
    iterations: int,
    *,
    device: str,
    every: int = 10,
    forward: Forward = identity,
) -> Curves:
    """Fit a generator to data with Adam, as the paper does, without averaging or stopping, and watch.

    Parameters
    ----------
    generator : nn.Module
        Returns [1, C, H, W]; its weights are changed.
    y : Tensor
        The data, [1, ...].
    against : mapping of arrays
        Pictures, (H, W) or (H, W, C), to compare with.
    iterations, every : int
        How many, and how many between two looks.
    device : str
        Where to; the generator is moved there.
    forward : callable
        From images to data, there.
    """
    seen: list[tuple[int, list[float]]] = []
    targets = [to_tensor(values).to(device) for values in against.values()]

    def watch(member: int, step: Step) -> None:
        errors = [float((step.image - target).square().mean()) for target in targets]
        seen.append((step.evaluation.iteration, errors))

    y = y.to(device)
    problem = Problem(y, torch.ones(y.shape, device=device), torch.zeros(y.shape, device=device), forward)
    (result,) = fit(
        generator.to(device),
        problem,
        optimiser=OptimiserSpec("adam", RATE),
        stop=Budget(),
        schedule=Schedule(iterations, averaging=0.0, every=every),
        observers=[watch],
    )
    errors = np.array([errors for _, errors in seen]).reshape(len(seen), len(targets))
    return Curves(
        np.array([iteration for iteration, _ in seen]),
        dict(zip(against, errors.T, strict=True)),
        np.array([evaluation.residual for evaluation in result.history]),
        result.image[0].permute(1, 2, 0).double().cpu().numpy(),
    )


def to_tensor(values: Array) -> Tensor:
    """Return a picture, (H, W) or (H, W, C), as [1, C, H, W], float32."""
    values = values[:, :, None] if values.ndim == 2 else values
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32))


def generator_rng(seed: int, *parts: int) -> torch.Generator:
    """Return a generator of random numbers for one of several fits."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, *parts)).generate_state(1)[0]))


def first_below(curve: Array, iterations: Array, bound: float) -> float:
    """Return the first iteration at which a curve is at or below a bound; infinity if it never is."""
    below = np.flatnonzero(curve <= bound)
    return float(iterations[below[0]]) if len(below) else float("inf")


def shuffled(picture: Array, rng: np.random.Generator) -> Array:
    """Return the pixels of a picture, (H, W[, C]), in random order: noise with its histogram, without structure."""
    height, width = picture.shape[:2]
    pixels = picture.reshape(height * width, -1)
    noise: Array = pixels[rng.permutation(len(pixels))].reshape(picture.shape)
    return noise


def paper_decoder(channels: int, levels: int, out_channels: int, side: int, rng: torch.Generator) -> nn.Module:
    """Return DD-O as published but for its size: the generator of the preset `paper`."""
    return build(replace(DD_O, channels=(channels,) * levels), out_channels, (side, side), [rng])
