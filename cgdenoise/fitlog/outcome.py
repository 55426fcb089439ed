"""How a restoration ended: what its log, its JSON object and its line on the terminal say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from cgdenoise.fitlog.records import FORMAT, Record, header
from cgdenoise.fitlog.story import kept, made_of, told
from cgdenoise.metrics import psnr, ssim
from cgdenoise.noise import NoiseModel
from cgdenoise.restoration.results import FitSummary, Restoration, RestoredPart, Snapshot
from cgdenoise.restoration.units import Array
from cgdenoise.runtime import peak_memory


@dataclass(frozen=True)
class Outcome:
    """How the restoration of a page ended.

    Attributes
    ----------
    page : int
        Number of the page, from 0.
    result : Restoration
        How it came about; without its images and its mask of impulses, which may be large.
    noise : dict
        What was assumed of the noise.
    psnr, ssim : float or None
        Likeness of what is stored to the reference, if there is one.
    parts : tuple of dict
        The parts by name, share and, with a reference, likeness.
    status : str
        "complete", "interrupted", "failed" where every fit failed, or "unexplained" where no measurement is explained.
    error : str or None
        Why it is "failed" or "unexplained".
    warnings : tuple of str
        What the user should know.
    missing : float or None
        Share of the image's values that were to be filled in; None where that was not the problem.
    picture : str or None
        How the grey levels of the stored picture come from the image; None where they are the input's.
    start : dict or None
        Name and likeness of what is usual without a prior, where there is a reference.
    """

    page: int
    result: Restoration
    noise: Record
    psnr: float | None
    ssim: float | None
    parts: tuple[Record, ...]
    status: str
    error: str | None = None
    warnings: tuple[str, ...] = ()
    missing: float | None = None
    picture: str | None = None
    start: Record | None = None

    def warned(self, warning: str) -> Outcome:
        """Return the outcome with a warning more."""
        return replace(self, warnings=(*self.warnings, warning))


def further(outcome: Outcome, name: str, stored: Array, clean: Array | None, seconds: float) -> Outcome:
    """Return the outcome of a page that was restored further: what it was made of before counts no more.

    Parameters
    ----------
    outcome : Outcome
        So far.
    name : str
        Of the part that the page now is.
    stored : array
        As the file will hold it.
    clean : array or None
        Reference for it.
    seconds : float
        That it took.
    """
    compared = likeness_of(stored, clean)
    result = replace(outcome.result, seconds=outcome.result.seconds + seconds)
    parts = ({"name": name, "weight": 1.0, **compared}, *({**part, "weight": 0.0} for part in outcome.parts))
    return replace(outcome, result=result, psnr=compared.get("psnr"), ssim=compared.get("ssim"), parts=parts)


@dataclass(frozen=True)
class Names:
    """Names of the command, the files and the preset; the log is None where the result goes to standard output.

    `arguments` are the command's options that were given, as one would type them again.
    """

    command: str
    input: str
    output: str
    log: str | None
    preset: str
    arguments: tuple[str, ...] = ()


def outcome_of(page: int, result: Restoration, stored: Array, shown: Callable[[Array], Array], clean: Array | None) -> Outcome:
    """Return how a restoration ended.

    Parameters
    ----------
    page : int
        Number of the page, from 0.
    result : Restoration
        Of the page.
    stored : array
        As the file will hold it.
    shown : callable
        Takes a part's image to the picture that is compared.
    clean : array or None
        Reference for `stored`.
    """

    def of_part(part: RestoredPart) -> Record:
        compared = {} if part.image is None or clean is None else likeness_of(shown(part.image()), clean)
        return {"name": part.name, "weight": part.weight, **compared}

    likeness = likeness_of(stored, clean)
    parts = tuple(of_part(part) for part in result.parts)
    status = "interrupted" if result.interrupted else "complete"
    noise = replace(result.noise, impulses=np.zeros((0, 0, 0), bool))
    bare = replace(result, image=np.zeros(0), parts=(), noise=noise, start=None)
    return Outcome(
        page,
        bare,
        _noise_record(result.noise),
        likeness.get("psnr"),
        likeness.get("ssim"),
        parts,
        status,
        warnings=result.warnings,
    )


def page_log(names: Names, description: Record, settings: Record, outcome: Outcome, evaluations: list[Record]) -> list[Record]:
    """Return all records of a page: the header, the evaluations, a record for each fit, the end.

    Parameters
    ----------
    names : Names
        Of the files.
    description : dict
        Of the input.
    settings : dict
        What the user chose.
    outcome : Outcome
        How it ended.
    evaluations : list of dict
        Of the fits, as `evaluation_record` gives them.
    """
    result = outcome.result
    head = header(outcome.page, names.command, description, settings) | {
        "arguments": list(names.arguments),
        "sigma": result.sigma,
        "sigma_estimated": result.sigma_estimated,
        "noise": outcome.noise,
        "depth": result.depth,
    }
    fits = [_fit_record(outcome.page, fit, evaluations) for fit in result.fits]
    end = _end_record(names, outcome) | {"noise_given": told(settings, result.sigma_estimated), "kept": kept(fits)}
    return [head, *evaluations, *fits, end | {"made_of": made_of(end)}]


def _end_record(names: Names, outcome: Outcome) -> Record:
    """Return the numbers of the record that closes a page, which `--json` prints: null where there is nothing to say."""
    result = outcome.result
    leading = max(result.fits, key=lambda fit: fit.weight, default=None)
    return {
        "type": "end",
        "format": FORMAT,
        "page": outcome.page + 1,
        "command": names.command,
        "input": names.input,
        "output": names.output,
        "log": names.log,
        "output_sha256": None,
        "status": outcome.status,
        "error": outcome.error,
        "warnings": list(outcome.warnings),
        "preset": names.preset,
        "depth": result.depth,
        "fits": len(result.fits),
        "averaged": sum(fit.weight > 0 for fit in result.fits),
        "reason": _reason(leading),
        "iteration": leading.iteration if leading else 0,
        "held_out_rms": leading.held_out_rms if leading else None,
        "noise": str(result.noise.kind),
        "sigma": result.sigma,
        "sigma_estimated": result.sigma_estimated,
        "parts": list(outcome.parts),
        "tiles": result.tiles,
        "tiles_left": result.tiles_left,
        "missing": outcome.missing,
        "evidence": None if result.evidence is None else asdict(result.evidence),
        "picture": outcome.picture,
        "psnr": outcome.psnr,
        "ssim": outcome.ssim,
        "start": outcome.start,
        "seconds": result.seconds,
        "device": result.device,
        "peak_memory_bytes": peak_memory(),
    }


def _fit_record(page: int, fit: FitSummary, evaluations: list[Record]) -> Record:
    found: Record = {
        "type": "fit",
        "page": page + 1,
        "fit": fit.label.index + 1,
        **{key: value for key, value in asdict(fit.label).items() if key != "index"},
        "group": fit.label.group + 1,
        **{key: value for key, value in asdict(fit).items() if key != "label"},
    }
    quality = {e["iteration"]: e["psnr"] for e in evaluations if e["fit"] == found["fit"] and "psnr" in e}
    if quality:
        best = max(quality, key=lambda iteration: quality[iteration])
        found |= {"psnr": quality.get(fit.iteration), "psnr_best": quality[best], "psnr_best_iteration": best}
    return found


def evaluation_record(page: int, snapshot: Snapshot, clean: Array | None) -> Record:
    """Return what the log says of an evaluation; with a clean image of the snapshot's shape also the PSNR."""
    found: Record = {
        "type": "evaluation",
        "page": page + 1,
        "fit": snapshot.label.index + 1,
        "depth": snapshot.label.depth,
        "probe": snapshot.label.probe,
        "iteration": snapshot.iteration,
        "train_rms": snapshot.train_rms,
        "residual_rms": snapshot.residual_rms,
        "held_out_rms": snapshot.held_out_rms,
    }
    if clean is not None and not snapshot.label.probe:
        found["psnr"] = psnr(snapshot.image(), clean, peak_of(clean))
    return found


