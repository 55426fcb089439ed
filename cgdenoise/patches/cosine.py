"""The orthonormal cosine transform of images by SciPy, which is on the CPU, and back: of whatever device."""

from __future__ import annotations

import torch
from scipy.fft import dctn, idctn
from torch import Tensor


def transformed(image: Tensor) -> Tensor:
    """Return the DCT-II of an image over its last two axes, [..., H, W]."""
    return torch.as_tensor(dctn(image.detach().cpu().numpy(), axes=(-2, -1), norm="ortho")).to(image)


def back(spectrum: Tensor) -> Tensor:
    """Return the image, [..., H, W], that `transformed` gives the spectrum of."""
    return torch.as_tensor(idctn(spectrum.cpu().numpy(), axes=(-2, -1), norm="ortho")).to(spectrum)
