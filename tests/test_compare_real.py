"""From `begin` to the page: run folders written by the real runner, its manifests and all, then compared and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from books import FAKE, fake, no_kernel  # noqa: F401
from comparison_samples import entity_rows, history

from benchmarks.compare_many import TASKS, make_runs
from course_lib.comparison.compare import compare
from course_lib.comparison.load import select
from course_lib.comparison.page import render
from course_lib.engine import Failure
from course_lib.errors import CourseError
from course_lib.execution import RunRequest, execute
from course_lib.runs import begin

Make = Callable[..., Path]


@pytest.fixture
def make(fake: Path, no_kernel: Callable[..., None], tmp_path: Path) -> Make:  # noqa: F811
    """Runs of the fake notebook: what its cells would call is called here, without a kernel."""

    def cells(folder: Path, parameters: dict[str, Any]) -> Failure | None:
        run = begin(FAKE, **parameters)
        if run.text == "fails":
            return Failure("cell 2: ValueError: loss is not a number", "")
        rows = [{key: row[key] for key in ("id", "gold", "predicted")} for row in entity_rows(24, 0.7 + 0.1 * run.flag, run.seed)]
        run.save_predictions(rows, None if run.text == "no groups" else [f"note {i // 4}" for i in range(24)])
        lines = [line.split(",") for line in history(3, "validation_entity_f1", 0.7).split()]
        run.save_history(pd.DataFrame([map(float, line) for line in lines[1:]], columns=lines[0]))
        run.save_metrics({"test_records": 24, "interval_unit": "document", "train_seconds": 1.0})
        return None

    def one(**parameters: Any) -> Path:
        no_kernel(cells)
        return execute(RunRequest(FAKE, parameters, source=fake), tmp_path / "runs").folder

    return one


def test_runs_of_the_real_runner_are_compared(make: Make) -> None:
    first, other = make(seed=0), make(seed=0, flag=True)
    make(seed=1)
    make(seed=2, text="fails")
    comparison = compare([first.parent], against=first, resamples=200)
    assert sorted(comparison.inputs.differing) == ["flag", "seed"] and comparison.inputs.unexplained == []
    assert sorted(group.runs for group in comparison.groups) == sorted([(0, _of(comparison.runs, seed=1)), (_of(comparison.runs, flag=True),)])
    assert comparison.aligned is not None
    assert (comparison.aligned.records, comparison.aligned.groups, comparison.aligned.unit) == (24, 6, "document")
    assert [why for _, why in comparison.selection.left_out] == ["failed: cell 2: ValueError: loss is not a number"]
    page = render(comparison)
    assert "Training loss and validation entity F1 by epoch, up to 3 epochs, 3 runs" in page and str(other.parent) not in page


def _of(runs: Any, **setting: Any) -> int:
    ((name, value),) = setting.items()
    return next(i for i, run in enumerate(runs) if run.manifest["settings"][name] == value)


def test_runs_of_the_real_runner_are_refused(make: Make, tmp_path: Path) -> None:
    good, failed = make(seed=0), make(seed=1, text="fails")
    for given, reason in (([good, failed], "expected outcome ok, found failed: cell 2"), ([good, good], "at least two different"),
                          ([good, tmp_path / "books"], "expected manifest.json")):
        with pytest.raises(CourseError, match=reason):
            select(given)
    draft = failed.rename(failed.with_name(f".{failed.name}-ab12.part"))
    with pytest.raises(CourseError, match="a draft"):
        select([good, draft])
    (good / "metrics.json").unlink()
    with pytest.raises(CourseError, match="metrics.json, which the manifest lists"):
        select([good, make(seed=3)])


def test_without_groups_records_are_resampled(make: Make) -> None:
    comparison = compare([make(seed=seed, text="no groups") for seed in (0, 1)], resamples=200)
    assert comparison.aligned is not None and (comparison.aligned.groups, comparison.aligned.unit) == (24, "record")


@pytest.mark.parametrize("notebook", list(TASKS))
def test_the_runs_of_the_benchmark_are_runs(tmp_path: Path, notebook: str) -> None:
    make_runs(tmp_path, notebook, runs=5, records=12, per_document=4)
    comparison = compare([tmp_path], resamples=100)
    assert comparison.aligned is not None and (comparison.aligned.records, comparison.aligned.groups) == (12, 3)
    assert [group.runs for group in comparison.groups] == [(0, 4), (1,), (2,), (3,)]
