"""The CSV beside the page: one line per run, score and slice, and one per metric of ``metrics.json``."""

from __future__ import annotations

import csv
import io
from typing import Any

from course_lib.comparison.compare import Comparison, Result
from course_lib.comparison.differences import shown_value
from course_lib.evaluation.bootstrap import Interval

COLUMNS = (
    "run", "id", "configuration", "baseline", "source", "score", "slice", "count", "value", "low", "high", "difference",
    "difference_low", "difference_high", "p_bootstrap", "p_permutation", "p_permutation_holm", "p_bootstrap_holm",
)


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
    saved = {"source": "metrics.json"}
    return lines + [own | saved | {"score": key, "value": value} for key, value in sorted(loaded.metrics.items())]


def _configuration(comparison: Comparison, run: int) -> int | str:
    return next((i + 1 for i, group in enumerate(comparison.groups) if run in group.runs), "")


def _result_cells(result: Result) -> dict[str, Any]:
    cells: dict[str, Any] = {"source": "predictions", "score": result.score, "slice": result.slice, "count": result.count}
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