def peak_of(reference: Array) -> float:
    """Return the full scale that PSNR refers to: an integer dtype's largest value; of floats 1, or their range if it is wider."""
    if reference.dtype.kind in "ui":
        return float(np.iinfo(reference.dtype).max)
    low, high = float(np.nanmin(reference)), float(np.nanmax(reference))
    return 1.0 if (low >= 0 and high <= 1) or low == high else high - low


def likeness_of(stored: Array, clean: Array | None) -> dict[str, float]:
    """Return what the log says of a picture's likeness to a clean one, if there is any."""
    if clean is None:
        return {}
    peak = peak_of(clean)
    return {"psnr": psnr(stored, clean, peak), "ssim": ssim(stored, clean, peak)}


def _reason(leading: FitSummary | None) -> str:
    """Return why the fit with the largest share ended; there is none in a constant image, nor a share if all failed."""
    if leading is None:
        return "constant"
    return str(leading.reason) if leading.weight else "failed"


def _noise_record(noise: NoiseModel) -> Record:
    return {
        "kind": str(noise.kind),
        "sigma": noise.sigma,
        "gain": noise.gain,
        "offset": noise.offset,
        "read_sigma": noise.read_sigma,
        "covariance": None if noise.covariance is None else noise.covariance.tolist(),
        "length": noise.correlation_length,
        "spread": noise.correlation_area,
        "impulses": int(noise.impulses.sum()),
        "reasons": list(noise.reasons),
    }
