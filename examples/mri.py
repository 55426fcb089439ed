"""Reconstruct a scan of four coils from a third of its Fourier lines: python examples/mri.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data, transform

import cgdenoise
from cgdenoise.operators import Fourier
from cgdenoise.problems import fourier_lines, parallel_problem, solve

SIDE = 128

phantom = transform.resize(data.shepp_logan_phantom(), (SIDE, SIDE), anti_aliasing=True)
rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
image = phantom * np.exp(1j * (rows + columns / 2))
coils = ((-1, 0), (1, 0), (0, -1), (0, 1))  # around the object
maps = np.stack([np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 1.5 + 1j * (r * columns - c * rows)) for r, c in coils])
maps /= np.sqrt((np.abs(maps) ** 2).sum(0))

mask = fourier_lines((SIDE, SIDE), ratio=1 / 3, seed=0)
whole = Fourier(maps.shape)
y = whole(torch.from_numpy(maps * image)).numpy() * mask
zero_filled = np.sqrt((np.abs(whole.adjoint(torch.from_numpy(y)).numpy()) ** 2).sum(0))

cgdenoise.keep_freed_memory()
# The coils' maps come from the centre, which is sampled throughout, and the noise level from what they cannot explain.
problem = parallel_problem(y, mask, None, sigma=None)
result = solve(problem, progress=True)
magnitude = problem.view(result.image)
before, after = (cgdenoise.psnr(found, phantom, 1) for found in (zero_filled, magnitude))
print(f"PSNR {before:.1f} dB zero-filled, {after:.1f} dB reconstructed, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "mri.png"
page = (np.concatenate([zero_filled, magnitude, phantom], axis=1) * 255).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, page)
print(f"wrote {output}: zero-filled, reconstructed, original")
