"""Tests of many systems against one on the same documents, all on the same random draws.

Everything works on sums per group (a document): ``sums`` has the shape
(systems, groups, columns), system 0 is the baseline, and a score turns summed
columns into a number. Sources: the paired bootstrap and its p-value by shifting,
Berg-Kirkpatrick et al. 2012; approximate randomisation, Noreen 1989 and Yeh
2000; the correction for several comparisons, Holm 1979; why one is added to
both counts of a p-value, Phipson and Smyth 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.evaluation.bootstrap import Score, Sums

LEVEL = 0.95
ALPHA = 0.05
BLOCK = 1000
"""Resamples worked on at a time: bounds memory, changes no result."""
SAME = 1e-12
"""Scores closer than this are equal: sums in another order differ in the last bits."""


def draw_counts(groups: int, resamples: int, seed: int = 0) -> NDArray[np.uint16]:
    """Return how often each group is drawn in each resample, (resamples, groups).

    The same stream of numbers as ``evaluation.bootstrap``, so both give the same intervals.
    """
    rng = np.random.default_rng(seed)
    even = np.full(groups, 1 / groups)
    blocks = [rng.multinomial(groups, even, size=min(BLOCK, resamples - done)).astype(np.uint16)
              for done in range(0, resamples, BLOCK)]
    return np.concatenate(blocks)


@dataclass(frozen=True)
class Swaps:
    """Which groups exchange the outputs of two systems: (patterns, groups) of 0 and 1.

    ``exact`` means that every pattern there is occurs once.
    """

    patterns: NDArray[np.uint8]
    exact: bool


def draw_swaps(groups: int, resamples: int, seed: int = 1) -> Swaps:
    """Return random patterns, or all of them if there are no more than ``resamples``."""
    if groups < 63 and 2**groups <= resamples:
        numbers = np.arange(2**groups)[:, None]
        return Swaps((numbers >> np.arange(groups) & 1).astype(np.uint8), True)
    rng = np.random.default_rng(seed)
    return Swaps(rng.integers(0, 2, size=(resamples, groups), dtype=np.uint8), False)


def _weighted(weights: NDArray[np.integer], sums: Sums) -> Sums:
    """Return the sums over groups under each row of weights: (rows, systems, columns)."""
    systems, groups, columns = sums.shape
    flat = np.ascontiguousarray(sums.transpose(1, 0, 2)).reshape(groups, systems * columns)
    result: Sums = (weights.astype(np.float64) @ flat).reshape(len(weights), systems, columns)
    return result


def resampled_scores(sums: Sums, counts: NDArray[np.uint16], score: Score) -> Sums:
    """Return the score of every system on every resample, (systems, resamples)."""
    blocks = [score(_weighted(counts[i : i + BLOCK], sums)) for i in range(0, len(counts), BLOCK)]
    return np.concatenate(blocks).T


def percentile_ends(values: Sums) -> Sums:
    """Return the low and high end of the interval of each row, (systems, 2)."""
    tail = (1 - LEVEL) / 2
    return np.quantile(values, [tail, 1 - tail], axis=-1).T


def bootstrap_p(differences: Sums, observed: Sums) -> Sums:
    """Return two-sided p-values: how often a difference strays from ``observed`` by as much as that is from 0.

    ``differences`` is (systems, resamples), ``observed`` (systems,).
    """
    far = np.abs(differences - observed[:, None]) >= np.abs(observed)[:, None] - SAME
    return (1 + far.sum(axis=1)) / (1 + differences.shape[1])


def permutation_p(sums: Sums, swaps: Swaps, score: Score) -> Sums:
    """Return the two-sided p-value of each system against system 0, (systems,); its own is 1.

    If the two systems were alike, exchanging their outputs on any document
    would change nothing but chance; the p-value is the share of such exchanges
    with a difference at least as large as the one found.
    """
    totals, base = sums.sum(axis=1), sums[0].sum(axis=0)
    observed = np.abs(score(totals) - score(base))
    change = sums - sums[0]
    found = np.zeros(len(sums), dtype=np.int64)
    for i in range(0, len(swaps.patterns), BLOCK):
        moved = _weighted(swaps.patterns[i : i + BLOCK], change)
        found += (np.abs(score(totals - moved) - score(base + moved)) >= observed - SAME).sum(axis=0)
    if swaps.exact:  # the pattern that swaps nothing is among them
        return found / len(swaps.patterns)
    return (1 + found) / (1 + len(swaps.patterns))


def holm(p_values: Sequence[float] | Sums) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down rule, in the given order."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(np.asarray(p_values), kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * float(p_values[index])))
        adjusted[int(index)] = highest
    return adjusted
