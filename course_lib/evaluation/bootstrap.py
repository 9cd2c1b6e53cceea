"""Intervals by resampling (Efron and Tibshirani 1993, chapter 13; for
comparisons of systems on one test set: Berg-Kirkpatrick et al. 2012).

Scores here are functions of *sums over documents*. Resampling documents, not
sentences or entities, keeps what belongs together together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.errors import DataError

Sums = NDArray[np.float64]
Score = Callable[[Sums], Sums]


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval, all in the units of the score."""

    value: float
    low: float
    high: float
    unit: str = "document"

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def f1_of(sums: Sums) -> Sums:
    """F1 from (true positives, predicted, gold) on the last axis; 0 when all are 0."""
    correct, predicted, gold = sums[..., 0], sums[..., 1], sums[..., 2]
    total = predicted + gold
    return np.divide(2 * correct, total, out=np.zeros_like(total, dtype=float), where=total > 0)


def mean_of(sums: Sums) -> Sums:
    """Mean from (sum, count) on the last axis; 0 when the count is 0."""
    total, count = sums[..., 0], sums[..., 1]
    return np.divide(total, count, out=np.zeros_like(total, dtype=float), where=count > 0)


def sum_by_group(rows: Sums, groups: Sequence[str]) -> Sums:
    """Add up rows (records x columns) that share a group name."""
    if len(rows) != len(groups):
        raise DataError(f"bootstrap: expected one group per row ({len(rows)}), found {len(groups)}.")
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    result = np.zeros((index.max() + 1, rows.shape[1]))
    np.add.at(result, index, rows)
    return result


def _resampled(sums: Sums, score: Score, resamples: int, seed: int) -> Sums:
    """Return the score of each resample: documents drawn with replacement."""
    rng = np.random.default_rng(seed)
    n = len(sums)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    return score(draws @ sums)


def bootstrap_interval(
    rows: Sums, groups: Sequence[str], score: Score, *, resamples: int = 2000, level: float = 0.95,
    seed: int = 0, unit: str = "document",
) -> Interval:
    """Return a score with its percentile interval, resampling groups.

    ``rows`` has one row of summable columns per record; ``score`` turns summed
    columns into the score. ``seed`` fixes the resamples, so a report can be
    repeated; it has nothing to do with training.
    """
    sums = sum_by_group(np.asarray(rows, dtype=float), groups)
    values = _resampled(sums, score, resamples, seed)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(score(sums.sum(axis=0))), float(low), float(high), unit)


def paired_interval(
    rows_a: Sums, rows_b: Sums, groups: Sequence[str], score: Score, *, resamples: int = 2000,
    level: float = 0.95, seed: int = 0, unit: str = "document",
) -> Interval:
    """Return score(a) - score(b) with its interval; both on the same resamples."""
    if len(rows_a) != len(rows_b):
        raise DataError(
            f"paired interval: expected two systems on the same records, found {len(rows_a)} and "
            f"{len(rows_b)} rows. Predict both on one test set."
        )
    a = sum_by_group(np.asarray(rows_a, dtype=float), groups)
    b = sum_by_group(np.asarray(rows_b, dtype=float), groups)
    gains = _resampled(a, score, resamples, seed) - _resampled(b, score, resamples, seed)
    low, high = np.quantile(gains, [(1 - level) / 2, (1 + level) / 2])
    value = score(a.sum(axis=0)) - score(b.sum(axis=0))
    return Interval(float(value), float(low), float(high), unit)
