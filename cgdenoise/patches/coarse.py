"""Correlated noise removed: by large patches that are asked for more than the noise, and by small ones of the whitened image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from cgdenoise.patches import white
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search
from cgdenoise.patches.ridge import first_estimate, repeated_ridge
from cgdenoise.patches.white import filter_white
from cgdenoise.patches.whitening import Whitening
from cgdenoise.progress import Tick, no_tick

STRONGER = 2.0
"""Factor by which the noise is taken to be stronger for large patches: they resemble each other by their noise, too, which then
does not cancel. Told the true level, 2 to 2.8 is best on real pictures; levels by held-out pixels are a little too high
(`benchmarks/NOTES.md`, "Correlated noise")."""

_FIRST, _SEARCH = Search(patch=11, count=40, window=37, step=5), Search(patch=9, count=80, window=37, step=5)
"""Large patches: more than their noise has to be alike. Patches of 9 and 7 lose 1 to 2 dB on wide-field microscopes and
telephones and gain up to 0.1 on cameras (as above)."""

_ROUNDS = 3
"""Rounds of ridge there; one loses 0.1 dB on cameras and 1 on wide-field microscopes (as above)."""

_EXACT, _WARY = (0.01, 1.0), (0.15, 2.0)
"""Two whitened estimates: the least power of a frequency, in parts of the strongest, that the filter believes, and the factor of
the noise's level. The first is best where the law of the noise is the one assumed, by 1 to 5 dB above large patches, and worse by
1 to 6 on cameras, whose noise follows no single law; the second is between. Means with large patches are above those on both
("Whitening" in `benchmarks/NOTES.md`)."""

_COLOUR_FLOOR = 0.05
"""Floor for coarse colours; 0.01 and 0.15 are within 0.1 dB of it (as above)."""

_OWN = 0.3
"""Correlation of two channels below which they have noise of their own. The finest frequencies show 0.00 to 0.29 after a mosaic
was interpolated, and 0.47 to 0.99 on 22 crops of cameras and a telephone (as above)."""

_PROCESSED = 0.45
"""Correlation of the noise of two channels from which it has passed through more than a linear filter. Without the exact estimate
the mean gains 0.3 dB on 22 such crops, with it 0.1, and on the telephone's it loses up to 2.1 and leaves grain (as above)."""


def filter_coarse(
    y: Tensor, noise: ChannelNoise, shared: float | None = None, estimates: int = 1, tick: Tick = no_tick, *, exact: bool = False
) -> Tensor:
    """Restore an image with noise that neighbouring pixels share.

    Large patches know the level of the noise alone. Whitened images (`Whitening`) know how it is correlated, too: that is much
    better where one law holds everywhere, and worse where the noise has passed through a camera's own denoising and compression.
    What channels share of the noise tells which; the more doubtful it is, the more estimates are averaged.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite.
    noise : ChannelNoise
        In `y`'s unit, with an autocorrelation.
    shared : float, optional
        Largest correlation of the noise of two channels, 0 to 1, as far as it can be told.
    estimates : int
        Of each whitened image; see `filter_white`.
    tick : callable
        Called several times a second; see `passes`.
    exact : bool
        Whether the level of the noise is exact, or nearly. Large patches that take out more have then taken structure, and are
        left out. A level by held-out pixels, off by half, could not tell.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    if shared is not None and shared < _OWN:
        return filter_lawful(y, noise, exact, estimates, tick)
    stronger = noise.scaled(STRONGER)
    large = repeated_ridge(y, first_estimate(y, stronger, _FIRST, tick=tick), stronger, _SEARCH, _ROUNDS, tick)
    if exact and float((y - large).square().mean()) > noise.level**2:
        return filter_lawful(y, noise, exact, estimates, tick)
    images = [large, filter_whitened(y, noise, *_WARY, estimates, tick)]
    if shared is None or shared < _PROCESSED:
        images.append(filter_whitened(y, noise, *_EXACT, estimates, tick))
    return torch.stack(images).mean(0)


def filter_whitened(
    y: Tensor, noise: ChannelNoise, floor: float, factor: float, estimates: int = 1, tick: Tick = no_tick
) -> Tensor:
    """Restore an image from groups of its whitened image.

    Parameters
    ----------
    y, noise, estimates, tick
        As in `filter_coarse`.
    floor : float
        As in `Whitening.of`.
    factor : float
        By which the noise is taken to be stronger.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter_by(_whitening(y, noise, floor), y, noise, factor, estimates, tick)


def filter_lawful(y: Tensor, noise: ChannelNoise, exact: bool, estimates: int = 1, tick: Tick = no_tick) -> Tensor:
    """Restore an image whose noise has the law that is assumed, [C, H, W]; arguments as those of `filter_coarse`.

    The groups expect white noise of its level. What whitening leaves is louder where there is any, as some frequencies have next
    to none. A level that is not exact is more likely too high than too low, so that this is not made good there.
    """
    floor, factor = _EXACT
    whitening = _whitening(y, noise, floor)
    return _filter_by(whitening, y, noise, factor * whitening.loudest if exact else factor, estimates, tick)


def _whitening(y: Tensor, noise: ChannelNoise, floor: float) -> Whitening:
    return Whitening.of(noise.autocorrelation, (y.shape[1], y.shape[2]), floor)


def _filter_by(whitening: Whitening, y: Tensor, noise: ChannelNoise, factor: float, estimates: int, tick: Tick) -> Tensor:
    white_noise = ChannelNoise(noise.axes, noise.sigmas)
    return whitening.undo(filter_white(whitening.whiten(y), white_noise, None, estimates, tick, stronger=factor))


def filter_coarse_colours(
    y: Tensor, noise: ChannelNoise, generated: Tensor | None = None, estimates: int = 1, tick: Tick = no_tick
) -> Tensor:
    """Restore an image whose noise is white but for the colours, which are whitened first.

    Parameters
    ----------
    y, generated, estimates, tick
        As in `filter_white`.
    noise : ChannelNoise
        In `y`'s unit, with `colour`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    whitening = Whitening.of(noise.colour, (y.shape[1], y.shape[2]), _COLOUR_FLOOR)

    def of_colours(image: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        rotated = noise.rotate(image)
        return noise.rotate_back(torch.cat([rotated[:1], change(rotated[1:])]))

    guide = None if generated is None else of_colours(generated, whitening.whiten)
    image = filter_white(of_colours(y, whitening.whiten), replace(noise, colour=None), guide, estimates, tick)
    return of_colours(image, whitening.undo)


def passes(estimates: int = 1) -> float:
    """Return how often `filter_coarse` filters the whole image, at most."""
    return 1 + _ROUNDS + 2 * white.passes(estimates)
