"""The training loop: a page to read aloud.

It knows nothing about what it trains; see ``course_lib.tasks``. The loss is
*summed* over real labels and divided once by their number over the whole step,
so that batch size, padding, accumulation and the number of processes do not
change it (derived in notebook 01).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from course_lib.data.arrow import Row, in_chunks, lengths_of
from course_lib.data.batching import Batch, length_grouped_batches
from course_lib.errors import ConfigError, DataError, TrainingError
from course_lib.models.forward import MODEL_INPUTS, Tensors, rows_of
from course_lib.models.halves import can_halve, every_second_row, run_halves
from course_lib.seeds import set_seed
from course_lib.training.averaging import WeightAverage
from course_lib.training.config import TrainingConfig
from course_lib.training.optimizer import Pull, build_optimizer, build_schedule
from course_lib.training.progress import Progress
from course_lib.training.state import BestWeights, ResumeFile, RunState
from course_lib.training.task import Features, Task

Callback = Callable[[str, Mapping[str, Any]], None]
"""Called as ``callback(event, values)``; events: "step", "epoch", "end"."""


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves: the model at its best epoch, and how it got there."""

    model: Any
    history: pd.DataFrame
    steps: pd.DataFrame
    best_epoch: int
    best_value: float
    seconds: float
    tokens_per_second: float


def make_accelerator(config: TrainingConfig) -> Accelerator:
    """Return an Accelerator for this config's device and precision, on any number of processes."""
    AcceleratorState._reset_state()  # the library refuses a second precision in one process otherwise
    accelerator = Accelerator(cpu=config.device == "cpu", mixed_precision="bf16" if config.precision == "bf16" else "no")
    if accelerator.device.type != config.device:
        raise ConfigError(
            f"training setting device: expected {config.device}, found only {accelerator.device.type} on this machine. "
            f"Use device='{accelerator.device.type}', or check the driver with nvidia-smi."
        )
    return accelerator


