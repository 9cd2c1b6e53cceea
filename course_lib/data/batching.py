"""Batches of rows that are alike in length, so that little is padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

Batch = list[int]
Order = NDArray[np.int64]


class Batches(Sequence[Batch]):
    """Batches cut from one array of row numbers only when they are asked for.

    ``rows`` holds the row numbers, neighbours sharing a batch; ``places`` says
    which stretch of ``rows`` comes first, second, ... A million rows take 8 MB
    this way; as lists of Python integers they would take about ten times that.
    """

    def __init__(self, rows: Order, batch_size: int, places: Order | None = None) -> None:
        self._rows, self._size = rows, batch_size
        self._places = np.arange(-(-len(rows) // batch_size)) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Batch: ...

    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...

    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start = int(self._places[index]) * self._size
        return [int(row) for row in self._rows[start : start + self._size]]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented


def length_grouped_batches(
    lengths: ArrayLike, batch_size: int, *, seed: int, epoch: int, pool: int = 32
) -> Batches:
    """Return batches of row numbers: shuffled, but each of similar length.

    Rows are shuffled, sorted within pools of ``pool`` batches, cut into batches
    and the batches shuffled again. The order depends on ``seed`` and ``epoch``
    alone, so that a resumed run sees the same batches.
    """
    rng = np.random.default_rng([seed, epoch])
    sizes = np.asarray(lengths)
    order = rng.permutation(len(sizes))
    for start in range(0, len(order), pool * batch_size):
        part = order[start : start + pool * batch_size]
        order[start : start + pool * batch_size] = part[np.argsort(-sizes[part], kind="stable")]
    # A pool holds whole batches (all but the last), so batches are plain slices.
    return Batches(order, batch_size, rng.permutation(-(-len(order) // batch_size)))


def sorted_batches(lengths: ArrayLike, batch_size: int) -> Batches:
    """Return batches from longest to shortest: for prediction, where order is free.

    The longest first, so that a lack of memory shows at once.
    """
    return Batches(np.argsort(-np.asarray(lengths), kind="stable"), batch_size)


def padding_share(lengths: Sequence[int], batches: Sequence[Batch]) -> float:
    """Return the share of positions that are padding, between 0 and 1."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / padded
