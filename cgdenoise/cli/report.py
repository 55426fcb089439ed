"""What a command reports of a restored page, the same for all commands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cgdenoise.cli.output import emit, emit_json, fail, note, warn
from cgdenoise.fitlog.story import briefly, known_by


def report(end: dict[str, Any], pages: int, json: bool, quiet: bool, shown: Collection[str] = ()) -> None:
    """Report the outcome of a page: errors, interruptions and warnings on stderr, the result on stdout.

    Parameters
    ----------
    end : dict
        The last record of the page's log (`fitlog.outcome.page_log`), which is what `--json` prints.
    pages : int
        How many were restored.
    json, quiet : bool
        What the user wants to see.
    shown : collection of str
        Warnings that the user has seen already.
    """
    name, output, page = end["input"], end["output"], f" page {end['page']}" if pages > 1 else ""
    if end["error"]:
        written = "the best image so far" if end["status"] == "failed" else "the result"
        fail(f"{name}: {end['error']}; {written} is in {output}")
    if end["status"] == "interrupted":
        note(f"{name}:{page} interrupted; {_left_of(end)} is in {output}")
    warn(name, [f"{page} {warning}".lstrip() for warning in end["warnings"] if warning not in shown], quiet)
    if json:
        emit_json(end)
    elif not (quiet or end["error"] or output == "-"):  # the picture itself went to standard output
        emit(f"{output}{page}: {sentence(end)}")


def _left_of(end: dict[str, Any]) -> str:
    """Return what there is of a page that was interrupted."""
    if not end["tiles_left"]:
        return "the best result so far"
    done = end["tiles"] - end["tiles_left"]
    again = " (--on-exists skip goes on from there)" if end["output"] != "-" else ""
    return f"what is restored, {done} of {end['tiles']} tiles{again},"


def report_skipped(name: str, output: str, json: bool, quiet: bool) -> None:
    """Report an input whose result is there already."""
    if json:
        emit_json({"type": "skipped", "input": name, "output": output, "status": "skipped", "error": None})
    elif not quiet:
        emit(f"{output}: complete already, skipped")


def tell_report(target: str, json: bool, quiet: bool) -> None:
    """Report where the web page is."""
    if not (json or quiet):
        emit(f"{target}: the report")


def sentence(end: dict[str, Any]) -> str:
    """Return what was done in a line: fits, noise or missing pixels, time, likeness to a reference."""
    if not end["fits"]:
        return "constant image, given back as it is"
    untouched = [part["name"] for part in end["parts"] if part["weight"]] == ["input"]  # a warning says why
    parts = [end["made_of"] if untouched else f"{end['made_of']} ({briefly(end)})"]
    if (end["picture"] is None or end["sigma"]) and not untouched:
        parts.append(f"{end['noise']} noise {end['sigma']:.4g} ({known_by(end['noise_given'])})")
    if end["tiles"]:
        parts.append(f"in {end['tiles']} tiles")
    parts.append(f"{end['seconds']:.1f} s" + " (with a warning)" * bool(end["warnings"]))
    if end["missing"] is not None:
        parts.append(f"{end['missing']:.1%} missing")
    if end["psnr"] is not None:
        start = f" ({end['start']['name']}: {end['start']['psnr']:.2f} dB)" if end["start"] else ""
        parts.append(f"PSNR {end['psnr']:.2f} dB, SSIM {end['ssim']:.4f}{start}")
    return ", ".join(parts) + (f"; {end['picture']}" if end["picture"] else "")
