"""What the tuning constants of noise estimation are worth: each is halved and doubled, all others as they are.

A constant between 1/2 and 1 is a share; instead of doubling it, its distance to 1 is halved.

    python benchmarks/constants.py [--only TEXT]

The pictures are scikit-image's and those of `structured.py`, 128². A row has a constant, its factor, and the score of its group:

impulses     per mille of the values missed and of false alarms (salt and pepper of 1, 10 and 50 %, random values of 10 and 30 %),
             and pictures without impulses, of 51, in which some were found
poisson      mean and worst error of the gain in %, counts recognised of 6, weak Poisson noise found, of 6, and pictures that are
             clean or have white noise, of 48, taken for Poisson noise
level        mean and worst error of the level in % (standard deviations of 5, 10, 25 and 50 of 255)
correlation  filtered noise called correlated, of 18, and white noise called so, of 9
missing      mean and worst error of the level in % with 30 and 60 % of the pixels missing
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage import data
from structured import PICTURES, noisy

from cgdenoise.noise import estimate_sigma
from cgdenoise.noise.correlation import noise_correlation
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.noise.missing import sigma_from_differences
from cgdenoise.noise.poisson import estimate_poisson_gaussian

Image = NDArray[np.float64]

PHOTOGRAPHS: list[Image] = [
    data.camera()[100:228, 180:308, None].astype(float),
    data.astronaut()[20:148, 160:288].astype(float),
    data.coffee()[120:248, 220:348].astype(float),
]
OTHERS: list[Image] = [
    picture[top : top + 128, left : left + 128].astype(float)
    for picture in (data.camera()[..., None], data.chelsea(), data.rocket())
    for top, left in ((10, 10), (150, 150), (150, 280))
]


def impulses() -> str:
    rng, missed, alarms, wrong = np.random.default_rng(0), [], [], 0
    for clean in PHOTOGRAPHS:
        fate, values = rng.random(clean.shape), rng.uniform(0, 255, clean.shape)
        for share in (0.01, 0.1, 0.5, -0.1, -0.3):
            hit = fate < abs(share)
            image = np.where(hit, np.where(values < 128, 0.0, 255.0) if share > 0 else values, clean)
            mask = find_impulses(image).mask
            far = np.abs(image - clean) > 60
            missed.append((far & ~mask).mean())
            alarms.append((mask & ~hit).mean())
        for image in (clean, clean + 25 * rng.standard_normal(clean.shape), rng.poisson(clean / 25.5).astype(float)):
            wrong += find_impulses(image).present
    for name in list(PICTURES)[::2][:14]:
        picture = PICTURES[name](128)
        wrong += sum(find_impulses(noisy(picture, sigma, 11).astype(float)).present for sigma in (0, 5, 25))
    return f"{1000 * np.mean(missed):6.2f} {1000 * np.mean(alarms):6.2f} {wrong:3d}"


def poisson() -> str:
    rng, errors, counts, right, wrong = np.random.default_rng(0), [], 0, 0, 0
    for photograph in PHOTOGRAPHS:
        clean = photograph / 255
        for peak in (10, 30):
            observed = rng.poisson(clean * peak) / peak
            counts += estimate_poisson_gaussian(observed).counts
            for sigma in (1 / 255, 10 / 255):
                gain = estimate_poisson_gaussian(observed + sigma * rng.standard_normal(clean.shape)).gain
                errors.append(abs(gain * peak - 1))
        for sigma in (0, 10 / 255):
            weak = rng.poisson(clean * 100) / 100 + sigma * rng.standard_normal(clean.shape)
            right += estimate_poisson_gaussian(weak + 1e-3 * rng.random(clean.shape)).is_signal_dependent
    for photograph in PHOTOGRAPHS + OTHERS:
        for sigma in (0, 5, 10, 25):
            wrong += estimate_poisson_gaussian(photograph + sigma * rng.standard_normal(photograph.shape)).is_signal_dependent
    return f"{100 * np.mean(errors):6.1f} {100 * max(errors):6.1f} {counts:3d} {right:3d} {wrong:3d}"


def level() -> str:
    rng = np.random.default_rng(0)
    levels = [(image, sigma) for image in PHOTOGRAPHS for sigma in (5, 10, 25, 50)]
    errors = [abs(estimate_sigma(image + sigma * rng.standard_normal(image.shape)) / sigma - 1) for image, sigma in levels]
    return f"{100 * np.mean(errors):6.1f} {100 * max(errors):6.1f}"


def correlation() -> str:
    rng, right, wrong = np.random.default_rng(0), 0, 0
    for image in PHOTOGRAPHS:
        for sigma in (10, 25, 50):
            noise = rng.standard_normal(image.shape)
            wrong += not noise_correlation(image + sigma * noise).is_white
            for width in (0.7, 1.5):
                filtered = gaussian_filter(noise, (width, width, 0))
                right += not noise_correlation(image + sigma * filtered / filtered.std()).is_white
    return f"{right:3d} {wrong:3d}"


def missing() -> str:
    rng, errors = np.random.default_rng(0), []
    for image in PHOTOGRAPHS:
        for sigma in (10, 25):
            for share in (0.3, 0.6):
                lost = rng.random((*image.shape[:2], 1)) < share
                values = np.where(lost, np.nan, image + sigma * rng.standard_normal(image.shape))
                errors.append(abs(sigma_from_differences(values) / sigma - 1))
    return f"{100 * np.mean(errors):6.1f} {100 * max(errors):6.1f}"


GROUPS: dict[str, tuple[Callable[[], str], dict[str, list[str]]]] = {
    "impulses": (
        impulses,
        {
            "impulse": ["_MIN_PLAIN", "_FAR", "_MIN_RATE", "_CONTRAST", "_SATURATED", "_EVIDENCE", "_RARE", "_CHANCE"],
            "outliers": ["_FAR", "_CONTRAST", "_MIN_RATE", "_MIN_PLAIN", "_MAX_SHARE", "_INK", "TOGETHER"],
            "places": ["_LEAST_REACH", "_NEAR", "_COARSE", "MIN_COUNT", "MIN_COVER", "FEW_VALUES", "_CELLS", "_UNEVEN"],
        },
    ),
    "poisson": (
        poisson,
        {
            "scatter": ["_PATCH", "_MAX_PATCHES", "_MIN_STRIDE", "_LEVELS", "_SMOOTH_SHARE", "_MIN_SMOOTH", "_MAX_CLIPPED"],
            "poisson": ["_MIN_LEVELS", "_MAX_STEPS", "_SAMPLE", "_MIN_EVIDENCE", "_MIN_RISE"],
            "line": ["_ITERATIONS"],
        },
    ),
    "level": (
        level,
        {
            "estimate": [
                "_PATCH",
                "_QUIET",
                "_SMOOTH",
                "_STRATA",
                "_MIN_PATCHES",
                "_MAX_VALUES",
                "_CELLS",
                "_CORRELATED",
                "_REACH",
            ],
            "clipping": ["_PILED"],
        },
    ),
    "correlation": (correlation, {"correlation": ["_FLAT", "_LESS_FLAT", "MIN_BLOCKS", "_MAX_BLOCKS", "_WHITE", "_EVEN"]}),
    "missing": (missing, {"missing": ["_BLOCK", "_FLAT", "_MIN_COUNT"]}),
}


@contextmanager
def scaled(module: str, name: str, factor: float) -> Iterator[None]:
    """Scale a constant of a module of `cgdenoise.noise`, also where other modules have imported it."""
    home = importlib.import_module(f"cgdenoise.noise.{module}")
    value = getattr(home, name)
    users = [importlib.import_module(f"cgdenoise.noise.{user}") for user in ("impulse", "outliers", "places", "growth")]
    homes = [home, *(user for user in users if not name.startswith("_") and hasattr(user, name))]
    for place in homes:
        setattr(place, name, (1 + value) / 2 if factor > 1 and 0.5 < value < 1 else type(value)(value * factor))
    try:
        yield
    finally:
        for place in homes:
            setattr(place, name, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="groups whose name has this in it")
    only = parser.parse_args().only
    for group, (score, modules) in GROUPS.items():
        if only not in group:
            continue
        print(f"{group:40} {score()}", flush=True)
        for module, names in modules.items():
            for name in names:
                for factor in (0.5, 2.0):
                    with scaled(module, name, factor):
                        print(f"  {module}.{name:30} x{factor:g} {score()}", flush=True)


if __name__ == "__main__":
    main()
