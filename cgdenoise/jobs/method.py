"""What a command does to a picture, whichever it is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from cgdenoise.fitlog.outcome import Names
from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture
from cgdenoise.jobs.arrangement import arrange
from cgdenoise.jobs.large import LargePages, in_tiles
from cgdenoise.jobs.options import Options
from cgdenoise.jobs.over_time import WORK, restore_over_time
from cgdenoise.jobs.pages import Source, picture_and_log, restore
from cgdenoise.jobs.sequences import sequences
from cgdenoise.progress import Progress


@dataclass(frozen=True)
class Watch:
    """Who follows a restoration.

    Attributes
    ----------
    progress : callable
        Sees the page's number, how many there are, and how far it is.
    warn : callable
        Sees what is to be known before the wait.
    cancelled : callable
        True ends the running fit.
    large : LargePages
        How large pages are restored.
    """

    progress: Callable[[int, int, Progress], None]
    warn: Callable[[Sequence[str]], None]
    cancelled: Callable[[], bool]
    large: LargePages = field(default_factory=LargePages)


@dataclass(frozen=True)
class Made:
    """A restored picture, the records of its log, how many pages there were to restore, and of how many it was begun."""

    picture: Picture
    records: list[Record]
    pages: int
    begun: int


class Method(Protocol):
    """What a command does to each picture. It is pickled for other processes, and holds all that it needs there."""

    @property
    def options(self) -> Options:
        """What the user chose, the same for all pictures."""

    def settings(self) -> Record:
        """Return everything that decides the result of a picture, for the log."""

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the one that comes of another, to check where it may be written; its pixels mean nothing."""

    def in_tiles(self, picture: Picture) -> bool:
        """Tell whether a picture is so large that it is restored in tiles."""

    def restore(self, source: Source, names: Names, watch: Watch) -> Made:
        """Restore a picture."""


@dataclass(frozen=True)
class Denoising:
    """Denoise each page of a picture.

    Attributes
    ----------
    options : Options
        How.
    clean : Picture or None
        To compare with, in the log.
    """

    options: Options
    clean: Picture | None = None

    def settings(self) -> Record:
        """Return everything that decides the result of a picture."""
        return self.options.settings()

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the result: the input."""
        return picture

    def in_tiles(self, picture: Picture) -> bool:
        """Tell whether a picture is so large that it is restored in tiles."""
        arrangement = arrange(picture, self.options.channels)
        return in_tiles(picture if arrangement is None else arrangement.picture, self.options)

    def restore(self, source: Source, names: Names, watch: Watch) -> Made:
        """Restore a picture."""
        stored, clean = source.picture, self.clean
        watch.warn(stored.remarks)
        arrangement = arrange(stored, self.options.channels)
        if arrangement is not None:
            source = replace(source, picture=arrangement.picture)
            rearranged = None if clean is None else arrange(replace(clean, stack=stored.stack), self.options.channels)
            clean = clean if rearranged is None else rearranged.picture
        count = len(source.picture.pages)
        if self.options.temporal or self.options.warm_start:
            sequences(source.picture)  # before the fits: they take long
        shown = _Shown(watch.progress, count, WORK if self.options.temporal else 0.0)
        pages = restore(
            source,
            self.options,
            reference=clean,
            progress=shown.page,
            cancelled=watch.cancelled,
            large=watch.large,
        )
        if self.options.temporal and len(pages) == count:
            estimates = self.options.preset.estimates
            pages = restore_over_time(source, pages, estimates, clean, shown.together, watch.cancelled)
        picture, records = picture_and_log(source, pages, self.options, names)
        if arrangement is not None:
            picture = stored.with_pages(arrangement.back(picture.pages, stored))
        return Made(picture, records, count, len(pages))


@dataclass
class _Shown:
    """Shows how far pages are, each of which has work ahead that is done when all are there."""

    progress: Callable[[int, int, Progress], None]
    pages: int
    ahead: float
    done: float = 0.0

    def page(self, page: int, now: Progress) -> None:
        """Show how far a page is by itself."""
        self.done = now.done
        self.progress(page, self.pages, replace(now, left=now.left + self.ahead))

    def together(self, now: Progress) -> None:
        """Show how far what is done with all pages is."""
        self.progress(self.pages - 1, self.pages, replace(now, done=self.done + now.done))
