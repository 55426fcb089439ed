"""ConvDecoder as published for several coils, from the paper's description and the numbers of its notebook.

Darestani & Heckel, "Accelerated MRI with un-trained neural networks", IEEE TCI 2021, arXiv 2007.02471.
`scans.py --convdecoder 20000` compares with it.

Its output is an image of each coil, two channels for one: sensitivities have no part in it. Seven levels of nearest-neighbour
upsampling, convolution 3x3 without bias, ReLU and batch normalisation, with 160 channels, from a fixed 8x4 input to the image's
size; one more convolution there, and a linear one 1x1. Adam with a rate of 0.008, 20,000 iterations, of which that with the least
training error counts (the published code wants half a per cent less each time); then what was measured takes its place again, and
the picture is the root of the sum of squares over the coils.
"""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from cgdenoise.operators import Fourier

_CHANNELS, _LEVELS, _INPUT, _RATE, _BETTER = 160, 7, (8, 4), 0.008, 1.005


def network(coils: int, size: tuple[int, int]) -> nn.Sequential:
    """Return the network, from (1, channels, 8, 4) to (1, 2 coils, H, W)."""
    growth = [(side / first) ** (1 / _LEVELS) for side, first in zip(size, _INPUT, strict=True)]
    layers: list[nn.Module] = []
    for level in range(1, _LEVELS + 1):
        grown = [int(np.ceil(first * by**level)) for first, by in zip(_INPUT, growth, strict=True)]
        layers.append(nn.Upsample(size=size if level == _LEVELS else tuple(grown), mode="nearest"))
        layers += _block()
    return nn.Sequential(*layers, *_block(), nn.Conv2d(_CHANNELS, 2 * coils, 1, bias=False))


def _block() -> list[nn.Module]:
    return [nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(_CHANNELS)]


def convdecoder(y: np.ndarray, mask: np.ndarray, iterations: int, seed: int = 0) -> np.ndarray:
    """Return the magnitude of the image, (H, W), from samples (coils, H, W), which are 0 where the mask is."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    net = network(len(y), y.shape[1:]).to(device)
    code = torch.rand(1, _CHANNELS, *_INPUT).to(device)
    fourier, kept = Fourier(y.shape), torch.from_numpy(mask).to(device)
    samples = torch.from_numpy(y).to(device, torch.complex64)
    with torch.no_grad():
        factor = float(_images(net(code)).abs().square().sum().sqrt() / samples.abs().square().sum().sqrt())
    optimiser = torch.optim.Adam(net.parameters(), _RATE)
    best, least = net, torch.tensor(torch.inf, device=device)
    for _ in range(iterations):
        optimiser.zero_grad()
        misfit = fourier(_images(net(code))) * kept - factor * samples
        loss = torch.view_as_real(misfit).square().mean()
        loss.backward()
        optimiser.step()
        if least > _BETTER * loss.detach():
            best, least = copy.deepcopy(net), loss.detach()
    with torch.no_grad():
        plane = torch.where(kept, samples, fourier(_images(best(code))) / factor)
        found: np.ndarray = fourier.adjoint(plane).abs().square().sum(0).sqrt().cpu().numpy()
    return found


def _images(channels: Tensor) -> Tensor:
    return torch.complex(channels[0, ::2], channels[0, 1::2])
