"""An iteration of the fast preset, and the groups of similar patches, against their floors: operations and bytes, the machine's
ceilings, what was measured.

    python benchmarks/floor.py            # prints the tables of benchmarks/README.md

An operation's floor is the longer of its arithmetic at the rate of a large matrix product and its bytes at the rate of a
large copy; the iteration's is their sum. Bytes count each array once where it is read and once where it is written; an
array is read again only where something in between needs all of it (the normalisation's sums). What groups need beside their
images fits the cache: their floor is arithmetic, each symmetric matrix counted by half.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search, references
from cgdenoise.patches.ridge import FIRST, PROJECTION, SECOND, first_estimate, nonlocal_ridge, refine
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.runtime import available_cores, choose_dtype, keep_freed_memory, rng_for


@dataclass(frozen=True)
class Operation:
    name: str
    flops: float
    bytes: float


def operations(spec: DecoderSpec, side: int, channels: int, width: int) -> list[Operation]:
    """Count an iteration on a square image, `width` bytes a value; the optimiser's and the loss's float32 included."""
    found = []
    outputs = [*spec.channels[1:], spec.channels[-1]]
    inputs = [spec.channels[0], *outputs[:-1]]
    for number, (i, o) in enumerate(zip(inputs, outputs, strict=True)):
        pixels = (side / 2 ** max(spec.doublings - number, 0)) ** 2
        grown = 4 * pixels if number < spec.doublings else pixels
        product = 2 * pixels * i * o
        found += [
            Operation("products, forward", product, width * pixels * (i + o)),
            # Both gradients in one reading; the input, which is fixed, needs none.
            Operation("products, backward", product * (2 if number else 1), width * pixels * (o + i + (i if number else 0))),
            Operation("levels, forward", 0, width * (2 * pixels * o + grown * o)),
            Operation("levels, backward", 0, width * (2 * grown * o + 2 * pixels * o) + width * 3 * pixels * o),
            Operation("optimiser", 3 * (2 * o * o * i * 2 + 2 * o**3), 4 * 5 * i * o),
        ]
    pixels, last = side * side, outputs[-1]
    found += [
        Operation("products, forward", 2 * pixels * last * channels, pixels * (width * last + 4 * channels)),
        Operation("products, backward", 4 * pixels * last * channels, pixels * (2 * width * last + 4 * channels)),
        Operation("loss and average", 0, 4 * pixels * channels * 6),
    ]
    return found


def group_operations(search: Search, side: int, channels: int, purified: int) -> list[Operation]:
    """Count a step of `nonlocal_ridge` on a square image of white noise, whose patches are compared in one plane."""
    groups = len(references(side, search)) ** 2
    k, n = search.count, search.patch**2
    # A positive definite inverse: 2/3 + 1/3 (Golub & Van Loan, Matrix Computations, 4.2). Two products for each purification.
    weights = k**3 + 2 * purified * k**3
    return [
        Operation("matching", groups * search.window**2 * 3 * n, 4 * side**2),
        Operation("Gram matrices", groups * channels * k**2 * n, 0),
        Operation("inverses, purification" if purified else "inverses", groups * channels * weights, 0),
        Operation("estimates", groups * channels * 2 * k**2 * n, 4 * 4 * channels * side**2),
    ]


def median_seconds(function: Callable[[], object], runs: int) -> float:
    function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ceilings(dtype: torch.dtype) -> tuple[float, float]:
    """Measure floating-point operations and bytes a second: of a 2048 x 2048 product, and of copying 256 MB."""
    a, b = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    source = torch.zeros(64 << 20)
    target = torch.empty_like(source)
    rate = 2 * 2048**3 / median_seconds(lambda: a @ b, 9)
    return rate, 2 * 4 * source.numel() / median_seconds(lambda: target.copy_(source), 9)


def groups_against_floor(side: int, runs: int, rate: float, bandwidth: float) -> None:
    """Print the tables of the two steps of `nonlocal_ridge`, `side`² in colour, and its time at half that side."""
    y, noise = torch.rand(3, side, side, generator=rng_for(2)), ChannelNoise.equal(0.1, 3)
    small = y[:, : side // 2, : side // 2].contiguous()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = first_estimate(y, noise)
    measured = [median_seconds(step, runs) for step in (lambda: first_estimate(y, noise), lambda: refine(y, first, noise))]
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{side}² RGB, groups of similar patches, float32; {more:.0f} MB over what was there.\n")
    print("| | GFLOP | floor, ms | measured, ms |\n| --- | --- | --- | --- |")
    whole = 0.0
    for name, search, purified, seconds in (("first", FIRST, PROJECTION.times, measured[0]), ("second", SECOND, 0, measured[1])):
        total = 0.0
        for operation in group_operations(search, side, 3, purified):
            floor = max(operation.flops / rate, operation.bytes / bandwidth)
            total += floor
            print(f"| {name} step: {operation.name} | {operation.flops / 1e9:.2f} | {1e3 * floor:.1f} | |")
        print(f"| {name} step | | {1e3 * total:.1f} | {1e3 * seconds:.0f} ({seconds / total:.1f} times) |")
        whole += total
    print(f"| both | | {1e3 * whole:.1f} | {1e3 * sum(measured):.0f} ({sum(measured) / whole:.1f} times) |")
    print(f"\n{side // 2}² RGB: {1e3 * median_seconds(lambda: nonlocal_ridge(small, noise), runs):.0f} ms.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    side = arguments.side
    keep_freed_memory()
    torch.set_num_threads(available_cores())
    dtype = choose_dtype(torch.device("cpu"))
    preset = PRESETS["fast"]
    spec = preset.generators[0]
    generator = build(spec, 3, (side, side), [rng_for(0)], dtype)
    y = torch.rand(1, 3, side, side, generator=rng_for(1)).contiguous(memory_format=torch.channels_last)
    problem = Problem(y, torch.ones_like(y), torch.zeros_like(y))

    def run(iterations: int) -> None:
        fit(generator, problem, optimiser=preset.optimiser, stop=Budget(), schedule=Schedule(iterations, 0.25))

    run(3)
    measured = median_seconds(lambda: run(20), arguments.runs) / 20
    rate, bandwidth = ceilings(dtype)
    print(f"Ceilings: {rate / 1e9:.0f} GFLOP/s ({dtype}), {bandwidth / 1e9:.0f} GB/s. {side}² RGB, channels {spec.channels}.\n")
    print("| | GFLOP | MB | floor, ms |\n| --- | --- | --- | --- |")
    counted = operations(spec, side, 3, dtype.itemsize)
    total = 0.0
    for name in dict.fromkeys(operation.name for operation in counted):
        group = [operation for operation in counted if operation.name == name]
        floor = sum(max(operation.flops / rate, operation.bytes / bandwidth) for operation in group)
        total += floor
        flops, moved = sum(o.flops for o in group) / 1e9, sum(o.bytes for o in group) / 1e6
        print(f"| {name} | {flops:.2f} | {moved:.0f} | {1e3 * floor:.1f} |")
    flops, moved = sum(o.flops for o in counted) / 1e9, sum(o.bytes for o in counted) / 1e6
    print(f"| floor | {flops:.2f} | {moved:.0f} | {1e3 * total:.1f} |")
    print(f"| measured | | | {1e3 * measured:.1f} ({measured / total:.2f} times the floor) |")

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run(20)
    print("\n| profile: top rows | ms an iteration |\n| --- | --- |")
    rows = sorted(profile.key_averages(), key=lambda row: -row.self_cpu_time_total)
    for row in rows[:8]:
        print(f"| `{row.key}` | {row.self_cpu_time_total / 20 / 1e3:.1f} |")
    groups_against_floor(side, arguments.runs, ceilings(torch.float32)[0], bandwidth)


if __name__ == "__main__":
    main()
