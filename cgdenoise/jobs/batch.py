"""From files to files: plan the outputs, restore each input page by page, write the image and its log."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.fitlog import records as record
from cgdenoise.fitting.ensemble import TooEarlyError
from cgdenoise.fitting.plan import Preset
from cgdenoise.images import Picture
from cgdenoise.metrics import psnr, ssim
from cgdenoise.progress import Progress
from cgdenoise.restoration.denoise import denoise
from cgdenoise.restoration.results import FitSummary, RestorationResult, RestoredPart, Snapshot
from cgdenoise.restoration.units import check_image
from cgdenoise.runtime import peak_memory

Array = NDArray[Any]

STREAM = "-"
"""The name of standard input and standard output."""


@dataclass(frozen=True)
class Job:
    """One input and where its result goes; `STREAM` for either is a standard stream, and then there is no log."""

    source: str
    target: str

    @property
    def log(self) -> Path | None:
        """Where the fit log goes: beside the output."""
        return None if self.target == STREAM else Path(self.target).with_suffix(".fit.jsonl")


@dataclass(frozen=True)
class Options:
    """What holds for all jobs of a run.

    Attributes
    ----------
    preset : Preset
        With the user's changes.
    preset_name : str
        Of the preset it started from, for the log.
    sigma : float or None
        Noise level in the files' own grey levels; None estimates it.
    seed : int
        Of all fits.
    device : str
        As `denoise` takes it.
    threads : int
        For the log; set by the caller.
    noise : str
        Model of the noise, as `denoise` takes it.
    gain : float or None
    offset : float
        Of Poisson noise, in the files' own grey levels.
    """

    preset: Preset
    preset_name: str
    sigma: float | None
    seed: int
    device: str
    threads: int
    noise: str = "auto"
    gain: float | None = None
    offset: float = 0.0


@dataclass(frozen=True)
class PageOutcome:
    """How a page went; `parts` is what the log says of the result's parts, `error` why it is none.

    Of a stack the results hold no images: neither parts nor a mask of impulses.
    """

    page: int
    result: RestorationResult
    psnr: float | None
    ssim: float | None
    parts: tuple[record.Record, ...] = ()
    error: str | None = None

    @property
    def status(self) -> str:
        """Return "complete", "interrupted" or "failed"."""
        if self.error:
            return "failed"
        return "interrupted" if self.result.interrupted else "complete"


def plan(sources: Sequence[str], output: str | None, suffix: str, reference: str | None = None) -> list[Job]:
    """Decide where the result of each input goes.

    Parameters
    ----------
    sources : sequence of str
        Paths, or `STREAM`.
    output : str, optional
        A file, a folder, or `STREAM`. Without it a result lies beside its input.
    suffix : str
        Added to the input's name where `output` does not name a file.
    reference : str, optional
        Another file that is read, and must not be replaced.

    Raises
    ------
    OptionError
        If two results would have one name, or one would replace an input.
    """
    folder = output is not None and output != STREAM and (output.endswith(os.sep) or Path(output).is_dir())
    if output is not None and not folder and len(sources) > 1:
        raise OptionError(f"{len(sources)} inputs and one output, {output}; expected an existing folder")
    jobs = []
    for source in sources:
        if output is not None and not folder:
            target = output
        elif source == STREAM:
            target = os.path.join(output, f"stdin{suffix}.png") if output else STREAM
        else:
            path = Path(source)
            parent = Path(output) if output else path.parent
            target = str(parent / f"{path.stem}{suffix}{path.suffix}")
        jobs.append(Job(source, target))
    read = {os.path.realpath(name) for name in [*sources, reference] if name not in (STREAM, None)}
    seen: set[str] = set()
    for job in jobs:
        for written in (job.target, os.fspath(job.log or job.target)):
            if written != STREAM and os.path.realpath(written) in read:
                raise OptionError(f"{written}: is an input; expected another name for the output")
        for written in dict.fromkeys([job.target, os.fspath(job.log or job.target)]):
            if os.path.realpath(written) in seen:
                raise OptionError(f"{written}: two inputs would be written there; expected outputs of different names")
            seen.add(os.path.realpath(written))
    return jobs


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


def check_target(job: Job, picture: Picture, force: bool) -> str:
    """Check, before the fit, that the result can be written, and return the container it will have.

    Raises
    ------
    ImageError
        If the output exists and may not be replaced, cannot be written, or cannot hold the picture.
    """
    if job.target == STREAM:
        return picture.container
    container = images.container_for(job.target)
    images.check(picture, container, job.target)
    for written in (job.target, os.fspath(job.log or job.target)):
        if not force and os.path.lexists(written):
            raise ImageError(f"{written}: exists; expected a new name (--force replaces it)")
        images.check_writable(written)
    return container


def restore(
    source: Source,
    options: Options,
    *,
    reference: Picture | None,
    progress: Callable[[int, Progress], None],
    cancelled: Callable[[], bool],
) -> tuple[Picture, list[PageOutcome], list[record.Record]]:
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
    picture, outcomes, records
        The restored picture, how each page that was begun went, and the records of the log.

    Raises
    ------
    ImageError
        If a page cannot be restored, or the reference has another shape.
    """
    picture = source.picture
    if reference is not None and [p.shape for p in reference.pages] != [p.shape for p in picture.pages]:
        found, expected = reference.pages[0].shape, picture.pages[0].shape
        raise ImageError(f"the reference has shape {found} and {len(reference.pages)} pages; expected {expected}, as the input")
    if reference is not None and any(page.dtype.kind == "f" and not np.isfinite(page).any() for page in reference.pages):
        raise ImageError("the reference has no finite values; expected a clean image")
    for page in picture.pages:
        check_image(page)  # all of them before the first fit: a bad last page must not cost the work on the others
    pages = list(picture.pages)
    outcomes: list[PageOutcome] = []
    records: list[record.Record] = []
    for number in range(len(pages)):
        if number and cancelled():
            break
        clean = None if reference is None else reference.pages[number]
        try:
            pages[number], outcome, of_page = _restore_page(source, number, options, clean, progress, cancelled)
        except TooEarlyError:
            if not outcomes:
                raise
            break  # the pages that are done count
        outcomes.append(outcome)
        records += of_page
    return picture.with_pages(pages), outcomes, records


