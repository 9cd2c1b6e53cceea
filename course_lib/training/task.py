"""What the training loop asks of a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from datasets import Dataset
from torch import nn

from course_lib.data.arrow import Row
from course_lib.models.forward import Tensors


class Features(Protocol):
    """Encoded records; ``dataset`` has at least a ``length`` column."""

    @property
    def dataset(self) -> Dataset: ...


class Task(Protocol):
    """The seam between the loop and what is trained."""

    @property
    def monitor(self) -> str:
        """Name of the validation metric to maximise."""

    def collate(self, rows: list[Row]) -> Tensors:
        """Pad rows to tensors: the model's inputs and the loss inputs."""

    def targets(self, batch: Tensors) -> int:
        """Count what the loss of this batch is summed over (real labels)."""

    def loss_sum(self, outputs: Any, batch: Tensors) -> torch.Tensor:
        """Return the loss *summed* over the real labels, a scalar."""

    def validate(self, model: nn.Module, features: Any, precision: str) -> Mapping[str, float]:
        """Score a model on features; holds at least ``monitor``."""

    def save(self, folder: Path, model: Any) -> Path:
        """Write the model folder that ``course_lib.models.load`` reads."""
