"""An image from a quarter as many random measurements as pixels: python examples/compressive_sensing.py [OUTPUT.png]."""

import sys

import numpy as np
import torch
from skimage import data

import cgdenoise
from cgdenoise.operators import random_matrix

image = data.camera()[64:192, 160:288].astype(float)
operator = random_matrix(image.shape, measurements=image.size // 4, seed=1)  # y = A x for the image in row-major order
y = operator(torch.from_numpy(image)).numpy()

cgdenoise.keep_freed_memory()
result = cgdenoise.reconstruct(operator, y, preset="fast", progress=True)
print(f"PSNR {cgdenoise.psnr(result.image, image, 255):.1f} dB, depth {result.depth}, {result.seconds:.0f} s")
scale = result.scale
print(f"fitted to (image - {scale.offset:.1f}) / {scale.factor:.1f}, which was found from the measurements alone")

output = sys.argv[1] if len(sys.argv) > 1 else "compressive_sensing.png"
cgdenoise.write_image(output, np.concatenate([result.image, image], axis=1).clip(0, 255).round().astype(np.uint8))
print(f"wrote {output}: reconstructed, original")
