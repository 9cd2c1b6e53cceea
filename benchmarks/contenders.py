"""The training loops that are compared.

All start from the same weights (head included), see the same sentences with the
same first-piece labels, and share batch size, learning rate, weight decay,
linear schedule with warm-up, seed and epochs. What differs is what
``settings.CONTENDERS`` says of each.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_linear_schedule_with_warmup,
)

from benchmarks.meters import Clock
from benchmarks.settings import CONTENDERS, Settings
from course_lib.data import IGNORE_INDEX, Note
from course_lib.data.arrow import Row
from course_lib.errors import ConfigError, one_of
from course_lib.machine import Plan
from course_lib.models.checkpoints import as_id2label, resolve
from course_lib.models.heads import quiet_library
from course_lib.seeds import set_seed
from course_lib.tasks import NerTask
from course_lib.training import TrainingConfig, train


@dataclass(frozen=True)
class Setup:
    """Everything a contender trains with."""

    settings: Settings
    plan: Plan
    task: NerTask
    notes: list[Note]
    seed: int
    epochs: int
    clock: Clock
    counts: dict[str, int] = field(default_factory=dict)  # what a contender cut off, in sentences


def train_contender(name: str, setup: Setup) -> Any:
    """Train with the contender called ``name`` and return the model."""
    if name in ("ours", "ours_dropout", "ours_whole"):
        return train_ours(setup, with_dropout=name == "ours_dropout", halves=name != "ours_whole")
    if name in ("trainer", "trainer_grouped"):
        return train_trainer(setup, grouped=name == "trainer_grouped")
    if name == "blog":
        return train_blog(setup)
    raise ConfigError(one_of("contender", name, list(CONTENDERS)))


class CountedTask:
    """A task whose batches are counted; everything else is the task's own."""

    def __init__(self, task: NerTask, clock: Clock) -> None:
        self._task, self._clock = task, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def collate(self, rows: list[Row]) -> dict[str, torch.Tensor]:
        """Pad rows as the task does, and count the real pieces."""
        self._clock.begin()
        tensors = self._task.collate(rows)
        self._clock.batch(tensors["input_ids"])
        return tensors


def train_ours(setup: Setup, *, with_dropout: bool, halves: bool) -> Any:
    """Train with the course's loop, as notebook 02 does."""
    settings, plan = setup.settings, setup.plan
    config = TrainingConfig(
        epochs=setup.epochs, learning_rate=settings.learning_rate, batch_size=settings.batch_size, warmup=settings.warmup,
        weight_decay=settings.weight_decay, average=settings.average, halves=halves, seed=setup.seed,
        device=plan.device, precision=plan.precision,
    )
    model = setup.task.build(setup.seed)
    if with_dropout:
        set_attention_dropout(model, checkpoint_dropout(settings.checkpoint))
    task: Any = CountedTask(setup.task, setup.clock)

    def note(event: str, _values: Any) -> None:
        if event == "step":
            setup.clock.step()

    return train(task, model, setup.task.encode(setup.notes), None, config, callbacks=[note]).model


def checkpoint_dropout(checkpoint: str) -> float:
    """Return the dropout in attention that a checkpoint's own configuration asks for."""
    source, kwargs = resolve(checkpoint)
    return float(AutoConfig.from_pretrained(source, **kwargs).attention_probs_dropout_prob)


def set_attention_dropout(model: nn.Module, rate: float) -> int:
    """Set the dropout on attention probabilities; return how many layers were changed.

    It draws from torch's one generator, also where two halves of a batch run at
    once: such a training does not repeat to the bit, which timing does not need.
    """
    found = [module for name, module in model.named_modules()
             if isinstance(module, nn.Dropout) and ".attention." in name and ".output." not in name]
    if not found:
        raise ConfigError("benchmark: expected layers with dropout in attention, found none in this checkpoint. "
                          "Choose a BERT-like checkpoint.")
    for module in found:
        module.p = rate
    return len(found)


