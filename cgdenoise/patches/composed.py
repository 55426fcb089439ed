"""Groups of similar patches filtered by torch's own functions: for other devices, and as the reference of the compiled ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.patches.kernels.native import Keep
from cgdenoise.patches.matching import TILE, Search, match_frames, overlapped, tiles
from cgdenoise.progress import Tick

REACH = 2
"""Frames before and after that patches of a group may be from. 1 gains 0.05 to 0.8 dB less, 3 was not measured
(`benchmarks/NOTES.md`, "Groups over frames")."""

_FRAMES_TILE = 16
"""References along each side of a tile where there are frames: their distances are of all frames."""

_SYSTEMS_TILE = 16
"""References along each side of a tile whose patches are completed: their systems fill about 200 MB at most."""

_ROUNDING = 1e-6
"""Added to the variance of known pixels, in parts of their own: without noise, equal pixels would make a system singular. Eight
times the rounding of float32."""


def filter_groups(
    noisy: Tensor,
    pilot: Tensor,
    guide: Tensor,
    search: Search,
    keep: Keep,
    variances: Tensor,
    tick: Tick,
) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates, as `kernels.native.filter_groups` does.

    Here `tick` is called after each tile.
    """

    def estimate(area: tuple[slice, ...], members: Tensor) -> tuple[Tensor, Tensor]:
        frames = [image[area][:, None] for image in (noisy, pilot, variances)]
        sums, counts = _filter_area(frames[0], frames[1], frames[2], members, search.patch, keep)
        return sums[:, 0], counts[:, 0]

    return overlapped(noisy, guide, search, TILE, estimate, tick)


def filter_frames(
    noisy: Tensor,
    pilot: Tensor,
    guide: Tensor,
    search: Search,
    keep: Keep,
    variances: Tensor,
    tick: Tick,
) -> Tensor:
    """Filter all groups of frames, in which patches of the frames before and after are members, too.

    Parameters
    ----------
    noisy, pilot, guide, variances : Tensor
        As those of `filter_groups`, [C, F, H, W].
    search, keep, tick
        As there. The window is about the same place in each frame.

    Returns
    -------
    Tensor
        [C, F, H, W].
    """
    total, count = torch.zeros_like(noisy), torch.zeros_like(noisy)
    parts = list(tiles((noisy.shape[2], noisy.shape[3]), search, _FRAMES_TILE))
    pixels = noisy[0].numel() / (noisy.shape[1] * sum(tile.references for tile in parts))
    for frame in range(noisy.shape[1]):
        near = slice(max(0, frame - REACH), frame + REACH + 1)
        for tile in parts:
            area = (slice(None), near, *tile.area)
            members = match_frames(guide[area], frame - near.start, tile, search)
            sums, counts = _filter_area(noisy[area], pilot[area], variances[area], members, search.patch, keep)
            total[area] += sums
            count[area] += counts
            tick(pixels * tile.references)
    return total / count


def _filter_area(
    noisy: Tensor, pilot: Tensor, variances: Tensor, members: Tensor, patch: int, keep: Keep
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, F, H, W].

    Parameters
    ----------
    noisy, pilot, variances : Tensor
        What to filter, what to take the weights from, and the noise's variance at each pixel, [C, F, H, W].
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    """
    patches = _patches(noisy, patch)
    channels, positions, n = patches.shape
    # Channels are further patches to all that follows: of each group there are as many as channels.
    index = (members.flatten() + positions * torch.arange(channels, device=members.device)[:, None]).flatten()
    y = patches.flatten(0, 1).index_select(0, index).view(-1, members.shape[1], n)
    x = _patches(pilot, patch).flatten(0, 1).index_select(0, index).view_as(y)
    middles = variances[..., patch // 2 :, patch // 2 :][..., : noisy.shape[2] - patch + 1, : noisy.shape[3] - patch + 1]
    deviations, variance = x - x.mean(1, keepdim=True), middles.flatten()[index].view(y.shape[:2]).mean(1)
    theta = _theta(deviations, variance, keep)
    theta += (1 - theta.sum(2, keepdim=True)) / theta.shape[2]  # what the deviations leave is the mean patch's
    mean = y.mean(1, keepdim=True)
    estimates = torch.baddbmm(mean.expand_as(y), theta, y - mean)
    # An estimate counts by the inverse of the noise it lets through, as in the paper: k at most, as the row sums to 1.
    confidence = 1 / theta.square().sum(2, keepdim=True)
    # index_add_ runs in the order of the index: the same sums each time.
    sums = y.new_zeros(channels * positions, n).index_add_(0, index, estimates.mul_(confidence).view(-1, n))
    counts = y.new_zeros(channels * positions).index_add_(0, index, confidence.flatten())
    of_pixels = counts[:, None].expand(-1, n)
    return _put_together(sums, noisy.shape, patch), _put_together(of_pixels, noisy.shape, patch)


def _patches(images: Tensor, patch: int) -> Tensor:
    """Return all patches of each channel, [C, positions, n]: those of each frame after those of the frame before."""
    channels, frames = images.shape[:2]
    of_each = functional.unfold(images.reshape(channels * frames, 1, *images.shape[2:]), patch).mT
    return of_each.reshape(channels, -1, patch**2)


def _put_together(patches: Tensor, shape: torch.Size, patch: int) -> Tensor:
    """Return the sums of overlapping patches, which are as `_patches` has them, in images of a shape."""
    of_each = patches.reshape(shape[0] * shape[1], -1, patch**2).mT
    return functional.fold(of_each, shape[2:], patch).reshape(shape)


def _theta(groups: Tensor, variance: Tensor, keep: Keep) -> Tensor:
    """Return the weights with which the deviations of a group's members from their mean are combined."""
    theta = _ridge(groups, keep.edge * variance)
    for _ in range(keep.purified):
        square = theta @ theta
        theta = 3 * square - 2 * square @ theta
    return theta


