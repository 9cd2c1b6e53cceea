"""The comparison itself: read runs, score their predictions, test each against the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from course_lib.comparison.align import Aligned, align
from course_lib.comparison.differences import Inputs, SeedGroup, inputs_of, seed_groups
from course_lib.comparison.load import LoadedRun, Selection, select
from course_lib.comparison.scoring import ScoreKind
from course_lib.comparison.statistics import (
    Swaps,
    bootstrap_p,
    draw_counts,
    draw_swaps,
    holm,
    percentile_ends,
    permutation_p,
    resampled_scores,
)
from course_lib.errors import ConfigError
from course_lib.evaluation.bootstrap import Interval, Sums

MOST_RESAMPLES = 100_000
FEW_GROUPS = 10
"""A slice that fewer groups hold gets no interval: a resample might hold none of them."""


@dataclass(frozen=True)
class PValues:
    """Of one run against the baseline; ``holm`` and ``bootstrap_holm`` are adjusted for ``Comparison.tests``."""

    bootstrap: float
    permutation: float
    holm: float = 1.0
    bootstrap_holm: float = 1.0


@dataclass(frozen=True)
class Result:
    """One score of one run on one slice. ``low`` and ``high`` are NaN where the slice is too small for an interval."""

    run: int
    score: str
    slice: str
    count: int
    own: Interval
    difference: Interval | None
    p: PValues | None = None


@dataclass(frozen=True)
class GroupResult:
    """Mean and spread of one score over the seeds of a group; ``sd`` has n - 1 in the divisor, NaN for one seed.

    ``difference`` is to the mean of the baseline's group; its interval resamples documents, not seeds.
    """

    group: int
    score: str
    values: tuple[float, ...]
    sd: float
    difference: Interval | None

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))


@dataclass(frozen=True)
class Comparison:
    """Everything the page and the table say; run 0 is the baseline."""

    selection: Selection
    inputs: Inputs
    groups: tuple[SeedGroup, ...]
    aligned: Aligned | None
    resamples: int
    exact: bool
    results: tuple[Result, ...]
    group_results: tuple[GroupResult, ...]

    @property
    def runs(self) -> tuple[LoadedRun, ...]:
        return self.selection.runs

    @property
    def tests(self) -> int:
        """How many tests the page shows, which is what Holm's correction is for: runs times tested scores."""
        return sum(result.p is not None for result in self.results)

    def result(self, run: int, score: str, part: str = "all") -> Result:
        """Return one score of one run."""
        return self._by_key[run, score, part]

    @cached_property
    def _by_key(self) -> dict[tuple[int, str, str], Result]:
        return {(r.run, r.score, r.slice): r for r in self.results}


def compare(given: Sequence[str | Path], against: str | Path | None = None, resamples: int = 10_000) -> Comparison:
    """Compare finished runs of one notebook on their saved predictions.

    ``given``: run folders, ids, or folders of runs. Raises ``CourseError`` with
    the reason where runs cannot be compared (see ``load`` and ``align``).
    """
    if not 100 <= resamples <= MOST_RESAMPLES:
        raise ConfigError(f"resamples: expected 100 to {MOST_RESAMPLES}, found {resamples}. 10000 is usual; fewer give coarse "
                          "p-values, more take memory and show nothing new.")
    selection = select(given, against)
    inputs = inputs_of(selection.runs)
    groups = tuple(seed_groups(inputs))
    aligned = align(selection.runs)
    plain = Comparison(selection, inputs, groups, aligned, resamples, False, (), ())
    return plain if aligned is None else _tested(plain, aligned)


def _tested(plain: Comparison, aligned: Aligned) -> Comparison:
    counts = draw_counts(aligned.groups, plain.resamples)
    swaps = draw_swaps(aligned.groups, plain.resamples)
    results: list[Result] = []
    group_results: list[GroupResult] = []
    for score in aligned.task.scores:
        for place, part in enumerate(aligned.slices if score.tested else aligned.slices[:1]):
            sums = aligned.sums[:, place]
            values = resampled_scores(sums, counts, score.of)
            rows = _results(sums, values, score, part, aligned.unit)
            if place == 0:
                group_results += _over_seeds(plain.groups, rows, values, score.key)
                rows = _with_p_values(rows, sums, values, score, swaps) if score.tested else rows
            results += rows
    return replace(plain, exact=swaps.exact, results=tuple(_corrected(results)), group_results=tuple(group_results))


def _results(sums: Sums, values: Sums, score: ScoreKind, part: str, unit: str) -> list[Result]:
    """Return one score on one slice for all runs, with intervals from the same resamples."""
    points = score.of(sums.sum(axis=1))
    own, gains = percentile_ends(values), percentile_ends(values - values[0])
    weight = sums[0, :, 2]  # gold entities or questions: the same in all runs
    if part != "all" and (weight > 0).sum() < FEW_GROUPS:
        own, gains = np.full_like(own, np.nan), np.full_like(gains, np.nan)
    results = []
    for run, value in enumerate(points):
        gain = Interval(float(value - points[0]), float(gains[run, 0]), float(gains[run, 1]), unit) if run else None
        interval = Interval(float(value), float(own[run, 0]), float(own[run, 1]), unit)
        results.append(Result(run, score.key, part, int(weight.sum()), interval, gain))
    return results


def _with_p_values(rows: list[Result], sums: Sums, values: Sums, score: ScoreKind, swaps: Swaps) -> list[Result]:
    points = score.of(sums.sum(axis=1))
    shifted = bootstrap_p(values - values[0], points - points[0])[1:]
    swapped = permutation_p(sums, swaps, score.of)[1:]
    tests = zip(shifted, swapped, strict=True)
    return [rows[0]] + [replace(row, p=PValues(*map(float, test))) for row, test in zip(rows[1:], tests, strict=True)]


def _corrected(results: Sequence[Result]) -> list[Result]:
    """Adjust the p-values of all tests together, those of other scores too: the reader sees them all."""
    tested = [result.p for result in results if result.p is not None]
    adjusted = zip(holm([p.permutation for p in tested]), holm([p.bootstrap for p in tested]), strict=True)
    return [r if r.p is None else replace(r, p=PValues(r.p.bootstrap, r.p.permutation, *next(adjusted))) for r in results]


def _over_seeds(groups: Sequence[SeedGroup], rows: Sequence[Result], values: Sums, key: str) -> list[GroupResult]:
    base = next(i for i, group in enumerate(groups) if 0 in group.runs)
    base_mean = np.mean([rows[run].own.value for run in groups[base].runs])
    results = []
    for number, group in enumerate(groups):
        own = tuple(rows[run].own.value for run in group.runs)
        sd = float(np.std(own, ddof=1)) if len(own) > 1 else float("nan")
        low, high = percentile_ends(_mean_of_rows(values, group) - _mean_of_rows(values, groups[base]))
        gain = Interval(float(np.mean(own) - base_mean), float(low), float(high), rows[0].own.unit)
        results.append(GroupResult(number, key, own, sd, None if number == base else gain))
    return results


def _mean_of_rows(values: Sums, group: SeedGroup) -> NDArray[np.float64]:
    return values[list(group.runs)].mean(axis=0)
