"""The figures that more than one notebook draws. Each returns HTML with an alt text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import HTML

from course_lib.evaluation.bootstrap import Interval
from course_lib.evaluation.calibration import Reliability
from course_lib.reporting.style import COLORS, GREY, MARKERS, new_figure, show


def interval_bars(rows: Mapping[str, Interval | tuple[float, float, float]], label: str) -> HTML:
    """Draw named values with their intervals, one below the other."""
    names = list(rows)
    points = np.array([(v.value, v.low, v.high) if isinstance(v, Interval) else v for v in rows.values()])
    figure, axis = new_figure(figsize=(7.0, 0.8 + 0.42 * len(names)))
    for i, (value, low, high) in enumerate(points):
        axis.errorbar(value, i, xerr=[[value - low], [high - value]], color=COLORS[i % len(COLORS)],
                      marker=MARKERS[i % len(MARKERS)], capsize=4, linestyle="")
    axis.set(yticks=range(len(names)), yticklabels=names, xlabel=label)
    axis.invert_yaxis()
    texts = [f"{n} {v:.2f} (95 % interval {lo:.2f} to {hi:.2f})" for n, (v, lo, hi) in zip(names, points, strict=True)]
    return show(figure, f"{label}: {'; '.join(texts)}.")


def score_ladder(scores: Mapping[str, float], label: str) -> HTML:
    """Draw one score per way of counting, as bars with their values written on."""
    figure, axis = new_figure(figsize=(7.0, 0.7 + 0.42 * len(scores)))
    bars = axis.barh(list(scores), list(scores.values()), color=[COLORS[0], *[GREY] * (len(scores) - 1)])
    axis.bar_label(bars, fmt="%.3f", padding=3)
    axis.set(xlabel=label, xlim=(0, 1.12))
    axis.invert_yaxis()
    axis.grid(visible=False)
    return show(figure, label + ": " + "; ".join(f"{n} {v:.3f}" for n, v in scores.items()) + ".")


def reliability_curve(parts: Mapping[str, Reliability], label: str = "share of answers that are right") -> HTML:
    """Draw confidence against the share that is right; the diagonal is perfect."""
    figure, axis = new_figure(figsize=(4.6, 4.2))
    axis.plot([0, 1], [0, 1], color="#777777", linewidth=1, linestyle=":", marker="", label="perfect")
    for i, (name, part) in enumerate(parts.items()):
        axis.plot(part.confidence, part.accuracy, color=COLORS[i], marker=MARKERS[i],
                  label=f"{name} (error {part.expected_error:.2f})")
    axis.set(xlabel="confidence of the model", ylabel=label, xlim=(0, 1), ylim=(0, 1))
    axis.legend(loc="upper left")
    texts = [f"{name}, expected calibration error {part.expected_error:.2f}" for name, part in parts.items()]
    return show(figure, f"Reliability: {'; '.join(texts)}.")


def histogram(groups: Mapping[str, Sequence[float]], label: str, bins: int = 24) -> HTML:
    """Draw how values are spread, one outline per group, on shared bins."""
    figure, axis = new_figure(figsize=(7.0, 3.0))
    edges = np.histogram_bin_edges(np.concatenate([np.asarray(v, dtype=float) for v in groups.values()]), bins)
    for i, (name, values) in enumerate(groups.items()):
        axis.hist(values, bins=edges, color=COLORS[i], alpha=0.55, label=f"{name} (n = {len(values)})",
                  hatch=("", "//", "..")[i % 3], edgecolor=COLORS[i], histtype="stepfilled")
    axis.set(xlabel=label, ylabel="count")
    axis.legend()
    return show(figure, f"Histogram of {label}: " + "; ".join(f"{n}, median {np.median(v):.2f}" for n, v in groups.items()) + ".")
