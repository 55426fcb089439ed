"""Make the files that the recipes start from: python docs/tools/samples.py [FOLDER] [SIDE].

They are scikit-image's own pictures with the noise, the blur and the gaps of a field, so that there is a clean one to compare
with: all within SIDE pixels of width and height, 256 if not given.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import color, data, transform

Array = NDArray[np.float64]

GAIN, OFFSET, READ_NOISE = 2.1, 100, 3.0
"""Of the microscope's camera: grey levels a photon, without any light, and of its electronics."""


def crop(image: NDArray[np.generic], top: int, left: int, side: int) -> Array:
    """Return a square of 256 pixels, or smaller ones that show the same."""
    square = np.asarray(image[top : top + 256, left : left + 256], np.float64)
    return square if side == 256 else transform.resize(square, (side, side, *square.shape[2:]), anti_aliasing=True)


def as_bytes(image: Array) -> NDArray[np.uint8]:
    """Return grey levels of 8 bits."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def photographs(folder: Path, side: int, rng: np.random.Generator) -> None:
    """A photograph with white noise, with that of a telephone, out of a shaking hand, with scratches, and too small."""
    photo = crop(data.astronaut(), 0, 96, side)
    Image.fromarray(as_bytes(photo)).save(folder / "photo_clean.png")
    Image.fromarray(as_bytes(photo + rng.normal(0, 20, photo.shape))).save(folder / "photo.png")

    coarse = gaussian_filter(rng.normal(0, 1, photo.shape), (1, 1, 0))
    Image.fromarray(as_bytes(photo + 15 * coarse / coarse.std())).save(folder / "phone.jpg", quality=92)

    cat = crop(data.chelsea(), 22, 100, side)
    keep = np.ones((side, side), bool)
    for row, column, slope in rng.uniform((0, 0, -1), (side, side, 1), (7, 3)):
        columns = np.arange(side)
        rows = np.rint(row + slope * (columns - column)).astype(int)
        inside = (rows >= 0) & (rows < side - 1)
        keep[rows[inside], columns[inside]] = keep[rows[inside] + 1, columns[inside]] = False
    Image.fromarray(as_bytes(cat)).save(folder / "cat_clean.png")
    Image.fromarray(as_bytes(np.where(keep[..., None], cat, 255))).save(folder / "scratched.png")
    Image.fromarray(as_bytes(keep * 255.0)).save(folder / "keep.png")

    coffee = crop(data.coffee(), 100, 200, side)
    small = coffee[: side // 2 * 2, : side // 2 * 2].reshape(side // 2, 2, side // 2, 2, 3).mean(axis=(1, 3))
    Image.fromarray(as_bytes(small)).save(folder / "small.png")

    shaken = np.stack([np.mean([np.roll(coffee[..., c], shift, 1) for shift in range(-4, 5)], 0) for c in range(3)], -1)
    Image.fromarray(as_bytes(shaken[:, 4:-4] + rng.normal(0, 2, shaken[:, 4:-4].shape))).save(folder / "shaken.png")


def microscopy(folder: Path, side: int, rng: np.random.Generator) -> None:
    """Nuclei under a fluorescence microscope that counts few photons, with a second exposure and dark frames."""
    nuclei = crop(color.rgb2hed(data.immunohistochemistry())[..., 0], 128, 128, side)
    photons = 2 + 60 * np.clip((nuclei - nuclei.min()) / np.ptp(nuclei) - 0.1, 0, 1)

    def exposure(light: Array) -> NDArray[np.uint16]:
        signal = GAIN * rng.poisson(light) + OFFSET + rng.normal(0, READ_NOISE, light.shape)
        return np.clip(np.rint(signal), 0, 65535).astype(np.uint16)

    pages = [exposure(photons * bleaching) for bleaching in (1.0, 0.8)]
    about = {"imagej": True, "resolution": (4.0, 4.0), "metadata": {"unit": "um", "spacing": 0.5, "axes": "ZYX"}}
    tifffile.imwrite(folder / "cells.tif", np.stack(pages), **about)
    tifffile.imwrite(folder / "cells_1.tif", pages[0])
    tifffile.imwrite(folder / "cells_2.tif", exposure(photons))
    tifffile.imwrite(folder / "cells_clean.tif", np.rint(GAIN * photons + OFFSET).astype(np.uint16))
    tifffile.imwrite(
        folder / "dark.tif", np.stack([exposure(np.zeros((side, side))) for _ in range(4)]), photometric="minisblack"
    )


def stacks(folder: Path, side: int, rng: np.random.Generator) -> None:
    """Nuclei that move by a pixel from frame to frame, and a spectrum of four channels."""
    nuclei = crop(color.rgb2hed(data.immunohistochemistry())[..., 0], 128, 128, side)
    photons = 5 + 60 * (nuclei - nuclei.min()) / np.ptp(nuclei)
    movie = np.stack([rng.poisson(np.roll(photons, frame, axis=1)) for frame in range(3)]).astype(np.uint16)
    tifffile.imwrite(folder / "movie.ome.tif", movie, photometric="minisblack", metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "movie.tif", movie, photometric="minisblack")
    np.save(folder / "spectrum.npy", np.stack([rng.poisson(share * photons) for share in (0.4, 1, 0.8, 0.3)]).astype(np.float32))


def astronomy(folder: Path, side: int, rng: np.random.Generator) -> None:
    """A deep field of few counts in floats, one with pixels that are known to be bad, and the moon through moving air."""
    sky = crop(data.hubble_deep_field().mean(axis=2), 300, 300, side)
    counts = 3 + 60 * sky / 255
    exposure = (1.5 * rng.poisson(counts) + rng.normal(0, 2, counts.shape)).astype(np.float32)
    tifffile.imwrite(folder / "field.tif", exposure)
    tifffile.imwrite(folder / "field_clean.tif", (1.5 * counts).astype(np.float32))
    bad = exposure.copy()
    bad[rng.random(bad.shape) < 0.02] = np.nan
    bad[:, side // 3] = np.nan
    np.save(folder / "field_bad.npy", bad)
    moon = crop(data.moon(), 200, 200, side)
    Image.fromarray(as_bytes(gaussian_filter(moon, 1.6) + rng.normal(0, 1, moon.shape))).save(folder / "moon.png")
    Image.fromarray(as_bytes(moon)).save(folder / "moon_clean.png")


def magnetic_resonance(folder: Path, side: int, rng: np.random.Generator) -> None:
    """Samples of four coils around a phantom, of a third of the lines of the Fourier plane."""
    phantom = transform.resize(data.shepp_logan_phantom(), (side, side), anti_aliasing=True)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    coils = ((-1, 0), (1, 0), (0, -1), (0, 1))
    maps = np.stack([np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 1.5 + 1j * (r * columns - c * rows)) for r, c in coils])
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    plane = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(maps * phantom, axes=(1, 2)), norm="ortho"), axes=(1, 2))
    plane += 0.005 * (rng.standard_normal(plane.shape) + 1j * rng.standard_normal(plane.shape))
    line = rng.random(side) < 0.25
    line[side // 2 - max(side // 24, 4) : side // 2 + max(side // 24, 4)] = True
    np.save(folder / "scan.npy", np.where(line[None, None], plane, 0).astype(np.complex64))
    np.save(folder / "maps.npy", maps.astype(np.complex64))
    zero_filled = np.fft.ifft2(np.fft.ifftshift(np.load(folder / "scan.npy"), axes=(1, 2)), norm="ortho")
    np.save(folder / "zero_filled.npy", np.sqrt((np.abs(np.fft.fftshift(zero_filled, axes=(1, 2))) ** 2).sum(0)))
    Image.fromarray(as_bytes(255 * phantom)).save(folder / "phantom.png")
    spokes(folder, maps * phantom)


def spokes(folder: Path, images: NDArray[np.complex128]) -> None:
    """Samples of coils along lines through the centre, by sums over the pixels of each row, then of the rows."""
    side = images.shape[-1]
    angles, reach = np.pi * np.arange(side // 3)[:, None] / (side // 3), (np.arange(2 * side) - side) / (2 * side)
    across, down = reach * np.cos(angles), reach * np.sin(angles)
    at = np.arange(side) - side // 2
    samples = np.empty((len(images), *across.shape), np.complex64)
    for number in range(len(angles)):
        rows, columns = (np.exp(-2j * np.pi * points[number][:, None] * at) for points in (down, across))
        samples[:, number] = np.einsum("sh,chw,sw->cs", rows, images, columns, optimize=True) / side
    np.save(folder / "spokes.npy", samples)
    np.save(folder / "trajectory.npy", side * np.stack([across, down], -1))


def tomography(folder: Path, side: int, rng: np.random.Generator) -> None:
    """Line integrals of a phantom in a sixth of the directions that it would take, with noise; and counts of them."""
    phantom = transform.resize(data.shepp_logan_phantom(), (side, side), anti_aliasing=True)
    rows, columns = np.mgrid[:side, :side] - side // 2
    phantom *= np.hypot(rows, columns) < side // 2  # what turns must not leave the detector
    angles = np.linspace(0, 180, 60, endpoint=False)
    sinogram = transform.radon(phantom, angles, circle=True).T
    sinogram += rng.normal(0, 0.2, sinogram.shape)
    np.save(folder / "sinogram.npy", sinogram)
    np.save(folder / "emissions.npy", rng.poisson(40 * np.clip(sinogram, 0, None)))
    np.save(folder / "back_projected.npy", np.clip(transform.iradon(sinogram.T, angles, circle=True), 0, 1))


def compressed_sensing(folder: Path, side: int, rng: np.random.Generator) -> None:
    """A third as many measurements as pixels of a single-pixel camera, with its matrix; and a clean picture to simulate from."""
    small = 64
    picture = transform.resize(data.camera()[64:192, 160:288].astype(float), (small, small), anti_aliasing=True)
    matrix = rng.choice([-1.0, 1.0], (small * small // 3, small * small)).astype(np.float32) / small
    np.save(folder / "A.npy", matrix)
    np.save(folder / "y.npy", matrix @ picture.ravel())
    Image.fromarray(as_bytes(picture)).save(folder / "target.png")
    time = np.linspace(0, 1, 512)
    np.save(folder / "signal.npy", np.where(time < 0.4, time, 0.6 + 0.3 * np.sin(20 * time)) + 0.5 * (time > 0.7))
    Image.fromarray(as_bytes(crop(data.camera(), 64, 128, side))).save(folder / "camera.png")


def make(folder: Path, side: int = 256) -> None:
    """Write all samples into a folder."""
    rng = np.random.default_rng(0)
    for field in (photographs, microscopy, astronomy, magnetic_resonance, tomography, compressed_sensing, stacks):
        field(folder, side, rng)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "samples")
    target.mkdir(parents=True, exist_ok=True)
    make(target, int(sys.argv[2]) if len(sys.argv) > 2 else 256)
    print(f"wrote {len(list(target.iterdir()))} files into {target}")
