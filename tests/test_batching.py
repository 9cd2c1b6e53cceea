"""Batches: every row once, repeatable, little padding."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.data.arrow import in_chunks
from course_lib.data.batching import Batches, length_grouped_batches, padding_share, sorted_batches

LENGTHS = np.random.default_rng(0).integers(5, 190, 500).tolist()


@pytest.mark.parametrize(("rows", "batch_size"), [(1, 1), (10, 4), (16, 8), (500, 16), (7, 100)])
def test_every_row_once(rows, batch_size):
    lengths = LENGTHS[:rows]
    for batches in (length_grouped_batches(lengths, batch_size, seed=1, epoch=1), sorted_batches(lengths, batch_size)):
        assert sorted(i for batch in batches for i in batch) == list(range(rows))
        assert len(batches) == -(-rows // batch_size) and max(map(len, batches)) <= batch_size
        assert all(type(i) is int for batch in batches for i in batch)


def test_order_is_decided_by_seed_and_epoch_alone():
    def order(seed: int, epoch: int) -> Batches:
        np.random.seed(np.random.randint(1000))  # the global generator has no say
        return length_grouped_batches(LENGTHS, 8, seed=seed, epoch=epoch)

    assert order(1, 1) == order(1, 1)
    assert len({str(list(order(seed, epoch))) for seed in (1, 2) for epoch in (1, 2)}) == 4


def test_grouping_saves_most_of_the_padding():
    plain = [list(range(i, min(i + 16, 500))) for i in range(0, 500, 16)]
    grouped = padding_share(LENGTHS, length_grouped_batches(LENGTHS, 16, seed=0, epoch=1))
    assert grouped < 0.25 * padding_share(LENGTHS, plain)
    assert padding_share(LENGTHS, sorted_batches(LENGTHS, 16)) <= grouped


def test_order_is_still_random():
    """Not simply from long to short: the first batches of epochs differ in length."""
    firsts = [LENGTHS[length_grouped_batches(LENGTHS, 16, seed=0, epoch=e)[0][0]] for e in range(12)]
    assert max(firsts) - min(firsts) > 60
    means = [np.mean([LENGTHS[i] for i in b]) for b in length_grouped_batches(LENGTHS, 16, seed=0, epoch=1)]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.5


def test_prediction_starts_with_the_longest():
    assert sorted_batches([3, 9, 5, 9], 2) == [[1, 3], [2, 0]]


def test_padding_share_by_hand():
    assert padding_share([2, 4, 4], [[0, 1], [2]]) == pytest.approx(2 / 12)
    assert padding_share([4, 4], [[0, 1]]) == 0


def test_chunks():
    assert list(in_chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_chunks([], 2)) == []
