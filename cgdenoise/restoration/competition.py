"""Priors compete: each makes an image from a part of the measurements, and the others judge how much of it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

import torch
from torch import Tensor

from cgdenoise.fitting.members import Member
from cgdenoise.operators import Measurement
from cgdenoise.operators.norm import power_iteration
from cgdenoise.restoration.mixture import VARIATION, Mixture, Part

_OF_A_UNIT = 64
"""Independent numbers that a held-out unit of many is taken for: a line of the Fourier plane with all coils is more than one and
less than all of its. By hand; 16 loses 0.03 dB with several coils, and 4 another 0.15 with Fourier lines
(`benchmarks/NOTES.md`, "Priors in contest")."""

_BEYOND_CHANCE, _MUCH = 3.0, 0.9
"""Another prior than the groups leads if it is better by so many standard errors, value by value, and errs by at most that part
of the squares. Of a phantom from an eighth of the lines total variation has 11 and 0.83; of photographs in 33 contests no prior
had more than 2 standard errors."""

_LEAST_VISIBLE = 1e-3
"""Part of a difference that counts as seen where nothing is: then the shares stay where they are."""

_POWERS = 10
"""Steps of the power iteration for the norm of A, which is then some per cent short."""

_EXPECTED, _USUAL_SHARE = 0.2, 0.3
"""Share of total variation that is expected beside a leading prior, and how far shares are from what is expected of them, root
mean square: the truth chose 0 to 0.5 in 33 contests, 0.2 in the mean."""


@dataclass(frozen=True)
class Contender:
    """A prior's image of one object, made twice.

    Attributes
    ----------
    name : str
        Of the prior, as `mixture.Part` has it.
    judged : Tensor
        [C, H, W], made without the measurements that judge; where there is no contest it may be `image`, and nobody looks.
    image : Tensor
        [C, H, W], made with all of them.
    """

    name: str
    judged: Tensor
    image: Tensor


@dataclass(frozen=True)
class Trial:
    """Measurements in two parts.

    Attributes
    ----------
    training, judging : Measurement
        What the contenders' judged images are made from, and what they have not seen.
    units : int or None
        Of how many units the judging ones are, of which the measurements tell of one another; None: each is one.
    """

    training: Measurement
    judging: Measurement
    units: int | None = None

    @staticmethod
    def of(measurement: Measurement, held_out: Tensor, units: Tensor | None = None) -> Trial:
        """Part measurements by which of them, bool, were held out; `units` are the numbers of all measurements' units."""
        valid, held = measurement.valid, held_out.to(measurement.valid.device)
        return Trial(
            replace(measurement, valid=torch.where(held, 0, valid)),
            replace(measurement, valid=torch.where(held, valid, 0)),
            None if units is None else len(torch.unique(units[held_out.to(units.device)])),
        )

    @property
    def evidence(self) -> int:
        """How many independent numbers judge, about."""
        values = self.judging.count * (2 if self.judging.y.is_complex() else 1)
        return values if self.units is None else min(values, _OF_A_UNIT * self.units)

    def error(self, image: Tensor) -> float:
        """Return the sum of squares that an image, [C, H, W], leaves of the judging measurements."""
        return float(_real(self.judging.residual(image)).square().sum())


def unseen(members: Sequence[Member]) -> tuple[Tensor, Tensor]:
    """Return the fits' image from the most that one of them has not seen, [C, H, W], and which measurements these are, bool.

    Fits may have held out different measurements: those count here that share them with the fit of the largest weight.
    """
    leading = max(members, key=lambda member: member.weight)
    sharing = [member for member in members if member.weight and torch.equal(member.held_out, leading.held_out)]
    total = sum(member.weight for member in sharing)
    image = torch.stack([member.weight / total * member.result.image[0] for member in sharing]).sum(0)
    return image, leading.held_out


