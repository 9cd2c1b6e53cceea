"""Bring the predictions of all runs into one order, or refuse: they must be of the same test records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.comparison.load import LoadedRun
from course_lib.comparison.scoring import Row, Task, task_of
from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import Sums


@dataclass(frozen=True)
class Aligned:
    """Sums of all runs on the same records: (runs, slices, groups, columns).

    ``group_of`` names the group of each record; ``answers`` holds one number
    per run, equal for runs with equal predictions.
    """

    task: Task
    slices: tuple[str, ...]
    sums: Sums
    records: int
    unit: str
    answers: tuple[int, ...]

    @property
    def groups(self) -> int:
        return int(self.sums.shape[2])


def align(runs: Sequence[LoadedRun]) -> Aligned | None:
    """Score the saved predictions of all runs; ``None`` if the notebook leaves none."""
    has = [run.has_predictions for run in runs]
    if not any(has):
        return None
    if not all(has):
        without = ", ".join(run.id for run, there in zip(runs, has, strict=True) if not there)
        raise DataError(
            f"compare: expected predictions.jsonl in every run, found none in {without}. Leave these out, or run them again."
        )
    first = _by_id(runs[0])
    if not first:
        raise DataError(f"run {runs[0].id!r}: expected at least one record in predictions.jsonl, found none. Leave it out.")
    order = sorted(first)
    rows = [first[name] for name in order]
    task = task_of(rows[0])
    golds = {name: task.gold(row) for name, row in first.items()}
    slices = task.slices(rows)
    index, unit = _groups(rows)
    sums, texts = [], []
    for run in runs:
        own = first if run is runs[0] else _by_id(run)
        _check_same_test(runs[0], golds, run, {name: task.gold(row) for name, row in own.items()})
        sums.append(_count(task, [own[name] for name in order], slices, index))
        texts.append(hash(tuple(str(own[name]["predicted"]) for name in order)))
    return Aligned(task, tuple(slices), np.stack(sums), len(order), unit, tuple(texts))


def _by_id(run: LoadedRun) -> dict[str, Row]:
    rows = run.folder.predictions()
    found: dict[str, Row] = {str(row["id"]): row for row in rows}
    if len(found) < len(rows):
        raise DataError(
            f"run {run.id!r}, predictions.jsonl: expected every id once, found {len(rows)} rows with {len(found)} ids. "
            "The file was edited, or two files were joined: run the notebook again."
        )
    return found


def _check_same_test(base: LoadedRun, golds: dict[str, Any], run: LoadedRun, own: dict[str, Any]) -> None:
    if own == golds:
        return
    only_base, only_own = sorted(golds.keys() - own.keys()), sorted(own.keys() - golds.keys())
    changed = sorted(name for name in golds.keys() & own.keys() if golds[name] != own[name])
    parts = [f"{len(names)} {what} ({', '.join(names[:3])})" for names, what in (
        (only_base, f"ids only in {base.id}"), (only_own, f"ids only in {run.id}"), (changed, "ids with another gold answer"),
    ) if names]
    raise DataError(
        f"compare: expected runs on the same test records, found {len(golds)} in {base.id} and {len(own)} in {run.id}: "
        f"{'; '.join(parts)}. Scores on different test sets say nothing about each other: compare runs with the same corpus and "
        "profile."
    )


def _groups(rows: Sequence[Row]) -> tuple[NDArray[np.int64], str]:
    """Return the group number of each record and what a group is."""
    if all(row.get("group") not in (None, "") for row in rows):
        _, index = np.unique(np.array([str(row["group"]) for row in rows]), return_inverse=True)
        return index, "document"
    return np.arange(len(rows)), "record"


def _count(task: Task, rows: Sequence[Row], slices: Sequence[str], index: NDArray[np.int64]) -> Sums:
    """Return one run's sums, (slices, groups, columns)."""
    places = {name: i for i, name in enumerate(slices)}
    counts = np.array([task.count(row, places) for row in rows], dtype=float)  # records, slices, columns
    sums = np.zeros((int(index.max()) + 1, *counts.shape[1:]))
    np.add.at(sums, index, counts)
    return sums.transpose(1, 0, 2)
