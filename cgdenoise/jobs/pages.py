"""From a picture to a picture, page by page, with the records of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cgdenoise import images
from cgdenoise.errors import ImageError
from cgdenoise.fitlog.outcome import Names, Outcome, evaluation_record, outcome_of, page_log
from cgdenoise.fitlog.records import Record
from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.images import Picture
from cgdenoise.jobs.options import Options
from cgdenoise.progress import Progress
from cgdenoise.restoration.denoise import run_denoising
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.results import Snapshot
from cgdenoise.restoration.units import Array, check_image


@dataclass(frozen=True)
class Source:
    """A decoded input and the hash of its bytes."""

    picture: Picture
    description: dict[str, Any]


def load(name: str, data: bytes) -> Source:
    """Decode an input and describe it for the log."""
    picture = images.decode(data, name)
    description = {
        "name": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "container": picture.container,
        "shape": list(picture.pages[0].shape),
        "pages": len(picture.pages),
        "dtype": str(picture.dtype),
        "alpha": picture.alpha is not None,
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

    Returns
    -------
    list of Page
        Those that were begun.

    Raises
    ------
    ImageError
        If a page cannot be restored, or the reference has another shape.
    """
    picture = source.picture
    if reference is not None and [p.shape for p in reference.pages] != [p.shape for p in picture.pages]:
        actual, expected = reference.pages[0].shape, picture.pages[0].shape
        raise ImageError(f"the reference has shape {actual} and {len(reference.pages)} pages; expected {expected}, as the input")
    if reference is not None and any(page.dtype.kind == "f" and not np.isfinite(page).any() for page in reference.pages):
        raise ImageError("the reference has no finite values; expected a clean image")
    for page in picture.pages:
        check_image(page)  # all of them before the first fit: a bad last page must not cost the work on the others
    done: list[Page] = []
    for number in range(len(picture.pages)):
        if number and cancelled():
            break
        clean = None if reference is None else reference.pages[number]
        try:
            done.append(_restore_page(source, number, options, clean, Hooks(partial(progress, number), cancelled)))
        except TooEarlyError:
            if not done:
                raise
            break  # the pages that are done count
    return done


def picture_and_log(source: Source, pages: list[Page], options: Options, names: Names) -> tuple[Picture, list[Record]]:
    """Return the picture with its restored pages, those that were not begun as they were, and the records of its log."""
    unbegun = source.picture.pages[len(pages) :]
    restored = source.picture.with_pages([*(page.stored for page in pages), *unbegun])
    settings = options.settings()
    logs = [page_log(names, source.description, settings, page.outcome, page.evaluations) for page in pages]
    return restored, [record for log in logs for record in log]


def _restore_page(source: Source, number: int, options: Options, clean: Array | None, hooks: Hooks) -> Page:
    page = source.picture.pages[number]
    evaluations: list[Record] = []

    def observe(snapshot: Snapshot) -> None:
        evaluations.append(evaluation_record(number, snapshot, clean))

    known = options.noise_sources.known(options.known, source.picture, number)
    request = DenoisingRequest(page, options.preset, known, -1, options.seed, options.device)
    result = run_denoising(request, replace(hooks, observers=[observe]))
    shown = partial(_stored, source.picture, page)
    stored = shown(result.image)
    outcome = outcome_of(number, result, stored, shown, clean)
    return Page(stored, outcome, evaluations)


def _stored(picture: Picture, page: Array, restored: Array) -> Array:
    """Return a restored page as the file will hold it."""
    return replace(picture, pages=(page,), alpha=None).with_pages([restored]).pages[0]
