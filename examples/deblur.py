"""Undo a known motion blur with noise: python examples/deblur.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data

import cgdenoise
from cgdenoise.operators import Blur, motion_psf

SIGMA = 2.0  # of the noise, in grey levels

image = data.camera()[56:200, 152:296].astype(float)
psf = motion_psf(9, 30)
blurred = Blur((1, *image.shape), psf)(torch.from_numpy(image[None])).numpy()[0]  # smaller than what is blurred into it
noisy = blurred + np.random.default_rng(0).normal(0, SIGMA, blurred.shape)

cgdenoise.keep_freed_memory()
result = cgdenoise.deblur(noisy, psf, SIGMA, preset="fast", progress=True)
top, left = ((large - small) // 2 for large, small in zip(image.shape, noisy.shape, strict=True))
original = image[top : top + noisy.shape[0], left : left + noisy.shape[1]]
before, after = (cgdenoise.psnr(found, original, 255) for found in (noisy, result.image))
print(f"PSNR {before:.1f} dB before, {after:.1f} dB after, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "deblurred.png"
shown = np.concatenate([noisy, result.image, original], axis=1).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, shown)
print(f"wrote {output}: blurred, restored, original")
