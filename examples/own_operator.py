"""An operator of your own: sums over slanted lines of an image. python examples/own_operator.py [FOLDER].

The same from the command line, in this folder: cgdenoise cs y.npy --operator own_operator:sums --shape 96,96
"""

import sys
from pathlib import Path

import numpy as np

SLOPES = np.linspace(-1, 1, 33)


class SumsAlongLines:
    """Sums of the pixels that lie on a line, in each column the nearest one, for lines of several slopes, both ways."""

    def __init__(self, shape):
        side = self.side = shape[0]
        if shape != (side, side):
            raise ValueError(f"an image of {shape}; expected a square one")
        across = np.arange(side)
        drops = np.rint(SLOPES[:, None] * (across - side / 2)).astype(int)  # of each line in each column
        down = (np.arange(side)[:, None] + drops[:, None, :]) % side  # [slope, line, column]
        self.steep, self.flat = down + side * across, down * side + across  # places in the image as a vector
        self.shape = (2 * down[..., 0].size, side * side)

    def matvec(self, image):
        """Return the sums, of an image as a vector in row-major order."""
        return np.concatenate([image.ravel()[places].sum(-1).ravel() for places in (self.flat, self.steep)]) / self.side

    def rmatvec(self, sums):
        """Give each sum back to all pixels that it is made of: the adjoint."""
        parts = np.split(np.asarray(sums, np.float64).ravel(), 2)
        given = (
            np.bincount(places.ravel(), np.repeat(part, self.side), self.side**2)
            for places, part in zip((self.flat, self.steep), parts, strict=True)
        )
        return sum(given) / self.side


def sums(shape):
    """Return the operator for images of this shape: what --operator own_operator:sums calls."""
    return SumsAlongLines(shape)


def main(folder: Path) -> None:
    """Measure a picture, reconstruct it, and write both beside each other."""
    import torch
    from skimage import data

    import cgdenoise
    from cgdenoise.operators import wrap
    from cgdenoise.operators.checks import dot_test

    image = data.camera()[60:252:2, 160:352:2].astype(float)
    operator = wrap(sums(image.shape), image.shape)
    dot_test(operator, torch.Generator().manual_seed(0))  # that its adjoint is one, before an hour is spent on it
    y = sums(image.shape).matvec(image)
    np.save(folder / "y.npy", y)

    cgdenoise.keep_freed_memory()
    result = cgdenoise.reconstruct(operator, y, preset="fast", progress=True)
    share = y.size / image.size
    print(f"PSNR {cgdenoise.psnr(result.image, image, 255):.1f} dB of {share:.0%} as many sums as pixels, {result.seconds:.0f} s")
    shown = np.concatenate([result.image, image], axis=1).clip(0, 255).round().astype(np.uint8)
    cgdenoise.write_image(folder / "own_operator.png", shown)
    print(f"wrote {folder / 'own_operator.png'}: reconstructed, original; and the sums, {folder / 'y.npy'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
