"""From saved predictions to summable counts: one row of columns per record, for all records and for slices of them.

Entities (strict in both edges and the type, as ``evaluation.ner``) have the
columns correct, predicted, gold; answers (as ``evaluation.qa``) exact match,
F1, 1. Rows may carry more, and then there are more slices: ``kind`` (a text),
``question`` (its first word), ``gold_seen`` and ``predicted_seen`` (true or
false per span: does its surface form occur in training?).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import Score, Sums, f1_of, mean_of

Row = Mapping[str, Any]
Span = tuple[int, int, str]
Counts = Sequence[Sequence[float]]
ALL = "all"
EXTRA_FIELDS = ("kind", "question", "predicted_seen")
SEEN = ("seen in training", "not seen in training")
QUESTION_WORDS = ("how many", "how much", "what", "which", "who", "whose", "when", "where", "why", "how")


@dataclass(frozen=True)
class ScoreKind:
    """A score with the name of its function, and of the same number in ``metrics.json``."""

    key: str
    name: str
    metric: str
    of: Score
    tested: bool = True


@dataclass(frozen=True)
class Task:
    """What the predictions are: how a row is read and which scores there are; the first is the main one."""

    name: str
    unit: str
    sliced_by: str
    scores: tuple[ScoreKind, ...]
    monitor: str
    gold: Callable[[Row], Any]
    slices: Callable[[Sequence[Row]], list[str]]
    count: Callable[[Row, Mapping[str, int]], Counts]

    @property
    def tested(self) -> tuple[ScoreKind, ...]:
        """The scores that are tested against the baseline."""
        return tuple(score for score in self.scores if score.tested)


def source_of(part: str) -> str:
    """Return the field of a row that a slice is read from, "" if gold and predicted are enough."""
    if part in SEEN:
        return "predicted_seen"
    return next((key for key in EXTRA_FIELDS if part.startswith(f"{key} ")), "")


def precision_of(sums: Sums) -> Sums:
    """Correct over predicted."""
    return mean_of(sums[..., [0, 1]])


def recall_of(sums: Sums) -> Sums:
    """Correct over gold."""
    return mean_of(sums[..., [0, 2]])


def exact_of(sums: Sums) -> Sums:
    """Mean of exact match."""
    return mean_of(sums[..., [0, 2]])


def answer_f1_of(sums: Sums) -> Sums:
    """Mean of word-overlap F1."""
    return mean_of(sums[..., [1, 2]])


# ---- entities ----------------------------------------------------------------
def _spans(row: Row, key: str) -> list[Span]:
    try:
        return [(int(start), int(end), str(label)) for start, end, label in row[key]]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"predictions.jsonl, record {row['id']!r}: expected {key} as a list of [start, end, label], found "
            f"{str(row[key])[:80]}. The file is not of this notebook, or was edited."
        ) from error


def _entity_slices(rows: Sequence[Row]) -> list[str]:
    types = sorted({label for row in rows for _, _, label in _spans(row, "gold")})
    seen = SEEN if all("gold_seen" in row and "predicted_seen" in row for row in rows) else ()
    return [ALL, *(f"type {label}" for label in types), *seen, *_kinds(rows)]


def _count_entities(row: Row, slices: Mapping[str, int]) -> Counts:
    """Count (correct, predicted, gold) of one record for each slice."""
    counts = [[0.0, 0.0, 0.0] for _ in slices]
    spans = {key: _spans(row, key) for key in ("gold", "predicted")}
    seen = _seen_spans(row, spans) if "gold_seen" in row else {}
    gold, predicted = set(spans["gold"]), set(spans["predicted"])
    kind = f"kind {row['kind']}" if row.get("kind") else ""
    for column, counted in enumerate((gold & predicted, predicted, gold)):
        counts[slices[ALL]][column] = len(counted)
        for span in counted:
            for name in (f"type {span[2]}", seen.get(span, ""), kind):
                if name in slices:
                    counts[slices[name]][column] += 1
    return counts


def _seen_spans(row: Row, spans: Mapping[str, Sequence[Span]]) -> dict[Span, str]:
    """Return the slice of each span, from the flags beside gold and predicted."""
    named: dict[Span, str] = {}
    for key, own in spans.items():
        flags = row.get(f"{key}_seen", ())
        if len(flags) != len(own):
            raise DataError(
                f"predictions.jsonl, record {row['id']!r}: expected one {key}_seen for each of {len(own)} spans, found "
                f"{len(flags)}. The file was edited: run the notebook again."
            )
        named.update(zip(own, (SEEN[not flag] for flag in flags), strict=True))
    return named


# ---- answers -----------------------------------------------------------------
def question_word(question: str) -> str:
    """Return the first question word of a question, or "other".

    >>> question_word("In the year before, how many shops were open?")
    'how many'
    """
    text = " " + "".join(c if c.isalnum() else " " for c in question.lower()) + " "
    found = [(text.find(f" {word} "), -len(word), word) for word in QUESTION_WORDS if f" {word} " in text]
    return min(found)[2] if found else "other"


def _answer_slices(rows: Sequence[Row]) -> list[str]:
    words = {f"question {question_word(str(row['question']))}" for row in rows if row.get("question")}
    whole = any(row["gold"] for row in rows) and not all(row["gold"] for row in rows)
    return [ALL, *(["answerable", "unanswerable"] if whole else []), *sorted(words), *_kinds(rows)]


@dataclass
class _AnswerCounter:
    """Scores answers and remembers them: runs on one test set give many equal answers."""

    known: dict[tuple[tuple[str, ...], str], tuple[float, float]] = field(default_factory=dict)

    def __call__(self, row: Row, slices: Mapping[str, int]) -> Counts:
        from course_lib.evaluation.qa import answer_f1, exact_match

        gold, predicted = _texts(row), row["predicted"]
        if (gold, predicted) not in self.known:
            self.known[gold, predicted] = exact_match(predicted, gold), answer_f1(predicted, gold)
        names = {ALL, "answerable" if gold else "unanswerable", f"kind {row.get('kind')}"}
        names |= {f"question {question_word(str(row['question']))}"} if row.get("question") else set()
        values = (*self.known[gold, predicted], 1.0)
        return [values if name in names else (0.0, 0.0, 0.0) for name in slices]


def _texts(row: Row) -> tuple[str, ...]:
    if not isinstance(row["gold"], list) or not all(isinstance(text, str) for text in [row["predicted"], *row["gold"]]):
        raise DataError(
            f"predictions.jsonl, record {row['id']!r}: expected gold as a list of texts and predicted as a text, found "
            f"{str(row['gold'])[:60]} and {str(row['predicted'])[:60]}. The file is not of this notebook, or was edited."
        )
    return tuple(row["gold"])


def _kinds(rows: Sequence[Row]) -> list[str]:
    kinds = sorted({str(row["kind"]) for row in rows if row.get("kind")})
    return [f"kind {kind}" for kind in kinds] if len(kinds) > 1 else []


def entities() -> Task:
    """Return how predictions of entity recognition are scored."""
    kinds = (ScoreKind("entity_f1", "entity F1", "test_entity_f1", f1_of),
             ScoreKind("precision", "precision", "test_precision", precision_of, tested=False),
             ScoreKind("recall", "recall", "test_recall", recall_of, tested=False))
    return Task("entities", "gold entities", "type of entity", kinds, "validation_entity_f1",
                lambda row: sorted(_spans(row, "gold")), _entity_slices, _count_entities)


def answers() -> Task:
    """Return how predictions of question answering are scored; remembers answers, so take one per comparison."""
    kinds = (ScoreKind("f1", "answer F1", "test_f1", answer_f1_of),
             ScoreKind("exact_match", "exact match", "test_exact_match", exact_of))
    return Task("answers", "questions", "kind of question", kinds, "validation_f1",
                lambda row: sorted(_texts(row)), _answer_slices, _AnswerCounter())


def task_of(row: Row) -> Task:
    """Tell by its first row what a file of predictions holds."""
    if isinstance(row.get("predicted"), str):
        return answers()
    if isinstance(row.get("predicted"), list):
        return entities()
    raise DataError(
        f"predictions.jsonl, record {row.get('id')!r}: expected predicted as a text (an answer) or a list of "
        f"[start, end, label] (entities), found {str(row.get('predicted'))[:60]!r}. Only these two can be compared."
    )
