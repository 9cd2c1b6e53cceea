"""Extractive question answering. Taught in notebook 03."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from course_lib.data.arrow import Row
from course_lib.data.qa_features import QaFeatures, encode_questions
from course_lib.data.records import Question
from course_lib.evaluation.calibration import answer_confidence
from course_lib.evaluation.qa import (
    Decoded,
    Window,
    answer_text,
    choose_threshold,
    decode_question,
    exact_of,
    f1_mean_of,
    score_rows,
    with_prior,
)
from course_lib.models import saved
from course_lib.models.forward import Tensors, forward_all, pad
from course_lib.models.heads import build_model, load_tokenizer
from course_lib.models.similarity import SentencePrior

N_BEST = 40
"""Candidates kept for the prior to choose from."""


@dataclass(frozen=True)
class QaTask:
    """Features, head, loss inputs and metrics of extractive answering.

    Lengths are in sub-word pieces; ``max_length`` includes the question.
    """

    checkpoint: str
    max_length: int = 256
    overlap: int = 64
    max_answer_pieces: int = 30
    empty_windows: int | None = 1
    dropout: float = 0.1
    monitor: str = "f1"

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.checkpoint)

    def encode(self, questions: Iterable[Question], *, training: bool = False, path: Path | None = None) -> QaFeatures:
        """Encode questions; only training may drop windows without the answer."""
        return encode_questions(
            questions, self.tokenizer, max_length=self.max_length, overlap=self.overlap,
            empty_windows=self.empty_windows if training else None, path=path,
        )

    def build(self, seed: int) -> PreTrainedModel:
        """Load the checkpoint with a fresh head: two numbers per piece, start and end."""
        return build_model(
            self.checkpoint, "question-answering", seed=seed, dropout=self.dropout, row_length=self.max_length,
            max_length=self.max_length,
        )

    def collate(self, rows: list[Row]) -> Tensors:
        return {
            "input_ids": pad([r["input_ids"] for r in rows], self.tokenizer.pad_token_id),
            "attention_mask": pad([[1] * r["length"] for r in rows], 0),
            "token_type_ids": pad([r["token_type_ids"] for r in rows], 0),
            "start_positions": torch.tensor([r["start_position"] for r in rows]),
            "end_positions": torch.tensor([r["end_position"] for r in rows]),
        }

    def targets(self, batch: Tensors) -> int:
        return len(batch["start_positions"])

    def loss_sum(self, outputs: Any, batch: Tensors) -> torch.Tensor:
        """Half the cross-entropy of the start plus half that of the end, summed over windows."""
        padding = batch["attention_mask"] == 0
        total = torch.zeros((), device=padding.device)
        for logits, target in ((outputs.start_logits, "start_positions"), (outputs.end_logits, "end_positions")):
            logits = logits.float().masked_fill(padding, -1e4)  # padding is no answer
            total = total + nn.functional.cross_entropy(logits, batch[target], reduction="sum") / 2
        return total

    def decode(self, model: nn.Module, features: QaFeatures, precision: str = "fp32", n_best: int = 10) -> list[Decoded]:
        """Return the best spans and the null score of every question, in order."""
        windows = self.windows(model, features, precision)
        return [decode_question(own, self.max_answer_pieces, n_best) for own in windows]

    def windows(self, model: nn.Module, features: QaFeatures, precision: str = "fp32") -> list[list[Window]]:
        """Return the model's raw scores, grouped by question."""
        columns = features.dataset.select_columns(["record", "offset_start", "offset_end"]).to_dict()
        found: dict[int, Window] = {}
        for batch, outputs in forward_all(model, features.dataset, self.collate, precision=precision):
            starts, ends = outputs.start_logits.float().cpu().numpy(), outputs.end_logits.float().cpu().numpy()
            for row, number in enumerate(batch):
                offsets = [np.asarray(columns[name][number], dtype=np.int32) for name in ("offset_start", "offset_end")]
                size = len(offsets[0])
                found[number] = Window(starts[row, :size], ends[row, :size], *offsets)
        result: list[list[Window]] = [[] for _ in features.questions]
        for number in range(len(features)):
            result[columns["record"][number]].append(found[number])
        return result

    def validate(self, model: nn.Module, features: QaFeatures, precision: str) -> Mapping[str, float]:
        """Score with the threshold that is best on these questions: for validation only."""
        decoded = self.decode(model, features, precision)
        threshold = choose_threshold(features.questions, decoded)
        answers = [answer_text(q, d, threshold) for q, d in zip(features.questions, decoded, strict=True)]
        sums = score_rows(features.questions, answers).sum(axis=0)
        return {"f1": float(f1_mean_of(sums)), "exact_match": float(exact_of(sums)), "threshold": threshold}

    def save(self, folder: Path, model: Any, threshold: float = 0.0, prior_weight: float = 0.0) -> Path:
        settings = {
            "max_length": self.max_length, "overlap": self.overlap, "max_answer_pieces": self.max_answer_pieces,
            "threshold": threshold, "prior_weight": prior_weight,
        }
        return saved.save(folder, model, self.tokenizer, "qa", settings)


def answers_of(questions: Sequence[Question], decoded: Sequence[Decoded], threshold: float) -> list[str]:
    """Return one answer text per question, ``""`` where none is given."""
    return [answer_text(q, d, threshold) for q, d in zip(questions, decoded, strict=True)]


@dataclass(frozen=True)
class FoundAnswer:
    """An answer with its place in the passage; ``text`` is ``""`` for no answer."""

    text: str
    start: int
    end: int
    confidence: float
    candidates: tuple[tuple[str, float], ...]  # text and score, best first


@dataclass(frozen=True)
class QaPredictor:
    """A trained answering model: ``predict(question, context=passage)``."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int = 256
    overlap: int = 64
    max_answer_pieces: int = 30
    threshold: float = 0.0
    prior_weight: float = 0.0

    @cached_property
    def prior(self) -> SentencePrior:
        return SentencePrior()

    @cached_property
    def task(self) -> QaTask:
        task = QaTask("", self.max_length, self.overlap, self.max_answer_pieces)
        task.__dict__["tokenizer"] = self.tokenizer  # already loaded with the weights
        return task

    def predict(self, text: str, *, context: str = "", **_: Any) -> FoundAnswer:
        """Answer the question ``text`` from ``context``, a passage of any length."""
        question = Question("text", text, context)
        decoded = self.task.decode(self.model, self.task.encode([question]), n_best=N_BEST)
        if self.prior_weight:
            similar = self.prior.similarities([question])
            decoded = [with_prior(d, s, self.prior_weight) for d, s in zip(decoded, similar, strict=True)]
        best = decoded[0].candidates[0] if decoded[0].candidates else None
        answer = answer_text(question, decoded[0], self.threshold)
        return FoundAnswer(
            text=answer,
            start=best.start if answer and best else -1,
            end=best.end if answer and best else -1,
            confidence=float(answer_confidence(decoded)[0]),
            candidates=tuple((context[c.start : c.end], c.score) for c in decoded[0].candidates[:10]),
        )
