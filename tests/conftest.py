"""What most tests start from: a small noisy photograph, and a preset whose fits take a moment."""

import os
from dataclasses import replace

# As the command line does: on a busy machine waiting threads must not spin. Before anything imports NumPy or torch.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from skimage import data

from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.restoration import presets


@pytest.fixture(scope="session")
def clean():
    """Crop a photograph: (24, 24, 3), uint8."""
    return data.astronaut()[16:64:2, 200:248:2].copy()


@pytest.fixture(scope="session")
def noisy(clean):
    """The crop with noise of 20 grey levels."""
    values = clean + np.random.default_rng(5).normal(0, 20, clean.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.fixture
def light(monkeypatch):
    """Make "fast" one small generator without probe fits or a competitor: the paths are the same, the arithmetic is not."""
    spec = DecoderSpec((32, 32, 16))
    for table in (presets.PRESETS, presets.RECONSTRUCTION):
        monkeypatch.setitem(
            table, "fast", replace(table["fast"], generators=(spec,), probe_iterations=0, patience=20, competition=False)
        )
