"""`cgdenoise`: the commands, and what an error becomes."""

from __future__ import annotations

import io
import os
import sys

import typer

from cgdenoise.cli.compare import compare
from cgdenoise.cli.config import config
from cgdenoise.cli.cs import cs
from cgdenoise.cli.ct import ct
from cgdenoise.cli.deblur import deblur
from cgdenoise.cli.denoise import denoise
from cgdenoise.cli.doctor import doctor
from cgdenoise.cli.errors import exit_on_error
from cgdenoise.cli.examples import EXAMPLES, PROGRAM, epilog
from cgdenoise.cli.help import PlainCommand, PlainGroup, with_plain_help
from cgdenoise.cli.info import info
from cgdenoise.cli.inpaint import inpaint
from cgdenoise.cli.manual import man
from cgdenoise.cli.mri import mri
from cgdenoise.cli.noise import noise
from cgdenoise.cli.output import warnings_noted
from cgdenoise.cli.page import report
from cgdenoise.cli.plot import plot
from cgdenoise.cli.reproduce import reproduce
from cgdenoise.cli.settings import with_settings
from cgdenoise.cli.status import status
from cgdenoise.cli.upscale import upscale
from cgdenoise.garbage import look_seldom

app = typer.Typer(
    name="cgdenoise",
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from cgdenoise import __version__

        print(f"cgdenoise {__version__}")
        raise typer.Exit


@app.callback(epilog=epilog(PROGRAM))
def common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and exit."),
) -> None:
    """Restore one noisy image, without training data, by fitting a convolutional generator to it and stopping early."""


COMMANDS = (denoise, inpaint, deblur, upscale, cs, mri, ct, plot, report, compare, info, noise, status, reproduce, doctor)
for command in COMMANDS:
    app.command(cls=PlainCommand, epilog=epilog(EXAMPLES[command.__name__]))(with_plain_help(with_settings(command)))
for command in (config, man):
    app.command(cls=PlainCommand, epilog=epilog(EXAMPLES[command.__name__]))(with_plain_help(command))


def _share_the_cores() -> None:
    """Let threads that wait for the others sleep soon, not spin: beside another process they would take its cores.

    libgomp reads this when torch loads it. 2000 is between two values that benchmarks/README.md has figures of ("Two at once").
    NumPy's products here are small: with one thread they take milliseconds, with two on busy cores up to 300 times as long.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def main() -> None:
    """Run the command line: exit code 0 all done, 1 something failed, 2 usage, 130 interrupted."""
    look_seldom()
    _share_the_cores()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may be no text
    with exit_on_error(), warnings_noted():
        app(prog_name="cgdenoise")