def train(
    task: Task,
    model: nn.Module,
    training: Features,
    validation: Features | None,
    config: TrainingConfig,
    *,
    folder: Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Fine-tune ``model`` and return it with its best weights restored.

    ``validation`` scores each epoch by ``task.monitor``; without it the last
    epoch counts. With ``folder``, the state after each epoch is kept in
    ``folder/resume`` and Ctrl-C leaves the best weights in ``folder/model``.
    """
    if not len(training.dataset):
        raise DataError("training: expected at least one encoded record, found none. Is the training split empty?")
    accelerator = make_accelerator(config)
    steps_per_epoch = -(-len(training.dataset) // (config.batch_size * config.accumulation))
    set_seed(config.seed)  # dropout; the head was seeded when it was built
    model.to(accelerator.device)
    optimizer = build_optimizer(model, config)
    schedule = build_schedule(optimizer, config, steps_per_epoch * config.epochs)
    pull, best, average = Pull(model, config.pull), BestWeights(task.monitor), WeightAverage(model, config.average)
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    optimizer.zero_grad()  # an interrupted run may have left gradients on this model
    kept = ResumeFile(folder / "resume" if folder else None, config, len(training.dataset))
    state = kept.load(model, optimizer, schedule, best, pull, average) if resume else kept.fresh()
    progress = Progress(steps_per_epoch, config.epochs, enabled=accelerator.is_main_process)
    engine = _Engine(task, wrapped, training, config, accelerator, optimizer, schedule, pull, average, progress, callbacks)
    try:
        while state.epoch < config.epochs and not best.is_old(state.epoch, config.patience):
            begin = time.perf_counter()
            row = _one_epoch(engine, state)
            if validation is not None:
                row |= {f"validation_{k}": v for k, v in task.validate(average.model, validation, config.precision).items()}
            state.epoch, state.seconds = state.epoch + 1, state.seconds + time.perf_counter() - begin
            state.history.append(row)
            best.offer(average.model, state.epoch, row)
            progress.epoch(row, task.monitor)
            _tell(callbacks, "epoch", row)
            if accelerator.is_main_process:
                kept.save(model, optimizer, schedule, best, pull, average, state)
        if state.epoch < config.epochs:
            progress.note(f"stopped early: no better {task.monitor} for {config.patience} epochs")
    except KeyboardInterrupt:
        best.restore(model)
        if folder is not None and accelerator.is_main_process:
            task.save(folder / "model", model)
            progress.note(f"interrupted: the best weights so far (epoch {best.epoch}) are kept in the run's model folder")
        raise
    finally:
        progress.close()
        accelerator.unwrap_model(wrapped, keep_fp32_wrapper=False)  # autocast belongs to training alone
    best.restore(model)
    _tell(callbacks, "end", {"best_epoch": best.epoch, "seconds": state.seconds})
    history, steps, speed = pd.DataFrame(state.history), pd.DataFrame(state.steps), state.tokens / max(state.train_seconds, 1e-9)
    return TrainingResult(model, history, steps, best.epoch, best.value, state.seconds, speed)


@dataclass(frozen=True)
class _Engine:
    """What stays the same over a run."""

    task: Task
    model: nn.Module
    features: Features
    config: TrainingConfig
    accelerator: Accelerator
    optimizer: Any
    schedule: Any
    pull: Pull
    average: WeightAverage
    progress: Progress
    callbacks: Sequence[Callback]


def _one_epoch(engine: _Engine, state: RunState) -> dict[str, Any]:
    """Do the steps of the epoch after ``state.epoch``; return its row of the history."""
    config, lengths, epoch = engine.config, lengths_of(engine.features.dataset), state.epoch + 1
    begin, tokens, loss_total, loss_count, rate = time.perf_counter(), 0, 0.0, 0, 0.0
    batches = length_grouped_batches(lengths, config.batch_size, seed=config.seed, epoch=epoch)
    for group in in_chunks(batches, config.accumulation):
        summed, count, norm = _step(
            engine.task, engine.model, engine.features, group, engine.optimizer, engine.pull, engine.accelerator, config
        )
        rate = engine.schedule.get_last_lr()[0]
        engine.schedule.step()
        engine.average.update()
        loss_total, loss_count = loss_total + summed, loss_count + count
        tokens += sum(int(lengths[batch].sum()) for batch in group)
        state.step += 1
        state.steps.append({"step": state.step, "epoch": epoch, "loss": summed / count, "learning_rate": rate, "grad_norm": norm})
        engine.progress.step(epoch, tokens / (time.perf_counter() - begin), summed / count)
        _tell(engine.callbacks, "step", state.steps[-1])
    seconds = time.perf_counter() - begin
    state.tokens, state.train_seconds = state.tokens + tokens, state.train_seconds + seconds
    row: dict[str, Any] = {"epoch": epoch, "train_loss": loss_total / loss_count, "learning_rate": rate,
                           "seconds": seconds, "tokens_per_second": tokens / seconds}
    return row | ({"pull": engine.pull.value()} if engine.pull.strength else {})


def _step(
    task: Task, model: nn.Module, features: Features, group: list[Batch], optimizer: Any, pull: Pull,
    accelerator: Accelerator, config: TrainingConfig,
) -> tuple[float, int, float]:
    """Do one optimizer step over the micro-batches of ``group``.

    Returns the loss summed over real labels, their number, and the gradient norm.
    """
    model.train()
    shares = [_own_share(task, rows_of(features.dataset, batch), accelerator) for batch in group]
    own = torch.tensor([float(sum(task.targets(batch) * weight for batch, weight in shares))], device=accelerator.device)
    count = int(accelerator.reduce(own, "sum").item())
    if count == 0:
        raise TrainingError(
            f"training: expected real labels in every step, found a batch of rows {group[0][:4]} with all labels "
            "ignored. Check the encoding of these records."
        )

    def add_gradients(batch: Tensors, weight: float = 1.0) -> torch.Tensor:
        with accelerator.autocast():
            outputs = model(**{k: v for k, v in batch.items() if k in MODEL_INPUTS})
        loss = task.loss_sum(outputs, batch) * weight
        # Gradients are averaged over processes: times their number undoes that.
        accelerator.backward(loss * accelerator.num_processes / count)
        return loss.detach()

    summed = torch.zeros((), device=accelerator.device)
    for number, (batch, weight) in enumerate(shares):
        if config.halves and can_halve(config.device, len(batch["input_ids"]), accelerator.num_processes):
            summed = summed + sum(run_halves(add_gradients, every_second_row(batch), random=True))
            continue
        # Processes exchange gradients once, with the last micro-batch.
        with accelerator.no_sync(model) if number < len(shares) - 1 else contextlib.nullcontext():
            summed = summed + add_gradients(batch, weight)
    summed = accelerator.reduce(summed, "sum")
    if not torch.isfinite(summed):
        raise TrainingError(
            f"training: expected a finite loss, found {summed.item()} in a step on rows {group[0][:4]} at learning rate "
            f"{optimizer.param_groups[0]['lr']:.2g} ({config.precision}). Lower learning_rate, or use precision='fp32'."
        )
    pull.add_gradient()
    norm = float(accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm))
    if not math.isfinite(norm):  # before the step: these gradients would end in the weights
        raise TrainingError(
            f"training: expected finite gradients, found norm {norm} in a step on rows {group[0][:4]} at learning rate "
            f"{optimizer.param_groups[0]['lr']:.2g} ({config.precision}). Lower learning_rate, or use precision='fp32'."
        )
    optimizer.step()
    optimizer.zero_grad()
    return float(summed), count, norm


def _own_share(task: Task, rows: list[Row], accelerator: Accelerator) -> tuple[Tensors, float]:
    """Return this process's rows of a batch as tensors, and their weight.

    Each process takes every n-th row. One that would get none takes the first
    row with weight 0, so that all processes still exchange gradients.
    """
    own = rows[accelerator.process_index :: accelerator.num_processes]
    batch = task.collate(own or rows[:1])
    return {name: tensor.to(accelerator.device) for name, tensor in batch.items()}, 1.0 if own else 0.0


def _tell(callbacks: Sequence[Callback], event: str, values: Mapping[str, Any]) -> None:
    for callback in callbacks:
        callback(event, values)
