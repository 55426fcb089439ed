"""Noise removed from groups of similar patches by their own spectra, in rounds, with a little of the noise given back each time.

The scheme is that of weighted nuclear norms (WNNM: Gu, Zhang, Zuo & Feng, CVPR 2014; IJCV 2017): strong singular values of a
group stay, weak ones go, and what is matched and decomposed next is the result with a tenth of what was taken out. There are
three differences. The image begins as the result of another filter, so that few rounds suffice. Singular values are not computed:
a ridge, purified, shrinks them alike (`kernels.native.Keep`). And how much noise is left is asked of each pixel's neighbourhood
instead of each group, as in `repeated_ridge`.
"""

from __future__ import annotations

from torch import Tensor

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search
from cgdenoise.patches.ridge import Purified, filter_rotated, pixel_variances, removed_power
from cgdenoise.progress import Tick, no_tick

SHRUNK = Search(patch=5, count=40, window=37, step=4)
"""Groups. Patches of 7 lose 0.03 to 0.1 dB, 60 patches 0 to 0.07, steps of 5 0.01, of 3 gain as much (`benchmarks/NOTES.md`,
"Shrinkage")."""

ROUNDS = 2
"""Rounds. A third gains 0.01 to 0.05 dB on white noise, for a quarter more time (as above)."""

_GIVEN_BACK = 0.1
"""Share of what was taken out that each round begins with: the paper's."""

_REMAINS = 0.45
"""Noise of a round, in parts of what the level says that is left; with 0.4 and 0.5 the same within 0.05 dB (as above)."""

_AROUND = 5
"""Side of a neighbourhood whose noise is asked for; 7 and 13 give the same within 0.02 dB (as above)."""

_PURIFIED = Purified(0.5, 1)
"""Shares of 0.4 and 0.6 are the same within 0.05 dB; purified twice it loses 0.02 to 0.05 (as above)."""


def repeated_shrinkage(
    y: Tensor, pilot: Tensor, noise: ChannelNoise, search: Search = SHRUNK, rounds: int = ROUNDS, tick: Tick = no_tick
) -> Tensor:
    """Filter an image again and again by the spectra of its groups, from a pilot on.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite, in any unit. It is filtered along each axis of the noise by itself.
    pilot : Tensor
        An estimate of the image without its noise, [C, H, W].
    noise : ChannelNoise
        In `y`'s unit; white.
    search : Search
        How to form the groups.
    rounds : int
        With 0 the pilot is returned, up to rounding.
    tick : callable
        Called several times a second.

    Returns
    -------
    Tensor
        [C, H, W]. It follows any change of unit, as `nonlocal_ridge`.
    """
    noisy, image = noise.rotate(y), noise.rotate(pilot)
    variances = pixel_variances(noise, noisy)
    for _ in range(rounds):
        current = image.lerp(noisy, _GIVEN_BACK)
        left = _REMAINS**2 * (variances - removed_power(noisy, current, _AROUND)).abs()
        image = filter_rotated(current, current, noise, left, search, _PURIFIED, tick)
    return noise.rotate_back(image)
