"""What a place that executes runs looks like to a sweep: this machine's cores, or a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from course_lib.sweeps.plan import PlannedRun


@dataclass(frozen=True)
class Attempt:
    """One execution of a run: outcome "ok", "failed" or "refused", seconds on the clock."""

    outcome: str
    error: str | None
    seconds: float


class Pool(Protocol):
    """Executes runs side by side; ``slots`` is how many may be in its hands at once."""

    slots: int

    def start(self, run: PlannedRun) -> None:
        """Take a run into its hands."""
        ...

    def wait(self) -> list[tuple[PlannedRun, Attempt]]:
        """Wait a moment; return the runs that have ended, whatever their outcome."""
        ...

    def close(self) -> None:
        """End every run still in its hands; none of them may look finished."""
        ...


def attempt_from(reply: dict[str, Any]) -> Attempt:
    """Return what a task said of itself."""
    return Attempt(str(reply["outcome"]), reply["error"], float(reply["seconds"]))
