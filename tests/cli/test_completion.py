"""Completion installs itself, and completes, in real shells; and every help reads well in 80 columns."""

import os
import pty
import re
import select
import shutil
import signal
import sys
import time

import pytest

from cgdenoise.cli import app

COMMANDS = [command.__name__ for command in (*app.COMMANDS, app.config)]

SHELLS = {"bash": ["--noprofile", "-i"], "zsh": ["-i"]}


class Terminal:
    """A shell at a terminal of its own, with an empty home and the command on its path."""

    def __init__(self, shell, home):
        (home / "bin").mkdir(exist_ok=True)
        script = home / "bin" / "cgdenoise"
        script.write_text(f"#!{sys.executable}\nfrom cgdenoise.cli.app import main\nmain()\n")
        script.chmod(0o755)
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(home)
            variables = {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "ready> "}
            path = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
            os.execve(shutil.which(shell), [shell, *SHELLS[shell]], variables | path)

    def type(self, text, until, seconds=60):
        """Type something, and return what is shown until a pattern is."""
        os.write(self._terminal, text.encode())
        shown, deadline = "", time.monotonic() + seconds
        while not re.search(until, shown) and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 0.2)[0]:
                shown += os.read(self._terminal, 4096).decode(errors="replace")
        assert re.search(until, shown), shown
        return shown

    def close(self):
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_completion_installs_and_completes(tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    (tmp_path / ".zshrc").touch()  # else zsh asks what to put there
    (tmp_path / "noisy_picture.png").touch()
    terminal = Terminal(shell, tmp_path)
    try:
        terminal.type("cgdenoise --install-completion; echo installed $((40 + 2))\n", "installed 42")
    finally:
        terminal.close()
    terminal = Terminal(shell, tmp_path)
    try:
        time.sleep(1)  # it reads what was installed
        terminal.type("cgdenoise \t", ".")
        time.sleep(5)  # by the first tab zsh only loads the function that completes
        terminal.type("\x15cgdenoise den\t", "cgdenoise denoise ")
        terminal.type("--on-ex\t", "--on-exists ")
        terminal.type("sk\t", "skip ")
        terminal.type("noisy_p\t", "noisy_picture.png")
    finally:
        terminal.close()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_help_reads_well_in_80_columns(cli, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    narrow = cli(*filter(None, [command]), "--help").out
    assert max(map(len, narrow.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "400")
    wide = cli(*filter(None, [command]), "--help").out
    assert words(narrow) - words(wide) == set()  # no word is broken


def words(text):
    return set(re.sub(r"[│╭╮╰╯─]", " ", text).split())