def _ridge(groups: Tensor, variance: Tensor) -> Tensor:
    """Return X X' (X X' + n sigma² I)^-1, the theta with the least expected error on noisy groups whose truth is X."""
    gram = groups @ groups.mT
    noise = groups.shape[2] * variance  # correlated or not: the error of a patch is a sum over its pixels
    # With noise near 0 the system is singular where patches repeat. What is added is at the level of the Gram matrix's
    # rounding; it is not counted as noise, and so the limit of no noise is the identity.
    precision = torch.finfo(groups.dtype)
    ridge = noise + 8 * precision.eps * gram.diagonal(dim1=1, dim2=2).sum(1) + precision.tiny
    gram /= ridge[:, None, None]
    gram.diagonal(dim1=1, dim2=2).add_(1)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky_ex(gram).L)
    theta = inverse.mul_(-(noise / ridge)[:, None, None])
    theta.diagonal(dim1=1, dim2=2).add_(1)
    return theta


def complete_groups(
    y: Tensor, known: Tensor, pilot: Tensor, search: Search, completed: int, variance: float, unshown: Tensor, tick: Tick
) -> Tensor:
    """Complete the patches of all groups and average the overlapping estimates, as `kernels.native.complete_groups` does.

    Here `tick` is called after each tile.
    """

    unshown = unshown.to(y)

    def estimate(area: tuple[slice, ...], members: Tensor) -> tuple[Tensor, Tensor]:
        return _complete_area(y[area], known[area], pilot[area], members, search.patch, completed, variance, unshown)

    return overlapped(y, pilot, search, _SYSTEMS_TILE, estimate, tick)


def _complete_area(
    y: Tensor, known: Tensor, pilot: Tensor, members: Tensor, patch: int, completed: int, variance: float, unshown: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, H, W].

    Parameters
    ----------
    y, known, pilot : Tensor
        [C, H, W]; y is 0 where a value is missing.
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    patch, completed, variance, unshown
        Side of a patch; the others as `complete_groups` has them.
    """
    of_pilot, of_y, is_known = (functional.unfold(image[None], patch)[0].mT.contiguous() for image in (pilot, y, known))
    groups = of_pilot[members]
    mean = groups.mean(1, keepdim=True)
    deviations = groups - mean
    covariance = deviations.mT @ deviations / groups.shape[1] + unshown

    chosen = members[:, :completed]
    estimates, variances = _expectation(of_y[chosen], is_known[chosen], mean, covariance, variance)
    # An estimate counts by the inverse of its variance, to which the covariance's own uncertainty adds.
    weights = 1 / (variances + unshown[0, 0])
    index = chosen.flatten()
    # index_add_ runs in the order of the index: the same sums each time.
    sums = torch.zeros_like(of_y).index_add_(0, index, (estimates * weights).flatten(0, 1))
    counts = torch.zeros_like(of_y).index_add_(0, index, weights.flatten(0, 1))
    return tuple(functional.fold(x.mT[None], y.shape[1:], patch)[0] for x in (sums, counts))  # type: ignore[return-value]


def _expectation(y: Tensor, known: Tensor, mean: Tensor, covariance: Tensor, variance: float) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of each pixel of a normal patch, given some of them with noise.

    mean + C K' (K C K' + variance I)^-1 (y - K mean), where K takes the known pixels.

    Parameters
    ----------
    y, known : Tensor
        [B, k, n], for k patches of each distribution; y is 0 where it is not known.
    mean, covariance : Tensor
        [B, 1, n] and [B, n, n].
    variance : float
        Of the noise.
    """
    b, k, n = y.shape
    # Only as many rows as the patch with most known pixels has; what others have less counts for nothing.
    most = max(1, int(known.sum(2).max()))
    order = known.argsort(dim=2, descending=True, stable=True)[..., :most]
    valid = known.gather(2, order)
    rows = covariance.gather(1, order.reshape(b, -1, 1).expand(-1, -1, n)).view(b, k, most, n) * valid[..., None]
    system = rows.gather(3, order[:, :, None].expand(-1, -1, most, -1)) * valid[:, :, None]
    diagonal = system.diagonal(dim1=2, dim2=3)
    diagonal.mul_(1 + _ROUNDING).add_(variance * valid + (1 - valid))
    factor = torch.linalg.cholesky_ex(system).L
    misfit = (y - known * mean).gather(2, order)
    solved = torch.linalg.solve_triangular(factor, torch.cat([rows, misfit[..., None]], 3), upper=False)
    whitened_rows, whitened_misfit = solved[..., :n], solved[..., n:]
    variances = covariance.diagonal(dim1=1, dim2=2)[:, None] - whitened_rows.square().sum(2)
    return mean + (whitened_rows * whitened_misfit).sum(2), variances.clamp(min=0)
