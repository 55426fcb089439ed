"""The deep image prior's denoising network: an hourglass with narrow skips (Ulyanov et al., arXiv 1711.10925, appendix)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES, WIDTH, SKIP = 5, 128, 4


def block(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """Reflection padding, convolution, batch normalisation, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, padding_mode="reflect" if size > 1 else "zeros"),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    )


class Scale(nn.Module):
    """One scale and everything below it; returns what goes into the scale above, at its input's size."""

    def __init__(self, inputs: int, depth: int) -> None:
        super().__init__()
        self.skip = block(inputs, SKIP, 1)
        self.down = nn.Sequential(block(inputs, WIDTH, 3, stride=2), block(WIDTH, WIDTH, 3))
        self.below = Scale(WIDTH, depth - 1) if depth > 1 else nn.Identity()
        self.up = nn.Sequential(nn.BatchNorm2d(WIDTH + SKIP), block(WIDTH + SKIP, WIDTH, 3), block(WIDTH, WIDTH, 1))

    def forward(self, x: Tensor) -> Tensor:
        deep = functional.interpolate(self.below(self.down(x)), size=x.shape[2:], mode="bilinear", align_corners=False)
        return self.up(torch.cat([deep, self.skip(x)], dim=1))


def hourglass(inputs: int, outputs: int) -> nn.Sequential:
    """Return the network; its output is in (0, 1)."""
    return nn.Sequential(Scale(inputs, SCALES), nn.Conv2d(WIDTH, outputs, 1), nn.Sigmoid())