def _restore_page(
    source: Source,
    number: int,
    options: Options,
    clean: Array | None,
    progress: Callable[[int, Progress], None],
    cancelled: Callable[[], bool],
) -> tuple[Array, PageOutcome, list[record.Record]]:
    """Restore one page: as the file will hold it, how it went, and the records of the log. Nothing else is kept of it."""
    picture = source.picture
    page = picture.pages[number]
    evaluations: list[record.Record] = []

    def observe(snapshot: Snapshot) -> None:
        evaluations.append(evaluation_record(number, snapshot, clean))

    restored, result = denoise(
        page,
        sigma=options.sigma,
        noise=options.noise,
        gain=options.gain,
        offset=options.offset,
        channel_axis=-1,
        preset=options.preset,
        seed=options.seed,
        device=options.device,
        observers=[observe],
        progress=partial(progress, number),
        cancelled=cancelled,
    )
    stored = _stored(picture, page, restored)
    quality = quality_record(stored, clean)
    parts = part_records(result, partial(_stored, picture, page), clean)
    outcome = PageOutcome(number, result, quality.get("psnr"), quality.get("ssim"), parts)
    records = page_records(source.description, options, outcome, evaluations)
    return stored, replace(outcome, result=_without_images(result)), records


def _without_images(result: RestorationResult) -> RestorationResult:
    """Return a result that takes no memory to speak of, however large its page was."""
    return replace(result, parts=(), noise=replace(result.noise, impulses=np.zeros((0, 0, 0), bool)))


def _stored(picture: Picture, page: Array, restored: Array) -> Array:
    """Return a restored page as the file will hold it."""
    return replace(picture, pages=(page,), alpha=None).with_pages([restored]).pages[0]


def quality_record(stored: Array, clean: Array | None) -> dict[str, float]:
    """Return what the log says of a picture's likeness to a clean one, if there is any."""
    if clean is None:
        return {}
    peak = peak_of(clean)
    return {"psnr": psnr(stored, clean, peak), "ssim": ssim(stored, clean, peak)}


