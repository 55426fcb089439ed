"""What the caller of a restoration may hand in to watch it and to end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cgdenoise.progress import Progress
from cgdenoise.restoration.results import Snapshot


@dataclass(frozen=True)
class Hooks:
    """What is called while an image is restored.

    Attributes
    ----------
    progress : callable
        Sees several times a second how much is done and how much is left.
    cancelled : callable
        Asked several times a second; True ends the restoration with the best result so far.
    observers : sequence of callables
        Each sees every evaluation of every fit.
    """

    progress: Callable[[Progress], None] = lambda now: None
    cancelled: Callable[[], bool] = lambda: False
    observers: Sequence[Callable[[Snapshot], None]] = ()


Watch = bool | Callable[[Progress], None] | Hooks
"""How a call is watched: True draws a bar, in a notebook too; a callable sees the progress; `Hooks` has all there is."""


@contextmanager
def watching(watch: Watch) -> Iterator[Hooks]:
    """Return the hooks for what a caller asked for; a bar is closed at the end of the block."""
    if isinstance(watch, Hooks):
        yield watch
    elif callable(watch):
        yield Hooks(watch)
    elif watch:
        with _bar() as progress:
            yield Hooks(progress)
    else:
        yield Hooks()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from tqdm.auto import tqdm

    with tqdm(bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}") as bar:

        def show(now: Progress) -> None:
            bar.total, bar.n = now.done + now.left, now.done
            bar.set_description(now.stage)

        yield show
