"""The constrained search finds the best allowed sequence, as trying all of them does."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from course_lib.data.labels import LabelSet
from course_lib.errors import DataError
from course_lib.evaluation.decoding import allowed_steps, best_tags

LABELS = LabelSet(("A", "B"))  # O, B-A, I-A, B-B, I-B


def brute_force(probabilities: np.ndarray) -> list[int]:
    steps = allowed_steps(LABELS)
    allowed = [
        tags for tags in product(range(5), repeat=len(probabilities))
        if all(steps[a, b] for a, b in zip((0, *tags), tags, strict=False))
    ]
    return list(max(allowed, key=lambda tags: sum(np.log(probabilities[i, t]) for i, t in enumerate(tags))))


@pytest.mark.parametrize("seed", range(12))
def test_equals_trying_every_sequence(seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(5), size=4).astype(np.float32)
    assert best_tags(probabilities, LABELS) == brute_force(probabilities)


def test_mends_an_entity_that_changes_its_type_inside() -> None:
    probabilities = np.full((2, 5), 0.01, dtype=np.float32)
    probabilities[0, 1], probabilities[1, 4], probabilities[1, 2] = 0.9, 0.5, 0.4  # B-A, then I-B before I-A
    assert probabilities.argmax(axis=1).tolist() == [1, 4]
    assert best_tags(probabilities, LABELS) == [1, 2]


def test_no_words_and_wrong_width() -> None:
    assert best_tags(np.zeros((0, 5), dtype=np.float32), LABELS) == []
    with pytest.raises(DataError, match=r"shape \(words, 5\)"):
        best_tags(np.zeros((3, 4), dtype=np.float32), LABELS)
