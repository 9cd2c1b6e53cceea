"""Extractive question answering: SQuAD's scores and the joint search for a span.

Scores follow Rajpurkar et al. 2016 (section 6.1) and 2018 (no answer); decoding
follows Devlin et al. 2019, sections 4.2 and 4.3. Derived in notebook 03.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.data.records import Question
from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import Interval, Sums, bootstrap_interval, mean_of

FloatArray = NDArray[np.float32]


# ---- scores -----------------------------------------------------------------
def normalize_answer(text: str) -> str:
    """Lower case, no punctuation, no English articles, single spaces (SQuAD's rule)."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(predicted: str, references: Sequence[str]) -> float:
    """Return 1.0 if the prediction equals a reference after normalisation."""
    return float(normalize_answer(predicted) in {normalize_answer(r) for r in references or [""]})


def answer_f1(predicted: str, references: Sequence[str]) -> float:
    """Return the best word-overlap F1 over the references; no answer is ``""``."""
    return max(_word_f1(normalize_answer(predicted), normalize_answer(r)) for r in references or [""])


def _word_f1(predicted: str, reference: str) -> float:
    own, gold = predicted.split(), reference.split()
    if not own or not gold:
        return float(own == gold)
    shared = sum((Counter(own) & Counter(gold)).values())
    return 2 * shared / (len(own) + len(gold))


# ---- from logits to answers --------------------------------------------------
@dataclass(frozen=True, slots=True)
class Window:
    """What the model said about one window of one question; arrays are per token."""

    start_logits: FloatArray
    end_logits: FloatArray
    offset_start: NDArray[np.int32]
    offset_end: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of the passage with its score: start logit plus end logit."""

    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Decoded:
    """The best spans of a question over all windows, and the score of no answer."""

    candidates: tuple[Candidate, ...]
    null_score: float

    @property
    def null_margin(self) -> float:
        """How much better no answer scores than the best span."""
        best = self.candidates[0].score if self.candidates else -np.inf
        return float(self.null_score - best)


def decode_window(window: Window, max_answer_pieces: int = 30, n_best: int = 10) -> list[Candidate]:
    """Search start and end together: inside the passage, in order, not too long.

    All pairs with ``start <= end < start + max_answer_pieces`` are scored at
    once, as a band of a matrix.
    """
    inside = np.flatnonzero(window.offset_start >= 0)
    if not len(inside):
        return []
    starts, ends = window.start_logits[inside], window.end_logits[inside]
    scores = starts[:, None] + ends[None, :]
    gap = np.arange(len(inside))[None, :] - np.arange(len(inside))[:, None]
    scores = np.where((gap >= 0) & (gap < max_answer_pieces), scores, -np.inf)
    flat = scores.ravel()
    top = np.argpartition(-flat, min(n_best, flat.size - 1))[:n_best]
    top = top[np.lexsort((top, -flat[top]))]
    found = []
    for index in top[np.isfinite(flat[top])]:
        first, last = divmod(int(index), len(inside))
        start = int(window.offset_start[inside[first]])
        end = int(window.offset_end[inside[last]])
        found.append(Candidate(start, end, float(flat[index])))
    return found


def decode_question(windows: Sequence[Window], max_answer_pieces: int = 30, n_best: int = 10) -> Decoded:
    """Join the windows of one question.

    A window that does not hold the answer says "no answer", and most windows do
    not hold it. So the question has no answer only if *every* window says so:
    the null score of the question is the smallest over its windows.
    """
    if not windows:
        raise DataError("decoding: expected at least one window per question, found none.")
    best: dict[tuple[int, int], Candidate] = {}
    for window in windows:
        for candidate in decode_window(window, max_answer_pieces, n_best):
            key = candidate.start, candidate.end
            if key not in best or candidate.score > best[key].score:
                best[key] = candidate
    ranked = sorted(best.values(), key=lambda c: (-c.score, c.start, c.end))[:n_best]
    null = min(float(w.start_logits[0] + w.end_logits[0]) for w in windows)
    return Decoded(tuple(ranked), null)


Similarities = tuple[Sequence[tuple[int, int]], FloatArray]
"""Sentences of a passage, (start, end) each, and how alike each is to the question."""


def with_prior(decoded: Decoded, similarities: Similarities, weight: float) -> Decoded:
    """Add ``weight`` times the similarity of its sentence to each candidate's score.

    The span model says what could be an answer; the similarity says which
    sentence the question is about. Both are scores on a log scale, so they add up.
    """
    if not weight:
        return decoded
    sentences, values = similarities
    starts = np.array([start for start, _ in sentences])
    places = np.searchsorted(starts, [c.start for c in decoded.candidates], side="right") - 1
    scored = [
        Candidate(c.start, c.end, c.score + weight * float(values[max(place, 0)]))
        for c, place in zip(decoded.candidates, places, strict=True)
    ]
    return Decoded(tuple(sorted(scored, key=lambda c: (-c.score, c.start, c.end))), decoded.null_score)


def choose_prior_weight(
    questions: Sequence[Question], decoded: Sequence[Decoded], similarities: Sequence[Similarities],
    weights: Sequence[float] = (0, 2, 4, 8, 12, 16, 24),
) -> float:
    """Return the weight with the best F1 on these (validation) questions, each with its best threshold."""

    def score(weight: float) -> float:
        mixed = [with_prior(d, s, weight) for d, s in zip(decoded, similarities, strict=True)]
        threshold = choose_threshold(questions, mixed)
        texts = [answer_text(q, d, threshold) for q, d in zip(questions, mixed, strict=True)]
        return float(score_rows(questions, texts)[:, 1].mean())

    return float(max(weights, key=lambda weight: (score(weight), -weight)))


def answer_text(question: Question, decoded: Decoded, threshold: float) -> str:
    """Return the best span's text, or ``""`` if no answer wins by more than ``threshold``."""
    if not decoded.candidates or decoded.null_margin > threshold:
        return ""
    best = decoded.candidates[0]
    return question.context[best.start : best.end]


def choose_threshold(questions: Sequence[Question], decoded: Sequence[Decoded]) -> float:
    """Return the no-answer threshold with the best F1 on these (validation) questions.

    F1 only changes where a margin is crossed, so trying the middles between
    margins is exact. Among equal ones the middle of the best stretch is taken.
    """
    margins = np.array([d.null_margin for d in decoded])
    answered = np.array([answer_f1(answer_text(q, d, np.inf), _texts(q)) for q, d in zip(questions, decoded, strict=True)])
    refused = np.array([float(not q.is_answerable) for q in questions])
    edges = np.unique(margins[np.isfinite(margins)])
    if not len(edges):
        return 0.0
    trials = np.concatenate([[edges[0] - 1], (edges[:-1] + edges[1:]) / 2, [edges[-1] + 1]])
    totals = np.array([np.where(margins > t, refused, answered).sum() for t in trials])
    best = np.flatnonzero(totals == totals.max())
    return float(trials[best[len(best) // 2]])


def _texts(question: Question) -> list[str]:
    return [answer.text for answer in question.answers]


# ---- report ------------------------------------------------------------------
@dataclass(frozen=True)
class QaReport:
    """Scores between 0 and 1; intervals resample documents (passages)."""

    exact: Interval
    f1: Interval
    answerable_f1: float
    answerable_exact: float
    no_answer_accuracy: float
    false_refusals: float
    count: int


def score_rows(questions: Sequence[Question], predictions: Sequence[str]) -> Sums:
    """Return one row (exact match, F1, 1) per question, for the bootstrap."""
    if not questions or len(questions) != len(predictions):
        raise DataError(
            f"evaluation: expected one answer per question ({len(questions)}, at least one), found "
            f"{len(predictions)}. An unanswered question is an empty text, not a missing one."
        )
    return np.array(
        [(exact_match(p, _texts(q)), answer_f1(p, _texts(q)), 1.0) for q, p in zip(questions, predictions, strict=True)]
    )


def exact_of(sums: Sums) -> Sums:
    """Exact match from summed rows of ``score_rows``."""
    return mean_of(sums[..., [0, 2]])


def f1_mean_of(sums: Sums) -> Sums:
    """Mean F1 from summed rows of ``score_rows``."""
    return mean_of(sums[..., [1, 2]])


def groups_of(questions: Sequence[Question]) -> tuple[list[str], str]:
    """Return the resampling group of each question and the unit's name."""
    if all(q.document for q in questions):
        return [q.document for q in questions], "document"
    return [q.context for q in questions], "passage"


def evaluate_answers(questions: Sequence[Question], predictions: Sequence[str], resamples: int = 2000) -> QaReport:
    """Score answer texts (``""`` for no answer) against the references."""
    rows = score_rows(questions, predictions)
    groups, unit = groups_of(questions)
    answerable = np.array([q.is_answerable for q in questions])
    empty = np.array([not p for p in predictions])

    def share(values: NDArray[np.bool_] | Sums, where: NDArray[np.bool_]) -> float:
        return float(np.mean(values[where])) if where.any() else 0.0

    return QaReport(
        exact=bootstrap_interval(rows, groups, exact_of, resamples=resamples, unit=unit),
        f1=bootstrap_interval(rows, groups, f1_mean_of, resamples=resamples, unit=unit),
        answerable_f1=share(rows[:, 1], answerable),
        answerable_exact=share(rows[:, 0], answerable),
        no_answer_accuracy=share(empty, ~answerable),
        false_refusals=share(empty, answerable),
        count=len(questions),
    )
