"""How a batch goes: what becomes of each input is shown, reported, and written into the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cgdenoise.cli.errors import FAILED, Failures
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.output import emit_json, fail, note, warn
from cgdenoise.cli.progress import ProgressDisplay, Screen, waiting
from cgdenoise.cli.report import report, report_skipped, tell_report
from cgdenoise.cli.workers import Begun, Ended, Event, Lost, Said
from cgdenoise.errors import CgDenoiseError, ImageError, OptionError
from cgdenoise.progress import Progress

if TYPE_CHECKING:
    from cgdenoise.fitlog.journal import Journal
    from cgdenoise.jobs.plan import Job


@dataclass(frozen=True)
class Moved:
    """How far an input is."""

    page: int
    pages: int
    now: Progress


@dataclass(frozen=True)
class Warned:
    """What is to be known of an input before the wait."""

    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """What an input has come to: the last record of the log of each page that was begun, and how many pages there are."""

    ends: list[dict[str, Any]]
    pages: int


class Batch:
    """What is done as a batch goes on.

    Parameters
    ----------
    jobs : sequence of Job
        All of them.
    journal : Journal or None
        Where it is written down.
    interrupt : Interrupt
        By which the user may end it.
    json, quiet : bool
        What the user wants to see.

    Attributes
    ----------
    screen : Screen
        Where progress is shown; to be entered.
    """

    def __init__(self, jobs: Sequence[Job], journal: Journal | None, interrupt: Interrupt, json: bool, quiet: bool) -> None:
        self.screen = Screen(quiet, len(jobs))
        self._interrupt = interrupt
        self._inputs, self._journal, self._json, self._quiet = len(jobs), journal, json, quiet
        self._left = dict.fromkeys(jobs)
        self._failures = Failures(json)
        self._logs: list[str] = []
        self._failed: list[tuple[str, str]] = []
        self._begun = 0
        self._displays: dict[Job, ProgressDisplay] = {}
        self._shown: dict[Job, tuple[str, ...]] = {}

    def follow(self, events: Iterable[Event]) -> None:
        """See to all that happens, until the last input is done.

        Raises
        ------
        OptionError
            Of an input: it is about all of them.
        """
        for event in events:
            if isinstance(event, Begun):
                self._begin(event.job)
            elif isinstance(event, Said):
                self.told(event.job, event.news)
            elif isinstance(event, Lost):
                self._lost(event)
            else:
                self._ended(event)

    def told(self, job: Job, news: Moved | Warned) -> None:
        """Show how far an input is, or what is to be known of it."""
        from cgdenoise.jobs.found import called

        if isinstance(news, Warned):
            self._shown[job] = news.warnings
            with self.screen.aside():
                warn(called(job.source), news.warnings, self._quiet)
        elif job in self._displays:  # else it was lost meanwhile
            self._displays[job].update(news.page, news.now, news.pages)

    def finish(self) -> int:
        """Close the journal, list what failed, and tell a script of what had no turn; return the exit code."""
        self._note_down("end", None, status="interrupted" if self._interrupt.signal else "complete")
        names = self._failures.names
        if names and self._inputs > 1:
            note(f"{len(names)} of {self._inputs} inputs failed: {', '.join(names)}")
        if self._json:
            for job in self._left:
                emit_json(
                    {"type": "error", "input": job.source, "status": "interrupted", "error": "interrupted; nothing was written"}
                )
        return 128 + self._interrupt.signal if self._interrupt.signal else self._failures.code

    def write_report(self, target: str, replaces: bool) -> None:
        """Write a web page of what was made, or was there already; of several inputs an index, with what failed."""
        from cgdenoise.jobs.report_files import write_report

        if self._logs or self._failed:
            with waiting("writing pages", quiet=self._quiet):
                write_report(self._logs, self._failed, target, replaces)
            tell_report(target, self._json, self._quiet)

    def _begin(self, job: Job) -> None:
        from cgdenoise.jobs.found import called

        self._note_down("running", job, output=job.target)
        self._begun += 1
        self._displays[job] = ProgressDisplay(called(job.source), self.screen, place=self.screen.place(self._begun))

    def _ended(self, event: Ended) -> None:
        job = event.job
        try:
            restored = event.outcome()
            self._forget(job)
            self._left.pop(job, None)
            with self.screen.aside():
                self._report(job, restored)
        except CgDenoiseError as error:
            self._forget(job)
            self._note_down("failed", job, error=str(error))
            if isinstance(error, OptionError):
                raise
            self._left.pop(job, None)
            self._failed.append((job.source, str(error)))
            with self.screen.aside():
                self._failures.add(job.source, error)
            self.screen.count(passed=True)

    def _report(self, job: Job, restored: Restored | None) -> None:
        if job.log is not None:
            self._logs.append(str(job.log))
        if restored is None:
            self._note_down("skipped", job, output=job.target)
            self.screen.count(passed=True)
            report_skipped(job.source, job.target, self._json, self._quiet)
            return
        self._interrupt.written = True
        ends = restored.ends
        status = next((end["status"] for end in ends if end["status"] != "complete"), "complete")
        self._note_down("done", job, output=job.target, status=status, seconds=sum(end["seconds"] for end in ends))
        self.screen.count()
        if len(ends) < restored.pages:
            rest = f"{len(ends)} of {restored.pages} pages are restored, the others as they were"
            note(f"{job.source}: interrupted; {rest}")
        for end in ends:
            report(end, len(ends), self._json, self._quiet, self._shown.pop(job, ()))
        if any(end["error"] for end in ends):  # there is a result, but it is none to rely on
            self._failures.code = FAILED
            self._failures.names.append(job.source)

    def _lost(self, event: Lost) -> None:
        from cgdenoise.images import remove_leftovers

        remove_leftovers(event.job.files)
        self._forget(event.job)
        with self.screen.aside():
            note(f"{event.job.source}: {event.reason}" + "; it is tried once more at the end" * event.again)

    def _forget(self, job: Job) -> None:
        if job in self._displays:
            self.screen.remove(self._displays.pop(job))

    def _note_down(self, kind: str, job: Job | None, **fields: str | float | None) -> None:
        if self._journal is None:
            return
        try:
            self._journal.write(kind, None if job is None else job.source, **fields)
        except ImageError as error:
            self._journal = None
            with self.screen.aside():
                fail(f"{error}; the batch goes on without a journal")
            self._failures.code = FAILED
