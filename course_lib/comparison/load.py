"""Choose the runs to compare, and refuse with a reason what cannot be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import runfolder
from course_lib.errors import ConfigError, DataError
from course_lib.manifest import MANIFEST_FILE

DAMAGED = "-damaged-"
"""In the names of folders that a sweep put out of its way."""


@dataclass(frozen=True)
class LoadedRun:
    """One finished run: its folder, read and checked."""

    folder: runfolder.RunFolder

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def notebook(self) -> str:
        return str(self.manifest["notebook"])

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.folder.manifest

    @property
    def metrics(self) -> Mapping[str, Any]:
        return self.folder.metrics

    @property
    def has_predictions(self) -> bool:
        return "predictions.jsonl" in self.manifest["files"]


@dataclass(frozen=True)
class Selection:
    """The runs of a comparison, the baseline first; how it was chosen; what was left out and why."""

    runs: tuple[LoadedRun, ...]
    rule: str
    left_out: tuple[tuple[str, str], ...]


def select(given: Sequence[str | Path], against: str | Path | None = None) -> Selection:
    """Read the runs named by ``given`` (run folders, ids, or folders of runs) and put the baseline first.

    Runs of a folder that failed are left out, with their error; one asked for
    by name is refused, and so is a folder with a run that cannot be read.
    """
    runs: dict[Path, LoadedRun] = {}
    left_out: list[tuple[str, str]] = []
    for name in given:
        for run in _runs_of(_folder(name), left_out):
            runs.setdefault(run.folder.path, run)
    ordered, rule = list(runs.values()), "the run named first"
    if len(given) == 1:
        ordered, rule = sorted(ordered, key=lambda r: (str(r.manifest.get("started")), r.id)), "the run that started first"
    if against is not None:
        baseline = _finished(runfolder.read(_folder(against)))
        ordered = [baseline, *(r for r in ordered if r.folder.path != baseline.folder.path)]
        rule = "named by --against"
    _check_selection(ordered, left_out)
    return Selection(tuple(ordered), rule, tuple(left_out))


def _folder(name: str | Path) -> Path:
    return runfolder.find(str(name)).resolve()


def _runs_of(folder: Path, left_out: list[tuple[str, str]]) -> Iterator[LoadedRun]:
    """Read one run, or all finished ones at most two levels below ``folder``; the failed ones go to ``left_out``."""
    found = [] if (folder / MANIFEST_FILE).is_file() else _runs_below(folder)
    if not found:
        yield _finished(runfolder.read(folder))  # says why, if this is no run
        return
    for path in found:
        if DAMAGED in path.name:
            left_out.append((path.name, "set aside by a sweep: it was no finished run of that name"))
            continue
        run = runfolder.read(path)
        if run.manifest["outcome"] == "ok":
            yield _finished(run)
        else:
            left_out.append((str(run.manifest["id"]), _outcome(run)))


def _runs_below(folder: Path) -> list[Path]:
    """Return the folders with a manifest, drafts left aside."""
    inside = sorted(file.parent for depth in ("*", "*/*") for file in folder.glob(f"{depth}/{MANIFEST_FILE}"))
    return [path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _outcome(run: runfolder.RunFolder) -> str:
    return f"{run.manifest['outcome']}: {run.manifest.get('error') or 'no message'}"


def _finished(run: runfolder.RunFolder) -> LoadedRun:
    """Refuse a run that failed, or left no metrics."""
    if run.manifest["outcome"] != "ok":
        raise DataError(f"run {run.manifest['id']!r}: expected outcome ok, found {_outcome(run)}. Leave it out, or run it again.")
    if not run.metrics:
        raise DataError(
            f"run {run.manifest['id']!r}: expected numbers in metrics.json, found none. Leave it out, or run it again."
        )
    return LoadedRun(run)


def _check_selection(runs: Sequence[LoadedRun], left_out: Sequence[tuple[str, str]]) -> None:
    if len(runs) < 2:
        failed = f" and {len(left_out)} that did not finish well" if left_out else ""
        raise ConfigError(
            f"compare: expected at least two different finished runs, found {len(runs)}{failed}. "
            "Name another run or a folder of runs."
        )
    names = Counter(run.notebook for run in runs)
    if len(names) > 1:
        parts = ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))
        raise ConfigError(
            f"compare: expected runs of one notebook, found {parts}. Scores of different tasks cannot be compared: "
            "give the runs of one notebook, for example its folder."
        )
