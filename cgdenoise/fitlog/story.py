"""What a log says, in words: what the picture is made of, which iteration was kept and why, what noise there was."""

from __future__ import annotations

import shlex

from cgdenoise.fitlog.reader import FitLog
from cgdenoise.fitlog.records import Record

_PARTS = {
    "generator": "the generator",
    "guide": "groups of similar patches",
    "both": "groups of similar patches, guided by the generator",
    "input": "the input as it was",
    "total variation": "total variation",
}

_REASONS = {
    "held-out": "then the error on pixels that it was not shown stopped falling",
    "noise-level": "then what it left of the image had come down to the noise",
    "budget": "its last, for its budget was spent",
    "not-finite": "then its loss overflowed",
    "interrupted": "then somebody asked for the end",
}

_NOISE = {
    "gaussian": "white Gaussian noise",
    "poisson": "Poisson noise",
    "poisson-gaussian": "Poisson noise with Gaussian noise",
    "impulse": "impulses",
    "correlated": "noise that neighbours share",
}

_LIKE_THE_COMMAND = ("sigma", "gain", "offset", "seed", "memory")
"""Options of `denoise` that the log has under the same name, and that are left out where they say nothing."""


def made_of(end: Record) -> str:
    """Return what a picture was made of, by the last record of its log."""
    if not end.get("fits"):
        return "a constant image, given back as it is"
    shares = [(part["weight"], _PARTS.get(part["name"], part["name"])) for part in end.get("parts", []) if part["weight"] > 0]
    if len(shares) == 1:
        return str(shares[0][1])
    return ", ".join(f"{weight:.0%} {name}" for weight, name in sorted(shares, reverse=True)) or "nothing that the log tells"


def kept(log: FitLog) -> str:
    """Return which iteration of which fit was kept, and why."""
    fits = [fit for fit in log.fits if not fit["probe"]]
    counted = [fit for fit in fits if fit.get("weight")]
    if not fits:
        return "nothing was fitted"
    if not counted:
        return f"none of {len(fits)} fits came near the image"
    fit = max(counted, key=lambda fit: fit["weight"])
    others = f", averaged with {len(counted) - 1} more" if len(counted) > 1 else ""
    reason = _REASONS.get(fit["reason"], str(fit["reason"]))
    return f"fit {fit['fit'] + 1} at depth {fit['depth']}{others}: iteration {fit['iteration']} was kept; {reason}"


def noise(header: Record) -> str:
    """Return what noise was assumed."""
    law = header["noise"]
    if not law["sigma"] and not law["impulses"]:
        return "none was assumed"
    name = _NOISE.get(law["kind"], law["kind"])
    origin = "measured" if header["sigma_estimated"] else "given"
    text = f"{name} of standard deviation {law['sigma']:.4g} grey levels ({origin})"
    if law["gain"]:
        text += f"; variance = {law['gain']:.4g} × (value − {law['offset']:.4g}) + {law['read_sigma'] ** 2:.4g}"
    if law["length"]:
        text += f"; independent from {law['length']} pixels on"
    return text


def repeat(log: FitLog) -> str:
    """Return the command that makes the same again, as far as the log tells its options."""
    options = log.header["options"]
    words = ["cgdenoise", log.header["command"], log.end["input"], "-o", log.end["output"], "--preset", options["preset_name"]]
    if options.get("noise", "auto") != "auto":
        words += ["--noise", options["noise"]]
    for key in _LIKE_THE_COMMAND:
        if options.get(key) is not None:
            words += [f"--{key}", str(options[key])]
    return shlex.join(words)


def doubt(log: FitLog) -> int:
    """Return how much a result is to be doubted: 3 where it failed, 2 where it is not whole, 1 with warnings, else 0."""
    status = {"complete": 0, "interrupted": 2}.get(log.end["status"], 3)
    return max(status, int(bool(log.end["warnings"])))
