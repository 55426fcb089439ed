"""Fill the missing pixels of a photograph: python examples/inpaint.py [OUTPUT.png]."""

import sys

import numpy as np
from skimage import data

import cgdenoise

image = data.astronaut()[64:192, 160:288].astype(float)
keep = np.random.default_rng(0).random(image.shape[:2]) < 0.4  # 60 % of the pixels are lost
holes = np.where(keep[..., None], image, np.nan)

cgdenoise.keep_freed_memory()
result = cgdenoise.inpaint(holes, preset="fast", progress=True)
print(f"PSNR {cgdenoise.psnr(result.image, image, 255):.1f} dB, depth {result.depth}, {result.seconds:.0f} s")

output = sys.argv[1] if len(sys.argv) > 1 else "inpainted.png"
shown = np.concatenate([np.nan_to_num(holes), result.image, image], axis=1).clip(0, 255).round().astype(np.uint8)
cgdenoise.write_image(output, shown)
print(f"wrote {output}: given, restored, original")
