"""All experiments, by the names that users choose them by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cgdenoise.errors import OptionError
from cgdenoise.experiments import (
    architectures,
    compressive_sensing,
    denoising,
    image_vs_noise,
    jacobian,
    kernels,
    mse_curves,
    selective_fitting,
    table_1,
    two_layer,
)
from cgdenoise.experiments.findings import Findings, Setting

_PAPER = "Heckel & Soltanolkotabi, ICLR 2020, arXiv 1910.14634"
_FOLLOW_UP = "Heckel & Soltanolkotabi, ICML 2020, arXiv 2005.03991"


@dataclass(frozen=True)
class Experiment:
    """A claim to see for oneself: what it is about, where it was published, and how it is run."""

    title: str
    source: str
    run: Callable[[Setting], Findings]


EXPERIMENTS = {
    "mse-curves": Experiment("A photograph is fitted before noise", f"{_PAPER}, Figure 1", mse_curves.run),
    "denoising": Experiment("One photograph, restored by each method", f"{_PAPER}, Figure 2", denoising.run),
    "architectures": Experiment("Fixed filters make the difference", f"{_PAPER}, Figures 4 and 8", architectures.run),
    "selective-fitting": Experiment("Least squares fits leading directions first", f"{_PAPER}, Figure 5", selective_fitting.run),
    "kernels": Experiment("Eigenfunctions of the two-layer generator", f"{_PAPER}, Figure 6", kernels.run),
    "jacobian": Experiment("Leading singular vectors of a deep generator", f"{_PAPER}, Figures 7 and 12", jacobian.run),
    "image-vs-noise": Experiment("Many photographs against noise", f"{_PAPER}, Figure 10", image_vs_noise.run),
    "two-layer": Experiment("The theorem, predicted and measured", f"{_PAPER}, Theorem 1", two_layer.run),
    "table-1": Experiment("Methods under the paper's protocol", f"{_PAPER}, Table 1", table_1.run),
    "compressive-sensing": Experiment("Few measurements need no early stopping", _FOLLOW_UP, compressive_sensing.run),
}


def experiment_of(name: str) -> Experiment:
    """Return the experiment of a name.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise OptionError(f"experiment {name!r}; expected all, or one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
