"""Run a model over features, longest rows first, results in the original order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from datasets import Dataset
from torch import nn

from course_lib.data.arrow import Row, in_chunks, lengths_of
from course_lib.data.batching import Batch, sorted_batches
from course_lib.models.halves import can_halve, run_halves

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

    def predict(batch: Batch) -> Any:
        inputs = {k: v.to(device) for k, v in collate(rows_of(dataset, batch)).items() if k in MODEL_INPUTS}
        with torch.inference_mode(), autocast(device.type, precision):
            return model(**inputs)

    was_training = model.training
    model.eval()
    try:
        batches = sorted_batches(lengths_of(dataset), batch_size)
        together = 2 if can_halve(device.type, len(batches)) else 1
        for group in in_chunks(batches, together):
            outputs = run_halves(predict, group, random=False) if together == 2 else map(predict, group)
            yield from zip(group, outputs, strict=True)
    finally:
        model.train(was_training)


MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def pad(rows: list[list[int]], value: int) -> torch.Tensor:
    """Pad lists to the longest of them: (rows, longest) int64."""
    width = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows], dtype=torch.int64)
