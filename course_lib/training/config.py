"""All settings of a training run, checked at birth and never changed after."""

from __future__ import annotations

import math
from dataclasses import dataclass

from course_lib.errors import ConfigError


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run.

    Rates are per optimizer step; fractions lie between 0 and 1. ``pull`` is the
    weight of the penalty to the starting point (L2-SP, Li et al. 2018), beside
    ordinary decoupled weight decay (Loshchilov and Hutter 2019).
    ``head_rate`` multiplies the learning rate of the new head, and
    ``layer_decay`` that of each encoder layer per step down from the top
    (Howard and Ruder 2018, discriminative fine-tuning); 1.0 turns them off.
    ``average`` is the decay of a running average of the weights, which is then
    scored and kept in place of the last weights; 0 for none. ``halves`` lets
    a CPU with several cores train two halves of each batch at once.
    """

    epochs: int = 3
    learning_rate: float = 2e-4
    batch_size: int = 16
    accumulation: int = 1
    weight_decay: float = 0.01
    warmup: float = 0.1
    max_grad_norm: float = 1.0
    pull: float = 0.0
    head_rate: float = 1.0
    layer_decay: float = 1.0
    average: float = 0.0
    train_embeddings: bool = True
    halves: bool = True
    patience: int | None = None
    seed: int = 0
    device: str = "cpu"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            kind = bool if name in ("train_embeddings", "halves") else str if name in ("device", "precision") else (int, float)
            good = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            self._check(name, good or (name == "patience" and value is None), "a setting of another type")
        for name in ("epochs", "batch_size", "accumulation"):
            self._check(name, isinstance(getattr(self, name), int) and getattr(self, name) >= 1, "a whole number from 1")
        for name in ("learning_rate", "max_grad_norm", "head_rate"):
            value = getattr(self, name)
            self._check(name, math.isfinite(value) and value > 0, "a number above 0")
        for name in ("weight_decay", "pull"):
            value = getattr(self, name)
            self._check(name, math.isfinite(value) and value >= 0, "a number from 0")
        self._check("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1")
        self._check("average", 0 <= self.average < 1, "a decay from 0 to below 1")
        self._check("layer_decay", 0 < self.layer_decay <= 1, "a factor above 0, at most 1")
        self._check("patience", self.patience is None or self.patience >= 1, "None or a whole number from 1")
        self._check("seed", isinstance(self.seed, int) and 0 <= self.seed < 2**32, "a whole number from 0 to 2**32 - 1")
        self._check("device", self.device in ("cpu", "cuda", "mps"), "cpu, cuda or mps")
        self._check("precision", self.precision in ("fp32", "bf16"), "fp32 or bf16 (resolve 'auto' first)")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ConfigError(
                f"training setting {name}: expected {expected}, found {getattr(self, name)!r}. Change it and start again."
            )
