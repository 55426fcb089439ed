"""Time and memory of the fast preset against the size of the image, 128² to 4096² RGB, each size in a process of its own.

    python benchmarks/scaling.py          # prints the table of benchmarks/README.md

An iteration's time is the median of several; the memory is the peak of the whole process, less that of a process that has
only imported torch.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

SIDES = (128, 256, 512, 1024, 2048, 4096)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(side: int) -> dict[str, float]:
    import torch

    baseline = peak_mb()
    from cgdenoise.fitting.loop import Problem, Schedule, fit
    from cgdenoise.fitting.stopping import Budget
    from cgdenoise.generators.build import build
    from cgdenoise.restoration.presets import PRESETS
    from cgdenoise.runtime import available_cores, choose_dtype, keep_freed_memory, rng_for

    keep_freed_memory()
    torch.set_num_threads(available_cores())
    preset = PRESETS["fast"]
    generator = build(preset.generators[0], 3, (side, side), [rng_for(0)], choose_dtype(torch.device("cpu")))
    y = torch.rand(1, 3, side, side, generator=rng_for(1)).contiguous(memory_format=torch.channels_last)
    problem = Problem(y, torch.ones_like(y), torch.zeros_like(y))

    def run(iterations: int) -> float:
        start = time.perf_counter()
        fit(generator, problem, optimiser=preset.optimiser, stop=Budget(), schedule=Schedule(iterations, 0.25))
        return (time.perf_counter() - start) / iterations

    run(2)
    iterations = max(2, min(20, (2048 // side) * 5))
    return {"seconds": statistics.median(run(iterations) for _ in range(3)), "memory": peak_mb() - baseline}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments.side)))
        return
    print("| side | ms an iteration | ns a pixel | memory over torch, MB | bytes a pixel |\n| --- | --- | --- | --- | --- |")
    for side in SIDES:
        command = [sys.executable, __file__, "--side", str(side)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        pixels = side * side
        print(
            f"| {side} | {1e3 * found['seconds']:.1f} | {1e9 * found['seconds'] / pixels:.0f} | {found['memory']:.0f} "
            f"| {found['memory'] * 2**20 / pixels:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
