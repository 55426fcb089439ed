"""The option that says what the axes of a file are."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.errors import ImageError, OptionError

Axes = Annotated[
    str | None,
    typer.Option(
        help="What the axes of a stack are, as TZCYX, where its metadata do not say it: time, depth, channel, rows, columns."
    ),
]


def checked_axes(axes: str | None) -> str | None:
    """Return the letters of axes in capitals, before anything is read.

    Raises
    ------
    OptionError
        If they are none.
    """
    from cgdenoise.images.stack import check_axes

    try:
        return None if axes is None else check_axes(axes)
    except ImageError as error:
        raise OptionError(f"--axes: {error.message}") from error
