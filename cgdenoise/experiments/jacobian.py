"""Figures 7 and 12: the leading singular vectors of a deep generator's Jacobian, as it is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from cgdenoise.experiments.drawing import panels, show
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import generator_rng, shuffled, to_tensor, trace
from cgdenoise.experiments.networks import Architecture, Network
from cgdenoise.experiments.pictures import grey, square

_SIGMA = 25 / 255
"""Of the noise that is added: the paper's."""

_SHOWN = (0, 1, 4, 19)
"""Singular vectors that are drawn."""

_LEADING = 0.1
"""Share of the singular vectors that count as leading: what a picture without any structure would have in them."""

_MOST = 0.5
_FEW = 0.2
"""Least share of a photograph in the leading vectors, and most of noise. Quick, four seeds gave 0.67 to 0.76 and 0.09 to 0.14."""


@dataclass(frozen=True)
class _State:
    """The Jacobian after some iterations: its singular values (n), left singular vectors (n, n), and |J' x| / |x| of two x."""

    iteration: int
    values: Array
    vectors: Array
    of_image: float
    of_noise: float


_SEEN = (
    "J is the derivative of all pixels by all weights. Its leading left singular vectors, the directions that gradient "
    "descent fits first, are smooth at the start, and later take up the picture's edges, but never noise; so it moves "
    "fast towards a photograph and slowly towards noise (the same pixels in random order)."
)


def run(setting: Setting) -> Findings:
    """Fit a deep decoder to a noisy photograph, and take its Jacobian's singular value decomposition on the way."""
    side, channels = (24, 32) if setting.quick else (48, 64)
    rng = np.random.default_rng(setting.seed)
    picture = square(grey(setting.photographs[0].values), side)
    noise = shuffled(picture, rng)
    network = Network(Architecture.DOUBLING, channels, 3, side, generator_rng(setting.seed))
    y = to_tensor(picture + rng.normal(0, _SIGMA, picture.shape))
    states = []
    stops = (0, 50, 500) if setting.quick else (0, 50, 500, 3000)
    for number, (before, iteration) in enumerate(zip((0, *stops), stops, strict=False)):
        setting.progress(f"iteration {iteration}", number / len(stops))
        if iteration:
            trace(network, y, {}, iteration - before, device=setting.device, every=iteration)
        states.append(_state(iteration, network, picture, noise))
    return Findings(
        _SEEN, _numbers(states), _claims(states, picture, noise), _table(states, picture, noise), _figure(states, side)
    )


def jacobian(network: nn.Module) -> Array:
    """Return the derivative (n, p) of all n pixels of a generator's image by all p weights."""
    parameters = list(network.parameters())
    pixels = network().flatten()
    rows = []
    for pixel in pixels:
        gradients = torch.autograd.grad(pixel, parameters, retain_graph=True)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(rows).double().cpu().numpy()


def leading_share(vectors: Array, x: Array) -> float:
    """Return the share of the energy of x, less its mean, in the leading left singular vectors (n, n)."""
    centred = (x - x.mean()).ravel()
    along = vectors[:, : round(_LEADING * len(centred))].T @ centred
    return float((along**2).sum() / (centred**2).sum())


def _state(iteration: int, network: nn.Module, picture: Array, noise: Array) -> _State:
    j = jacobian(network)
    vectors, values, _ = np.linalg.svd(j, full_matrices=False)
    gains = [float(np.linalg.norm(j.T @ x) / np.linalg.norm(x)) for x in ((z - z.mean()).ravel() for z in (picture, noise))]
    return _State(iteration, values, vectors, gains[0], gains[1])


def _claims(states: list[_State], picture: Array, noise: Array) -> tuple[Claim, ...]:
    image = min(leading_share(state.vectors, picture) for state in states)
    other = max(leading_share(state.vectors, noise) for state in states)
    ratio = min(state.of_image / state.of_noise for state in states)
    return (
        Claim(
            "share of the photograph in the leading tenth of the singular vectors, least of all iterations", image, ">=", _MOST
        ),
        Claim("share of noise in them, most of all iterations", other, "<=", _FEW),
        Claim("|J' image| / |image| over the same of noise, least of all iterations", ratio, ">=", 2),
    )


def _numbers(states: list[_State]) -> list[str]:
    return [
        f"iteration {s.iteration}: |J' x| / |x| is {s.of_image:.3g} for the photograph and {s.of_noise:.3g} for noise"
        for s in states
    ]


def _table(states: list[_State], picture: Array, noise: Array) -> Table:
    rows: list[tuple[float | int | str, ...]] = []
    for state in states:
        along = [(state.vectors.T @ (x - x.mean()).ravel()) ** 2 / ((x - x.mean()) ** 2).sum() for x in (picture, noise)]
        for number, (value, image, other) in enumerate(zip(state.values, *along, strict=True)):
            rows.append((state.iteration, number, float(value), float(image), float(other)))
    return Table(("iteration", "number", "singular_value", "share_of_photograph", "share_of_noise"), rows)


def _figure(states: list[_State], side: int) -> Figure:
    figure, grid = panels(len(states), len(_SHOWN) + 1, width=2.2, height=2.2)
    for row, state in zip(grid, states, strict=True):
        for panel, number in zip(row, _SHOWN, strict=False):
            vector = state.vectors[:, number].reshape(side, side)
            show(panel, 0.5 + 0.5 * vector / np.abs(vector).max(), f"iteration {state.iteration}, vector {number + 1}")
        row[-1].plot(state.values / state.values[0])
        row[-1].set(yscale="log", ylim=(1e-5, 1.5))
        row[-1].set_title("singular values", fontsize="small")
    return figure
