"""Confidence: probabilities by hand, temperature, reliability bins."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.errors import DataError
from course_lib.evaluation.calibration import answer_confidence, fit_temperature, reliability
from course_lib.evaluation.qa import Candidate, Decoded


def decoded(null: float, *scores: float) -> Decoded:
    return Decoded(tuple(Candidate(i, i + 1, s) for i, s in enumerate(scores)), null)


def test_confidence_by_hand():
    assert answer_confidence([decoded(0.0, np.log(3))]) == pytest.approx([3 / 4])
    assert answer_confidence([decoded(0.0, np.log(3), 0.0)]) == pytest.approx([3 / 5])
    assert answer_confidence([decoded(0.0, np.log(9))], temperature=2.0) == pytest.approx([3 / 4])
    assert answer_confidence([decoded(1.0)]) == [0.0]
    assert answer_confidence([decoded(0.0, 1e4)]) == pytest.approx([1.0])  # no overflow


def test_high_temperature_makes_everything_equal():
    assert answer_confidence([decoded(-5.0, 9.0, 1.0, 0.0)], 1e6) == pytest.approx([1 / 4], abs=1e-4)


def simulated(temperature: float, count: int = 4000) -> tuple[list[Decoded], list[bool]]:
    """Answers that are right as often as a softmax at ``temperature`` says."""
    rng = np.random.default_rng(0)
    items = [decoded(0.0, float(s)) for s in rng.normal(0, 4, count)]
    return items, (rng.random(count) < answer_confidence(items, temperature)).tolist()


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_temperature_is_found(true):
    assert fit_temperature(*simulated(true)) == pytest.approx(true, rel=0.12)


def test_temperature_repairs_overconfidence():
    items, right = simulated(3.0)
    before = reliability(answer_confidence(items), right)
    after = reliability(answer_confidence(items, fit_temperature(items, right)), right)
    assert before.expected_error > 0.1 and after.expected_error < 0.03


def test_reliability_by_hand():
    result = reliability(np.array([0.9, 0.1, 0.8, 0.2]), [True, False, False, False], bins=2)
    assert result.confidence == pytest.approx([0.15, 0.85]) and result.accuracy == pytest.approx([0, 0.5])
    assert result.count.tolist() == [2, 2] and result.expected_error == pytest.approx((0.15 + 0.35) / 2)


def test_bins_are_of_equal_count_and_never_empty():
    result = reliability(np.linspace(0, 1, 11), [True] * 11, bins=4)
    assert result.count.tolist() == [3, 3, 3, 2]
    assert reliability(np.array([0.5, 0.6]), [True, True], bins=8).count.tolist() == [1, 1]


def test_reliability_refuses_what_does_not_fit():
    with pytest.raises(DataError, match="found 1 and 2"):
        reliability(np.array([0.5, 0.6]), [True])
    with pytest.raises(DataError, match="at least one"):
        reliability(np.array([]), [])
