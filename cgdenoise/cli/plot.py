"""`cgdenoise plot`: draw the curves of a fit log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cgdenoise.cli.options import Force, Quiet, drawing_kind
from cgdenoise.cli.output import emit
from cgdenoise.cli.progress import waiting
from cgdenoise.errors import ImageError, LogError, OptionError


def plot(
    log: Annotated[Path, typer.Argument(help="Fit log, as denoise writes it: NAME.fit.jsonl.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture, .png, .svg or .pdf. LOG's name with .png if not given.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, help="Page of a multi-page image, from 1.")] = 1,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw the errors of each fit against its iterations, with the chosen iteration marked."""
    from cgdenoise.fitlog.reader import check_fields, read_log
    from cgdenoise.images import check_writable, write_atomically
    from cgdenoise.reading import reading

    target = output or log.with_suffix(".png")
    kind = drawing_kind(str(target))
    pages = read_log(log)
    if target.resolve() == log.resolve():
        raise OptionError("is the log itself; expected another name for the picture", target)
    if page > len(pages):
        raise OptionError(f"{len(pages)} page{'s' * (len(pages) > 1)}; expected --page up to that, not {page}", log)
    check_fields(pages[page - 1], str(log))
    if target.exists() and not force:
        raise ImageError("exists; expected a new name (--force replaces it)", target)
    check_writable(target)

    with waiting("drawing", str(log), quiet), reading(log, LogError, "numbers that can be drawn"):
        from cgdenoise.fitlog.plot import draw

        picture = draw(pages[page - 1], kind)
    write_atomically(target, picture)
    if not quiet:
        emit(str(target))
    sys.stdout.flush()
