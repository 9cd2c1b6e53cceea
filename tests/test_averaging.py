"""The running average of weights, computed by hand beside it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from course_lib.errors import ConfigError
from course_lib.tasks import NerTask
from course_lib.training import TrainingConfig, train
from course_lib.training.averaging import WeightAverage


def test_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    average, values, expected = WeightAverage(model, 0.3), [5.0, 1.0, 3.0, 2.0], 0.0
    for step, value in enumerate(values, start=1):
        model.weight.data.fill_(value)
        average.update()
        share = 0.0 if step == 1 else min(0.3, (step + 1) / (step + 10))
        expected = share * expected + (1 - share) * value
        assert average.model.weight.item() == pytest.approx(expected, abs=1e-6)
    assert model.weight.item() == 2.0, "training goes on from its own weights"


def test_without_decay_the_model_itself_is_kept() -> None:
    model = nn.Linear(2, 2)
    average = WeightAverage(model, 0.0)
    average.update()
    assert average.model is model


def test_training_scores_and_returns_the_average(ner_task: NerTask, notes: list[Any]) -> None:
    features, seen = ner_task.encode(notes), []

    class Watched(NerTask):
        def validate(self, model: nn.Module, features: Any, precision: str) -> Any:
            seen.append({k: v.clone() for k, v in model.state_dict().items()})
            return super().validate(model, features, precision)

    task = Watched(**{k: getattr(ner_task, k) for k in ("checkpoint", "labels", "max_length", "overlap", "dropout")})
    config = {"epochs": 1, "batch_size": 2, "learning_rate": 1e-2}
    plain = train(task, task.build(0), features, features, TrainingConfig(**config)).model.state_dict()
    averaged = train(task, task.build(0), features, features, TrainingConfig(**config, average=0.5)).model.state_dict()
    assert all(torch.equal(averaged[k], seen[1][k]) for k in averaged), "what was scored is what is kept"
    assert any(not torch.equal(plain[k], averaged[k]) for k in plain)


def test_a_decay_of_one_would_never_move() -> None:
    with pytest.raises(ConfigError, match="setting average: expected a decay from 0 to below 1, found 1.0"):
        TrainingConfig(average=1.0)
