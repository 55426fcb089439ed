"""Small images of every kind, and metadata to go with them."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from cgdenoise.images import Metadata, Picture


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def pixels(rng):
    """Make an array that uses the whole range of an integer dtype, or goes beyond 0 to 1 for a float one."""

    def make(dtype, shape=(13, 17)):
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return rng.normal(0.5, 3.0, shape).astype(dtype)
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)

    return make


@pytest.fixture
def picture(pixels):
    """Make a one-page picture, as if read from a container without metadata."""

    def make(dtype="u1", channels=1, alpha=False, metadata=None, size=(13, 17)):
        shape = size if channels == 1 else (*size, channels)
        planes = (pixels(dtype, size),) if alpha else None
        return Picture((pixels(dtype, shape),), planes, "npy", metadata or Metadata())

    return make


@pytest.fixture(scope="session")
def icc():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def exif():
    """An EXIF object with a main, an EXIF and a GPS directory."""
    made = Image.Exif()
    made[0x010F] = "Maker"
    made[0x0112] = 6
    made[0x013B] = "An artist"
    made[0x8769] = {0x829A: 0.008, 0x9003: "2024:05:06 07:08:09", 0x927C: bytes(range(40))}
    made[0x8825] = {1: "N", 2: (48.0, 8.0, 15.5)}
    # Only of what was read do all versions of Pillow give the directories back.
    found = Image.Exif()
    found.load(made.tobytes())
    return found
