"""The frames of a picture restored together, after each was restored by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from cgdenoise.fitlog.outcome import further
from cgdenoise.images import Picture
from cgdenoise.jobs.pages import Page, Source
from cgdenoise.jobs.sequences import sequences
from cgdenoise.progress import FILTER, Cancelled, Progress, Tick
from cgdenoise.reading.on_disk import let_go
from cgdenoise.restoration.frames import Frames, common_noise, parts_of, restore_frames
from cgdenoise.restoration.units import Array

FRAMES = "frames"
"""Name of the part that is groups over frames."""

_FILTERS = 5
"""One first estimate, two rounds of ridge and two of shrinkage."""

_DEARER = 5.0
"""Times as long as a filter of one frame by itself takes one over frames, for each of them: 5.4 for three of 96²."""

WORK = _DEARER * FILTER * _FILTERS
"""What a frame takes here, in iterations of a fit."""


def restore_over_time(
    source: Source,
    pages: list[Page],
    estimates: int,
    clean: Picture | None,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> list[Page]:
    """Restore pages again, together with those before and after; pages of which that is not possible stay as they are.

    Parameters
    ----------
    source : Source
        What they were restored from.
    pages : list of Page
        All of them.
    estimates : int
        Of the groups, as `mixture.filter_patches` has it.
    progress : callable
        Sees how far this is, in iterations of a fit.
    clean, cancelled
        As `pages.restore` has them.
    """
    found = list(pages)
    lines = [(line, given, around) for line in sequences(source.picture) for given, around in parts_of(len(line))]
    done, whole = 0.0, WORK * sum(len(line[around]) for line, _, around in lines)

    def tick(frames: float) -> None:
        nonlocal done
        if cancelled():
            raise Cancelled
        done += _DEARER * FILTER * frames
        progress(Progress("frames together", done, max(0.0, whole - done)))

    try:
        tick(0.0)
        for line, given, around in lines:
            start, numbers = time.perf_counter(), line[around]
            stored = _together(source.picture, [pages[n] for n in numbers], numbers, estimates, tick)
            if stored is None:
                warning = (
                    "the frames were restored each by itself: their noise is shared by neighbouring pixels, or there is none"
                )
                for number in line[given]:
                    found[number] = replace(found[number], outcome=found[number].outcome.warned(warning))
                continue
            seconds = (time.perf_counter() - start) / len(line[given])
            for number, image in zip(numbers, stored, strict=True):
                if number in line[given] and image is not None:
                    reference = None if clean is None else clean.pages[number]
                    outcome = further(found[number].outcome, FRAMES, image, reference, seconds)
                    found[number] = replace(found[number], stored=image, outcome=outcome)
    except Cancelled:
        pass  # what each frame is by itself is there
    return found


def _together(
    picture: Picture,
    pages: list[Page],
    numbers: list[int],
    estimates: int,
    tick: Tick,
) -> list[Array | None] | None:
    """Return frames as the file will hold them, None for one that stays as it is; None if they have no noise in common.

    `tick` sees how many frames were filtered.
    """
    noise = common_noise([page.outcome.result.noise for page in pages])
    if noise is None:
        return None
    noisy = [picture.pages[number] for number in numbers]
    area = noisy[0].shape[0] * noisy[0].shape[1]
    has_impulses = any(page.outcome.noise["impulses"] for page in pages)
    restored = restore_frames(
        Frames(noisy, [page.stored for page in pages]), noise, has_impulses, estimates, lambda pixels: tick(pixels / area)
    )
    for page in noisy:
        let_go(page)
    like = replace(picture, alpha=None, stack=None)
    return [
        None if image is None else replace(like, pages=(page,)).with_pages([image]).pages[0]
        for page, image in zip(noisy, restored, strict=True)
    ]
