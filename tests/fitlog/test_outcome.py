"""What a log says of a restoration's end."""

import numpy as np
import pytest

from cgdenoise.fitlog.outcome import peak_of


@pytest.mark.parametrize(
    ("reference", "peak"),
    [
        (np.zeros(3, np.uint8), 255),
        (np.zeros(3, np.uint16), 65535),
        (np.array([0.0, 0.4]), 1),
        (np.array([0.0, np.nan, 1.0]), 1),
        (np.array([-1.0, 3.0]), 4),
        (np.array([0.0, 255.0]), 255),
    ],
)
def test_peak_of(reference, peak):
    assert peak_of(reference) == peak
