"""Give a picture twice as many pixels along each side: python examples/upscale.py [OUTPUT.png]."""

import sys

import numpy as np
from skimage import data

import cgdenoise

image = data.astronaut()[64:192, 160:288].astype(float)
small = image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))

cgdenoise.keep_freed_memory()
result = cgdenoise.upscale(small, 2, preset="fast", progress=True)
repeated = small.repeat(2, axis=0).repeat(2, axis=1)
before, after = (cgdenoise.psnr(found, image, 255) for found in (repeated, result.image))
print(f"PSNR {before:.1f} dB repeated, {after:.1f} dB restored, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "upscaled.png"
cgdenoise.write_image(output, np.concatenate([repeated, result.image, image], axis=1).clip(0, 255).round().astype(np.uint8))
print(f"wrote {output}: given, restored, original")
