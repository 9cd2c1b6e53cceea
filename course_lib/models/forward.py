"""Run a model over features, longest rows first, results in the original order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from datasets import Dataset
from torch import nn

from course_lib.data.arrow import Row
from course_lib.data.batching import Batch, sorted_batches

Tensors = dict[str, torch.Tensor]


def autocast(device: str, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which matrix products use bf16, or an empty one."""
    if precision != "bf16":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


def rows_of(dataset: Dataset, batch: Batch) -> list[Row]:
    """Read the rows of one batch from Arrow."""
    columns = dataset[batch]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@torch.inference_mode()
def forward_all(
    model: nn.Module,
    dataset: Dataset,
    collate: Callable[[list[Row]], Tensors],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
) -> Iterator[tuple[Batch, Any]]:
    """Yield (row numbers, model outputs) batch by batch, in evaluation mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        for batch in sorted_batches(list(dataset["length"]), batch_size):
            tensors = collate(rows_of(dataset, batch))
            inputs = {k: v.to(device) for k, v in tensors.items() if k in MODEL_INPUTS}
            with autocast(str(device), precision):
                outputs = model(**inputs)
            yield batch, outputs
    finally:
        model.train(was_training)


MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def pad(rows: list[list[int]], value: int) -> torch.Tensor:
    """Pad lists to the longest of them: (rows, longest) int64."""
    width = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows], dtype=torch.int64)
