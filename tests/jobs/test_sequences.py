"""Which frame comes before which."""

from dataclasses import replace

import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture
from cgdenoise.images.stack import Stack
from cgdenoise.jobs.sequences import frames_before


def test_frames_follow_each_other_in_time_and_else_in_depth():
    picture = Picture((np.zeros((4, 5), np.uint8),) * 6, None, "tiff", stack=Stack("TC", (3, 2)))
    assert frames_before(picture) == {2: 0, 4: 2, 3: 1, 5: 3}
    with pytest.raises(ImageError, match="no axis T or Z"):
        frames_before(replace(picture, stack=Stack("C", (6,))))