def mixed(contenders: Sequence[Contender], trial: Trial) -> Mixture:
    """Mix the contenders' images with the shares, not negative and 1 together, that the judged ones' errors make most probable.

    Without more the most probable are those with which they err least (stacking: Wolpert, Neural Networks, 1992; Breiman, Machine
    Learning, 1996), but few measurements judge. So what the best mixture leaves is taken for chance, and the shares of all but
    the leading contender are expected to be near 0, that of total variation near `_EXPECTED`: a ridge. It is the stronger the
    less the measurements see of what tells another image from the leading one: of a sharper image a blur shows next to nothing.
    The first contender leads unless another errs less by more than chance.

    What A x - y holds of noise does not depend on the shares, as they sum to 1.

    Parameters
    ----------
    contenders : sequence of Contender
        The one that is trusted without evidence first.
    trial : Trial
        What judges.
    """
    residuals = torch.stack(
        [_real(trial.judging.residual(contender.judged)).flatten().cpu() for contender in contenders]
    ).double()
    gram = residuals @ residuals.mT
    leading = _leading(residuals)
    by_chance = _least(gram) / trial.evidence / _USUAL_SHARE**2
    images = [contender.judged for contender in contenders]
    visible = torch.stack([_visible(trial, image - images[leading]) for image in images]).to(gram)
    others = torch.ones_like(visible).index_fill(0, torch.tensor(leading), 0)
    weights = by_chance * others / visible
    expected = torch.tensor([_EXPECTED * (contender.name == VARIATION) for contender in contenders]).to(gram)
    # As shares sum to 1, what is linear in them is a quadratic form as well.
    linear = (weights * expected).expand_as(gram)
    shares = _best(gram + torch.diag(weights) - linear - linear.mT).tolist()
    parts = [Part(contender.name, contender.image, share) for contender, share in zip(contenders, shares, strict=True)]
    return Mixture(tuple(parts))


def _leading(residuals: Tensor) -> int:
    """Return which contender leads, of residuals [contenders, values]: the first, or the best if it is so beyond chance."""
    squares = residuals[:, residuals.abs().amax(0) > 0].square()
    errors = squares.sum(1)
    best = int(errors.argmin())
    gains = squares[0] - squares[best]
    sure = float(gains.sum()) > _BEYOND_CHANCE * float(gains.square().sum().sqrt())
    return best if sure and float(errors[best]) < _MUCH * float(errors[0]) else 0


def _visible(trial: Trial, difference: Tensor) -> Tensor:
    """Return how much of a difference of images [C, H, W] the judging measurements see, from near 0 to 1.

    It is the root mean square of A d where these are, in parts of that of d and of the norm of all measurements.
    """
    judging = trial.judging
    whole = replace(judging, valid=judging.valid + trial.training.valid)
    probe = torch.randn(difference.shape, generator=torch.Generator().manual_seed(0)).to(difference)
    *_, squared_norm = islice(power_iteration(whole.normal, probe), _POWERS)
    seen = _real(judging.forward(difference)).square().sum() / max(judging.count, 1)
    most = squared_norm * difference.square().mean()
    return (seen / most).nan_to_num(1.0).clamp(_LEAST_VISIBLE**2, 1).sqrt().cpu()


def _best(gram: Tensor) -> Tensor:
    """Return the shares w, not negative and 1 together, with the least w^T G w."""
    return min(_candidates(gram), key=lambda shares: float(shares @ gram @ shares))


def _least(gram: Tensor) -> float:
    shares = _best(gram)
    return max(float(shares @ gram @ shares), 0.0)


def _candidates(gram: Tensor) -> Iterator[Tensor]:
    """Yield the shares that are stationary on each face of the simplex and not negative: the minimum is one of them."""
    count = len(gram)
    for face in (list(some) for size in range(1, count + 1) for some in combinations(range(count), size)):
        shares = _stationary(gram[face][:, face])
        if bool((shares >= 0).all()):
            yield torch.zeros_like(gram[0]).index_put((torch.tensor(face),), shares)


def _stationary(gram: Tensor) -> Tensor:
    """Return the w of sum 1 where w^T G w is stationary, by Lagrange's equations; the shortest w if there are several."""
    count, scale = len(gram), float(gram.diagonal().mean()) or 1.0
    equations = torch.ones(count + 1, count + 1, dtype=gram.dtype)
    equations[:count, :count], equations[count, count] = gram / scale, 0
    solution: Tensor = torch.linalg.pinv(equations, hermitian=True)[:count, count]
    return solution


def _real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values
