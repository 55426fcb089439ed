"""What variables are called in files of measurements: an option of `cs` and `mri`."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.errors import OptionError

Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--variable",
        metavar="ROLE=NAME",
        help="What a variable is called in its file, if not y, mask, maps, A, shape or sigma: y=kspace. May be given again.",
    ),
]


def parse_variables(texts: list[str] | None) -> dict[str, str]:
    """Return the names of variables by their roles, from words such as y=kspace.

    Raises
    ------
    OptionError
        If a text is no such word, or a role comes twice.
    """
    from cgdenoise.measurements.variables import ROLES

    names: dict[str, str] = {}
    for text in texts or ():
        role, _, name = text.partition("=")
        if role not in ROLES or not name or role in names:
            once = " once" if role in names else ""
            raise OptionError(f"--variable {text}; expected ROLE=NAME with ROLE{once} one of {', '.join(ROLES)}, as y=kspace")
        names[role] = name
    return names