def library_model(setup: Setup) -> Any:
    """Load the checkpoint as the library does by default; the head starts as ours does."""
    source, kwargs = resolve(setup.settings.checkpoint)
    config = AutoConfig.from_pretrained(source, **as_id2label(setup.task.labels.id2label), **kwargs)
    set_seed(setup.seed)
    with quiet_library():
        return AutoModelForTokenClassification.from_pretrained(source, config=config, weights_only=True, **kwargs)


def train_trainer(setup: Setup, *, grouped: bool) -> Any:
    """Train with ``transformers.Trainer``; ``grouped`` adds length grouping, and bf16 where it is native."""
    settings, clock = setup.settings, setup.clock
    data = setup.task.encode(setup.notes).dataset.select_columns(["input_ids", "labels"])
    data = data.map(lambda row: {"attention_mask": [1] * len(row["input_ids"])})
    pad = DataCollatorForTokenClassification(setup.task.tokenizer)

    def collate(rows: list[Row]) -> Any:
        clock.begin()
        tensors = pad(rows)
        clock.batch(tensors["input_ids"])
        return tensors

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=setup.epochs, per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate, weight_decay=settings.weight_decay, warmup_steps=settings.warmup,
            seed=setup.seed, use_cpu=setup.plan.device == "cpu", save_strategy="no", report_to="none", disable_tqdm=True,
            bf16=grouped and setup.plan.precision == "bf16",
            train_sampling_strategy="group_by_length" if grouped else "random",
        )
        trainer = Trainer(library_model(setup), arguments, collate, data, callbacks=[_clock_callback(clock)])
        trainer.train()
    return trainer.model


def _clock_callback(clock: Clock) -> Any:
    """Return a callback for ``Trainer`` that notes when steps end."""

    def on_step_end(*_: Any, **__: Any) -> None:
        clock.step()

    return type("ClockCallback", (TrainerCallback,), {"on_step_end": staticmethod(on_step_end)})()


class PaddedTexts(Dataset[dict[str, torch.Tensor]]):
    """One text at a time through the tokenizer, always padded, as tutorials write it."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.length = setup, setup.settings.padded_length
        self.cut: set[int] = set()

    def __len__(self) -> int:
        return len(self.setup.notes)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        task, note = self.setup.task, self.setup.notes[index]
        words = [note.text[start:end] for start, end in note.words or ()]
        encoded = task.tokenizer(words, is_split_into_words=True, truncation=True, max_length=self.length, padding="max_length")
        tags, _ = task.labels.tag_words(note)
        labels, previous = [], None
        for word in encoded.word_ids():
            labels.append(IGNORE_INDEX if word is None or word == previous else tags[word])
            previous = word
        if last_word(encoded.word_ids()) < len(words) - 1:
            self.cut.add(index)
        return {"input_ids": torch.tensor(encoded["input_ids"]), "attention_mask": torch.tensor(encoded["attention_mask"]),
                "labels": torch.tensor(labels)}


def last_word(word_ids: list[int | None]) -> int:
    """Return the last word that has a piece, or -1."""
    return max((word for word in word_ids if word is not None), default=-1)


def train_blog(setup: Setup) -> Any:
    """Train as tutorials do: fixed padding, fp32, the loss from the model."""
    settings, clock = setup.settings, setup.clock
    model = library_model(setup).to(setup.plan.device)
    texts = PaddedTexts(setup)
    loader = DataLoader(texts, batch_size=settings.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    steps = setup.epochs * len(loader)
    schedule = get_linear_schedule_with_warmup(optimizer, round(settings.warmup * steps), steps)
    set_seed(setup.seed)
    model.train()
    clock.begin()
    for _ in range(setup.epochs):
        for batch in loader:
            clock.batch(batch["input_ids"])
            loss = model(**{name: tensor.to(setup.plan.device) for name, tensor in batch.items()}).loss
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            clock.step()
    setup.counts["sentences_cut"] = len(texts.cut)
    return model
