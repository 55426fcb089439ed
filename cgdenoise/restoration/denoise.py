"""One call to restore an array, as a whole or, where the memory does not suffice, in tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import OptionError
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise import NoiseKind
from cgdenoise.noise.known import KnownNoise
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.hooks import Hooks, Watch, watching
from cgdenoise.restoration.memory import tiling_for
from cgdenoise.restoration.presets import within
from cgdenoise.restoration.results import Restoration
from cgdenoise.restoration.tile_work import Here
from cgdenoise.restoration.tiled import KeptForOnce, denoise_tiles
from cgdenoise.restoration.units import Array, Layout
from cgdenoise.restoration.whole import denoise_whole


def denoise(
    image: Array,
    sigma: float | None = None,
    *,
    noise: str | NoiseKind | KnownNoise = NoiseKind.AUTO,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    members: int | None = None,
    max_iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Remove the noise from one image, by fitting a generator to it and stopping early.

    An image too large for half of the machine's memory, or for less if so much is not free, is restored in overlapping tiles.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Of any real dtype, in any unit: restoring `a * image + b`, a > 0, gives `a * result + b`; with Poisson noise the offset
        has to change along. NaN marks missing values, which are filled; masked values of a masked array are missing, too.
    sigma : float, optional
        Standard deviation of the noise in the image's units; estimated from the image if not given.
    noise : str, NoiseKind or KnownNoise
        Its kind, or all that is known of it, such as a detector's gain; "auto" chooses the model from the image.
    channel_axis : int, optional
        Which axis of a three-dimensional array has the channels. If it is not given, an (H, W) array is grey, as with
        scikit-image, and of three axes the last has them, unless the first looks more like it; a volume is none of these.
    preset : str or Preset
        "fast", "balanced", "best", "paper", or a `Preset` of your own (`dataclasses.replace` changes single choices).
    members, max_iterations : int, optional
        Budget: fits that are averaged, and iterations of each at most. The preset's if not given.
    seed : int
        The same seed on the same CPU and number of threads gives the same bytes.
    device : str
        "auto", "cpu", "cuda" or "mps".
    progress : bool, callable or Hooks
        True draws a bar; a callable sees each `Progress`; `Hooks` may end the restoration and see each evaluation, too.

    Returns
    -------
    Restoration
        Its `image` is float64, of the input's shape and in its units (0 to 255 of uint8); it is neither clipped nor rounded.

    Raises
    ------
    ImageError
        If the array is not a real image, or has infinite values, or no finite ones, or may have its channels first.
    OptionError
        If a parameter is out of its range.
    MemoryLimitError
        If the image is too large for the device, or its tiles for the memory.
    """
    if isinstance(noise, KnownNoise) and sigma is not None:
        raise OptionError(f"sigma {sigma} beside a KnownNoise; expected it in there")
    known = noise if isinstance(noise, KnownNoise) else KnownNoise(noise, sigma)
    request = DenoisingRequest(image, within(preset, members, max_iterations), known, channel_axis, seed, device)
    with watching(progress) as hooks:
        return run_denoising(request, hooks)


@torch.inference_mode(False)
@torch.enable_grad()  # which a fit needs, whatever surrounds the call
def run_denoising(request: DenoisingRequest, hooks: Hooks) -> Restoration:
    """Restore an image as `denoise` does."""
    if request.seed < 0:
        raise OptionError(f"seed {request.seed}; expected 0 or above")
    tiling = tiling_for(request, held=8 * int(np.size(request.image)))
    if tiling is None:
        return denoise_whole(request, hooks)
    layout = Layout.of(request.image, request.channel_axis)
    image = np.empty(layout.view(request.image).shape)

    def sink(rows: slice, values: NDArray[np.float64]) -> None:
        image[rows] = values

    result = denoise_tiles(request, tiling, sink, KeptForOnce(), Here(), hooks)
    return replace(result, image=layout.array(image))
