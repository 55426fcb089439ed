"""Inverse problems: the usual methods, the generators alone, and the whole. Prints markdown tables, PSNR in dB.

    python benchmarks/inverse.py --data FOLDER --jobs 16 --out rows.jsonl       # everything at 256²: hours of one core
    python benchmarks/inverse.py --data FOLDER --out rows.jsonl --problems mask50 fourier4 --pictures set12/10 phantom
    python benchmarks/inverse.py --data FOLDER --out rows.jsonl --tables        # the tables of the rows that there are

FOLDER holds pictures as PICTURES names them (of any suffix); their middle is taken, in grey. A row, a picture in a problem, is
worked on by one thread and added to the file as soon as it is done; what is in the file already is not done again. The weights
of all baselines are chosen picture by picture by the truth, in their favour; ours have nothing to choose.
"""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from inverse_problems import PROBLEMS, SCANS, Task
from PIL import Image
from skimage.data import shepp_logan_phantom
from skimage.transform import resize
from torch import Tensor

from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.presets import RECONSTRUCTION, preset_of
from cgdenoise.restoration.reconstruct import run_reconstruction
from cgdenoise.restoration.reconstructing import ReconstructionRequest

PICTURES = ("set12/10", "kodak/kodim07", "kodak/kodim17", "mcmaster/3", "set12/01", "kodak/kodim05")
"""The first four were in no table of inverse problems and in no choice of a constant before this one."""

PHANTOM = "phantom"
"""It is for the scans, and does not count in the means."""

_OURS = "cgdenoise"
_INFORMATION = ("share", "alone")
"""First words of columns that are no method's."""


@dataclass(frozen=True)
class Row:
    """One picture in one problem."""

    problem: str
    picture: str
    size: int
    preset: str

    def record(self, data: Path, baselines: list[str] | None) -> dict:
        """Work it out: the PSNR of each method, all or those named, its time, and the shares of the priors."""
        torch.set_num_threads(1)
        begun = time.perf_counter()
        task = PROBLEMS[self.problem](picture(data, self.picture, self.size))
        # The first is what the problem begins with.
        wanted = [name for number, name in enumerate(task.methods) if not number or baselines is None or name in baselines]
        methods = {name: task.best(name) for name in wanted}
        between = time.perf_counter()
        found = methods | reconstructed(task, self.preset)
        ended = time.perf_counter()
        seconds = {"baselines": round(between - begun, 1), _OURS: round(ended - between, 1)}
        return vars(self) | {"psnr": {name: round(value, 3) for name, value in found.items()}, "seconds": seconds}


