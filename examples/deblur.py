"""Undo a known motion blur with noise: python examples/deblur.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data

import cgdenoise
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import Blur, motion_psf
from cgdenoise.restoration.reconstruct import reconstruct

SIGMA = 2.0  # of the noise, in grey levels

image = data.camera()[56:200, 152:296].astype(float)[None]
operator = Blur(image.shape, motion_psf(9, 30))  # the frame is smaller than what is blurred into it
rng = np.random.default_rng(0)
y = operator(torch.from_numpy(image)).numpy()
y += rng.normal(0, SIGMA, y.shape)

cgdenoise.keep_freed_memory()
sampling = Sampling.pixels(torch.ones(y.shape))
result = reconstruct(operator, y, sampling=sampling, sigma=SIGMA, preset="fast", consistency=0)
restored = result.image
margin = [(large - small) // 2 for large, small in zip(image.shape, y.shape, strict=True)]
frame = tuple(slice(cut, cut + small) for cut, small in zip(margin, y.shape, strict=True))
before, after = (cgdenoise.psnr(found, image[frame], 255) for found in (y, restored[frame]))
print(f"PSNR {before:.1f} dB before, {after:.1f} dB after, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "deblurred.png"
page = np.concatenate([y[0], restored[frame][0], image[frame][0]], axis=1).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, cgdenoise.Picture((page,), None, "png"))
print(f"wrote {output}: blurred, restored, original")
