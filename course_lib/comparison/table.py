"""The CSV beside the page, tidy: one line a run and metric (and slice of the test set). ``COLUMNS`` says what stands where."""

from __future__ import annotations

import csv
import io
from typing import Any

from course_lib.comparison.compare import Comparison, Result
from course_lib.comparison.differences import shown_value
from course_lib.evaluation.bootstrap import Interval

COLUMNS = {
    "run": "number of the run on the page; 1 is the baseline",
    "id": "name of the run's folder",
    "configuration": "number of the group of runs that differ only in the seed; empty for a repetition",
    "baseline": "1 for the baseline, else 0",
    "source": "predictions (computed from predictions.jsonl) or metrics.json (as the run saved it)",
    "metric": "name of the score, or key in metrics.json",
    "slice": "part of the test set (all, type DISEASE, answerable ...); empty for metrics.json",
    "count": "gold entities or questions in the slice",
    "value": "the number; scores from 0 to 1",
    "text": "the value of a metric that is a text",
    "low": "lower end of the 95 % interval of value",
    "high": "upper end",
    "difference": "value minus that of the baseline",
    "difference_low": "lower end of the 95 % interval of difference, paired bootstrap",
    "difference_high": "upper end",
    "p_bootstrap": "p-value of the paired bootstrap, two-sided",
    "p_permutation": "p-value of the permutation test, two-sided",
    "p_permutation_holm": "the same after Holm's correction for all tests of the comparison",
    "p_bootstrap_holm": "p_bootstrap after Holm's correction",
}
"""Name and meaning of each column; after them one ``setting:name`` for each setting that differs."""


def csv_text(comparison: Comparison) -> str:
    """Return the table; settings that differ are columns ``setting:name``; empty where there is no number."""
    settings = [f"setting:{key}" for key in comparison.inputs.differing]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *settings], restval="", lineterminator="\n")
    writer.writeheader()
    for run in range(len(comparison.runs)):
        for line in _lines(comparison, run):
            writer.writerow(line)
    return text.getvalue()


def _lines(comparison: Comparison, run: int) -> list[dict[str, Any]]:
    loaded, settings = comparison.runs[run], comparison.inputs.settings[run]
    own = {"run": run + 1, "id": loaded.id, "baseline": int(run == 0), "configuration": _configuration(comparison, run)}
    own |= {f"setting:{key}": shown_value(settings[key]) for key in comparison.inputs.differing if key in settings}
    lines = [own | _result_cells(r) for r in comparison.results if r.run == run]
    saved = own | {"source": "metrics.json"}
    return lines + [saved | {"metric": key} | _cell(value) for key, value in sorted(loaded.metrics.items())]


def _cell(value: Any) -> dict[str, Any]:
    """Keep numbers and texts apart, so that a column of numbers is one."""
    return {"text": value} if isinstance(value, str) else {"value": int(value) if isinstance(value, bool) else value}


def _configuration(comparison: Comparison, run: int) -> int | str:
    return next((i + 1 for i, group in enumerate(comparison.groups) if run in group.runs), "")


def _result_cells(result: Result) -> dict[str, Any]:
    cells: dict[str, Any] = {"source": "predictions", "metric": result.score, "slice": result.slice, "count": result.count}
    cells |= _ends(result.own, "value", "low", "high")
    if result.difference is not None:
        cells |= _ends(result.difference, "difference", "difference_low", "difference_high")
    if result.p is not None:
        cells |= {"p_bootstrap": result.p.bootstrap, "p_permutation": result.p.permutation,
                  "p_permutation_holm": result.p.holm, "p_bootstrap_holm": result.p.bootstrap_holm}
    return cells


def _ends(interval: Interval, *names: str) -> dict[str, Any]:
    values = (interval.value, interval.low, interval.high)
    return {name: "" if value != value else value for name, value in zip(names, values, strict=True)}
