"""Jobs in other processes: what becomes of one that is killed, and of all when the user asks for the end."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.workers import Ended, in_processes
from cgdenoise.errors import CgDenoiseError, ImageError, OptionError


def square(job, interrupt, tell):
    if job == "bad":
        raise ImageError("broken", "bad")
    if job == "usage":
        raise OptionError("no such thing")
    return job * job, os.getpid()


def dies(folder, deaths, job, interrupt, tell):
    """Be killed so many times by job 1."""
    marks = list(Path(folder).glob("death*"))
    if job == 1 and len(marks) < deaths:
        (Path(folder) / f"death{len(marks)}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def waits(folder, job, interrupt, tell):
    """Go on until the end is asked for."""
    interrupt.requested()
    (Path(folder) / f"begun{job}").touch()
    while not interrupt.requested():
        time.sleep(0.01)
    return f"the best of {job} so far"


def convolves(job, interrupt, tell):
    """Use two threads of OpenMP, by torch and by the compiled kernels; a process that hangs is ended."""
    import torch

    from cgdenoise.patches.channel_noise import ChannelNoise
    from cgdenoise.patches.white import filter_white

    signal.alarm(60)
    noisy = torch.randn(1, 48, 48, generator=torch.Generator().manual_seed(job))
    torch.nn.functional.conv2d(noisy.expand(64, 48, 48)[None].contiguous(), torch.ones(64, 64, 3, 3))
    filter_white(noisy, ChannelNoise.equal(1.0, 1))
    signal.alarm(0)
    return torch.get_num_threads(), os.getppid()


def ends_the_server(folder, job, interrupt, tell):
    """Be lost together with the process that processes are copies of, once."""
    mark = Path(folder) / "ended"
    if job == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def results(jobs, work, count=2, threads=1):
    found = {}
    for event in in_processes(jobs, work, count, threads, Interrupt()):
        if isinstance(event, Ended):
            try:
                found[event.job] = event.outcome()
            except CgDenoiseError as error:
                found[event.job] = error
    return found


def test_all_are_done_in_as_many_processes_and_errors_are_of_their_job():
    found = results([2, "bad", 3, 4, "usage"], square)
    assert {job: value[0] for job, value in found.items() if isinstance(job, int)} == {2: 4, 3: 9, 4: 16}
    assert len({value[1] for value in found.values() if isinstance(value, tuple)} - {os.getpid()}) <= 2
    assert str(found["bad"]) == "bad: broken"
    assert isinstance(found["usage"], OptionError)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each process loads all for itself")
def test_processes_are_copies_of_one_that_has_loaded_all_and_may_have_threads():
    found = results([0, 1, 2, 3], convolves, threads=2)
    assert {threads for threads, _ in found.values()} == {2}
    (server,) = {parent for _, parent in found.values()}
    assert server != os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as Linux lists them")
def test_the_command_multiplies_small_matrices_in_one_thread():
    code = (
        "import os, sys; os.environ.pop('OPENBLAS_NUM_THREADS', None); sys.argv = ['cgdenoise', '--version']\n"
        "from cgdenoise.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import numpy as np; np.ones((500, 500)) @ np.ones((500, 500)); print(len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no server")
def test_a_server_that_is_killed_is_begun_again(tmp_path):
    assert results([0, 1, 2, 3], partial(ends_the_server, tmp_path)) == {0: 0, 1: 1, 2: 2, 3: 3}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no server")
@pytest.mark.parametrize("error", [ConnectionRefusedError, EOFError])
def test_where_the_server_does_not_answer_a_process_loads_all_for_itself(monkeypatch, error):
    def refuse(fds):
        raise error

    monkeypatch.setattr("multiprocessing.forkserver.connect_to_new_process", refuse)
    assert results([2], square, count=1)[2][0] == 4


@pytest.mark.slow
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_job_whose_process_is_killed_is_tried_again_once(tmp_path, deaths):
    found = results([0, 1, 2], partial(dies, tmp_path, deaths))
    assert (found[0], found[2]) == (0, 2)
    assert found[1] == 1 if deaths == 1 else "SIGKILL, for want of memory perhaps, 2 times" in str(found[1])


@pytest.mark.slow
def test_who_asks_for_the_end_gets_what_was_begun(tmp_path):
    interrupt, found = Interrupt(), {}
    with interrupt.handled():
        for event in in_processes(range(4), partial(waits, tmp_path), 2, 1, _Asked(interrupt, tmp_path)):
            if isinstance(event, Ended):
                found[event.job] = event.outcome()
    assert found == {0: "the best of 0 so far", 1: "the best of 1 so far"}


class _Asked:
    """An interrupt that comes when two jobs have begun."""

    def __init__(self, interrupt, folder):
        self._interrupt, self._folder = interrupt, folder

    signal = signal.SIGINT

    def requested(self):
        return len(list(self._folder.glob("begun*"))) == 2
