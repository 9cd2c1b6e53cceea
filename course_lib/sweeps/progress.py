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


class Progress:
    """One line for each run that starts, finishes or fails, on stderr.

    Starts are told on a terminal only. ``quiet`` (or ``COURSE_PROGRESS=0``) leaves the runs that failed for good.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None, terminal: bool | None = None) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet or os.environ.get("COURSE_PROGRESS", "1") == "0"
        self.terminal = self.stream.isatty() if terminal is None else terminal
        self.total = self.done = self.slots = self.executed = 0
        self.begun = time.monotonic()

    def begin(self, total: int, finished: int, slots: int) -> None:
        """Say how much there is to do."""
        self.total, self.done, self.slots, self.begun = total, finished, slots, time.monotonic()
        if not self.quiet:
            self.note(f"{total} runs, {finished} finished before, {total - finished} to do, {slots} at once")

    def started(self, run: PlannedRun) -> None:
        """Say that a run has been handed out."""
        if self.terminal and not self.quiet:
            self.note(f"started   {run.id}  {describe(run.varied)}")

    def ended(self, run: PlannedRun, attempt: Attempt, attempts: int, allowed: int, final: bool) -> None:
        """Say how a run ended; ``final`` means that it is not tried again."""
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
        """Print one line now."""
        print(text, file=self.stream, flush=True)

    def _left(self) -> str:
        """Say how long the rest will take, at the rate so far."""
        left = self.total - self.done
        rate = (time.monotonic() - self.begun) / self.executed
        return f", about {left * rate:.0f} s left" if left else ""


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
         "attempts": r.attempts, "earlier": r.earlier}
        for r in reports
    ]
    failed = sum(r.outcome != "ok" for r in reports)
    return {"runs": runs, "finished": len(reports) - failed, "failed": failed, "earlier": sum(r.earlier for r in reports)}
