"""What is measured: settings, the training loops that are compared, and the list of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from course_lib.errors import ConfigError, one_of

PARTS = ("rates", "training", "f1", "inference", "memory")
TARGETS = {"trainer": 5.0, "trainer_grouped": 1.6, "blog": 10.0}
"""Ratios of real tokens per second, ours divided by theirs, to reach on a CPU with native bf16."""
SHARE_TARGET = 0.45
F1_TARGET = -1.5


@dataclass(frozen=True)
class Contender:
    """A way to train the same model on the same sentences."""

    name: str
    label: str
    what: str
    fp32_label: str = ""  # its name where the hardware has no native bf16

    def label_for(self, precision: str) -> str:
        """Return the name to show when low-precision contenders run in ``precision``."""
        return self.fp32_label if self.fp32_label and precision == "fp32" else self.label


CONTENDERS = {
    c.name: c
    for c in (
        Contender("ours", "ours", "`course_lib.training.train` as notebook 02 calls it: batches of similar length, the two "
                  "halves of a batch at once on a CPU, no dropout in attention, attention code chosen by row length, fused "
                  "AdamW, bf16 where the hardware has it; a running average of the weights is kept, which takes time, and is "
                  "scored"),
        Contender("ours_dropout", "ours with Trainer's dropout", "the same with the checkpoint's own dropout in attention"),
        Contender("ours_whole", "ours, batches whole", "the same as ours without the two halves at once"),
        Contender("trainer", "Trainer defaults", "`transformers.Trainer`, fp32, random order, padding to the longest row of a "
                  "batch (`DataCollatorForTokenClassification`), the library's attention code; nothing saved in between"),
        Contender("trainer_grouped", "Trainer, bf16 and length grouping", "the same with `bf16=True` (where it is native) and "
                  '`train_sampling_strategy="group_by_length"`',
                  fp32_label="Trainer with length grouping, fp32 since bf16 is not native here"),
        Contender("blog", "blog loop", "one text at a time through the tokenizer, every row padded to 128 pieces, fp32, plain "
                  "AdamW on all parameters, the loss from the model, no clipping of gradients"),
    )
}


@dataclass(frozen=True)
class Settings:
    """Settings of one benchmark; rates in steps, lengths in sub-word pieces, seconds in seconds."""

    corpus: str = "ncbi_disease"
    checkpoint: str = "minilm"
    records: int = 512
    rounds: int = 5
    epochs: int = 1
    seeds: int = 5
    f1_epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    warmup: float = 0.1
    average: float = 0.995  # ours alone: the running average of weights that notebook 02 uses on NCBI-disease
    seed: int = 0
    max_length: int = 192
    overlap: int = 48
    padded_length: int = 128  # of the blog loop
    cold_steps: int = 5  # the first steps also set up memory and kernels
    eval_records: int | None = None
    inference: tuple[tuple[int, int], ...] = ((1, 200), (8, 100), (64, 30))  # (batch size, batches)
    rate_sizes: tuple[int, ...] = (512, 1024, 2048)
    rate_seconds: float = 0.5
    sentences: tuple[int, ...] = (10_000, 300_000)
    quick: bool = False  # everything in one process, tiny: shows that the command works, measures nothing

    def __post_init__(self) -> None:
        for name in ("records", "rounds", "epochs", "seeds", "f1_epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"benchmark setting {name}: expected a whole number from 1, found {value!r}. Change it.")
        steps = min(self.epochs, self.f1_epochs) * -(-self.records // self.batch_size)
        if not 0 <= self.cold_steps < steps:
            raise ConfigError(
                f"benchmark setting records: expected more than {self.cold_steps} steps of {self.batch_size} sentences, found "
                f"{steps} ({self.records} records, {self.epochs} epochs). Give more records or epochs."
            )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """Rebuild settings that went through JSON, where tuples became lists."""
        fixed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**{**fixed, "inference": tuple((size, batches) for size, batches in values["inference"])})


def quick_settings(**changes: Any) -> Settings:
    """Return settings of a few seconds: they show that every part runs, not how fast."""
    small: dict[str, Any] = {
        "corpus": "medical_notes", "records": 8, "rounds": 2, "seeds": 2, "f1_epochs": 1, "batch_size": 4, "cold_steps": 1,
        "eval_records": 6, "inference": ((1, 4), (3, 2)), "rate_sizes": (256,), "rate_seconds": 0.01, "sentences": (20, 60),
        "quick": True,
    }
    return Settings(**{**small, **changes})


@dataclass(frozen=True)
class Job:
    """One measurement, done in a process of its own. ``number``: the round, the seed, or how many sentences."""

    part: str
    name: str
    number: int
    seed: int = 0
    epochs: int = 1
    scored: bool = False

    @property
    def key(self) -> str:
        """Return the name under which the measurement is kept."""
        return f"{self.part}/{self.name}/{self.number}"


def jobs_of(settings: Settings, parts: tuple[str, ...] = PARTS) -> list[Job]:
    """Return all jobs in the order they run.

    The contenders take turns: each round runs all of them once, beginning with
    another one, so that a slow minute of the machine does not hit one alone.
    Scores of the timing rounds are the same each time (same seed): the first round computes them.
    """
    for part in parts:
        if part not in PARTS:
            raise ConfigError(one_of("benchmark part", part, list(PARTS)))
    jobs: list[Job] = []
    names = list(CONTENDERS)
    for turn in range(1, settings.rounds + 1):
        if "rates" in parts:
            jobs.append(Job("rates", "products", turn))
        if "training" in parts:
            shift = (turn - 1) % len(names)
            jobs += [Job("training", name, turn, settings.seed, settings.epochs, scored=turn == 1)
                     for name in names[shift:] + names[:shift]]
    if "inference" in parts:
        jobs.append(Job("inference", "ours", 1, settings.seed))
    if "memory" in parts:
        jobs += [Job("memory", "stream", count) for count in settings.sentences]
    if "f1" in parts:
        jobs += [Job("f1", name, seed, seed, settings.f1_epochs, scored=True)
                 for seed in range(settings.seeds) for name in ("ours", "trainer")]
    return jobs
