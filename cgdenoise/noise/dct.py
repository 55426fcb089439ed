"""The discrete cosine transform, in which both noise and texture are nearly uncorrelated."""

import numpy as np
from numpy.typing import NDArray


def dct_matrix(size: int) -> NDArray[np.float64]:
    """Return the matrix of the orthonormal DCT-II, (coefficients, samples) (Ahmed et al., IEEE Trans. Computers, 1974)."""
    u, x = np.arange(size)[:, None], np.arange(size)
    matrix: NDArray[np.float64] = np.cos(np.pi * u * (2 * x + 1) / (2 * size)) * np.sqrt(np.where(u == 0, 1, 2) / size)
    return matrix
