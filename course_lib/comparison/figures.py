"""The figures of a comparison, each with an alt text; tables with the same numbers stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_lib.comparison.compare import Comparison
from course_lib.comparison.differences import label_of
from course_lib.comparison.load import LoadedRun
from course_lib.comparison.scoring import ScoreKind
from course_lib.comparison.words import range_text, signed
from course_lib.reporting.style import COLORS, DASHES, GREY, MARKERS, new_figure, show

MOST_BARS = 30
MOST_CURVES = len(COLORS)
PALE: dict[str, Any] = {"color": GREY, "linestyle": "-", "marker": "", "linewidth": 0.7, "zorder": 1}


def _label(comparison: Comparison, run: int) -> str:
    text = label_of(comparison.inputs, run)
    return f"run {run + 1}" + (f": {text if len(text) <= 40 else text[:37] + '...'}" if text else "")


def difference_bars(comparison: Comparison, score: ScoreKind) -> str:
    """Draw each run's difference to the baseline with its interval; the outermost ones if there are many."""
    rows = [comparison.result(run, score.key) for run in range(1, len(comparison.runs))]
    if len(rows) > MOST_BARS:
        ranked = sorted(rows, key=lambda r: r.own.value)
        rows = ranked[: MOST_BARS // 2] + ranked[-MOST_BARS // 2 :]
    gains = [r.difference for r in rows if r.difference is not None]
    points = 100 * np.array([(g.value, g.low, g.high) for g in gains])
    figure, axis = new_figure(figsize=(7.6, 1.0 + 0.34 * len(rows)))
    axis.axvline(0, color="#555555", linewidth=1, linestyle="--", marker="")
    for i, (value, low, high) in enumerate(points):
        axis.errorbar(value, i, xerr=[[value - low], [high - value]], color=COLORS[0], marker="o", capsize=3, linestyle="")
    axis.set(yticks=range(len(rows)), yticklabels=[_label(comparison, r.run) for r in rows],
             xlabel=f"difference to run 1 in {score.name} (points), 95 % interval")
    axis.margins(y=0.5 / len(rows) + 0.02)
    axis.invert_yaxis()
    texts = [f"run {r.run + 1} {signed(g.value)} ({range_text(g)})" for r, g in zip(rows, gains, strict=True)]
    return str(show(figure, f"Difference to run 1 in {score.name}, in points: {'; '.join(texts)}.", data=False).data)


def seed_dots(comparison: Comparison, score: ScoreKind) -> str:
    """Draw the score of every seed of each configuration, and the mean."""
    rows = [g for g in comparison.group_results if g.score == score.key][:MOST_BARS]
    figure, axis = new_figure(figsize=(7.6, 1.0 + 0.38 * len(rows)))
    for i, row in enumerate(rows):
        axis.plot(row.values, [i] * len(row.values), color=COLORS[0], marker="o", linestyle="")
        axis.plot([row.mean], [i], color=COLORS[1], marker="|", markersize=16, markeredgewidth=2, linestyle="")
    names = [f"{r.group + 1}: {comparison.groups[r.group].label[:40]}".rstrip(": ") for r in rows]
    axis.set(yticks=range(len(rows)), yticklabels=names, xlabel=f"{score.name}: one dot a seed, the bar is the mean")
    axis.margins(y=0.5 / len(rows) + 0.02)
    axis.invert_yaxis()
    texts = [f"configuration {r.group + 1} mean {r.mean:.3f} ({', '.join(f'{v:.3f}' for v in r.values)})" for r in rows]
    return str(show(figure, f"{score.name} by seed: {'; '.join(texts)}.", data=False).data)


Curve = tuple[list[float], list[float]]
"""Training loss and validation score, one value an epoch; stages follow each other."""


def curve_of(run: LoadedRun, monitor: str) -> Curve:
    """Read a run's curve; ``monitor`` is the column of its validation score, or the first one there is."""
    rows = run.folder.history()
    columns = [key for row in rows for key in row if key.startswith("validation_")]
    column = monitor if monitor in columns else columns[0] if columns else monitor
    return [_number(row.get("train_loss")) for row in rows], [_number(row.get(column)) for row in rows]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def learning_curves(curves: Sequence[Curve], label: str) -> str:
    """Draw all training losses and all validation scores together; beyond seven runs all but the baseline are grey."""
    figure, axes = new_figure(1, 2, figsize=(8.6, 3.6 if len(curves) > MOST_CURVES else 3.4))
    many = len(curves) > MOST_CURVES
    for run in reversed(range(len(curves))):  # the baseline last: on top
        grey = many and run > 0
        look = PALE if grey else {"color": COLORS[run], "linestyle": DASHES[run], "marker": MARKERS[run], "zorder": 3}
        for axis, values in zip(axes, curves[run], strict=True):
            axis.plot(range(1, len(values) + 1), values, label=f"run {run + 1}" if not grey else None, **look)
    longest = max(len(losses) for losses, _ in curves)
    for axis, name in zip(axes, ("training loss", label), strict=True):
        axis.set(xlabel="epoch, stages counted on", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside right upper", title="others in grey" if many else None)
    return str(show(figure, _curve_alt(curves, label, longest), data=len(curves) <= MOST_CURVES).data)


def _curve_alt(curves: Sequence[Curve], label: str, longest: int) -> str:
    ends = [(run + 1, losses[-1], scores[-1]) for run, (losses, scores) in enumerate(curves) if losses][:MOST_CURVES]
    texts = [f"run {run} ends at loss {loss:.2f} and {label} {score:.2f}" for run, loss, score in ends]
    return f"Training loss and {label} by epoch, up to {longest} epochs, {len(curves)} runs. {'; '.join(texts)}."
