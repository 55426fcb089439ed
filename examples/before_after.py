"""Make the picture of the README: a photograph with noise, what the default makes of it, and the photograph.

    python examples/before_after.py [FOLDER]

writes `noisy.png`, which is what `cgdenoise denoise examples/noisy.png` starts from, and `before_after.jpg`, into that folder;
beside itself if none is given.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut

import cgdenoise

SIGMA = 25  # grey levels; the restoration is not told
CROP = (slice(0, 256), slice(96, 352))  # of the photograph
DETAIL = (slice(72, 136), slice(96, 160))  # of the crop: shown four times as large, as wide as the whole

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
clean = astronaut()[CROP]
noise = np.random.default_rng(0).normal(0, SIGMA, clean.shape)
noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
Image.fromarray(noisy).save(folder / "noisy.png", optimize=True)

result = cgdenoise.denoise(noisy)
restored = np.clip(np.rint(result.image), 0, 255).astype(np.uint8)
print(result)
print(f"PSNR {cgdenoise.psnr(noisy, clean, 255):.2f} dB before, {cgdenoise.psnr(restored, clean, 255):.2f} dB after")

# Above the whole pictures, below the detail of each.
shown = [np.concatenate([p, p[DETAIL].repeat(4, axis=0).repeat(4, axis=1)]) for p in (noisy, restored, clean)]
gaps = [np.full((512, 6, 3), 255, np.uint8)] * 2
columns = [shown[0], gaps[0], shown[1], gaps[1], shown[2]]
Image.fromarray(np.concatenate(columns, axis=1)).save(folder / "before_after.jpg", quality=85)
