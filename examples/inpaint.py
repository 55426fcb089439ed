"""Fill the missing pixels of a photograph: python examples/inpaint.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data

import cgdenoise
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import PixelMask
from cgdenoise.restoration.reconstruct import reconstruct

image = np.moveaxis(data.astronaut()[64:192, 160:288].astype(float), 2, 0)  # channels first
mask = torch.from_numpy(np.random.default_rng(0).random(image.shape[1:]) < 0.4).expand(3, -1, -1)  # 60 % of the pixels are lost
y = np.where(mask, image, 0.0)

cgdenoise.keep_freed_memory()
# A pixel is held out with all its channels, which tell of one another.
result = reconstruct(PixelMask(mask), y, sampling=Sampling.pixels(mask), preset="fast")
restored = result.image
print(f"PSNR {cgdenoise.psnr(restored, image, 255):.1f} dB, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "inpainted.png"
pages = np.concatenate([y, restored, image], axis=2).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, cgdenoise.Picture((np.moveaxis(pages, 0, 2),), None, "png"))
print(f"wrote {output}: given, restored, original")
