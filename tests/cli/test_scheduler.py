"""`--scheduler`: files go to the workers of a real Dask cluster, and come back as they would be made here."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from cgdenoise.errors import OptionError
from cgdenoise.jobs.cluster import Away
from cgdenoise.jobs.tile_file import TileFile
from cgdenoise.restoration.tiles import Tiling

CLUSTER = """
import json, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(json.dumps([cluster.scheduler_address, [worker.pid for worker in cluster.workers.values()]]), flush=True)
        time.sleep(3000)
"""


@pytest.fixture
def cluster(folder):
    """Start a scheduler and two worker processes; return its address, and their process ids."""
    pytest.importorskip("distributed")
    (folder / "cluster.py").write_text(CLUSTER)
    process = subprocess.Popen([sys.executable, "cluster.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def frames(folder, noisy):
    (folder / "in" / "deep").mkdir(parents=True)
    for number in range(6):
        Image.fromarray(np.roll(noisy, number, 0)).save(folder / "in" / "deep" / f"{number}.png")
    return folder


def records(folder, kind):
    path = folder / "j.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return sorted(record["input"] for record in found if record["type"] == kind)


@pytest.mark.slow
def test_the_bytes_are_those_of_a_local_run_also_when_a_worker_is_killed(start, frames, cluster):
    local = start("denoise", "in", "-o", "local")
    local.communicate(timeout=600)
    address, workers = cluster
    run = ("denoise", "in", "-o", "out", "--scheduler", address, "--journal", "j.jsonl")
    process = start(*run)
    deadline = time.monotonic() + 300
    while not records(frames, "done") and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(workers[0], signal.SIGKILL)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"_denoised.png: ") == 6
    assert (
        sorted(records(frames, "done")) == sorted(records(frames, "running")) == [f"in/deep/{number}.png" for number in range(6)]
    )
    for number in range(6):
        name = f"deep/{number}_denoised.png"
        assert (frames / "out" / name).read_bytes() == (frames / "local" / name).read_bytes()
    assert sorted(os.listdir(frames / "out" / "deep")) == sorted(os.listdir(frames / "local" / "deep"))
    (frames / "in" / "bad.png").write_bytes(b"no image")
    again = start(*run, "--on-exists", "skip")
    out, err = again.communicate(timeout=600)
    assert (again.returncode, out.count(b"skipped")) == (1, 6)
    assert b"in/bad.png: not an image" in err
    again = start(*run, "--on-exists", "skip", "--seed", "1", "--journal", "k.jsonl")
    while not (frames / "k.jsonl").exists() and again.poll() is None:
        time.sleep(0.05)  # until it listens
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)
    assert again.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_tiles_of_a_large_picture_go_to_the_workers(restored, denoise, folder, noisy, cluster, monkeypatch):
    """One worker is killed while tiles are away, and then the command; no tile that had come is made again."""
    monkeypatch.setattr("cgdenoise.jobs.large.tiling_for", lambda request, held, begun: Tiling(24, 24, 12, 4))
    Image.fromarray(noisy[:24, :24]).save("large.png")
    restored("large.png", "-o", "local.png")
    address, workers = cluster
    came, add, free = [], TileFile.add, Away.idle

    def adds(self, index, values):
        add(self, index, values)
        came.append(index)
        if len(came) == 2:
            os.kill(workers[0], signal.SIGKILL)
        if len(came) == 5:
            raise KeyboardInterrupt  # as good as a kill: nothing is written after it

    def idle(self):
        assert len(self) <= 2
        return free(self)

    monkeypatch.setattr(TileFile, "add", adds)
    monkeypatch.setattr(Away, "idle", idle)
    run = ("large.png", "-o", "out.png", "--scheduler", address)
    assert denoise(*run).code == 128 + signal.SIGINT
    assert not (folder / "out.png").exists()
    restored(*run)
    assert sorted(came) == list(range(9))
    assert (folder / "out.png").read_bytes() == (folder / "local.png").read_bytes()
    assert sorted(path.name for path in folder.glob("out*")) == ["out.fit.jsonl", "out.png"]
    assert json.loads((folder / "out.fit.jsonl").read_text().splitlines()[-1])["tiles"] == 9


@pytest.mark.slow
def test_a_wrong_address_is_a_line_within_ten_seconds(refused_denoise, noisy_png):
    pytest.importorskip("distributed")
    from cgdenoise.jobs.cluster import connected

    for address in ("tcp://127.0.0.1:1", "nonsense", "tcp://no.such.host.invalid:8786"):
        began = time.monotonic()
        with pytest.raises(OptionError, match="no scheduler answers; expected the address"), connected(address):
            pass
        assert time.monotonic() - began < 10
    refused_denoise("noisy.png", "--scheduler", "tcp://127.0.0.1:1", names="--scheduler tcp://127.0.0.1:1", code=2)


@pytest.mark.slow
def test_nothing_of_dask_is_imported_without_a_scheduler(noisy_png):
    program = (
        "import sys\nfrom cgdenoise.cli.app import main\n"
        "sys.argv = ['cgdenoise', 'denoise', 'noisy.png', '--max-iterations', '5', '--members', '1', '-q']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'dask', 'distributed', 'tornado', 'click'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert found.stdout == "[]\n"


def test_without_dask_the_line_says_how_to_install_it(refused_denoise, noisy_png, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused_denoise("noisy.png", "--scheduler", "tcp://a:1", names="pip install 'cgdenoise[distributed]'", code=2)


@pytest.mark.parametrize(("args", "names"), [(["--jobs", "2"], "--scheduler with --jobs"), (["-o", "-"], "a standard stream")])
def test_what_does_not_go_together_is_refused(refused_denoise, noisy_png, args, names):
    refused_denoise("noisy.png", "--scheduler", "tcp://a:1", *args, names=names, code=2)
