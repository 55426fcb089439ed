"""Give a picture twice as many pixels along each side: python examples/upscale.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data

import cgdenoise
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import Downsample
from cgdenoise.restoration.reconstruct import reconstruct

image = np.moveaxis(data.astronaut()[64:192, 160:288].astype(float), 2, 0)  # channels first
operator = Downsample(image.shape, factor=2)
y = operator(torch.from_numpy(image)).numpy()

cgdenoise.keep_freed_memory()
result = reconstruct(operator, y, sampling=Sampling.pixels(torch.ones(y.shape)), preset="fast")
restored = result.image
repeated = y.repeat(2, axis=1).repeat(2, axis=2)
before, after = (cgdenoise.psnr(found, image, 255) for found in (repeated, restored))
print(f"PSNR {before:.1f} dB repeated, {after:.1f} dB restored, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "upscaled.png"
pages = np.concatenate([repeated, restored, image], axis=2).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, cgdenoise.Picture((np.moveaxis(pages, 0, 2),), None, "png"))
print(f"wrote {output}: given, restored, original")
