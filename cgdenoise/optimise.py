"""The step from one set of weights to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

_VECTOR_RATE = 0.01


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
        Step size: of all parameters under "adam", of the matrices under "muon".
    """

    kind: Literal["muon", "adam"] = "muon"
    rate: float = 0.02


class Optimiser:
    """One or two torch optimisers that step together."""

    def __init__(self, spec: OptimiserSpec, parameters: Iterable[nn.Parameter]) -> None:
        parameters = list(parameters)
        if spec.kind == "adam":
            self._parts: list[torch.optim.Optimizer] = [torch.optim.Adam(parameters, lr=spec.rate, fused=True)]
            return
        matrices = [p for p in parameters if p.ndim == 2]
        vectors = [p for p in parameters if p.ndim != 2]
        self._parts = [
            torch.optim.Muon(matrices, lr=spec.rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.Adam(vectors, lr=_VECTOR_RATE, fused=True),
        ]

    def step(self) -> None:
        """Move all parameters against their gradients, then forget these."""
        for part in self._parts:
            part.step()
            part.zero_grad(set_to_none=True)
