"""`cgdenoise report`: results as web pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cgdenoise.cli.options import Force, Quiet
from cgdenoise.cli.output import emit
from cgdenoise.cli.progress import waiting
from cgdenoise.errors import OptionError


def report(
    logs: Annotated[list[str], typer.Argument(metavar="LOG", help="Fit logs, as denoise writes them: NAME.fit.jsonl.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="Page (.html); of several results the index, or a folder. LOG's name with .html if not given."
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Show results in a web page: before and after, what was removed and why, and how to do it again.

    A page holds all that it shows, and needs no network. Several results get a folder with a page each, and an index that begins
    with those to be doubted.
    """
    from cgdenoise.images import make_folder
    from cgdenoise.jobs.report import load
    from cgdenoise.jobs.report_files import check_report, write_report

    folder = None if output is None or Path(output).suffix.lower() in (".html", ".htm") else output
    several = len(logs) > 1 or len(load(logs[0])) > 1
    if several and output is None:
        raise OptionError("several results; expected -o FOLDER or -o NAME.html for a page each")
    if folder is not None and (several or not Path(folder).suffix):  # of a single result the index is its page
        make_folder(folder)
        target = str(Path(folder) / "index.html")
    else:
        target = output or str(Path(logs[0]).with_suffix(".html"))
    check_report(target, force)
    with waiting("writing pages", quiet=quiet):
        write_report(logs, [], target, force, folder)
    if not quiet:
        emit(target)
    sys.stdout.flush()
