"""Features live in Arrow tables: compact, and on disk when they are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.typing import NDArray

Row = dict[str, Any]
T = TypeVar("T")


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to ``size`` items without reading everything first."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def lengths_of(dataset: Dataset) -> NDArray[np.int32]:
    """Return the ``length`` column as an array: pieces in each row, special tokens included."""
    return np.asarray(dataset.with_format("numpy")["length"][:], dtype=np.int32)


def to_arrow(rows: Iterable[Row], schema: pa.Schema, path: Path | None = None, chunk: int = 1000) -> Dataset:
    """Write rows to an Arrow table and return it as a ``datasets.Dataset``.

    With ``path`` the table is streamed to that file and memory-mapped, so that
    memory use does not grow with the number of rows; without, it stays in
    memory.
    """
    batches = (pa.RecordBatch.from_pylist(part, schema=schema) for part in in_chunks(rows, chunk))
    if path is None:
        return Dataset(pa.Table.from_batches(list(batches), schema=schema))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return Dataset.from_file(str(path))
