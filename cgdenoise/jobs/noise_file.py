"""The law of a camera's noise in a JSON file: measured once, told with every image that the camera takes."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import Any

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.noise import NoiseKind, NoiseModel
from cgdenoise.noise.known import KnownNoise
from cgdenoise.reading import about, reading

_FORMAT = 1
_LARGEST = 1 << 20
"""Bytes of such a file, at most; it has some hundred."""

_SAID = {
    NoiseKind.GAUSSIAN: ("sigma",),
    NoiseKind.CORRELATED: ("sigma",),
    NoiseKind.IMPULSE: ("sigma",),
    NoiseKind.POISSON: ("gain", "offset"),
    NoiseKind.POISSON_GAUSSIAN: ("sigma", "gain", "offset"),
}
"""Numbers that a kind of noise has."""


@dataclass(frozen=True)
class NoiseFile:
    """What such a file says.

    Attributes
    ----------
    known : KnownNoise
        The law, in the grey levels of the files that it holds for.
    dtype : str
        Of these files.
    path : str
        Of the file itself, for messages.
    """

    known: KnownNoise
    dtype: str
    path: str

    def check(self, dtype: str, name: str) -> None:
        """Check that the law holds for a picture of a dtype.

        Raises
        ------
        ImageError
            If its grey levels are others.
        """
        if dtype != self.dtype:
            raise ImageError(f"{dtype} values; expected {self.dtype}, for which the noise of {self.path} was measured", name)


def noise_file(model: NoiseModel, dtype: str, name: str, sha256: str, version: str) -> bytes:
    """Return the file of a model of noise, in the grey levels of the picture it was measured on.

    Parameters
    ----------
    model : NoiseModel
        Of the picture.
    dtype, name, sha256 : str
        Of the picture.
    version : str
        Of cgdenoise.
    """
    gaussian = model.read_sigma if model.gain else model.sigma
    numbers = {"sigma": gaussian, "gain": model.gain, "offset": model.offset}
    found = {
        "noise_format": _FORMAT,
        "kind": str(model.kind),
        **{key: numbers[key] for key in _SAID[model.kind]},
        "dtype": dtype,
        "measured_on": {"name": name, "sha256": sha256},
        "version": version,
        "reasons": list(model.reasons),
    }
    return json.dumps(found, indent=1).encode() + b"\n"


def read_noise_file(path: str | os.PathLike[str]) -> NoiseFile:
    """Read such a file.

    Raises
    ------
    ImageError
        If it cannot be read, or says something else.
    """
    with reading(path, ImageError, "a noise file, as noise --save-noise writes it"):
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ImageError(f"more than {_LARGEST} bytes; expected a noise file, which is smaller")
        found = json.loads(data)
    with about(path):
        if not isinstance(found, dict) or found.get("noise_format") != _FORMAT:
            raise ImageError(f"no noise_format {_FORMAT}; expected a noise file, as noise --save-noise writes it")
        kind = found.get("kind")
        if kind not in _SAID:
            raise ImageError(f"kind {kind!r}; expected one of {', '.join(_SAID)}")
        numbers = {key: _number(found, key) for key in _SAID[kind]}
        if not isinstance(found.get("dtype"), str):
            raise ImageError("no dtype; expected that of the files that the noise is of")
        try:
            known = KnownNoise(kind, numbers.get("sigma"), numbers.get("gain"), numbers.get("offset"))
            return NoiseFile(known, found["dtype"], os.fspath(path))
        except OptionError as error:
            raise ImageError(str(error)) from error


def _number(found: dict[str, Any], key: str) -> float:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ImageError(f"{key} {value!r}; expected a finite number")
    return float(value)
