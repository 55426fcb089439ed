"""The noise of a picture file, page by page, with what other files tell of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.fitlog.law_file import dump_law
from cgdenoise.images import Picture
from cgdenoise.jobs.found import called
from cgdenoise.jobs.noise_sources import File, NoiseSources
from cgdenoise.noise import NoiseKind, NoiseModel, NoiseReport, choose, examine
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation
from cgdenoise.noise.exposures import ExposureNoise
from cgdenoise.noise.growth import growth_of_coarse
from cgdenoise.noise.known import KnownNoise
from cgdenoise.noise.law import DARK_FRAMES, IMAGE, NoiseLaw
from cgdenoise.reading import about
from cgdenoise.restoration.units import Array, check_image, is_constant


@dataclass(frozen=True)
class ExaminedPage:
    """What is known of the noise in one page, in its grey levels.

    Attributes
    ----------
    file : File
        That it is from.
    number : int
        Of the page, from 0.
    stored : array
        The page as the file has it.
    report : NoiseReport
        What the page alone tells.
    model : NoiseModel
        What a restoration would assume.
    law : NoiseLaw
        The same, for other images.
    exposures : ExposureNoise or None
        What a second exposure tells.
    as_stored : NoiseCorrelation or None
        Of a page that was stored as JPEG: how the noise is correlated since, by flat blocks. `model` says what it was before.
    """

    file: File
    number: int
    stored: Array
    report: NoiseReport
    model: NoiseModel
    law: NoiseLaw
    exposures: ExposureNoise | None
    as_stored: NoiseCorrelation | None = None

    @property
    def unspoilt(self) -> Array:
        """The page's values (H, W, C) with NaN where there are impulses."""
        return np.where(self.report.impulses.mask, np.nan, check_image(self.stored))


def examine_picture(
    file: File, picture: Picture, offset: float | None, sources: NoiseSources, page: int | None
) -> list[ExaminedPage]:
    """Examine the pages of a picture.

    Parameters
    ----------
    file : File
        That it is from.
    picture : Picture
        What is in it.
    offset : float or None
        Value of a pixel that has received no light, if the user knows it.
    sources : NoiseSources
        Other files that tell of the noise.
    page : int or None
        The only page to examine, from 1.

    Raises
    ------
    ImageError, NoiseLawError
        If the picture has a page without any noise, or does not go with the other files.
    """
    title = called(file.name)
    if page is not None and page > len(picture.pages):
        raise OptionError(
            f"{len(picture.pages)} page{'s' * (len(picture.pages) > 1)}; expected --page up to that, not {page}", title
        )
    pages = []
    for number in range(len(picture.pages)) if page is None else [page - 1]:
        with about(title):
            values = check_image(picture.pages[number])
            if is_constant(values):
                raise ImageError("all values of a channel are the same; expected an image with noise")
            report = examine(values, offset)
            values = report.stripes.taken_from(values)
            exposures = None if sources.second is None else sources.compared(picture, number, offset)
            told = KnownNoise(offset=offset)
            if exposures is None:
                told = sources.known(told, picture, number)
            law = exposures.law if exposures is not None else told.law
            if law is None:
                model = choose(values, NoiseKind(told.kind), sigma=told.sigma, offset=told.offset, impulses=report.impulses)
                measured_by = IMAGE if sources.dark is None else DARK_FRAMES
                law = _grown(NoiseLaw.of(model, report.correlation.autocorrelation, measured_by), values)
            else:
                model = law.model_of(values)
            as_stored = None if model.stored is None else noise_correlation(values, told=True)
        pages.append(ExaminedPage(file, number, picture.pages[number], report, model, law, exposures, as_stored))
    return pages


def _grown(law: NoiseLaw, values: Array) -> NoiseLaw:
    """Return the law of coarse noise with its growth, which a restoration has no use for; other laws have theirs."""
    growth = growth_of_coarse(values) if law.kind is NoiseKind.CORRELATED else None
    if growth is None:
        return law
    return replace(law, gain=growth.gain, offset=growth.offset, read_sigma=growth.read_sigma)


def law_file(page: ExaminedPage, sources: NoiseSources) -> bytes:
    """Return the content of a JSON file with the law of a page's noise."""
    return dump_law(page.law, page.stored.dtype, [asdict(file) for file in (page.file, *sources.files)])
