"""Batches of rows that are alike in length, so that little is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Batch = list[int]


def length_grouped_batches(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int, pool: int = 32
) -> list[Batch]:
    """Return batches of row numbers: shuffled, but each of similar length.

    Rows are shuffled, sorted within pools of ``pool`` batches, cut into batches
    and the batches shuffled again. The order depends on ``seed`` and ``epoch``
    alone, so that a resumed run sees the same batches.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches: list[Batch] = []
    for start in range(0, len(order), pool * batch_size):
        part = order[start : start + pool * batch_size]
        part = part[np.argsort(-sizes[part], kind="stable")]
        batches += [part[i : i + batch_size].tolist() for i in range(0, len(part), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int], batch_size: int) -> list[Batch]:
    """Return batches from longest to shortest: for prediction, where order is free.

    The longest first, so that a lack of memory shows at once.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def padding_share(lengths: Sequence[int], batches: list[Batch]) -> float:
    """Return the share of positions that are padding, between 0 and 1."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / padded
