"""Speed and memory of `cgdenoise denoise` on 512x512 RGB, from outside; and what the allocator, kernels and precision are worth.

    python benchmarks/speed.py            # prints the table of benchmarks/README.md

Each figure is the median of several whole processes (--runs). The alternatives of one comparison take turns, so that a change in
the machine's speed hits them alike: read their ratio rather than the seconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

SIGMA = 25
CLI = [sys.executable, "-m", "cgdenoise"]
ITERATIONS = 12
RELEASED = "as released: freed memory kept, compiled kernels, bfloat16"


def noisy_astronaut(folder: Path) -> tuple[Path, Path]:
    """Write scikit-image's astronaut, 512x512 RGB, with and without noise."""
    clean = data.astronaut()
    noise = SIGMA * np.random.default_rng(0).standard_normal(clean.shape)
    Image.fromarray(clean).save(folder / "clean.png")
    Image.fromarray(np.clip(np.round(clean + noise), 0, 255).astype(np.uint8)).save(folder / "noisy.png")
    return folder / "noisy.png", folder / "clean.png"


def process(command: list[str]) -> tuple[float, float]:
    """Run a command; return its wall time in seconds and its peak resident memory in MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command} failed with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def iteration_seconds(allocator: bool, compiled: bool, half: bool) -> float:
    """Time an iteration of the fast preset's generator in this process; a process is used for one setting only."""
    import torch

    from cgdenoise.fitting.loop import Problem, Schedule, fit
    from cgdenoise.fitting.stopping import Budget
    from cgdenoise.generators.build import build
    from cgdenoise.generators.kernels import native
    from cgdenoise.restoration.presets import PRESETS
    from cgdenoise.runtime import available_cores, keep_freed_memory, rng_for

    torch.set_num_threads(available_cores())
    if allocator:
        keep_freed_memory()
    preset = PRESETS["fast"]
    generator = build(preset.generators[0], 3, (512, 512), [rng_for(0)], torch.bfloat16 if half else torch.float32)
    if not compiled:
        native.library = lambda: None
    y = torch.rand(1, 3, 512, 512, generator=rng_for(1)).contiguous(memory_format=torch.channels_last)
    problem = Problem(y, torch.ones_like(y), torch.zeros_like(y))

    def run(iterations: int) -> float:
        start = time.perf_counter()
        fit(generator, problem, optimiser=preset.optimiser, stop=Budget(), schedule=Schedule(iterations, 0.25))
        return time.perf_counter() - start

    run(3)
    return run(ITERATIONS) / ITERATIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--iteration", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.iteration:
        print(iteration_seconds(*json.loads(arguments.iteration)))
        return

    print("| whole process | seconds | peak memory, MB |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        noisy, _ = noisy_astronaut(Path(name))
        commands = {"`cgdenoise --help`": [*CLI, "--help"]}
        commands["`python -c 'import torch'`"] = [sys.executable, "-c", "import torch"]
        for preset in ("fast", "balanced"):
            commands[f"`denoise --preset {preset}`, 512² RGB"] = [
                *CLI,
                "denoise",
                str(noisy),
                "--preset",
                preset,
                "--force",
                "-q",
            ]
        found_seconds = {}
        for title, command in commands.items():
            runs = [process(command) for _ in range(arguments.runs)]
            seconds, memory = (statistics.median(run[k] for run in runs) for k in (0, 1))
            found_seconds[title] = seconds
            print(f"| {title} | {seconds:.2f} | {memory:.0f} |", flush=True)
        # The published method takes hours: 5 of its 1500 iterations, less the same process with 1, for one iteration.
        paper = [*CLI, "denoise", str(noisy), "--preset", "paper", "--force", "-q", "--max-iterations"]
        runs = [process([*paper, count]) for count in ("1", "5")]
        hours = (runs[1][0] - runs[0][0]) / 4 * 1500 / 3600
        fast = found_seconds["`denoise --preset fast`, 512² RGB"]
        print(f"| `denoise --preset paper`, extrapolated from 5 iterations of 1500 | {3600 * hours:.0f} | {runs[1][1]:.0f} |")
        print(f"\n`paper` would take {hours:.1f} hours, {3600 * hours / fast:.0f} times as long as `fast`.")

    settings = {
        RELEASED: (True, True, True),
        "float32": (True, True, False),
        "freed memory given back": (False, True, True),
        "no compiled kernels": (True, False, True),
        "float32, freed memory given back, no compiled kernels": (False, False, False),
    }
    found: dict[str, list[float]] = {title: [] for title in settings}
    for _ in range(arguments.runs):
        for title, setting in settings.items():
            command = [sys.executable, __file__, "--iteration", json.dumps(setting)]
            found[title].append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    reference = found[RELEASED]
    print("\n| one iteration of `fast`, 512² RGB | ms | ratio |\n| --- | --- | --- |")
    for title, seconds in found.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, reference, strict=True))
        print(f"| {title} | {1e3 * statistics.median(seconds):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
