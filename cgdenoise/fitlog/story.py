"""What a log says, in words: what the picture is made of, which iteration was kept and why, what noise there was."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cgdenoise import names
from cgdenoise.fitlog.reader import FitLog
from cgdenoise.fitlog.records import Record

_REASONS = {
    "held-out": "after it the error on values that it was not shown fell no more, up to iteration {last_iteration}",
    "noise-level": "there what it left of the image had come down to the noise",
    "budget": "the best of the {max_iterations} that it had",
    "not-finite": "in iteration {last_iteration} its loss overflowed",
    "interrupted": "the best until somebody asked for the end, in iteration {last_iteration}",
}
_SPENT = "its last, for the budget was spent"

_BRIEFLY = {
    "held-out": "held-out error fell no more",
    "noise-level": "residual at the noise level",
    "budget": "budget spent",
    "not-finite": "loss overflowed",
    "interrupted": "interrupted",
}

_NOISE = {
    "gaussian": "white Gaussian noise",
    "poisson": "Poisson noise",
    "poisson-gaussian": "Poisson noise with Gaussian noise",
    "impulse": "impulses",
    "correlated": "noise that neighbours share",
}

_TOLD = {
    "noise": "kind",
    "sigma": "level",
    "gain": "gain",
    "offset": "offset",
    "noise_file": "law",
    "noise_from": "second exposure",
    "dark": "dark frames",
}
"""What a user may tell of the noise, by the names of the options."""

_NOTHING = 1e-6
"""Share of the noise's level that rounding leaves of an offset that is 0."""

_LIKE_THE_COMMAND = ("sigma", "gain", "offset", "seed", "memory")
"""Options of `denoise` that an older log, which has no arguments, has under the same name; left out where they say nothing."""

_MAY_NAME_ITS_INPUT_BY_AN_OPTION = "cs"


def part(name: str) -> str:
    """Return what a part of a result is, by its name in the log."""
    return names.PARTS.get(name, name)


def made_of(end: Record) -> str:
    """Return what a picture was made of, by the last record of its log."""
    if not end.get("fits"):
        return "a constant image, given back as it is"
    shares = [(share["name"], share["weight"]) for share in end.get("parts", [])]
    return names.made_of(shares) or "nothing that the log tells"


def kept(fits: Sequence[Record]) -> str:
    """Return which iteration of which fit was kept, and why, by the fits' records."""
    made = [fit for fit in fits if not fit["probe"] or fit.get("weight")]  # interrupted early, probes are all there is
    counted = [fit for fit in made if fit.get("weight")]
    if not made:
        return "nothing was fitted"
    if not counted:
        return "the fit did not come near the image" if len(made) == 1 else f"none of {len(made)} fits came near the image"
    fit = max(counted, key=lambda fit: fit["weight"])
    others = f", averaged with {len(counted) - 1} more" if len(counted) > 1 else ""
    return f"iteration {fit['iteration']} of fit {fit['fit']}, at depth {fit['depth']}{others}: {_why(fit)}"


def _why(fit: Record) -> str:
    if fit["reason"] == "budget" and fit["iteration"] == fit["last_iteration"]:
        return _SPENT
    return _REASONS.get(fit["reason"], str(fit["reason"])).format(**fit)


def briefly(end: Record) -> str:
    """Return how many fits count, their depth, and which iteration was kept and why, in a few words, by a log's last record."""
    if not end["averaged"]:
        return "no fit"
    count = names.counted(end["averaged"], end["fits"])
    return f"{count}, depth {end['depth']}, iteration {end['iteration']}: {_BRIEFLY.get(end['reason'], end['reason'])}"


def noise(header: Record) -> str:
    """Return what noise was assumed."""
    law = header["noise"]
    if not law["sigma"] and not law["impulses"]:
        return "none was assumed"
    name = _NOISE.get(law["kind"], law["kind"])
    origin = known_by(told(header["options"], header["sigma_estimated"]))
    text = f"{name} of standard deviation {law['sigma']:.4g} grey levels ({origin})"
    if law["gain"]:
        value = f"(value − {law['offset']:.4g})" if abs(law["offset"]) > _NOTHING * law["sigma"] else "value"
        text += f"; variance = {law['gain']:.4g} × {value}"
        text += f" + {law['read_sigma'] ** 2:.4g}" if law["read_sigma"] > _NOTHING * law["sigma"] else ""
    if law["length"]:
        text += f"; independent from {law['length']} pixels on"
    return text


def told(options: Record, sigma_estimated: bool) -> list[str]:
    """Return what the user told of the noise, by the options of a log."""
    given = [key for key in _TOLD if options.get(key) not in (None, "auto")]
    return [_TOLD[key] for key in given if not (key == "sigma" and sigma_estimated)]


def known_by(given: Sequence[str]) -> str:
    """Return whence the noise is known, by what was told of it."""
    return f"given: {', '.join(given)}" if given else "estimated"


def repeat(log: FitLog) -> str:
    """Return the command that makes the same again."""
    header, end = log.header, log.end
    arguments = _arguments(header)
    by_option = header["command"] == _MAY_NAME_ITS_INPUT_BY_AN_OPTION and end["input"] in arguments
    read = [] if by_option else [end["input"]]
    return shlex.join(["cgdenoise", header["command"], *read, "-o", end["output"], *arguments])


def _arguments(header: Record) -> list[str]:
    """Return the options that were given; those that a log without them is known by."""
    if "arguments" in header:
        return list(header["arguments"])
    options = header["options"]
    words = ["--preset", options["preset_name"]]
    if options.get("noise", "auto") != "auto":
        words += ["--noise", options["noise"]]
    for key in _LIKE_THE_COMMAND:
        if options.get(key) is not None:
            words += [f"--{key}", str(options[key])]
    return words


def doubt(log: FitLog) -> int:
    """Return how much a result is to be doubted: 3 where it failed, 2 where it is not whole, 1 with warnings, else 0."""
    status = {"complete": 0, "interrupted": 2}.get(log.end["status"], 3)
    return max(status, int(bool(log.end["warnings"])))
