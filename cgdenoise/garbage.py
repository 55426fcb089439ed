"""When Python looks for garbage: seldom while modules are loaded, which make a million objects and none of it."""

import gc

_USUAL = gc.get_threshold()
_SELDOM = 500_000
"""New objects between two looks: torch and what is loaded with it need a few. With the usual 700 or 2000 a fifth of the time of
loading was spent looking (`benchmarks/NOTES.md`, "Loading")."""


def look_seldom() -> None:
    """Look for garbage seldom from now on, as a process of our own begins."""
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def look_as_usual() -> None:
    """Look for garbage as Python does, but not among what there is already."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