def picture(data: Path, name: str, size: int) -> Tensor:
    """Return the middle of a picture in grey, from 0 to 1, [1, size, size]."""
    if name == PHANTOM:
        return phantom(size)
    with Image.open(next(data.glob(f"{name}.*"))) as opened:
        plane = np.asarray(opened.convert("L"), np.float64) / 255
    top, left = ((side - size) // 2 for side in plane.shape)
    return torch.from_numpy(plane[top : top + size, left : left + size].astype(np.float32))[None]


def phantom(side: int) -> Tensor:
    """Return Shepp and Logan's phantom, [1, side, side]."""
    return torch.from_numpy(resize(shepp_logan_phantom(), (side, side), anti_aliasing=True).astype(np.float32))[None]


def reconstructed(task: Task, preset: str) -> dict[str, float]:
    """Return the PSNR of what the preset gives, and of its priors alone, and their shares."""
    request = ReconstructionRequest(
        task.operator,
        task.y,
        preset_of(preset, RECONSTRUCTION),
        task.sampling,
        task.sigma,
        consistency=task.consistency,
    )
    found = run_reconstruction(request, Hooks())

    def quality(image: np.ndarray) -> float:
        parts = np.stack([image.real, image.imag]) if image.dtype.kind == "c" else image
        return task.quality(torch.from_numpy(parts))

    alone = {f"alone: {part.name}": quality(part.image()) for part in found.parts}
    shares = {f"share of {part.name}": part.weight for part in found.parts}
    return alone | shares | {_OURS: quality(found.image)}


def rows_of(path: Path) -> list[dict]:
    """Return the rows of a file, none if there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tables(rows: list[dict]) -> str:
    """Return what was found as Markdown: for each problem its rows and means, and at last a line for each problem."""
    lines = []
    summary = [
        "\n| problem | pictures | above the better of TV and the start, mean | least | above TV, least | phantom above TV |",
        "| --- " * 6 + "|",
    ]
    for problem in dict.fromkeys(row["problem"] for row in rows):
        of_problem = sorted((row for row in rows if row["problem"] == problem), key=lambda row: row["picture"] == PHANTOM)
        columns = list(dict.fromkeys(name for row in of_problem for name in row["psnr"]))
        lines += [f"\n| {problem} | {' | '.join(columns)} | seconds, baselines |", "| --- " * (len(columns) + 2) + "|"]
        counted = [row["psnr"] for row in of_problem if row["picture"] != PHANTOM]
        for row in of_problem:
            seconds = f"{row['seconds'][_OURS]:.0f}, {row['seconds']['baselines']:.0f}"
            lines.append(f"| {row['picture']} | {' | '.join(_cell(row['psnr'].get(name)) for name in columns)} | {seconds} |")
        if counted:
            means = (np.mean([row[name] for row in counted]) if all(name in row for row in counted) else None for name in columns)
            lines.append(f"| mean of {len(counted)} | {' | '.join(_cell(mean) for mean in means)} | |")
        compared = [row for row in counted if "TV" in row]
        gains = [row[_OURS] - max(row["TV"], row[_start(row)]) for row in compared]
        above = [row[_OURS] - row["TV"] for row in compared]
        phantoms = (row["psnr"] for row in of_problem if row["picture"] == PHANTOM)
        phantom = [row[_OURS] - row["TV"] for row in phantoms if "TV" in row]
        cells = (np.mean(gains) if gains else None, min(gains, default=None), min(above, default=None), *(phantom or [None]))
        summary.append(f"| {problem} | {len(counted)} | {' | '.join(_cell(value, '+.2f') for value in cells)} |")
    return "\n".join(lines + summary)


def _start(row: dict[str, float]) -> str:
    """Return the first column: what a problem begins with."""
    return next(iter(row))


def _cell(value: float | None, shown: str = ".2f") -> str:
    return "" if value is None else format(value, shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the pictures")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; rows that are there already are not done again")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures' middle, in pixels")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--pictures", nargs="+", default=[*PICTURES, PHANTOM])
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--baselines", nargs="+", help="TV and others, beside the start; all if not given")
    parser.add_argument("--tables", action="store_true", help="print the tables of what is there, and do nothing else")
    chosen = parser.parse_args()
    done = rows_of(chosen.out)
    present = {Row(row["problem"], row["picture"], row["size"], row["preset"]) for row in done}
    # Phantoms first, then a picture in all problems after the other: whenever it is ended, there is something of each.
    wanted = [
        Row(problem, name, chosen.size, chosen.preset)
        for name in sorted(chosen.pictures, key=lambda name: name != PHANTOM)
        for problem in chosen.problems
        if name != PHANTOM or problem in SCANS
    ]
    missing = [] if chosen.tables else [row for row in wanted if row not in present]
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes
    with ProcessPoolExecutor(chosen.jobs, multiprocessing.get_context("spawn")) as pool, chosen.out.open("a") as out:
        for future in as_completed([pool.submit(row.record, chosen.data, chosen.baselines) for row in missing]):
            record = future.result()
            print(json.dumps(record), file=out, flush=True)
            values = ", ".join(f"{name} {value:.2f}" for name, value in record["psnr"].items())
            print(f"{record['problem']}, {record['picture']}: {values}; {record['seconds']}", flush=True)
    print(tables([row for row in rows_of(chosen.out) if row["size"] == chosen.size and row["preset"] == chosen.preset]))


if __name__ == "__main__":
    main()
