"""Images larger than memory: time, resident memory and seams of `denoise --memory`, and the rate of a run that is stopped.

    python benchmarks/large.py                          # prints two tables; takes 5 GB of disk
    python benchmarks/large.py --sizes 1024 --memory 700MB --stopped 0 --max-iterations 20    # a quick look

Grey 16-bit TIFFs of photographs side by side, each turned and of its own brightness and contrast, with white noise, so that the
truth is known. They are made and compared by strips. The memory is the most that was resident, VmHWM of the system's account
(where there is no /proc, `ru_maxrss`), which counts pages of files that are mapped as well. Seams are the edges of tiles; the
error within 8 pixels of them is divided by that of the rest. A picture is not alike everywhere: the same is done for lines
elsewhere, as far apart.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from skimage import color, data, transform

from cgdenoise.restoration.memory import SIDES
from cgdenoise.restoration.tiles import Tiling

CELL = 480  # of a photograph; no multiple of a tile's step
STRIP = 512
SIGMA = 2500.0
NEAR = 8
SHIFTS = 12


def photographs() -> list[np.ndarray]:
    found = [data.camera(), data.astronaut(), data.coffee(), data.chelsea(), data.moon(), data.coins()]
    grey = [image / 255 if image.ndim == 2 else color.rgb2gray(image) for image in found]
    return [transform.resize(image, (CELL, CELL), anti_aliasing=True) for image in grey]


def clean_rows(side: int, top: int, bottom: int, photos: list[np.ndarray]) -> np.ndarray:
    """Return rows of the truth, in grey levels of 16 bits."""
    rows = np.empty((bottom - top, side), np.float32)
    for across in range(0, side, CELL):
        for down in range(top // CELL * CELL, bottom, CELL):
            rng = np.random.default_rng((down, across))
            photo = np.rot90(photos[rng.integers(len(photos))], rng.integers(4))[:: rng.choice((1, -1))]
            photo = rng.uniform(0.6, 1) * photo + rng.uniform(0, 0.3)
            first, last = max(down, top), min(down + CELL, bottom)
            rows[first - top : last - top, across : across + CELL] = photo[first - down : last - down, : side - across]
    return 6000 + 38000 * rows


def strips(side: int) -> Iterator[tuple[int, int]]:
    for top in range(0, side, STRIP):
        yield top, min(top + STRIP, side)


def write_noisy(path: Path, side: int, photos: list[np.ndarray]) -> None:
    def rows() -> Iterator[np.ndarray]:
        for top, bottom in strips(side):
            noise = np.random.default_rng((1, top)).standard_normal((bottom - top, side), np.float32)
            values = clean_rows(side, top, bottom, photos) + SIGMA * noise
            yield np.clip(np.rint(values), 0, 65535).astype(np.uint16).tobytes()

    shape = (side, side)
    tifffile.imwrite(path, rows(), shape=shape, dtype=np.uint16, photometric="minisblack", rowsperstrip=STRIP, bigtiff=True)


@dataclass
class Run:
    """How a run of the command went."""

    seconds: float
    peak: int
    tiles: list[tuple[float, int]]  # seconds from the start, and how many were there


def run(command: list[str], tiles: Path, stop_after: float | None) -> Run:
    """Run a command to its end, or interrupt it, and look at it meanwhile."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak, seen, asked = 0, [(0.0, 0)], False
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        now = time.monotonic() - start
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            break
        peak = max(peak, high_water(process.pid))
        count = tiles_in(tiles)
        if count > seen[-1][1]:
            seen.append((now, count))
        if stop_after is not None and now >= stop_after and not asked:
            process.send_signal(signal.SIGINT)
            asked = True
        time.sleep(0.1)
    if process.returncode != (128 + signal.SIGINT if asked else 0):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(now, peak or usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), seen[1:])


