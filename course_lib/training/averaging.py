"""A running average of the weights, which is what is scored and kept.

With a high learning rate the weights jump about a good place; their average
lies nearer to it than any single step (Polyak and Juditsky 1992; as an
exponential average: Tarvainen and Valpola 2017, section 2). It costs one pass
over the weights a step. Shown in notebook 02.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """The exponential average of a model's weights; with ``decay`` 0 the model itself.

    After step n the average keeps the share min(decay, (n + 1) / (n + 10)) of
    its old value: short-sighted at first, so that the start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self._source = model
        self._average = AveragedModel(model, multi_avg_fn=self._mix) if decay else None

    @property
    def model(self) -> Any:
        """The model to score and to keep."""
        return self._average.module if self._average else self._source

    def update(self) -> None:
        """Take in the weights after an optimizer step."""
        self.steps += 1
        if self._average:
            self._average.update_parameters(self._source)

    def load(self, weights: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from the average of an interrupted run."""
        self.steps = steps
        if self._average:
            self._average.module.load_state_dict(weights)
            self._average.n_averaged.fill_(steps)

    def _mix(self, averaged: Sequence[torch.Tensor], current: Sequence[torch.Tensor], count: Any) -> None:
        share = min(self.decay, (self.steps + 1) / (self.steps + 10))
        get_ema_multi_avg_fn(share)(averaged, current, count)
