"""The law that `cgdenoise noise` reports of real noise, told nothing, against the truth: pairs of a noisy and a clean picture.

    python benchmarks/law_accuracy.py LIST.tsv...                    # 256² about the middle, a line a pair and a table
    python benchmarks/law_accuracy.py LIST.tsv... --side 512 --part odd

A list has a line a pair: noisy, tab, clean. In each tenth of the brightnesses of the clean picture (of all channels' values)
the law's mean variance is divided by that of noisy less clean about its mean there, and its correlation of neighbours is held
against theirs. The truth has errors of its own: by its scatter over the picture (the delete-one jackknife over 8 x 8 cells), and
by what the brightness of the two differs by (an offset in each tenth, which the variance leaves out; its square in parts of it
is shown). A ratio further from 1 than 15 % and twice that scatter is marked.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgdenoise.images import Picture
from cgdenoise.jobs.examine import examine_picture
from cgdenoise.jobs.noise_sources import File, NoiseSources
from cgdenoise.noise.law import NoiseLaw

Array = NDArray[np.float64]

TOLERANCE, LAG_TOLERANCE = 0.15, 0.1
_CELLS = 8


@dataclass(frozen=True)
class Truth:
    """Of the tenths of brightness of a pair: variance, its relative standard error, squared offset in parts of it.

    `tenth` has that of each value.
    """

    variance: Array
    error: Array
    offset: Array
    tenth: NDArray[np.intp]
    lag: float


def truth(noisy: Array, clean: Array) -> Truth:
    """Measure what the law should say. Fewer than ten tenths where many values are equal."""
    residual = noisy - clean
    tenth = np.digitize(clean, np.quantile(clean, np.arange(1, 10) / 10))
    numbers = np.unique(tenth)
    tenth = np.searchsorted(numbers, tenth)
    rows, columns = (np.arange(n) * _CELLS // n for n in clean.shape[:2])
    cell = np.broadcast_to((rows[:, None] * _CELLS + columns)[..., None], clean.shape)
    found = []
    for number in range(len(numbers)):
        here = tenth == number
        moments = np.stack([np.bincount(cell[here], residual[here] ** power, _CELLS**2) for power in (0, 1, 2)])
        without = moments.sum(axis=1, keepdims=True) - moments[:, moments[0] > 0]
        of_part = without[2] / without[0] - (without[1] / without[0]) ** 2
        count = len(of_part)
        error = np.sqrt((count - 1) / count * np.square(of_part - of_part.mean()).sum())
        variance = max(float(residual[here].var()), 1e-9)
        found.append((variance, error / variance, residual[here].mean() ** 2 / variance))
    variance, error, offset = np.array(found).T
    return Truth(variance, error, offset, tenth, lag_1(residual / np.sqrt(variance[tenth])))


def lag_1(residual: Array) -> float:
    """Return the correlation of neighbours, down and across."""
    centred = residual - residual.mean(axis=(0, 1))
    power = np.square(centred).mean()
    return float(((centred[1:] * centred[:-1]).mean() + (centred[:, 1:] * centred[:, :-1]).mean()) / (2 * power))


def lag_of(law: NoiseLaw) -> float:
    return 0.0 if law.autocorrelation is None else (law.autocorrelation[0][1] + law.autocorrelation[1][0]) / 2


def middle(picture: Array, side: int) -> Array:
    top, left = (max(length - side, 0) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def pixels(path: Path) -> Array:
    return np.atleast_3d(np.asarray(Image.open(path), np.float64))


@dataclass(frozen=True)
class Found:
    """Of one pair."""

    ratios: Array
    error: Array
    lag: float
    true_lag: float

    @property
    def right(self) -> NDArray[np.bool_]:
        """Where the law is right."""
        return np.abs(self.ratios - 1) <= TOLERANCE

    @property
    def within_error(self) -> NDArray[np.bool_]:
        """Where the law may be right, for all that the truth is known."""
        return np.abs(self.ratios - 1) <= TOLERANCE + 2 * self.error


def compared(noisy: Array, clean: Array, dtype: np.dtype[Any]) -> tuple[Found, Truth, NoiseLaw]:
    """Hold what the command says of a picture against the truth."""
    picture = Picture((np.squeeze(noisy).astype(dtype),), None, "png")
    page = examine_picture(File("noisy", ""), picture, None, NoiseSources(), None)[0]
    law, lag = page.law, lag_of(page.law) if page.as_stored is None else page.as_stored.next_pixel
    true = truth(noisy, clean)
    assumed = law.variance(clean)
    means = np.array([assumed[true.tenth == number].mean() for number in range(len(true.variance))])
    return Found(means / true.variance, true.error, lag, true.lag), true, law


def row(name: str, found: list[Found]) -> str:
    ratios = np.concatenate([pair.ratios for pair in found])
    lags = np.array([pair.lag - pair.true_lag for pair in found])
    cells = (
        f"{sum(pair.right.all() for pair in found)} of {len(found)}",
        f"{sum(pair.within_error.all() for pair in found)}",
        f"{np.mean(np.concatenate([pair.right for pair in found])):.0%}",
        f"{np.median(ratios):.2f}",
        f"{np.exp(np.mean(np.abs(np.log(np.maximum(ratios, 1e-3))))):.2f}",
        f"{np.sum(np.abs(lags) <= LAG_TOLERANCE)} of {len(found)}",
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--part", choices=("all", "even", "odd"), default="all", help="pairs of a list, by their number from 0")
    options = parser.parse_args()
    chosen = {"all": slice(None), "even": slice(None, None, 2), "odd": slice(1, None, 2)}[options.part]
    table, everything = [], []
    for list_of_pairs in options.pairs:
        found = []
        for line in list_of_pairs.read_text().splitlines()[chosen]:
            noisy, clean = (middle(pixels(list_of_pairs.parent / name), options.side) for name in line.split("\t")[:2])
            pair, true, law = compared(noisy, clean, np.dtype(np.uint8))
            found.append(pair)
            marks = np.where(pair.right, "", np.where(pair.within_error, "~", "!"))
            ratios = " ".join(f"{ratio:.2f}{mark}" for ratio, mark in zip(pair.ratios, marks, strict=True))
            print(f"{Path(line.split()[0]).stem} {law.kind}: {ratios}; lag 1 {pair.lag:.2f} for {pair.true_lag:.2f};", end=" ")
            print(f"truth within {true.error.max():.0%}, offsets {true.offset.max():.2f}", flush=True)
        table.append(row(list_of_pairs.stem, found))
        everything += found
    print("\n| pairs | all tenths right | with the truth's error | tenths right | median | mean factor off | lag 1 right |")
    print("| --- " * 7 + "|\n" + "\n".join([*table, row("all", everything)]))


if __name__ == "__main__":
    main()
