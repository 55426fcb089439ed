"""From a picture to a picture, page by page, with the records of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cgdenoise import __version__, images
from cgdenoise.errors import ImageError
from cgdenoise.fitlog.finished import made_by
from cgdenoise.fitlog.outcome import Names, Outcome, evaluation_record, outcome_of, page_log
from cgdenoise.fitlog.records import Record
from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.images import Picture, to_dtype
from cgdenoise.jobs.large import LargePages
from cgdenoise.jobs.options import Options
from cgdenoise.jobs.sequences import Starts, frames_before
from cgdenoise.progress import Progress
from cgdenoise.reading.on_disk import RowsOnDisk, is_on_disk, let_go
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.results import Restoration, Snapshot
from cgdenoise.restoration.tile_work import Crew
from cgdenoise.restoration.tiled import Kept, denoise_tiles
from cgdenoise.restoration.tiles import Tiling
from cgdenoise.restoration.units import Array, Layout, check_large_image
from cgdenoise.restoration.whole import denoise_whole


@dataclass(frozen=True)
class Source:
    """A decoded input and the hash of its bytes."""

    picture: Picture
    description: dict[str, Any]


def load(name: str, data: bytes, axes: str | None = None) -> Source:
    """Decode an input, whose axes the user may have named, and describe it for the log."""
    return _source(name, images.decode(data, name, axes), hashlib.sha256(data).hexdigest())


def load_file(path: str, folder: str, axes: str | None = None) -> Source:
    """Read an input file as `load` does; the pages of a large one lie in a nameless file in a folder."""
    picture, digest = images.open_image(path, folder, axes)
    return _source(path, picture, digest)


def _source(name: str, picture: Picture, digest: str) -> Source:
    description = {
        "name": name,
        "sha256": digest,
        "container": picture.container,
        "shape": list(picture.pages[0].shape),
        "pages": len(picture.pages),
        "dtype": str(picture.dtype),
        "alpha": picture.alpha is not None,
        "axes": None if picture.stack is None else picture.stack.axes,
    }
    return Source(picture, description)


@dataclass(frozen=True)
class Page:
    """A restored page as the file will hold it, how it went, and the evaluations of its fits for the log.

    The result of the outcome holds no images, and takes no memory to speak of, however large the page was.
    """

    stored: Array
    outcome: Outcome
    evaluations: list[Record]


def restore(
    source: Source,
    options: Options,
    *,
    reference: Picture | None,
    progress: Callable[[int, Progress], None],
    cancelled: Callable[[], bool],
    large: LargePages | None = None,
) -> list[Page]:
    """Restore every page of a picture.

    Parameters
    ----------
    source : Source
        What to restore.
    options : Options
        How.
    reference : Picture, optional
        Clean picture of the same shape, to compare with. It adds figures to the log and does nothing else.
    progress : callable
        Sees the page's number and how far it is.
    cancelled : callable
        True ends the running fit; the pages that have not begun stay as they are.
    large : LargePages, optional
        What is known of pages that are too large for the memory.

    Returns
    -------
    list of Page
        Those that were begun.

    Raises
    ------
    ImageError
        If a page cannot be restored, or the reference has another shape.
    """
    picture, large = source.picture, large or LargePages()
    _check(picture, reference)
    rows = RowsOnDisk(large.folder, picture.dtype) if is_on_disk(picture.pages[0]) else None
    starts = Starts(frames_before(picture) if options.warm_start else {})
    done: list[Page] = []
    for number in range(len(picture.pages)):
        if number and cancelled():
            break
        clean = None if reference is None else reference.pages[number]
        try:
            hooks = Hooks(partial(progress, number), cancelled)
            done.append(_restore_page(source, number, options, clean, hooks, large, rows, starts))
        except TooEarlyError:
            if not done:
                raise
            break  # the pages that are done count
    if rows is None:
        return done
    stored = rows.arrays([page.shape for page in picture.pages[: len(done)]])
    return [replace(page, stored=on_disk) for page, on_disk in zip(done, stored, strict=True)]


def _check(picture: Picture, reference: Picture | None) -> None:
    """Check everything before the first fit: a bad last page must not cost the work on the others."""
    if reference is not None and [p.shape for p in reference.pages] != [p.shape for p in picture.pages]:
        actual, expected = reference.pages[0].shape, picture.pages[0].shape
        raise ImageError(f"the reference has shape {actual} and {len(reference.pages)} pages; expected {expected}, as the input")
    if reference is not None and any(page.dtype.kind == "f" and not np.isfinite(page).any() for page in reference.pages):
        raise ImageError("the reference has no finite values; expected a clean image")
    for page in picture.pages:
        check_large_image(Layout.of(page, -1).view(page))


def picture_and_log(source: Source, pages: list[Page], options: Options, names: Names) -> tuple[Picture, list[Record]]:
    """Return the picture with its restored pages, those that were not begun as they were, and the records of its log."""
    unbegun = source.picture.pages[len(pages) :]
    restored = source.picture.with_pages([*(page.stored for page in pages), *unbegun])
    settings = options.settings()
    logs = [page_log(names, source.description, settings, page.outcome, page.evaluations) for page in pages]
    return restored, [record for log in logs for record in log]


def _restore_page(
    source: Source,
    number: int,
    options: Options,
    clean: Array | None,
    hooks: Hooks,
    large: LargePages,
    rows: RowsOnDisk | None,
    starts: Starts,
) -> Page:
    page = source.picture.pages[number]
    evaluations: list[Record] = []
    known = options.noise_sources.known(options.known, source.picture, number)
    request = DenoisingRequest(page, options.preset, known, -1, options.seed, options.device, start=starts.take(number))
    made_of = made_by(__version__, options.command, source.description["sha256"], options.settings()) | {"page": number}
    tiling = large.tiling(number, page, options, made_of)
    # Evaluations of a large image are of a sample: there is no reference for that.
    compared = clean if tiling is None else None

    def observe(snapshot: Snapshot) -> None:
        evaluations.append(evaluation_record(number, snapshot, compared))

    watched = replace(hooks, observers=[observe])
    shown = partial(_stored, source.picture, page)
    if tiling is None:
        result = denoise_whole(request, watched)
        starts.keep(number, result.start)
        let_go(page)
        stored = shown(result.image)
        if rows is not None:
            rows.append(stored)
    else:
        kept = large.kept(number, made_of, tiling)
        result, stored = _restore_tiles(request, tiling, watched, kept, rows, large.crew)
        if rows is not None and clean is not None:
            stored = rows.arrays([other.shape for other in source.picture.pages[: number + 1]])[-1]
    outcome = outcome_of(number, result, stored, shown, clean)
    return Page(stored if rows is None else np.zeros(0, page.dtype), outcome, evaluations)


def _restore_tiles(
    request: DenoisingRequest, tiling: Tiling, hooks: Hooks, kept: Kept, rows: RowsOnDisk | None, crew: Crew
) -> tuple[Restoration, Array]:
    """Restore a large page; return how it went, and the page as the file will hold it unless it was put on the disk."""
    dtype = request.image.dtype
    stored = np.empty_like(request.image, shape=request.image.shape if rows is None else 0)
    view = Layout.of(request.image, request.channel_axis).view(stored) if rows is None else stored

    def sink(place: slice, values: Array) -> None:
        if rows is None:
            view[place] = to_dtype(values, dtype)
        else:
            rows.append(to_dtype(values, dtype))

    return denoise_tiles(request, tiling, sink, kept, crew, hooks), stored


def _stored(picture: Picture, page: Array, restored: Array) -> Array:
    """Return a restored page as the file will hold it."""
    return replace(picture, pages=(page,), alpha=None).with_pages([restored]).pages[0]
