"""Does a confidence of 0.8 come true 8 times in 10? (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from course_lib.errors import DataError
from course_lib.evaluation.qa import Decoded

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Bins of equal count: mean confidence, share right, and how many."""

    confidence: FloatArray
    accuracy: FloatArray
    count: NDArray[np.int64]

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean gap, weighted by count."""
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.count))


def answer_confidence(decoded: Sequence[Decoded], temperature: float = 1.0) -> FloatArray:
    """Probability of the best span among the n-best spans and no answer."""
    result = []
    for item in decoded:
        scores = np.array([c.score for c in item.candidates] + [item.null_score]) / temperature
        scores = np.exp(scores - scores.max())
        result.append(scores[0] / scores.sum() if item.candidates else 0.0)
    return np.array(result)


def fit_temperature(decoded: Sequence[Decoded], correct: Sequence[bool]) -> float:
    """Return the temperature with the best log loss on these (validation) answers."""
    right = np.asarray(correct, dtype=bool)

    def loss(log_temperature: float) -> float:
        p = np.clip(answer_confidence(decoded, float(np.exp(log_temperature))), 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(right, np.log(p), np.log(1 - p))))

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 4), method="bounded").x))


def reliability(confidence: FloatArray, correct: Sequence[bool], bins: int = 8) -> Reliability:
    """Sort by confidence, cut into ``bins`` parts of equal count, average each."""
    if len(confidence) != len(correct) or not len(confidence):
        raise DataError(
            f"reliability: expected as many outcomes as confidences (at least one), found "
            f"{len(correct)} and {len(confidence)}."
        )
    order = np.argsort(confidence, kind="stable")
    parts = [p for p in np.array_split(order, bins) if len(p)]
    right = np.asarray(correct, dtype=float)
    return Reliability(
        np.array([confidence[p].mean() for p in parts]),
        np.array([right[p].mean() for p in parts]),
        np.array([len(p) for p in parts]),
    )
