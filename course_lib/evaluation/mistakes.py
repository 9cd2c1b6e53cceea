"""The same predictions, scored in ways that are common and wrong.

Notebooks 02 and 03 lay these beside the right scores. Nothing else in the
package may import this module. Each function says what it gets wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import f1_score
from transformers import PreTrainedTokenizerBase

from course_lib.data.ner_features import word_of_pieces
from course_lib.data.records import Note, Question, Span, find_words
from course_lib.evaluation.ner import Prf, count_rows, word_tags
from course_lib.evaluation.qa import Window, answer_f1

Predictions = Sequence[Sequence[Span]]


# ---- entities -----------------------------------------------------------------
def token_f1_with_o(notes: Sequence[Note], predictions: Predictions) -> float:
    """Weighted F1 over word tags with ``O`` as a class: most words are ``O``, and easy."""
    gold = [tag for n in notes for tag in word_tags(n, n.spans)]
    own = [tag for n, p in zip(notes, predictions, strict=True) for tag in word_tags(n, p)]
    return float(f1_score(gold, own, average="weighted", zero_division=0))


def one_token_sequences(notes: Sequence[Note], predictions: Predictions) -> Prf:
    """Each word as a sequence of its own: half an entity counts as half right."""
    correct = predicted = gold = 0
    for note, own in zip(notes, predictions, strict=True):
        pairs = [(g[2:], p[2:]) for g, p in zip(word_tags(note, note.spans), word_tags(note, own), strict=True)]
        correct += sum(bool(g) and g == p for g, p in pairs)
        predicted += sum(bool(p) for _, p in pairs)
        gold += sum(bool(g) for g, _ in pairs)
    return Prf(correct, predicted, gold)


def copied_b_on_pieces(notes: Sequence[Note], predictions: Predictions, tokenizer: PreTrainedTokenizerBase) -> Prf:
    """``B-`` copied to every piece of its word: long names count many times."""
    totals = np.zeros(3, dtype=int)
    for note, own in zip(notes, predictions, strict=True):
        offsets = tokenizer(note.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        words = [w for w in word_of_pieces(note.words or (), offsets) if w >= 0]
        gold_set = _entities([word_tags(note, note.spans)[w] for w in words])
        own_set = _entities([word_tags(note, own)[w] for w in words])
        totals += [len(gold_set & own_set), len(own_set), len(gold_set)]
    return Prf(*(int(t) for t in totals))


def _entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    found, start = set(), -1
    for i, tag in enumerate([*tags, "O"]):
        if start >= 0 and not (tag.startswith("I-") and tag[2:] == tags[start][2:]):
            found.add((start, i, tags[start][2:]))
            start = -1
        if tag != "O" and start < 0:
            start = i
    return found


def truncated(notes: Sequence[Note], predictions: Predictions, tokenizer: PreTrainedTokenizerBase, limit: int) -> tuple[Prf, int]:
    """Score only what the first ``limit`` pieces hold; return also the gold entities that vanished."""
    cut_notes, cut_predictions, lost = [], [], 0
    for note, own in zip(notes, predictions, strict=True):
        offsets = tokenizer(note.text, return_offsets_mapping=True)["offset_mapping"][: limit - 1]
        end = max(stop for _, stop in offsets)
        kept = tuple(s for s in note.spans if s.end <= end)
        lost += len(note.spans) - len(kept)
        cut_notes.append(Note(note.id, note.text, kept))
        cut_predictions.append([s for s in own if s.end <= end])
    return Prf(*(int(v) for v in count_rows(cut_notes, cut_predictions).sum(axis=0))), lost


def labels_by_position(notes: Sequence[Note], tokenizer: PreTrainedTokenizerBase) -> float:
    """Share of entity words that get their own tag if word tags are laid on pieces one by one.

    The list of tags is as long as the words, the list of pieces is longer, and
    the first piece is [CLS]: after the first split word all labels are beside
    their words.
    """
    right = total = 0
    for note in notes:
        offsets = tokenizer(note.text, return_offsets_mapping=True)["offset_mapping"]
        words = word_of_pieces(note.words or (), offsets)
        tags = word_tags(note, note.spans)
        for word, tag in enumerate(tags):
            if tag != "O":
                total += 1
                first_piece = words.index(word) if word in words else -1
                right += 0 <= first_piece < len(tags) and tags[first_piece] == tag
    return right / max(1, total)


def spans_after_cleaning(notes: Sequence[Note], stop_words: frozenset[str]) -> float:
    """Share of spans that still point at their text once stop words and punctuation are removed."""
    right = total = 0
    for note in notes:
        kept = [note.text[s:e] for s, e in find_words(note.text) if note.text[s:e].isalnum()]
        cleaned = " ".join(word for word in kept if word.casefold() not in stop_words)
        right += sum(cleaned[s.start : s.end] == note.surface(s) for s in note.spans)
        total += len(note.spans)
    return right / max(1, total)


# ---- answers ------------------------------------------------------------------
def two_argmaxes(question: Question, windows: Sequence[Window]) -> tuple[str, bool]:
    """Start and end chosen apart, anywhere; return the text and whether it is a span of the passage at all."""
    best = max(windows, key=lambda w: float(w.start_logits.max() + w.end_logits.max()))
    first, last = int(best.start_logits.argmax()), int(best.end_logits.argmax())
    start, end = int(best.offset_start[first]), int(best.offset_end[last])
    valid = start >= 0 and end > start
    return (question.context[start:end] if valid else ""), valid or (first == last == 0)


def largest_null(windows: Sequence[Window]) -> float:
    """The null score of the window that is surest of no answer: one empty window vetoes all others."""
    return max(float(w.start_logits[0] + w.end_logits[0]) for w in windows)


def found_elsewhere(questions: Sequence[Question]) -> float:
    """Share of answers for which ``str.find`` gives another place than the marked one."""
    answers = [(q, a) for q in questions for a in q.answers[:1]]
    return sum(q.context.find(a.text) != a.start for q, a in answers) / max(1, len(answers))


def lost_by_truncation(questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, limit: int) -> float:
    """Share of answers that do not fit into the first ``limit`` pieces of question and passage."""
    answerable = [q for q in questions if q.is_answerable]
    lost = 0
    for q in answerable:
        encoded = tokenizer(q.question, q.context, truncation="only_second", max_length=limit, return_offsets_mapping=True)
        inside = [o for o, part in zip(encoded["offset_mapping"], encoded.sequence_ids(0), strict=True) if part == 1]
        lost += q.answers[0].start + len(q.answers[0].text) > max(end for _, end in inside)
    return lost / max(1, len(answerable))


def f1_on_answerable_only(questions: Sequence[Question], predictions: Sequence[str]) -> float:
    """Mean F1 over answerable questions: what many tables show, silent about invented answers."""
    scores = [answer_f1(p, [a.text for a in q.answers]) for q, p in zip(questions, predictions, strict=True) if q.is_answerable]
    return float(np.mean(scores)) if scores else 0.0
