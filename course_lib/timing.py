"""How long training will take, before it is tried. Taught in notebook 00.

A product of a matrix of w weights with one token's vector takes 2w operations:
one multiplication and one addition per weight. Training does that three times
(forward, gradient of the inputs, gradient of the weights), prediction once:

    seconds = 6 x encoder weights x tokens / (share reached x rate)

The *rate* comes from a short probe; the *share* of it that real training
reaches, below 1, from a few real steps. Left out: attention scores (they grow
with row length) and the optimizer; a measured share contains both.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_lib.data.arrow import lengths_of
from course_lib.data.batching import length_grouped_batches
from course_lib.errors import ConfigError
from course_lib.machine import Machine, Plan
from course_lib.training.config import TrainingConfig
from course_lib.training.loop import train

OPERATIONS_TRAINED = 6
"""Operations per weight and token: forward 2, backward 4 (Kaplan et al. 2020, section 2.1)."""
OPERATIONS_PREDICTED = 2

TRAININGS: dict[str, list[dict[str, Any]]] = {"02_medical_ner": [{}, {"silver_records": 0}]}
"""Settings changed in each training of a notebook; 02 trains again without silver. Default: one training."""


@dataclass(frozen=True)
class Workload:
    """Tokens that a notebook sends through the encoder, all epochs together."""

    trained: int
    predicted: int

    def __add__(self, other: Workload) -> Workload:
        return Workload(self.trained + other.trained, self.predicted + other.predicted)

    def operations(self, weights: int) -> float:
        """Return the operations this takes with an encoder of ``weights`` weights."""
        return float(weights * (OPERATIONS_TRAINED * self.trained + OPERATIONS_PREDICTED * self.predicted))


def encoder_weights(model: nn.Module) -> int:
    """Count the weights every token is multiplied with: matrices, without embeddings.

    An embedding is looked up, not multiplied; biases and norms are vectors and hardly count.
    """
    return sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "embeddings" not in name)


def tokens_per_record(features: Any) -> list[int]:
    """Return the tokens of each record of encoded features, its windows together."""
    totals: dict[int, int] = {}
    for record, length in zip(features.dataset["record"], features.dataset["length"], strict=True):
        totals[record] = totals.get(record, 0) + length
    return list(totals.values())


def notebook_workload(
    notebook: str, settings: Mapping[str, Any], training: Sequence[int], validation: Sequence[int], test: Sequence[int]
) -> Workload:
    """Return the workload of all trainings of a notebook; see ``workload_of``."""
    parts = [workload_of({**settings, **changed}, training, validation, test) for changed in TRAININGS.get(notebook, [{}])]
    return sum(parts, Workload(0, 0))


def workload_of(
    settings: Mapping[str, Any], training: Sequence[int], validation: Sequence[int], test: Sequence[int]
) -> Workload:
    """Return the workload of one training from its settings and tokens per record.

    ``settings`` is a column of ``parameters.PROFILES``. Generated records are
    taken to be as long as the training records are on average; with a
    ``silver_window`` they are trained on once, before, in windows of that many
    pieces (about five windows for four records). Validation is predicted after each
    epoch, test once.
    """
    if not training:
        raise ConfigError("workload: expected tokens of at least one training record, found none. Is the split empty?")
    used = training[: settings.get("max_train_records")]
    silver = (settings.get("silver_records") or 0) * sum(training) / len(training)
    epochs, limit = settings["epochs"], settings.get("max_eval_records")
    trained, validations = epochs * (sum(used) + silver), epochs
    if window := settings.get("silver_window"):
        count = settings.get("silver_records") or 0
        trained, validations = epochs * sum(used) + count * window * 5 / 4, epochs + bool(count)
    return Workload(round(trained), validations * sum(validation[:limit]) + sum(test[:limit]))


def predicted_seconds(operations: float, share: float, rate: float, other: float = 0.0) -> float:
    """Return the seconds for ``operations`` at ``share`` of ``rate`` GFLOP/s, plus ``other`` seconds."""
    if not (share > 0 and rate > 0):
        raise ConfigError(
            f"prediction: expected a share and a rate above 0, found {share!r} and {rate!r} GFLOP/s. "
            "Measure both first: probe_rate and measure_training."
        )
    return operations / (share * rate * 1e9) + other


def share_reached(tokens_per_second: float, weights: int, rate: float) -> float:
    """Return the part of ``rate`` (GFLOP/s) that training at so many tokens per second makes use of."""
    return OPERATIONS_TRAINED * weights * tokens_per_second / (rate * 1e9)


def probe_rate(plan: Plan, machine: Machine, size: int = 2048, tries: int = 5) -> float:
    """Return the matrix-product rate (GFLOP/s) of the plan's device in the plan's precision.

    For the CPU that is what ``machine.describe`` measured. Elsewhere two
    ``size`` x ``size`` matrices are multiplied; reading one number back waits for the device.
    """
    if plan.device == "cpu":
        return machine.bf16_rate if plan.precision == "bf16" else machine.fp32_rate
    a = torch.randn(size, size, device=plan.device, dtype=torch.bfloat16 if plan.precision == "bf16" else torch.float32)
    best = 0.0
    for _ in range(tries):
        begin = time.perf_counter()
        (a @ a)[0, 0].item()
        best = max(best, 2 * size**3 / (time.perf_counter() - begin) / 1e9)
    return best


def rows_that_fit(seconds: float, steps: int, tokens_per_row: float, weights: int, rate: float, most: int) -> int:
    """Return how many rows a batch may have so that ``steps`` steps take about ``seconds``, at most ``most``.

    A share of one half is assumed: it is not known yet.
    """
    per_row = predicted_seconds(OPERATIONS_TRAINED * weights * tokens_per_row, 0.5, rate)
    return max(1, min(most, int(seconds / (steps * per_row))))


def measure_training(task: Any, records: Sequence[Any], config: TrainingConfig) -> float:
    """Train a throw-away model on ``records`` and return its real tokens (no padding) per second.

    The first step is not counted: it also sets up memory and kernels.
    """
    features = task.encode(records)
    lengths = lengths_of(features.dataset)
    batches = length_grouped_batches(lengths, config.batch_size, seed=config.seed, epoch=1)
    if len(batches) < 2:
        raise ConfigError(
            f"measurement: expected records for two batches or more, found {len(lengths)} rows in batches of "
            f"{config.batch_size}. Give more records or a smaller batch_size."
        )
    ends: list[float] = []
    with contextlib.redirect_stdout(io.StringIO()):
        train(task, task.build(config.seed), features, None, config, callbacks=[_clock(ends)])
    tokens = sum(int(lengths[batch].sum()) for batch in batches[1:])
    return tokens / (ends[len(batches) - 1] - ends[0])


def _clock(ends: list[float]) -> Callable[[str, Mapping[str, Any]], None]:
    """Return a callback that notes when each step ended."""

    def note(event: str, _values: Mapping[str, Any]) -> None:
        if event == "step":
            ends.append(time.perf_counter())

    return note
