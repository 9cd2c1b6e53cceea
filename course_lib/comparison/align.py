"""Bring the predictions of all runs into one order, or refuse: they must be of the same test records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.comparison.load import LoadedRun
from course_lib.comparison.scoring import EXTRA_FIELDS, Row, Task, source_of, task_of
from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import Sums

Rows = dict[str, Row]
"""Rows by id."""


@dataclass(frozen=True)
class Aligned:
    """Sums of all runs on the same records: (runs, slices, groups, columns).

    A group is a ``unit`` (a document, a passage, a single record): what is
    resampled together. ``answers`` holds one text per run, equal for runs with
    equal predictions.
    """

    task: Task
    slices: tuple[str, ...]
    sums: Sums
    records: int
    unit: str
    answers: tuple[str, ...]

    @property
    def groups(self) -> int:
        return int(self.sums.shape[2])


def align(runs: Sequence[LoadedRun]) -> Aligned | None:
    """Score the saved predictions of all runs; ``None`` if the notebook leaves none."""
    if not _have_predictions(runs):
        return None
    first = _by_id(runs[0])
    order = sorted(first)
    task = task_of(first[order[0]])
    slices = task.slices(list(first.values()))
    index, unit = _groups([first[name] for name in order], str(runs[0].metrics.get("interval_unit", "document")))
    sums, same, lacking = [], [], set()
    for run in runs:  # one file in memory at a time
        own = first if run is runs[0] else _by_id(run)
        _check_same_test(task, runs[0], first, run, own)
        sums.append(_count(task, [own[name] for name in order], slices, index))
        lacking |= {key for key in EXTRA_FIELDS if any(key not in row for row in own.values())}
        same.append(_fingerprint([own[name]["predicted"] for name in order]))
    kept = [i for i, part in enumerate(slices) if source_of(part) not in lacking]  # slices that every run can be cut into
    return Aligned(task, tuple(slices[i] for i in kept), np.stack(sums)[:, kept], len(order), unit, tuple(same))


def _fingerprint(predictions: Sequence[Any]) -> str:
    """Return a text that is equal for equal predictions; the order of spans says nothing."""
    plain = [sorted(answer) if isinstance(answer, list) else answer for answer in predictions]
    return sha256(json.dumps(plain).encode()).hexdigest()


def _have_predictions(runs: Sequence[LoadedRun]) -> bool:
    """Say whether the runs saved predictions; refuse if only some did."""
    without = [run.id for run in runs if not run.has_predictions]
    if without and len(without) < len(runs):
        raise DataError(
            f"compare: expected predictions.jsonl in every run, found none in {', '.join(without)}. Leave these out, or run "
            "them again."
        )
    return not without


def _by_id(run: LoadedRun) -> Rows:
    rows = run.folder.predictions()
    if not rows:
        raise DataError(f"run {run.id!r}: expected at least one record in predictions.jsonl, found none. Leave it out.")
    found: Rows = {str(row["id"]): row for row in rows}
    if len(found) < len(rows):
        raise DataError(
            f"run {run.id!r}, predictions.jsonl: expected every id once, found {len(rows)} rows with {len(found)} ids. "
            "The file was edited, or two files were joined: run the notebook again."
        )
    return found


def _check_same_test(task: Task, base: LoadedRun, first: Rows, run: LoadedRun, own: Rows) -> None:
    """Refuse other ids, other gold answers and other groups; their order does not matter."""
    only_base, only_own = sorted(first.keys() - own.keys()), sorted(own.keys() - first.keys())
    shared = sorted(first.keys() & own.keys())
    changed = [name for name in shared if not _same_gold(task, first[name], own[name])]
    moved = [name for name in shared if not _same_group(first[name], own[name])]
    if not only_base and not only_own and not changed and not moved:
        return
    parts = [f"{len(names)} {what} ({', '.join(names[:3])})" for names, what in (
        (only_base, f"ids only in {base.id}"), (only_own, f"ids only in {run.id}"), (changed, "ids with another gold answer"),
        (moved, "ids of another document (group)"),
    ) if names]
    raise DataError(
        f"compare: expected runs on the same test records, found {len(first)} in {base.id} and {len(own)} in {run.id}: "
        f"{'; '.join(parts)}. Scores on different test sets say nothing about each other: compare runs with the same corpus and "
        "profile."
    )


def _same_gold(task: Task, a: Row, b: Row) -> bool:
    return bool(a["gold"] == b["gold"] or task.gold(a) == task.gold(b))


def _same_group(a: Row, b: Row) -> bool:
    """Compare groups where both rows name one: what belongs together in the test set."""
    return a.get("group") in (None, "") or b.get("group") in (None, "") or str(a["group"]) == str(b["group"])


def _groups(rows: Sequence[Row], unit: str) -> tuple[NDArray[np.int64], str]:
    """Return the group number of each record, and what a group is: ``unit``, or single records if rows name none."""
    if all(row.get("group") not in (None, "") for row in rows):
        _, index = np.unique(np.array([str(row["group"]) for row in rows]), return_inverse=True)
        return index, unit
    return np.arange(len(rows)), "record"


def _count(task: Task, rows: Sequence[Row], slices: Sequence[str], index: NDArray[np.int64]) -> Sums:
    """Return one run's sums, (slices, groups, columns)."""
    places = {name: i for i, name in enumerate(slices)}
    counts = np.array([task.count(row, places) for row in rows], dtype=float)  # records, slices, columns
    sums = np.zeros((int(index.max()) + 1, *counts.shape[1:]))
    np.add.at(sums, index, counts)
    return sums.transpose(1, 0, 2)
