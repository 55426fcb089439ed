"""The step from one set of weights to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
"""Of Adam, as published (Kingma & Ba, 2015)."""


@dataclass(frozen=True)
class OptimiserSpec:
    """An optimiser as data.

    Attributes
    ----------
    kind : "muon" or "adam"
        "adam" takes all parameters, as the paper does (Kingma & Ba, 2015). "muon" orthogonalises the momentum of each
        weight matrix (Jordan et al., 2024), so that all directions of a layer move at one rate, and leaves the gains,
        shifts and bias to Adam.
    rate : float
        Step size: of all parameters under "adam", of the matrices under "muon". By hand for "muon"; half
        and twice of it, and of `vector_rate`, change the mean by 0.12 dB at most (benchmarks/NOTES.md, "Constants of the fits").
    vector_rate : float
        Step size of the gains, shifts and bias under "muon".
    momentum : float
        Decay of the averaged gradient under "muon": measured ("What each choice brought" in benchmarks/README.md).
    """

    kind: Literal["muon", "adam"] = "muon"
    rate: float = 0.005
    vector_rate: float = 0.02
    momentum: float = 0.88


class Optimiser:
    """Steps all parameters of a generator with members, whose first axis tells the members apart.

    Not built on torch.optim, which takes over a second to import and knows no members.
    """

    def __init__(self, spec: OptimiserSpec, parameters: Iterable[nn.Parameter], dtype: torch.dtype = torch.bfloat16) -> None:
        parameters = list(parameters)
        self._spec, self._dtype = spec, dtype
        matrices = [p for p in parameters if p.ndim == 3 and spec.kind == "muon"]
        self._momenta = [(matrix, torch.zeros_like(matrix)) for matrix in matrices]
        others = [p for p in parameters if p.ndim != 3 or spec.kind == "adam"]
        self._moments = [(p, torch.zeros_like(p), torch.zeros_like(p)) for p in others]
        self._steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Move all parameters against their gradients, then forget these."""
        self._steps += 1
        for matrix, average in self._momenta:
            assert matrix.grad is not None
            average.lerp_(matrix.grad, 1 - self._spec.momentum)
            # A step whose entries are as large on average as Adam's are (Liu et al., 2025, arXiv 2502.16982, eq. 4).
            length = 0.2 * max(matrix.shape[1:]) ** 0.5
            matrix.sub_(orthogonalise(average, dtype=self._dtype), alpha=self._spec.rate * length)
            matrix.grad = None
        rate = self._spec.rate if self._spec.kind == "adam" else self._spec.vector_rate
        for parameter, mean, square in self._moments:
            assert parameter.grad is not None
            mean.lerp_(parameter.grad, 1 - _BETAS[0])
            square.mul_(_BETAS[1]).addcmul_(parameter.grad, parameter.grad, value=1 - _BETAS[1])
            deviation = (square / (1 - _BETAS[1] ** self._steps)).sqrt_().add_(_EPSILON)
            parameter.addcdiv_(mean, deviation, value=-rate / (1 - _BETAS[0] ** self._steps))
            parameter.grad = None


def orthogonalise(matrices: Tensor, iterations: int = 3, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Return each matrix with its singular values brought to about 1: U V^T, roughly, of M = U S V^T.

    Newton-Schulz iteration with the quintic of Jordan et al. (2024), which prefers speed to accuracy: large singular values end
    between 0.7 and 1.2, and after 3 iterations those below a hundredth of the norm stay well below 1.

    Parameters
    ----------
    matrices : Tensor
        [M, rows, columns], float32.
    iterations : int
        3 fit as well as the usual 5 (benchmarks/README.md).
    dtype : torch.dtype
        To compute in: bfloat16 is accurate enough, and 24 times slower than float32 where the hardware does not multiply it.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.to(dtype)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)  # by hand: only a gradient of 0 is so small
    for _ in range(iterations):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
