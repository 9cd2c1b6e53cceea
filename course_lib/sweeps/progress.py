"""What a sweep says while it works, and the table at its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from course_lib.sweeps.plan import PlannedRun, describe
from course_lib.sweeps.pool import Attempt

if TYPE_CHECKING:
    from course_lib.sweeps.sweep import RunReport

MAX_ROWS = 200
_CLEAR = "\r\x1b[K"


class Progress:
    """One line for each run that has finished or failed, on stderr; below them, how many are at work.

    Nobody watches what is not a terminal: there, and with ``quiet`` or
    ``COURSE_PROGRESS=0``, only the runs that failed for good are told.
    ``COURSE_PROGRESS=1`` gives a line a run anywhere, for a log.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None, terminal: bool | None = None) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty() if terminal is None else terminal
        setting = os.environ.get("COURSE_PROGRESS", "")
        self.quiet = quiet or setting == "0" or not (self.terminal or setting == "1")
        self.total = self.done = self.executed = self.working = 0
        self.begun = time.monotonic()

    def begin(self, total: int, finished: int, slots: int) -> None:
        """Say how much there is to do."""
        self.total, self.done, self.begun = total, finished, time.monotonic()
        if not self.quiet:
            self.note(f"{total} runs, {finished} finished before, {total - finished} to do, {slots} at once")

    def started(self) -> None:
        """Count a run that has been handed out."""
        self.working += 1
        self._status()

    def ended(self, run: PlannedRun, attempt: Attempt, attempts: int, allowed: int, final: bool) -> None:
        """Say how a run ended; ``final`` means that it is not tried again."""
        self.working -= 1
        self.done += final
        self.executed += final
        count = f"[{self.done}/{self.total}]"
        if attempt.outcome == "ok":
            if not self.quiet:
                self.note(f"finished  {run.id}  {describe(run.varied)}  {attempt.seconds:.0f} s  {count}{self._left()}")
        elif final or not self.quiet:
            what = "refused" if attempt.outcome == "refused" else f"failed, attempt {attempts} of {allowed}"
            self.note(f"{what}  {run.id}  {describe(run.varied)}  {attempt.seconds:.0f} s  {count}: {_first_line(attempt.error)}")

    def note(self, text: str) -> None:
        """Print one line now, in the place of the status."""
        print(f"{_CLEAR}{text}" if self.terminal else text, file=self.stream, flush=True)
        self._status()

    def end(self) -> None:
        """Take the status away."""
        self.working = 0
        if self.terminal:
            print(_CLEAR, end="", file=self.stream, flush=True)

    def _status(self) -> None:
        """On a terminal, show what is going on in a line that is not kept."""
        if self.terminal and not self.quiet and self.working:
            text = f"{_CLEAR}{self.done} of {self.total} done, {self.working} at work{self._left()}"
            print(text, end="", file=self.stream, flush=True)

    def _left(self) -> str:
        """Say how long the rest will take, at the rate so far."""
        left = self.total - self.done
        if not left or not self.executed:
            return ""
        return f", about {left * (time.monotonic() - self.begun) / self.executed:.0f} s left"


def _first_line(text: str | None) -> str:
    return (text or "no message").strip().splitlines()[0][:200]


def table(reports: Sequence[RunReport]) -> str:
    """Return a summary: one row a run (the first 200, failures first beyond that), then the counts."""
    shown = reports if len(reports) <= MAX_ROWS else sorted(reports, key=lambda r: r.outcome == "ok")[:MAX_ROWS]
    rows = [("run", "parameters", "outcome", "seconds", "attempts")]
    rows += [(r.run.id, describe(r.run.varied), r.outcome + (" before" if r.earlier else ""), f"{r.seconds:.0f}", str(r.attempts))
             for r in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(shown) < len(reports):
        lines.append(f"... and {len(reports) - len(shown)} more, all ok")
    failed = [r for r in reports if r.outcome != "ok"]
    lines += [f"{r.run.id}: {_first_line(r.error)}" for r in failed[:MAX_ROWS]]
    before = sum(r.earlier for r in reports)
    return "\n".join([*lines, f"{len(reports)} runs: {len(reports) - len(failed)} finished ({before} before), {len(failed)} not"])


def as_data(reports: Sequence[RunReport], folder: str) -> dict[str, Any]:
    """Return the reports as plain data, for ``--json``."""
    runs: list[Mapping[str, Any]] = [
        {"id": r.run.id, "notebook": r.run.notebook, "profile": r.run.profile, "parameters": dict(r.run.parameters),
         "folder": f"{folder}/{r.run.notebook}/{r.run.id}", "outcome": r.outcome, "error": r.error, "seconds": r.seconds,
         "attempts": r.attempts, "earlier": r.earlier, "changed": list(r.changed)}
        for r in reports
    ]
    failed = sum(r.outcome != "ok" for r in reports)
    return {"runs": runs, "finished": len(reports) - failed, "failed": failed, "earlier": sum(r.earlier for r in reports)}
