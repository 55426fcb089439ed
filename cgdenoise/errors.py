"""The one family of errors: whatever goes wrong with a user's data or request is a `CgDenoiseError`."""


class CgDenoiseError(Exception):
    """Something the user can act on. The message is one line: what was found and what was expected.

    Attributes
    ----------
    path : str or None
        The file that the message begins with, if there is one.
    """

    path: str | None = None


class ImageError(CgDenoiseError):
    """A file or array cannot be read as, or written as, an image."""


class OptionError(CgDenoiseError, ValueError):
    """A parameter is outside its range, or two parameters contradict each other."""


class MemoryLimitError(CgDenoiseError):
    """The image is too large for the memory of the device."""


class LogError(CgDenoiseError):
    """A fit log cannot be read: not JSON lines, or not written by a fit."""


class OperatorError(CgDenoiseError):
    """A forward operator cannot be built, does not fit its input, or is not linear with the adjoint it claims."""


class MeasurementError(CgDenoiseError):
    """A file of measurements cannot be read, or holds something else than expected."""
