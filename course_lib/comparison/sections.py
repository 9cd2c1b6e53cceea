"""The parts of the page that need no test: settings, learning curves, metrics, other inputs, method."""

from __future__ import annotations

import statistics
from typing import Any

from course_lib.comparison.compare import Comparison
from course_lib.comparison.differences import shown_value
from course_lib.comparison.figures import Curve, curve_of, learning_curves
from course_lib.comparison.markup import figure, folded, heading, note, table, with_ends
from course_lib.comparison.table import COLUMNS
from course_lib.runfolder import is_time

WIDE = 6
"""With more runs than this, metrics.json is shown as ranges; the CSV has every number."""
HASH_SHOWN = 16


def settings(comparison: Comparison) -> str:
    """What differs in the settings, one row a run; common settings are folded."""
    keys, inputs = comparison.inputs.differing, comparison.inputs
    rows = [[i + 1, run.id, *(shown_value(own.get(key, "")) for key in keys)]
            for i, (run, own) in enumerate(zip(comparison.runs, inputs.settings, strict=True))]
    caption = "Runs and the settings that differ" if keys else "Runs; no setting differs"
    common = [[key, shown_value(value)] for key, value in sorted(inputs.common.items())]
    same = table(["setting", "value"], common, "The same in all runs")
    title = f"{len(common)} setting{'s are' if len(common) != 1 else ' is'} the same in all runs"
    return heading("Runs") + table(["run", "id", *keys], rows, caption, base=0) + (folded(title, same) if common else "")


def curves(comparison: Comparison) -> str:
    """The learning curves drawn together, and their ends in numbers."""
    monitor = comparison.aligned.task.monitor if comparison.aligned else ""
    found = [curve_of(run, monitor) for run in comparison.runs]
    if not any(losses for losses, _ in found):
        return ""
    label = (monitor or "validation score").replace("_", " ").replace("f1", "F1")
    heads = ["run", "epochs", "first training loss", "last training loss", f"last {label}", f"best {label}"]
    rows = [_curve_row(run, curve) for run, curve in enumerate(found) if curve[0]]
    return (heading("Learning curves")
            + figure(learning_curves(found, label), f"Training loss (left), {label} (right) by epoch; stages follow each other.")
            + table(heads, rows, "The same in numbers", numbers=5))


def _curve_row(run: int, curve: Curve) -> list[Any]:
    losses, scores = curve
    numbers = (losses[0], losses[-1], scores[-1], max((s for s in scores if s == s), default=float("nan")))
    return [run + 1, len(losses), *("" if value != value else f"{value:.3f}" for value in numbers)]


def metrics(comparison: Comparison) -> str:
    """``metrics.json`` side by side; ``x_low``, ``x_high`` and ``x_sd`` stand with ``x``."""
    keys = list(dict.fromkeys(key for run in comparison.runs for key in run.metrics))
    keys = [k for k in keys if not (k.endswith(("_low", "_high", "_sd")) and k.rsplit("_", 1)[0] in keys)]
    keys.sort(key=is_time)
    if len(comparison.runs) <= WIDE:
        rows = [[key, *(_metric(run.metrics, key) for run in comparison.runs)] for key in keys]
        heads = ["metric", *(f"run {i + 1}" for i in range(len(comparison.runs)))]
    else:
        rows = [[key, *_spread(comparison, key)] for key in keys]
        heads = ["metric", "run 1", "lowest", "median", "highest"]
    caption = "The runs' metrics.json, with their own 95 % intervals or spread over seeds"
    return heading("Metrics as saved") + table(heads, rows, caption, numbers=len(heads) - 1) + note(
        "Keys ending in _seconds or _per_second are times: they differ between any two executions.")


def _metric(values: Any, key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, float):
        return str(value)
    ends = [values.get(f"{key}_{end}") for end in ("low", "high")]
    text = f"{value:.3f}" if None in ends else with_ends(value, *ends)
    return text + (f" (sd {values[f'{key}_sd']:.3f})" if f"{key}_sd" in values else "")


def _spread(comparison: Comparison, key: str) -> list[str]:
    values = [run.metrics[key] for run in comparison.runs if key in run.metrics]
    first = _metric(comparison.runs[0].metrics, key)
    if not all(isinstance(value, (int, float)) for value in values):
        return [first, "", f"{len(set(values))} different", ""]
    return [first, *(f"{of(values):.3f}" for of in (min, statistics.median, max))]


def other_inputs(comparison: Comparison) -> str:
    """Hashes, versions and hardware that differ."""
    keys = comparison.inputs.other_differing
    if not keys:
        return heading("Other inputs") + note(
            "Code, data, weights, versions and hardware are the same in all runs, as far as their manifests say.")
    others = enumerate(comparison.inputs.others, 1)
    rows = [[i, *(shown_value(own.get(key, ""))[:HASH_SHOWN] for key in keys)] for i, own in others]
    caption = "Inputs other than settings that differ (long hashes are cut)"
    return heading("Other inputs") + table(["run", *keys], rows, caption, base=0)


def left_out(comparison: Comparison) -> str:
    """Runs of a folder that are not compared, and why."""
    runs = comparison.selection.left_out
    return heading("Left out") + table(["run", "why"], runs, "Runs of the folder that did not finish well") if runs else ""


def method(comparison: Comparison) -> str:
    """How intervals and p-values were computed, with sources."""
    aligned = comparison.aligned
    if aligned is None:
        return ""
    tests, scores = comparison.tests, " and ".join(score.name for score in aligned.task.tested)
    how = f"all {2**aligned.groups:,} exchanges" if comparison.exact else f"{comparison.resamples:,} random exchanges"
    comparisons = f"{tests} comparison{'s' if tests > 1 else ''} with run 1 on this page ({scores})"
    return heading("How it was computed") + note(
        f"Intervals: percentile bootstrap, {comparison.resamples:,} resamples of {aligned.groups} {aligned.unit}s, the same for "
        "all runs, so that differences are paired (Efron and Tibshirani 1993; Berg-Kirkpatrick, Burkett and Klein 2012, whose "
        f"shifted p-value is given). Permutation test: {how} of the outputs of two runs, {aligned.unit} by {aligned.unit}, "
        f"two-sided (approximate randomisation: Noreen 1989; Yeh 2000). Correction for all {comparisons} "
        "together: Holm 1979, on the permutation p-values; the CSV has it for those of the bootstrap too.")


def columns() -> str:
    """What the columns of the CSV hold."""
    same = table(["column", "what it holds"], [[name, text] for name, text in COLUMNS.items()], "One line a run and metric")
    return heading("The CSV beside this page") + folded(f"{len(COLUMNS)} columns, and one for each setting that differs", same)
