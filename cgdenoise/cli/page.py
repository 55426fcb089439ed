"""`cgdenoise report`: results as web pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.options import Force, Quiet
from cgdenoise.cli.output import emit
from cgdenoise.errors import LogError, OptionError

if TYPE_CHECKING:
    from cgdenoise.jobs.report import Result


def report(
    logs: Annotated[list[str], typer.Argument(metavar="LOG...", help="Fit logs, as denoise writes them: NAME.fit.jsonl.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Page (.html), or for several results a folder. LOG's name with .html if not given."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Show results in a web page: before and after, what was removed and why, and how to do it again.

    A page holds all that it shows, and needs no network. Several results get a folder with a page each, and an index that begins
    with those to be doubted.
    """
    from cgdenoise.images import make_folder, write_together
    from cgdenoise.jobs.plan import check_output
    from cgdenoise.jobs.report import index_of, load, page_of
    from cgdenoise.reading import reading

    results = [result for log in logs for result in load(log)]

    def page(result: Result) -> bytes:
        with reading(result.path, LogError, "a log that can be shown"):
            return page_of(result).encode()

    if len(results) == 1:
        target = output or str(Path(logs[0]).with_suffix(".html"))
        if Path(target).suffix.lower() not in (".html", ".htm"):
            raise OptionError("no web page; expected a name with .html", target)
        check_output(target, force)
        write_together({target: page(results[0])})
    else:
        if output is None or Path(output).suffix.lower() in (".html", ".htm"):
            raise OptionError(f"{len(results)} results; expected -o FOLDER for a page each")
        make_folder(output)
        target = str(Path(output) / "index.html")
        pages = [f"{number:04d}.html" for number in range(1, len(results) + 1)]
        for path in (target, *(str(Path(output) / name) for name in pages)):
            check_output(path, force)
        for name, result in zip(pages, results, strict=True):
            write_together({str(Path(output) / name): page(result)})
        write_together({target: index_of(list(zip(results, pages, strict=True))).encode()})
    if not quiet:
        emit(target)
    sys.stdout.flush()
