"""Groups of similar patches filtered by torch's own functions: for other devices, and as the reference of the compiled ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.patches.kernels.native import Method
from cgdenoise.patches.matching import TILE, Search, overlapped
from cgdenoise.progress import Tick


def filter_groups(
    noisy: Tensor,
    pilot: Tensor,
    guide: Tensor,
    search: Search,
    method: Method,
    variances: Tensor,
    edge: float,
    tick: Tick,
) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates, as `kernels.native.filter_groups` does.

    Here `tick` is called after each tile.
    """

    def estimate(area: tuple[slice, ...], members: Tensor) -> tuple[Tensor, Tensor]:
        return _filter_area(noisy[area], pilot[area], members, search.patch, method, variances, edge)

    return overlapped(noisy, guide, search, TILE, estimate, tick)


def _filter_area(
    noisy: Tensor, pilot: Tensor, members: Tensor, patch: int, method: Method, variances: Tensor, edge: float
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, H, W].

    Parameters
    ----------
    noisy, pilot : Tensor
        What to filter and what to take the weights from, [C, H, W].
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    variances : Tensor
        Of the noise in each channel, [C].
    """
    patches = _patches(noisy, patch)
    channels, positions, n = patches.shape
    # Channels are further patches to all that follows: of each group there are as many as channels.
    index = (members.flatten() + positions * torch.arange(channels, device=members.device)[:, None]).flatten()
    y = patches.flatten(0, 1).index_select(0, index).view(-1, members.shape[1], n)
    x = y if pilot is noisy else _patches(pilot, patch).flatten(0, 1).index_select(0, index).view_as(y)
    deviations, variance = x - x.mean(1, keepdim=True), variances.repeat_interleave(len(members))
    theta = _ridge(deviations, variance) if method is Method.RIDGE else _projection(deviations, variance, edge)
    theta += (1 - theta.sum(2, keepdim=True)) / theta.shape[2]  # what the deviations leave is the mean patch's
    mean = y.mean(1, keepdim=True)
    estimates = torch.baddbmm(mean.expand_as(y), theta, y - mean)
    # An estimate counts by the inverse of the noise it lets through, as in the paper: k at most, as the row sums to 1.
    confidence = 1 / theta.square().sum(2, keepdim=True)
    # index_add_ runs in the order of the index: the same sums each time.
    sums = y.new_zeros(channels * positions, n).index_add_(0, index, estimates.mul_(confidence).view(-1, n))
    counts = y.new_zeros(channels * positions).index_add_(0, index, confidence.flatten())
    of_pixels = counts.view(channels, 1, positions).expand(-1, n, -1)
    size = noisy.shape[1:]
    return functional.fold(sums.view_as(patches).mT, size, patch)[:, 0], functional.fold(of_pixels, size, patch)[:, 0]


def _patches(image: Tensor, patch: int) -> Tensor:
    """Return all patches of each channel, [C, positions, n]."""
    return functional.unfold(image[:, None], patch).mT.contiguous()


def _projection(groups: Tensor, variance: Tensor, edge: float) -> Tensor:
    """Return the projection onto the principal directions with more than so many times the power that noise has in one."""
    powers, directions = _eigh(groups @ groups.mT)
    kept: Tensor = directions * (powers > edge * groups.shape[2] * variance[:, None])[:, None]
    return kept @ kept.mT


def _eigh(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues and eigenvectors, by way of the CPU where the device has no kernel for it, as MPS."""
    supported = matrices if matrices.device.type == "cuda" else matrices.cpu()
    powers, directions = torch.linalg.eigh(supported)
    return powers.to(matrices.device), directions.to(matrices.device)


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
