"""`cgdenoise status`: what has become of the inputs of a batch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.errors import Failures
from cgdenoise.cli.options import Json
from cgdenoise.cli.output import emit, emit_json

if TYPE_CHECKING:
    from cgdenoise.fitlog.journal import Status


def status(
    journals: Annotated[list[str], typer.Argument(metavar="JOURNAL", help="What --journal has written.")],
    json: Json = False,
) -> None:
    """Say how far a batch is, or how far it came: what is done, what failed and why, what was running when it was killed.

    Of several journals, as the jobs of an array write them, one after the other.
    """
    from cgdenoise.fitlog.journal import read_journal

    failures = Failures(json)
    for journal in journals:
        with failures.noted(journal):
            found = read_journal(journal)
            if json:
                emit_json(_facts(journal, found))
            else:
                _tell(journal, found)
    sys.exit(failures.code)


def _tell(journal: str, found: Status) -> None:
    counts = {kind: len(found.named(kind)) for kind in ("done", "skipped", "failed", "running")}
    told = [f"{count} {kind}" for kind, count in counts.items() if count or kind == "done"]
    emit(f"{journal}: {found.command}, {found.inputs} inputs: {', '.join([*told, f'{found.waiting} waiting'])}")
    runs = f"run {found.runs}, " if found.runs > 1 else ""
    pace = f"; {_per_minute(found):.3g} results a minute" if found.made and found.seconds else ""
    emit(f"{runs}begun {found.began:%Y-%m-%d %H:%M:%S} UTC, {_state(found)} after {found.seconds:.0f} s{pace}")
    for record in found.named("failed"):
        emit(f"failed: {record['error']}")
    for record in found.named("done"):
        if record["status"] != "complete":
            emit(f"{record['status']}: {record['input']}: the best result so far is in {record['output']}")
    for record in found.named("running"):
        emit(f"{'running' if found.going is not False else 'was running'}: {record['input']} since {record['time']}")


def _state(found: Status) -> str:
    if found.end is not None:
        return found.end
    return {True: "going on", False: "killed", None: "going on or killed"}[found.going]


def _per_minute(found: Status) -> float:
    return 60 * found.made / found.seconds


def _facts(journal: str, found: Status) -> dict[str, Any]:
    from cgdenoise.fitlog.journal import JOURNAL_FORMAT

    lists = {kind: found.named(kind) for kind in ("running", "failed")}
    counts = {kind: len(found.named(kind)) for kind in ("done", "skipped", "failed", "running")}
    return {
        "format": JOURNAL_FORMAT,
        "journal": journal,
        "command": found.command,
        "runs": found.runs,
        "began": found.began.isoformat(),
        "last": found.last.isoformat(),
        "state": _state(found),
        "inputs": found.inputs,
        "counts": {**counts, "waiting": found.waiting},
        "made": found.made,
        "results_per_minute": _per_minute(found) if found.made and found.seconds else None,
        **lists,
    }
