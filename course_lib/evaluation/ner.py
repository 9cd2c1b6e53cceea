"""Entity scores: strict in both edges and the type, counted over entities.

The definition of CoNLL-2003 (Tjong Kim Sang and De Meulder 2003): a predicted
entity is right if and only if start, end and type equal a gold entity's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.data.records import Note, Span
from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import Interval, Sums, bootstrap_interval, f1_of

ERROR_KINDS = ("boundary", "type", "boundary and type", "missed", "invented")


@dataclass(frozen=True)
class Prf:
    """Precision, recall and F1 from counts of entities."""

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else 0.0


@dataclass(frozen=True)
class EntityReport:
    """Everything notebook 02 reads about one set of predictions."""

    micro: Prf
    macro_f1: float
    by_type: dict[str, Prf]
    seen: Prf
    unseen: Prf
    errors: dict[str, int]
    token_accuracy: float
    interval: Interval


def entity_counts(gold: Sequence[Span], predicted: Sequence[Span]) -> tuple[int, int, int]:
    """Return (correct, predicted, gold) for one record."""
    return len(set(gold) & set(predicted)), len(set(predicted)), len(set(gold))


def count_rows(notes: Sequence[Note], predictions: Sequence[Sequence[Span]]) -> Sums:
    """Return one row (correct, predicted, gold) per note, for the bootstrap."""
    _check_pairs(notes, predictions)
    return np.array([entity_counts(n.spans, p) for n, p in zip(notes, predictions, strict=True)], dtype=float)


def _check_pairs(notes: Sequence[Note], predictions: Sequence[Sequence[Span]]) -> None:
    if not notes:
        raise DataError("evaluation: expected at least one note, found none. Is the split empty?")
    if len(notes) != len(predictions):
        raise DataError(
            f"evaluation: expected one prediction per note ({len(notes)}), found {len(predictions)}. "
            "Nothing may be lost between encoding and scoring."
        )


def groups_of(notes: Sequence[Note]) -> tuple[list[str], str]:
    """Return the resampling group of each note and the unit's name.

    Documents where the corpus knows them, else single sentences, and it says which.
    """
    if all(note.document for note in notes):
        return [str(note.document) for note in notes], "document"
    return [f"{number}" for number in range(len(notes))], "sentence"


def classify_errors(gold: Sequence[Span], predicted: Sequence[Span]) -> list[tuple[str, Span | None, Span | None]]:
    """Return (kind, gold span, predicted span) for every entity that is not right.

    Wrong predictions are matched to the gold entity they overlap; each gold
    entity is used once; what is left over is missed or invented.
    """
    wrong = sorted(set(predicted) - set(gold))
    open_gold = sorted(set(gold) - set(predicted))
    result: list[tuple[str, Span | None, Span | None]] = []
    for span in wrong:
        touching = [g for g in open_gold if g.start < span.end and span.start < g.end]
        if not touching:
            result.append(("invented", None, span))
            continue
        # Prefer the same type, then the larger overlap.
        match = max(touching, key=lambda g: (g.label == span.label, min(g.end, span.end) - max(g.start, span.start)))
        open_gold.remove(match)
        same_edges = (match.start, match.end) == (span.start, span.end)
        kind = "type" if same_edges else "boundary" if match.label == span.label else "boundary and type"
        result.append((kind, match, span))
    return result + [("missed", span, None) for span in open_gold]


def token_accuracy(notes: Sequence[Note], predictions: Sequence[Sequence[Span]]) -> float:
    """Return the share of words with the right BIO tag: reported to show why not to use it."""
    right = total = 0
    for note, predicted in zip(notes, predictions, strict=True):
        gold_tags, own_tags = word_tags(note, note.spans), word_tags(note, predicted)
        right += sum(a == b for a, b in zip(gold_tags, own_tags, strict=True))
        total += len(gold_tags)
    return right / total if total else 0.0


def word_tags(note: Note, spans: Sequence[Span]) -> list[str]:
    """Return the BIO tag of every word of a note under the given spans."""
    tags = []
    for start, end in note.words or ():
        span = next((s for s in spans if s.start < end and start < s.end), None)
        tags.append("O" if span is None else ("B-" if start <= span.start else "I-") + span.label)
    return tags


def evaluate_entities(
    notes: Sequence[Note],
    predictions: Sequence[Sequence[Span]],
    *,
    is_seen: Callable[[str], bool] | None = None,
    resamples: int = 2000,
) -> EntityReport:
    """Score predicted spans against the gold spans of ``notes``.

    ``is_seen`` says whether a surface form occurs in the training texts
    (see ``course_lib.data.leakage.SurfaceIndex``); gold and predicted spans are
    divided by it. Without it everything counts as unseen.
    """
    rows = count_rows(notes, predictions)
    groups, unit = groups_of(notes)
    types = sorted({s.label for n in notes for s in n.spans} | {s.label for p in predictions for s in p})
    parts: dict[tuple[str, bool], Counter[str]] = {(t, seen): Counter() for t in types for seen in (True, False)}
    errors: Counter[str] = Counter({kind: 0 for kind in ERROR_KINDS})
    for note, predicted in zip(notes, predictions, strict=True):
        gold = set(note.spans)
        for span in gold:
            parts[span.label, _seen(note, span, is_seen)]["gold"] += 1
        for span in set(predicted):
            part = parts[span.label, _seen(note, span, is_seen)]
            part["predicted"] += 1
            part["correct"] += span in gold
        errors.update(kind for kind, _, _ in classify_errors(note.spans, predicted))
    by_type = {t: _prf([parts[t, True], parts[t, False]]) for t in types}
    gold_types = [t for t in types if by_type[t].gold]
    return EntityReport(
        micro=_prf(list(parts.values())),
        macro_f1=float(np.mean([by_type[t].f1 for t in gold_types])) if gold_types else 0.0,
        by_type=by_type,
        seen=_prf([parts[t, True] for t in types]),
        unseen=_prf([parts[t, False] for t in types]),
        errors=dict(errors),
        token_accuracy=token_accuracy(notes, predictions),
        interval=bootstrap_interval(rows, groups, f1_of, resamples=resamples, unit=unit),
    )


def _seen(note: Note, span: Span, is_seen: Callable[[str], bool] | None) -> bool:
    return bool(is_seen and is_seen(note.surface(span)))


def _prf(parts: Sequence[Counter[str]]) -> Prf:
    return Prf(*(sum(part[key] for part in parts) for key in ("correct", "predicted", "gold")))
