"""Tests of many systems against one: hand-counted, and against scipy and this package's own bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from course_lib.comparison.statistics import (
    bootstrap_p,
    draw_counts,
    draw_swaps,
    holm,
    percentile_ends,
    permutation_p,
    resampled_scores,
)
from course_lib.evaluation.bootstrap import f1_of, mean_of, paired_interval


def with_counts(values: list[float]) -> np.ndarray:
    """Columns (value, 1): a mean as a score of sums."""
    return np.stack([np.array(values, dtype=float), np.ones(len(values))], axis=1)


def random_counts(seed: int, groups: int = 40) -> np.ndarray:
    """Entity counts (correct, predicted, gold) of some documents."""
    rng = np.random.default_rng(seed)
    gold, predicted = rng.integers(3, 12, groups), rng.integers(3, 12, groups)
    return np.stack([np.minimum(gold, predicted) * rng.random(groups) // 1, predicted, gold], axis=1).astype(float)


def test_permutation_of_two_documents_by_hand() -> None:
    """Means 1 and 0: of the four exchanges two (none, both) give a difference as large, so p = 2/4."""
    sums = np.stack([with_counts([0, 0]), with_counts([1, 1])])
    swaps = draw_swaps(2, 100)
    assert swaps.exact and len(swaps.patterns) == 4
    assert permutation_p(sums, swaps, mean_of).tolist() == [1.0, 0.5]


def test_permutation_of_f1_by_hand() -> None:
    """Three documents of one gold entity each; B finds all, A one, and both find the first.

    Exchanging the first changes nothing. Of the exchanges of the other two,
    none and both keep the difference of 1 - 0.5; one alone makes it 0.
    """
    a = np.array([[1, 1, 1], [0, 0, 1], [0, 0, 1]], dtype=float)
    b = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1]], dtype=float)
    assert permutation_p(np.stack([a, b]), draw_swaps(3, 100), f1_of)[1] == pytest.approx(0.5)


@pytest.mark.parametrize("groups", [5, 40])  # all patterns, and random ones
def test_equal_systems_have_p_one(groups: int) -> None:
    sums = np.stack([random_counts(1, groups)] * 3)
    assert permutation_p(sums, draw_swaps(groups, 500), f1_of).tolist() == [1.0, 1.0, 1.0]
    values = resampled_scores(sums, draw_counts(groups, 500), f1_of)
    assert bootstrap_p(values - values[0], np.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_exact_permutation_equals_scipy() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(10), rng.random(10) + 0.15
    expected = stats.permutation_test(
        (b, a), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf)
    found = permutation_p(np.stack([with_counts(list(a)), with_counts(list(b))]), draw_swaps(10, 2000), mean_of)
    assert 0.001 < expected.pvalue < 0.5
    assert found[1] == pytest.approx(expected.pvalue, abs=1e-12)


def test_random_permutation_equals_scipy_within_chance() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.random(60), rng.random(60) + 0.08
    expected = stats.permutation_test(
        (b, a), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True, n_resamples=20_000, rng=5)
    found = permutation_p(np.stack([with_counts(list(a)), with_counts(list(b))]), draw_swaps(60, 20_000), mean_of)
    assert not draw_swaps(60, 10).exact
    assert found[1] == pytest.approx(expected.pvalue, abs=0.02)


def test_random_permutation_counts_the_observed_pattern() -> None:
    """No random p-value is 0: the pattern that was seen counts (Phipson and Smyth 2010)."""
    sums = np.stack([with_counts([0.0] * 100), with_counts([1.0] * 100)])
    assert permutation_p(sums, draw_swaps(100, 999), mean_of)[1] == pytest.approx(1 / 1000)


def test_intervals_equal_the_bootstrap_of_the_package() -> None:
    a, b = random_counts(1), random_counts(2)
    expected = paired_interval(b, a, [str(i).zfill(3) for i in range(40)], f1_of, resamples=2500, seed=0)
    values = resampled_scores(np.stack([a, b]), draw_counts(40, 2500), f1_of)  # more than one block of draws
    low, high = percentile_ends(values - values[0])[1]
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low < expected.value < high


def test_bootstrap_p_is_the_shifted_share() -> None:
    """Resampled differences 1, 2, 3 around 2: those at least 2 away are none; around 0.5: all three of 0.5, 1.5, 2.5."""
    assert bootstrap_p(np.array([[1.0, 2.0, 3.0]]), np.array([2.0]))[0] == pytest.approx(1 / 4)
    assert bootstrap_p(np.array([[1.0, 2.0, 3.0]]), np.array([0.5]))[0] == pytest.approx(1.0)
    assert bootstrap_p(np.array([[1.0, 2.0, 3.0]]), np.array([1.0]))[0] == pytest.approx(3 / 4)


def test_holm_by_hand() -> None:
    """0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 are 0.04, 0.06, 0.06, 0.04; a later one is never smaller."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]


def test_all_systems_share_the_draws() -> None:
    """A third system changes nothing of the first two."""
    a, b, c = (random_counts(seed) for seed in (1, 2, 3))
    counts = draw_counts(40, 300)
    assert (counts.sum(axis=1) == 40).all() and counts.std() > 0
    two = resampled_scores(np.stack([a, b]), counts, f1_of)
    three = resampled_scores(np.stack([a, b, c]), counts, f1_of)
    assert np.allclose(two, three[:2], atol=1e-12, rtol=0)
