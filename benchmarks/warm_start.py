"""Frames of a stack whose fit starts from the weights of the frame before, against fits that start anew: iterations and PSNR.

    python benchmarks/warm_start.py            # prints the table of benchmarks/NOTES.md, "Starting from the frame before"

The generator alone, as `fast` fits it at depth 4: four frames of 48² in grey, each with noise of its own. The first frame is
always fitted anew; means are of the others, of a stack with a cut of the frame after it alone. All fits have one input and one
split, so that no pixel that judges a frame was ever fitted in those before. In brackets: the held-out error at the start.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from skimage import data

from cgdenoise.fitting import loop
from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.optimiser import Optimiser
from cgdenoise.fitting.results import Step
from cgdenoise.fitting.stopping.holdout import HoldOut
from cgdenoise.generators.build import build
from cgdenoise.metrics import psnr
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.runtime import choose_dtype, rng_for

SIDE, FRAMES, CUT = 48, 4, 1
PRESET = PRESETS["fast"]
SPEC = PRESET.generators[0]
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Way:
    """How a frame starts: at the weights the one before has kept or ended with, how near to fresh ones, with which optimiser."""

    kept: bool = False
    share: float = 1.0
    with_optimiser: bool = False
    patience: int = PRESET.patience


WAYS = {
    "weights at the end": Way(),
    "weights kept": Way(kept=True),
    "weights and optimiser": Way(with_optimiser=True),
    "halfway to fresh weights": Way(kept=True, share=0.5),
    "kept, half the patience": Way(kept=True, patience=PRESET.patience // 2),
    "halfway, half the patience": Way(kept=True, share=0.5, patience=PRESET.patience // 2),
    "three quarters, half the patience": Way(kept=True, share=0.75, patience=PRESET.patience // 2),
}


@dataclass
class Fitted:
    """What a frame leaves: its picture, how it went, and its weights when the picture was kept and at the end."""

    image: np.ndarray
    kept_at: int
    ended_at: int
    first_error: float
    kept: Weights
    end: Weights
    optimiser: Optimiser


def fit_frame(noisy: np.ndarray, sigma: float, before: Fitted | None, way: Way) -> Fitted:
    generator = build(SPEC, 1, noisy.shape, [rng_for(0, 1, 0)], choose_dtype(torch.device("cpu")))
    if before is not None:
        fresh, old = generator.state_dict(), before.kept if way.kept else before.end
        generator.load_state_dict({name: torch.lerp(fresh[name], old[name], way.share) for name in fresh})
    y = torch.from_numpy(noisy).float()[None, None]
    training, held_out = hold_out(torch.ones_like(y), PRESET.hold_out, rng_for(0, 0, 0))
    rule = HoldOut(way.patience, sigma)
    monitor, kept, used = rule.monitor(), generator.state_dict(), []

    def observe(_: int, step: Step) -> None:
        nonlocal kept
        if monitor.observe(step.evaluation).keep:
            kept = {name: values.clone() for name, values in generator.state_dict().items()}

    def optimiser(*args: object) -> Optimiser:
        used.append(Optimiser(*args))
        if before is not None and way.with_optimiser:
            _take_over(used[0], before.optimiser)
        return used[0]

    loop.Optimiser = optimiser
    (result,) = fit(
        generator,
        Problem(y, training, held_out),
        optimiser=PRESET.optimiser,
        stop=rule,
        schedule=Schedule(PRESET.max_iterations, PRESET.averaging),
        observers=[observe],
    )
    history = result.history
    end = {name: values.clone() for name, values in generator.state_dict().items()}
    image = result.image[0, 0].numpy()
    return Fitted(image, result.chosen.iteration, history[-1].iteration, history[0].held_out, kept, end, used[0])


def _take_over(new: Optimiser, old: Optimiser) -> None:
    for (_, mine), (_, theirs) in zip(new._momenta, old._momenta, strict=True):
        mine.copy_(theirs)
    for (_, *mine), (_, *theirs) in zip(new._moments, old._moments, strict=True):
        for values, others in zip(mine, theirs, strict=True):
            values.copy_(others)
    new._steps = old._steps


def moved(picture: np.ndarray, pixels: float) -> np.ndarray:
    """Return frames of a scene that moves by so many pixels a frame."""
    shifted = [ndimage.shift(picture, (pixels * t * 0.8, -pixels * t * 0.6), mode="nearest") for t in range(FRAMES)]
    return np.stack([frame[40 : 40 + SIDE, 40 : 40 + SIDE] for frame in shifted]) / 255


def scenes() -> dict[str, tuple[np.ndarray, float]]:
    """Return stacks by name, each with its noise level."""
    camera, coins = data.camera()[80:230, 150:300].astype(float), data.coins()[:150, :150].astype(float)
    face, brick = data.astronaut()[40:190, 150:300].mean(2), data.brick()[:150, :150].astype(float)
    cut: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda a, b: np.concatenate([a[:CUT], b[CUT:]])  # noqa: E731
    return {
        "camera, still, 25": (moved(camera, 0), 25),
        "camera, 1.5 px, 25": (moved(camera, 1.5), 25),
        "coins, 1.5 px, 25": (moved(coins, 1.5), 25),
        "coins, 1.5 px, 50": (moved(coins, 1.5), 50),
        "astronaut, 5 px, 25": (moved(face, 5), 25),
        "brick, 1.5 px, 25": (moved(brick, 1.5), 25),
        "cut: camera to coins, 25": (cut(moved(camera, 1.5), moved(coins, 1.5)), 25),
        "cut: coins to brick, 25": (cut(moved(coins, 1.5), moved(brick, 1.5)), 25),
    }


def measured(clean: np.ndarray, noisy: np.ndarray, sigma: float, first: Fitted, way: Way | None) -> str:
    """Return means over the frames after the first: iterations to the end and of the picture kept, PSNR, first held-out error."""
    before, found = first, []
    for truth, frame in zip(clean[1:], noisy[1:], strict=True):
        before = fit_frame(frame, sigma, None if way is None else before, way or Way())
        found.append((before.ended_at, before.kept_at, psnr(before.image, truth, 1.0), before.first_error))
    ended, kept, quality, error = np.mean(found, axis=0)
    return f"{ended:.0f} ({kept:.0f}), {quality:.2f} [{error:.4f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="scenes whose name has this in it", default="")
    only = parser.parse_args().only
    print("| iterations (of the picture kept), dB | anew |", " | ".join(WAYS), "|")
    print("| --- " * (len(WAYS) + 2) + "|")
    for number, (name, (clean, level)) in enumerate(scenes().items()):
        if only not in name:
            continue
        sigma = level / 255
        clean = clean[: CUT + 1] if name.startswith("cut") else clean
        noisy = clean + np.random.default_rng(number).normal(0, sigma, clean.shape)
        first = fit_frame(noisy[0], sigma, None, Way())
        row = [measured(clean, noisy, sigma, first, way) for way in (None, *WAYS.values())]
        print(f"| {name} |", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
