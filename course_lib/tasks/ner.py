"""Named entity recognition as token classification. Taught in notebook 02."""

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
from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.ner_features import NerFeatures, encode_notes
from course_lib.data.records import Note, Span
from course_lib.errors import CheckpointError
from course_lib.evaluation.decoding import best_tags
from course_lib.evaluation.ner import count_rows
from course_lib.models import saved
from course_lib.models.forward import Tensors, forward_all, pad
from course_lib.models.heads import build_model, load_tokenizer


@dataclass(frozen=True)
class NerTask:
    """Features, head, loss inputs and metrics of entity recognition.

    Lengths are in sub-word pieces, special tokens included.
    """

    checkpoint: str
    labels: LabelSet
    max_length: int = 192
    overlap: int = 48
    dropout: float = 0.1
    monitor: str = "entity_f1"

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.checkpoint)

    def encode(self, notes: Iterable[Note], path: Path | None = None) -> NerFeatures:
        """Encode notes; the same for training and evaluation."""
        return encode_notes(
            notes, self.tokenizer, self.labels, max_length=self.max_length, overlap=self.overlap, path=path
        )

    def build(self, seed: int) -> PreTrainedModel:
        """Load the checkpoint with a fresh token-classification head."""
        return build_model(
            self.checkpoint, "token-classification", seed=seed, id2label=self.labels.id2label,
            dropout=self.dropout, row_length=self.max_length // 2, max_length=self.max_length,
        )

    def collate(self, rows: list[Row]) -> Tensors:
        """Pad inputs with the padding id and labels with ``IGNORE_INDEX``."""
        return {
            "input_ids": pad([r["input_ids"] for r in rows], self.tokenizer.pad_token_id),
            "attention_mask": pad([[1] * r["length"] for r in rows], 0),
            "labels": pad([r["labels"] for r in rows], IGNORE_INDEX),
        }

    def targets(self, batch: Tensors) -> int:
        return int((batch["labels"] != IGNORE_INDEX).sum())

    def loss_sum(self, outputs: Any, batch: Tensors) -> torch.Tensor:
        """Cross-entropy summed over first pieces (derived in notebook 01)."""
        logits = outputs.logits.float()
        return nn.functional.cross_entropy(
            logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORE_INDEX, reduction="sum"
        )

    def predict(self, model: nn.Module, features: NerFeatures, precision: str = "fp32") -> list[list[Span]]:
        """Return the predicted spans of every note, in order."""
        return spans_from_probabilities(self.probabilities(model, features, precision), features.notes, self.labels)

    def probabilities(self, model: nn.Module, features: NerFeatures, precision: str = "fp32") -> list[np.ndarray]:
        """Return for each note an array (words, tags) of tag probabilities.

        A word that the tokenizer dropped keeps probability 1 for ``O``: it is
        never lost from the count.
        """
        result = [np.zeros((len(note.words or ()), len(self.labels.tags)), dtype=np.float32) for note in features.notes]
        for probabilities in result:
            probabilities[:, 0] = 1.0
        columns = features.dataset.select_columns(["record", "words"]).to_dict()
        for batch, outputs in forward_all(model, features.dataset, self.collate, precision=precision):
            scores = outputs.logits.float().softmax(dim=-1).cpu().numpy()
            for row, number in enumerate(batch):
                words = np.asarray(columns["words"][number])
                speaks = np.flatnonzero(words >= 0)
                result[columns["record"][number]][words[speaks]] = scores[row, speaks]
        return result

    def validate(self, model: nn.Module, features: NerFeatures, precision: str) -> Mapping[str, float]:
        correct, predicted, gold = count_rows(features.notes, self.predict(model, features, precision)).sum(axis=0)
        return {
            "entity_f1": 2 * correct / max(1.0, predicted + gold),
            "precision": correct / max(1.0, predicted),
            "recall": correct / max(1.0, gold),
        }

    def save(self, folder: Path, model: Any) -> Path:
        settings = {"max_length": self.max_length, "overlap": self.overlap}
        return saved.save(folder, model, self.tokenizer, "ner", settings)


def spans_from_probabilities(
    probabilities: Sequence[np.ndarray], notes: Sequence[Note], labels: LabelSet
) -> list[list[Span]]:
    """Take the most probable allowed tag sequence of each note and read the spans off."""
    return [
        labels.spans_of(best_tags(p, labels), note.words or ())
        for p, note in zip(probabilities, notes, strict=True)
    ]


@dataclass(frozen=True)
class Entity:
    """A predicted entity of a text, with the mean probability of its tags."""

    start: int
    end: int
    label: str
    text: str
    confidence: float


@dataclass(frozen=True)
class NerPredictor:
    """A trained entity model: ``predict(text)`` gives its entities."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int = 192
    overlap: int = 48

    @cached_property
    def task(self) -> NerTask:
        names = self.model.config.id2label
        if len(names) != self.model.num_labels:
            raise CheckpointError(
                f"entity model: expected {self.model.num_labels} label names, found {len(names)}. Train it again."
            )
        task = NerTask("", LabelSet.from_tags(names[i] for i in range(len(names))), self.max_length, self.overlap)
        task.__dict__["tokenizer"] = self.tokenizer  # already loaded with the weights
        return task

    def predict(self, text: str, **_: Any) -> list[Entity]:
        """Find the entities of a text of any length. An empty text is a ``DataError``."""
        note = Note("text", text)
        features = self.task.encode([note])
        probabilities = self.task.probabilities(self.model, features)[0]
        entities = []
        for span in spans_from_probabilities([probabilities], [note], self.task.labels)[0]:
            inside = [i for i, (s, e) in enumerate(note.words or ()) if s >= span.start and e <= span.end]
            confidence = float(probabilities[inside].max(axis=1).mean())
            entities.append(Entity(span.start, span.end, span.label, note.surface(span), confidence))
        return entities