def high_water(pid: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def tiles_in(path: Path) -> int:
    """Count the tiles that are kept in a file, without touching it: a line, then tiles of one size with a head of 24 bytes."""
    try:
        with open(path, "rb") as file:
            tiling = json.loads(file.readline())["cgdenoise tiles"]["tiling"]
            height, width = (min(tiling["side"], tiling[length]) for length in ("height", "width"))
            return (path.stat().st_size - file.tell()) // (24 + 4 * height * width)
    except (OSError, ValueError):
        return 0


def edges(starts: list[int], side: int) -> list[int]:
    return [*starts[1:], *(start + side for start in starts[:-1])]


def is_near(lines: list[int], length: int) -> np.ndarray:
    near = np.zeros(length, bool)
    for line in lines:
        near[max(0, line - NEAR) : line + NEAR] = True
    return near


@dataclass
class Errors:
    """Root mean square errors: all, and that near lines over that of the rest, for seams and for lines elsewhere."""

    noisy: float
    restored: float
    seams: float
    elsewhere: list[float]


def errors(noisy: Path, restored: Path, tiling: Tiling, photos: list[np.ndarray]) -> Errors:
    side, found = tiling.height, tifffile.memmap(restored, mode="r")
    given = tifffile.memmap(noisy, mode="r")
    step = tiling.rows[1] if len(tiling.rows) > 1 else side
    shifts = [0, *np.linspace(2 * NEAR + tiling.overlap, step - 2 * NEAR - tiling.overlap, SHIFTS).round().astype(int)]
    near = [is_near([(line + shift) % side for line in edges(tiling.rows, tiling.side)], side) for shift in shifts]
    sums, counts, before = np.zeros((len(shifts), 2)), np.zeros((len(shifts), 2)), 0.0
    for top, bottom in strips(side):
        clean = clean_rows(side, top, bottom, photos)
        before += float(((given[top:bottom] - clean) ** 2).sum(dtype=np.float64))
        square = (found[top:bottom] - clean) ** 2
        for number, lines in enumerate(near):
            mask = lines[top:bottom, None] | lines
            for place, part in enumerate((mask, ~mask)):
                sums[number, place] += square[part].sum(dtype=np.float64)
                counts[number, place] += part.sum()
    ratios = np.sqrt((sums / np.maximum(counts, 1))[:, 0] / (sums / np.maximum(counts, 1))[:, 1])
    pixels = side * side
    return Errors((before / pixels) ** 0.5, (sums[0].sum() / pixels) ** 0.5, float(ratios[0]), ratios[1:].tolist())


def command_for(options: argparse.Namespace, source: Path, target: Path) -> list[str]:
    command = [sys.executable, "-m", "cgdenoise", "denoise", str(source), "-o", str(target), "--preset", options.preset]
    budget = [] if options.max_iterations is None else ["--max-iterations", str(options.max_iterations)]
    return [*command, "--memory", options.memory, "--quiet", *budget]


def tiling_of(log: Path, side: int) -> Tiling | None:
    count = json.loads(log.read_text().splitlines()[-1])["tiles"]
    return next((tiling for of_tile in SIDES if (tiling := Tiling(side, side, of_tile)).count == count), None)


def measure(side: int, folder: Path, options: argparse.Namespace, photos: list[np.ndarray]) -> str:
    noisy, restored = folder / "noisy.tif", folder / "restored.tif"
    write_noisy(noisy, side, photos)
    went = run(command_for(options, noisy, restored), Path(f"{restored}.tiles"), None)
    tiling = tiling_of(folder / "restored.fit.jsonl", side)
    row = f"| {side}² | {went.seconds:.0f} | {went.seconds / side**2 * 1e6:.1f} | {went.peak / 1e6:.0f} "
    if tiling is None:
        return row + "| 1 | | | |"
    found = errors(noisy, restored, tiling, photos)
    low, high = min(found.elsewhere), max(found.elsewhere)
    cells = f"{tiling.count} of {tiling.side}² | {found.noisy:.0f}, {found.restored:.0f} | {found.seams:.3f}"
    return row + f"| {cells} | {np.mean(found.elsewhere):.3f} ({low:.3f} to {high:.3f}) |"


def stopped(side: int, folder: Path, options: argparse.Namespace, photos: list[np.ndarray]) -> str:
    noisy, restored = folder / "noisy.tif", folder / "restored.tif"
    write_noisy(noisy, side, photos)
    went = run(command_for(options, noisy, restored), Path(f"{restored}.tiles"), options.seconds)
    tiling = tiling_of(folder / "restored.fit.jsonl", side)
    if tiling is None or not went.tiles:
        return f"| {side}² | {went.seconds:.0f} | {went.peak / 1e6:.0f} | no tile | | |"
    first, count = went.tiles[0][0], went.tiles[-1][1]
    pixels = side * side / tiling.count
    spent = went.tiles[-1][0] - first
    rate = f"{(count - went.tiles[0][1]) * pixels / 1e6 / spent:.3f}" if spent else ""
    whole = f"{side * side / 1e6 / float(rate) / 3600:.1f}" if rate else ""
    return (
        f"| {side}² | {went.seconds:.0f} | {went.peak / 1e6:.0f} | {count} of {tiling.count}, {first:.0f} s | {rate} | {whole} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[2048, 4096, 8192], help="sides of images that are restored")
    parser.add_argument("--stopped", type=int, default=20000, help="side of the image whose run is stopped; 0 for none")
    parser.add_argument("--seconds", type=float, default=60, help="after which it is stopped")
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--max-iterations", type=int)
    parser.add_argument("--folder", type=Path, help="where there is room; one of the system's if not given")
    options = parser.parse_args()
    photos = photographs()
    jobs = [(measure, side) for side in options.sizes] + ([(stopped, options.stopped)] if options.stopped else [])
    if options.sizes:
        print("| image | seconds | s a megapixel | peak, MB | tiles | error before, after | near seams | near other lines |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for job, side in jobs:
        folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="cgdenoise-large-"))
        try:
            row = job(side, folder, options, photos)
        finally:
            shutil.rmtree(folder)
        if job is stopped:
            print("\n| stopped | seconds in all | peak, MB | tiles, the first after | megapixels a second | hours for all |")
            print("| --- | --- | --- | --- | --- | --- |")
        print(row, flush=True)


if __name__ == "__main__":
    main()
