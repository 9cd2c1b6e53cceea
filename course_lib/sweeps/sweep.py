"""The sweep itself: what is finished stays, everything else is executed, failures are tried again and then reported."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from course_lib.sweeps.definition import Definition
from course_lib.sweeps.folders import clear_halves, look, set_aside
from course_lib.sweeps.inputs import Inputs
from course_lib.sweeps.local import LocalPool
from course_lib.sweeps.lock import sole_sweep
from course_lib.sweeps.plan import PlannedRun, check_plan, planned
from course_lib.sweeps.pool import Attempt, Pool
from course_lib.sweeps.progress import Progress


@dataclass(frozen=True)
class RunReport:
    """What became of one run; ``earlier`` means an earlier sweep had finished it, with no attempt in this one.

    ``changed`` names the inputs of such a run that are not what they were then.
    """

    run: PlannedRun
    outcome: str
    error: str | None = None
    seconds: float = 0.0
    attempts: int = 0
    changed: tuple[str, ...] = ()

    @property
    def earlier(self) -> bool:
        """Was there nothing left to do?"""
        return self.attempts == 0


def run_sweep(
    definition: Definition, out: Path, *, address: str | None = None, source: Path | None = None,
    progress: Progress | None = None,
) -> list[RunReport]:
    """Execute every run of a sweep that ``out`` does not hold finished; return a report of each, in the order of the file.

    On this machine's cores, or on the Ray cluster at ``address``. ``source`` is
    another file of the notebook. Raises ``CourseError`` before anything runs
    when a run is refused, the folder is in use or no cluster answers; after
    ``KeyboardInterrupt`` the same call completes the sweep.
    """
    progress = progress or Progress(quiet=True)
    inputs = Inputs(definition.notebook, source)
    check_plan(definition)
    with sole_sweep(out) as lock:
        reports = {r.run.id: r for r in _finished(definition, out, inputs)}
        with closing(_pool(definition, out, lock, address, source)) as pool:
            ids = {run.id for run in planned(definition)}
            if not address:  # a task of an earlier sweep may still be at work on a cluster
                clear_halves(out / definition.notebook, ids)
            progress.begin(definition.count, len(reports), pool.slots)
            _tell_changes(reports.values(), progress)
            todo = (run for run in planned(definition) if run.id not in reports)
            try:
                for report in _work_off(todo, pool, out, definition.retries, progress):
                    reports[report.run.id] = report
            finally:
                progress.end()
        clear_halves(out / definition.notebook, ids)
    return sorted(reports.values(), key=lambda report: report.run.number)


def _finished(definition: Definition, out: Path, inputs: Inputs) -> Iterator[RunReport]:
    for run in planned(definition):
        found = look(out / run.notebook / run.id)
        if found.outcome == "ok":
            yield RunReport(run, "ok", seconds=found.seconds, changed=inputs.changed(run.parameters, found.hashes))


def _tell_changes(finished: Iterable[RunReport], progress: Progress) -> None:
    """Say which finished runs the same sweep would not give again: they are kept, but nobody should take them for new."""
    for what, count in Counter(name for report in finished for name in report.changed).items():
        progress.note(f"{count} finished runs are kept although {what} has changed since; for new ones choose another --out")


def _pool(definition: Definition, out: Path, lock: int, address: str | None, source: Path | None) -> Pool:
    if address is None:
        return LocalPool(out, definition.cpus, definition.gpus, lock, source)
    from course_lib.sweeps.cluster import ClusterPool

    return ClusterPool(address, out, definition.cpus, definition.gpus, definition.retries, source)


def _work_off(todo: Iterator[PlannedRun], pool: Pool, out: Path, retries: int, progress: Progress) -> Iterator[RunReport]:
    """Keep the pool full until nothing is left; yield each run's report once."""
    again: deque[PlannedRun] = deque()
    attempts: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    busy = 0
    while True:
        while busy < pool.slots and (run := next(todo, None) or (again.popleft() if again else None)):
            if kept := set_aside(out / run.notebook / run.id):
                progress.note(f"{run.id}: found a folder without a valid manifest, kept as {kept.name}")
            pool.start(run)
            progress.started()
            busy += 1
        if not busy:
            return
        for run, attempt in pool.wait():
            busy -= 1
            attempts[run.id] += 1
            seconds[run.id] = seconds.get(run.id, 0.0) + attempt.seconds
            attempt = _confirmed(run, attempt, out)
            retry = attempt.outcome == "failed" and attempts[run.id] <= retries
            progress.ended(run, attempt, attempts[run.id], retries + 1, final=not retry)
            if retry:
                again.append(run)
            else:
                yield RunReport(run, attempt.outcome, attempt.error, round(seconds[run.id], 2), attempts[run.id])


def _confirmed(run: PlannedRun, attempt: Attempt, out: Path) -> Attempt:
    """Believe the folder, not the reply: a run is finished when its folder is."""
    found = look(out / run.notebook / run.id).outcome
    if attempt.outcome == "ok" and found != "ok":
        return Attempt("failed", f"expected a finished folder after a run that said ok, found none here ({found}). "
                                 "On a cluster --out must be on a disk that all nodes share.", attempt.seconds)
    if attempt.outcome != "ok" and found == "ok":  # it died after its last step, or on a cluster another attempt finished first
        return Attempt("ok", None, attempt.seconds)
    return attempt


def exit_code(reports: list[RunReport]) -> int:
    """Return 0 when every run is finished, else 1."""
    return int(any(report.outcome != "ok" for report in reports))
