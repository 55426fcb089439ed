"""The one family of errors: whatever goes wrong with a user's data or request is a `CgDenoiseError`."""

from __future__ import annotations

import os


class CgDenoiseError(Exception):
    """Something the user can act on. As text it is one line: the path, if there is one, and the message.

    Parameters
    ----------
    message : str
        What was found and what was expected, without the path.
    path : path, optional
        Of the file that the message speaks of; or the name of a standard stream.

    Attributes
    ----------
    message : str
    path : str or None
        `reading.about` sets it, if it is None.
    """

    def __init__(self, message: str, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else os.fspath(path)

    def __str__(self) -> str:
        text = self.message if self.path is None else f"{self.path}: {self.message}"
        # A path may hold line breaks, and what a library says of a damaged file whatever that holds.
        return "".join(character if character.isprintable() else " " for character in text)


class ImageError(CgDenoiseError):
    """A file or array cannot be read as, or written as, an image."""


class OptionError(CgDenoiseError, ValueError):
    """A parameter is outside its range, or two parameters contradict each other."""


class MemoryLimitError(CgDenoiseError):
    """The image is too large for the memory of the device."""


class LogError(CgDenoiseError):
    """A fit log cannot be read: not JSON lines, or not written by a fit."""


class NoiseLawError(CgDenoiseError):
    """A file holds no law of noise, or one of other images; or two exposures do not tell one."""


class OperatorError(CgDenoiseError):
    """A forward operator cannot be built, does not fit its input, or is not linear with the adjoint it claims."""


class MeasurementError(CgDenoiseError):
    """A file of measurements cannot be read, or holds something else than expected."""
