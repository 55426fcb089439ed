"""What files tell of the noise in others: a law that was measured before, a second exposure, dark frames."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace

from cgdenoise import images
from cgdenoise.errors import NoiseLawError
from cgdenoise.fitlog.law_file import LawFile, full_scale, read_law
from cgdenoise.images import Picture
from cgdenoise.images.picture import channel_count
from cgdenoise.noise.exposures import DarkNoise, ExposureNoise, compare_exposures, measure_dark
from cgdenoise.noise.known import KnownNoise
from cgdenoise.noise.model import NoiseKind
from cgdenoise.reading import about
from cgdenoise.restoration.units import check_image


@dataclass(frozen=True)
class File:
    """A name, and the hash of the bytes that were read."""

    name: str
    sha256: str


@dataclass(frozen=True)
class NoiseSources:
    """Files that tell of the noise, read once for all inputs; each with what it says.

    Attributes
    ----------
    law : (File, LawFile) or None
        A law that was measured before.
    second : (File, Picture) or None
        A second exposure of the input, of the same pages.
    dark : (File, Picture, DarkNoise) or None
        Dark frames, one a page.
    """

    law: tuple[File, LawFile] | None = None
    second: tuple[File, Picture] | None = None
    dark: tuple[File, Picture, DarkNoise] | None = None

    @staticmethod
    def read(law: str | None, second: str | None, dark: str | None, axes: str | None = None) -> NoiseSources:
        """Read those of the files that are named; `axes` if the user names those of the inputs, which a second exposure shares.

        Raises
        ------
        ImageError, NoiseLawError
            If one cannot be read, or is something else.
        """
        return NoiseSources(
            None if law is None else _read_law(law),
            None if second is None else read_picture(second, axes),
            None if dark is None else _read_dark(dark),
        )

    @property
    def files(self) -> tuple[File, ...]:
        """All of them."""
        return tuple(source[0] for source in (self.law, self.second, self.dark) if source is not None)

    def hashes(self) -> dict[str, str | None]:
        """Return the hash of each by the name of its option, for the log: a result is made again when one has changed."""
        sources = {"noise_file": self.law, "noise_from": self.second, "dark": self.dark}
        return {name: None if source is None else source[0].sha256 for name, source in sources.items()}

    def known(self, told: KnownNoise, picture: Picture, page: int) -> KnownNoise:
        """Return what is known of the noise in a page of a picture, in its grey levels.

        Parameters
        ----------
        told : KnownNoise
            By the user's options, which say nothing that a file does.

        Raises
        ------
        ImageError, NoiseLawError
            If a file is of other images: of another shape, number of channels or depth.
        """
        if self.law is not None:
            file, found = self.law
            with about(file.name):
                _check_scale(picture, found.full_scale, found.dtype)
                if found.law.channels != (channels := channel_count(picture.pages[0])):
                    raise NoiseLawError(
                        f"law of the noise in {found.law.channels} channels; expected {channels}, as the input has"
                    )
            return replace(told, law=found.law)
        if self.second is not None:
            return replace(told, offset=None, law=self.compared(picture, page, told.offset).law)
        if self.dark is not None:
            file, frames, dark = self.dark
            with about(file.name):
                _check_scale(picture, full_scale(frames.dtype), str(frames.dtype))
            return replace(told, kind=NoiseKind.POISSON_GAUSSIAN, sigma=dark.read_sigma, offset=dark.offset)
        return told

    def compared(self, picture: Picture, page: int, offset: float | None) -> ExposureNoise:
        """Return what the second exposure, which there has to be, tells of the noise in a page; `offset` if the user knows it."""
        assert self.second is not None
        file, second = self.second
        with about(file.name):
            if len(second.pages) != len(picture.pages):
                raise NoiseLawError(f"{len(second.pages)} pages; expected {len(picture.pages)}, as the input has")
            _check_scale(picture, full_scale(second.dtype), str(second.dtype))
            zero = offset if self.dark is None else self.dark[2].offset
            return compare_exposures(check_image(picture.pages[page]), check_image(second.pages[page]), zero)


def _read_law(name: str) -> tuple[File, LawFile]:
    found = read_law(name)
    return File(name, found.sha256), found


def read_picture(name: str, axes: str | None = None) -> tuple[File, Picture]:
    """Read a picture, whose axes the user may have named, and say of which bytes it is."""
    picture, digest = images.open_image(name, tempfile.gettempdir(), axes)
    return File(name, digest), picture


def _read_dark(name: str) -> tuple[File, Picture, DarkNoise]:
    file, picture = read_picture(name)
    with about(name):
        return file, picture, measure_dark([check_image(page) for page in picture.pages])


def _check_scale(picture: Picture, found: int | None, dtype: str) -> None:
    """Refuse grey levels that mean something else: those of 16 bits for an image of 8."""
    if found != full_scale(picture.dtype):
        raise NoiseLawError(f"in grey levels of {dtype}; expected those of {picture.dtype}, as the input has")