def part_records(result: RestorationResult, shown: Callable[[Array], Array], clean: Array | None) -> tuple[record.Record, ...]:
    """Return what the log says of a result's parts; `shown` takes each to the picture that is compared, if any is."""

    def quality(part: RestoredPart) -> dict[str, float]:
        return {} if clean is None else quality_record(shown(part.image()), clean)

    return tuple({"name": part.name, "weight": part.weight, **quality(part)} for part in result.parts)


def peak_of(reference: Array) -> float:
    """Return the full scale that PSNR refers to: an integer dtype's largest value; of floats 1, or their range if it is wider."""
    if reference.dtype.kind in "ui":
        return float(np.iinfo(reference.dtype).max)
    low, high = float(np.nanmin(reference)), float(np.nanmax(reference))
    return 1.0 if (low >= 0 and high <= 1) or low == high else high - low


def evaluation_record(page: int, snapshot: Snapshot, clean: Array | None) -> record.Record:
    """Return what the log says of an evaluation; with a clean image of the snapshot's shape also the PSNR."""
    found: record.Record = {
        "type": "evaluation",
        "page": page,
        "fit": snapshot.label.index,
        "depth": snapshot.label.depth,
        "trial": snapshot.label.trial,
        "iteration": snapshot.iteration,
        "train_rms": snapshot.train_rms,
        "residual_rms": snapshot.residual_rms,
        "held_out_rms": snapshot.held_out_rms,
    }
    if clean is not None and not snapshot.label.trial:
        found["psnr"] = psnr(snapshot.image(), clean, peak_of(clean))
    return found


def page_records(
    description: record.Record, options: Options, outcome: PageOutcome, evaluations: list[record.Record]
) -> list[record.Record]:
    """Return all records of a page, from the header, which has the description of the input, to the end."""
    result, page = outcome.result, outcome.page
    settings = {key: value for key, value in asdict(options).items() if key != "preset"} | asdict(options.preset)
    noise = _noise_record(result)
    head = record.header(page, description, settings, result.sigma, result.sigma_estimated, noise, result.depth)
    records = [head, *evaluations]
    fits = result.fits
    for fit in fits:
        found: record.Record = {
            "type": "fit",
            "page": page,
            "fit": fit.label.index,
            **{key: value for key, value in asdict(fit.label).items() if key != "index"},
            **{key: value for key, value in asdict(fit).items() if key != "label"},
        }
        quality = {e["iteration"]: e["psnr"] for e in evaluations if e["fit"] == fit.label.index and "psnr" in e}
        if quality:
            best = max(quality, key=lambda iteration: quality[iteration])
            found |= {"psnr": quality.get(fit.iteration), "psnr_best": quality[best], "psnr_best_iteration": best}
        records.append(found)
    leading = max(fits, key=lambda fit: fit.weight, default=None)
    end: record.Record = {
        "type": "end",
        "page": page,
        "status": outcome.status,
        "reason": _reason(leading),
        "iteration": leading.iteration if leading else 0,
        "held_out_rms": leading.held_out_rms if leading else None,
        "seconds": result.seconds,
        "device": result.device,
        "peak_memory_bytes": peak_memory(),
        "parts": list(outcome.parts),
        "warnings": list(result.warnings),
    }
    if outcome.psnr is not None:
        end |= {"psnr": outcome.psnr, "ssim": outcome.ssim}
    if outcome.error:
        end["error"] = outcome.error
    return [*records, end]


def _reason(leading: FitSummary | None) -> str:
    """Return why the fit with the largest share ended; there is none in a constant image, nor a share if all collapsed."""
    if leading is None:
        return "constant"
    return str(leading.reason) if leading.weight else "collapsed"


def _noise_record(result: RestorationResult) -> record.Record:
    noise = result.noise
    return {
        "kind": str(noise.kind),
        "sigma": noise.sigma,
        "gain": noise.gain,
        "offset": noise.offset,
        "read_sigma": noise.read_sigma,
        "covariance": None if noise.covariance is None else noise.covariance.tolist(),
        "length": noise.correlation_length,
        "spread": noise.correlation_area,
        "impulses": int(noise.impulses.sum()),
        "reasons": list(noise.reasons),
    }
