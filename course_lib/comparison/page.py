"""The page of a comparison: one HTML file that contacts no address."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from course_lib.comparison.align import Aligned
from course_lib.comparison.compare import Comparison, GroupResult, Result
from course_lib.comparison.differences import label_of
from course_lib.comparison.figures import MOST_BARS, difference_bars, seed_dots
from course_lib.comparison.markup import bullets, document, figure, heading, note, table, with_ends
from course_lib.comparison.scoring import ScoreKind
from course_lib.comparison.sections import columns, curves, left_out, method, metrics, other_inputs, settings
from course_lib.comparison.words import cautions, p_text, range_text, signed, summary


def render(comparison: Comparison) -> str:
    """Return the page; equal comparisons give equal pages."""
    title = f"{len(comparison.runs)} runs of {comparison.runs[0].notebook} compared"
    parts = [_head(comparison), bullets("What the data show", summary(comparison)),
             bullets("What they do not show", cautions(comparison)), settings(comparison)]
    if comparison.aligned is not None:
        parts += [_tests(comparison, score, comparison.aligned) for score in comparison.aligned.task.tested]
        parts += [_seeds(comparison, comparison.aligned), _slices(comparison, comparison.aligned)]
    parts += [curves(comparison), metrics(comparison), other_inputs(comparison), left_out(comparison), method(comparison),
              columns()]
    return document(title, parts)


def _head(comparison: Comparison) -> str:
    text = f"Baseline: run 1, {comparison.runs[0].id} ({comparison.selection.rule})."
    aligned = comparison.aligned
    if aligned is not None:
        text += f" Scores are of the saved predictions on {aligned.records} test records"
        text += "." if aligned.unit == "record" else f" in {aligned.groups} {aligned.unit}s."
    text += " A point is a hundredth. Models and texts are for teaching: not for clinical or investment use."
    return f"<p>{escape(text)}</p>"


def _tests(comparison: Comparison, score: ScoreKind, aligned: Aligned) -> str:
    """One score of all runs, drawn and tested; beside the main score stand those that are not tested."""
    beside = [s for s in aligned.task.scores if not s.tested] if score is aligned.task.scores[0] else []
    rows = [_test_row(comparison, comparison.result(run, score.key), beside) for run in range(len(comparison.runs))]
    heads = ["run", "differs in", *(s.name for s in beside), score.name, "difference (points)", "p bootstrap",
             "p permutation", "p permutation after Holm"]
    caption = f"Difference of each run to run 1 in {score.name}, with 95 % intervals by the paired bootstrap."
    if len(rows) > MOST_BARS + 1:
        caption += f" Drawn are the {MOST_BARS // 2} highest and lowest runs; the table has all."
    return heading(score.name) + figure(difference_bars(comparison, score), caption) + table(
        heads, rows, f"{score.name} with 95 % intervals, and tests against run 1", numbers=5 + len(beside), base=0)


def _test_row(comparison: Comparison, result: Result, beside: Sequence[ScoreKind]) -> list[Any]:
    own, gain, p = result.own, result.difference, result.p
    row = [result.run + 1, label_of(comparison.inputs, result.run)]
    row += [f"{comparison.result(result.run, s.key).own.value:.3f}" for s in beside] + [with_ends(own.value, own.low, own.high)]
    if gain is None or p is None:
        return [*row, "baseline", "", "", ""]
    return [*row, f"{signed(gain.value)} [{range_text(gain)}]", p_text(p.bootstrap), p_text(p.permutation), p_text(p.holm)]


def _seeds(comparison: Comparison, aligned: Aligned) -> str:
    """Mean and spread by configuration, if any has more than one seed."""
    if all(len(group.runs) == 1 for group in comparison.groups):
        return ""
    names = {s.key: s.name for s in aligned.task.tested}
    caption = "Runs that differ only in the seed stand in one row."
    if len(comparison.groups) > MOST_BARS:
        caption += f" Drawn are the first {MOST_BARS} configurations; the table has all."
    rows = [_seed_row(comparison, g, names[g.score]) for g in comparison.group_results if g.score in names]
    heads = ["configuration", "settings", "runs", "score", "seeds", "mean", "sd", "lowest", "highest",
             "difference of means (points)"]
    return (heading("Over seeds")
            + figure(seed_dots(comparison, aligned.task.scores[0]), caption)
            + table(heads, rows, "Mean and standard deviation (n - 1 in the divisor) over seeds", numbers=5)
            + note("The difference is to the mean of the baseline's configuration; its interval resamples the test set, not the "
                   "seeds, and is not corrected for the number of configurations. A run that repeats a seed of its configuration "
                   "does not count again."))


def _seed_row(comparison: Comparison, result: GroupResult, score: str) -> list[Any]:
    group = comparison.groups[result.group]
    gain = "" if result.difference is None else f"{signed(result.difference.value)} [{range_text(result.difference)}]"
    sd = "" if result.sd != result.sd else f"{result.sd:.3f}"
    return [result.group + 1, group.label, _short(str(run + 1) for run in group.runs), score,
            f"n = {len(group.runs)} ({_short(group.seeds)})", f"{result.mean:.3f}", sd, f"{min(result.values):.3f}",
            f"{max(result.values):.3f}", gain]


def _short(items: Any, most: int = 10) -> str:
    texts = list(items)
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")


def _slices(comparison: Comparison, aligned: Aligned) -> str:
    """Scores by entity type or kind of question."""
    if len(aligned.slices) < 2:
        return ""
    rows = [
        _slice_row(comparison.result(run, score.key, part), score, aligned.task.unit)
        for score in aligned.task.tested for part in aligned.slices[1:] for run in range(len(comparison.runs))
    ]
    heads = ["slice", "score", "run", "test size", "value", "difference to run 1 (points)"]
    return heading(f"By {aligned.task.sliced_by}") + table(heads, rows, "Slices of the test set, with 95 % intervals", numbers=3)


def _slice_row(result: Result, score: ScoreKind, unit: str) -> list[Any]:
    own, gain = result.own, result.difference
    text = "" if gain is None else signed(gain.value) if gain.low != gain.low else f"{signed(gain.value)} [{range_text(gain)}]"
    return [result.slice, score.name, result.run + 1, f"{result.count} {unit}", with_ends(own.value, own.low, own.high), text]
