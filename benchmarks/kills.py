"""A batch of 100 pictures, three of them broken, that is killed ten times over at random moments and resumed each time.

    python benchmarks/kills.py          # prints what became of it; exit code 1 if anything is not as it should be

Checked is that all 97 results have the bytes of a batch that nobody killed, that none was made twice, that the broken files are
named and the exit code is 1, and that nothing half-written or temporary is left. The fits are as short as they can be.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

COUNT, SIDE, KILLS = 100, 64, 10
BROKEN = {"p03.png": b"\x89PNG\r\n\x1a\n", "p50.png": b"", "p97.png": b"text"}
OPTIONS = ("--max-iterations", "1", "--members", "1", "--noise", "gaussian", "--sigma", "15", "--threads", "1", "--device", "cpu")


def make_pictures(folder: Path) -> None:
    folder.mkdir()
    for number in range(COUNT):
        values = np.add.outer(np.arange(SIDE), np.arange(SIDE)) + np.random.default_rng(number).normal(0, 15, (SIDE, SIDE))
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(folder / f"p{number:02}.png")
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)


def records(journal: Path) -> list[dict[str, str]]:
    found = []
    for line in journal.read_bytes().splitlines() if journal.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn by a kill
    return found


def start(folder: Path, output: str, jobs: int, **streams: int) -> subprocess.Popen[bytes]:
    batch = ("in", "-o", output, "--on-exists", "skip", "--journal", f"{output}.jsonl", "--jobs", str(jobs))
    return subprocess.Popen([sys.executable, "-m", "cgdenoise", "denoise", *batch, *OPTIONS], cwd=folder, **streams)


def killed(folder: Path, jobs: int, chance: random.Random) -> int:
    """Start the batch, kill it after a random number of records and a random while, and return how many results it has made."""
    journal = folder / "out.jsonl"
    before, more = len(records(journal)), chance.randint(0, 20)
    process = start(folder, "out", jobs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(records(journal)) < before + more and process.poll() is None:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.3))
    process.kill()
    process.wait()
    return sum(record["type"] == "done" for record in records(journal)[before:])


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.png"))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "in")
        made = [killed(folder, given.jobs, chance) for _ in range(KILLS)]
        last = start(folder, "out", given.jobs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        err = last.communicate()[1].decode()
        start(folder, "whole", given.jobs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()
        of_input = Counter(record["input"] for record in records(folder / "out.jsonl") if record["type"] == "done")
        expected, found = hashes(folder / "whole"), hashes(folder / "out")
        beside = {path.name for path in (folder / "out").iterdir()} ^ {path.name for path in (folder / "whole").iterdir()}
        named = ", ".join(f"in/{broken}" for broken in BROKEN)
        checks = {
            f"{len(found)} results, of {COUNT - len(BROKEN)}": len(found) == COUNT - len(BROKEN),
            f"{sum(found.get(key) == value for key, value in expected.items())} with the bytes of a run that nobody killed": (
                found == expected
            ),
            f"{sum(count > 1 for count in of_input.values())} made twice": max(of_input.values()) == 1,
            f"{len(beside)} other files": not beside,
            f"exit code {last.returncode}": last.returncode == 1,
            "the broken ones named": f"{len(BROKEN)} of {COUNT} inputs failed: {named}" in err,
        }
    print(f"killed {KILLS} times, after {', '.join(map(str, made))} results; then to the end")
    for what, right in checks.items():
        print(f"{'right' if right else 'WRONG'}: {what}")
    return int(not all(checks.values()))


if __name__ == "__main__":
    sys.exit(main())
