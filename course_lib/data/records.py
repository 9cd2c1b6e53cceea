"""Readable records: what a person sees before any tokenizer does.

Offsets are counted in characters, the end is exclusive, as in Python slices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

from course_lib.errors import DataError

# A word is a run of letters, digits and underscores, or one other visible
# character. BERT's own pre-tokenizer splits no finer than this, so a span that
# respects these words can be labelled piece by piece.
WORD = re.compile(r"\w+|[^\w\s]")


def find_words(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (start, end) character offsets of the words of ``text``."""
    return tuple((m.start(), m.end()) for m in WORD.finditer(text))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A labelled stretch of text, ``text[start:end]``."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Note:
    """One text with its entity spans.

    ``document`` groups records that must stay in one split and are resampled
    together (several sentences of one abstract); it defaults to ``id``, or to
    ``""`` where the corpus does not say. ``words`` are given by corpora that
    come tokenized; otherwise they are found in the text.
    """

    id: str
    text: str
    spans: tuple[Span, ...] = ()
    document: str | None = None
    words: tuple[tuple[int, int], ...] | None = None
    kind: str = ""
    silver: bool = False

    def __post_init__(self) -> None:
        check_spans(self.text, self.spans, where=f"note {self.id!r}")
        if self.document is None:
            object.__setattr__(self, "document", self.id)
        if self.words is None:
            object.__setattr__(self, "words", find_words(self.text))
        else:
            check_words(self.text, self.words, where=f"note {self.id!r}")

    def surface(self, span: Span) -> str:
        """Return the text a span covers."""
        return self.text[span.start : span.end]


@dataclass(frozen=True, slots=True)
class Answer:
    """One acceptable answer: ``context[start : start + len(text)] == text``."""

    text: str
    start: int


@dataclass(frozen=True)
class Question:
    """One question about one passage; no answers means it has none there."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    document: str = ""
    title: str = ""
    kind: str = ""
    silver: bool = False

    def __post_init__(self) -> None:
        where = f"question {self.id!r}"
        if not self.question.strip():
            raise DataError(f"{where}: expected a question, found an empty text. Remove or fill it.")
        if not self.context.strip():
            raise DataError(f"{where}: expected a passage, found an empty text. Remove or fill it.")
        for answer in self.answers:
            found = self.context[answer.start : answer.start + len(answer.text)]
            if answer.start < 0 or not answer.text or found != answer.text:
                raise DataError(
                    f"{where}: expected the answer {answer.text!r} at character {answer.start} of "
                    f"the passage, found {found!r} there. Correct answer_start or the answer text."
                )

    @property
    def is_answerable(self) -> bool:
        return bool(self.answers)


def check_words(text: str, words: tuple[tuple[int, int], ...], where: str) -> None:
    """Raise ``DataError`` unless the words lie in the text, in order and apart."""
    edges = [0, *chain.from_iterable(words), len(text)]
    if edges == sorted(edges) and all(start < end for start, end in words):
        return
    reached = 0
    for start, end in words:
        if not reached <= start < end <= len(text):
            raise DataError(
                f"{where}: expected words in text order, none empty, inside the text (0 to {len(text)}), "
                f"found {start} to {end} after {reached}. Correct words, or leave them out."
            )
        reached = end


def check_spans(text: str, spans: tuple[Span, ...], where: str) -> None:
    """Raise ``DataError`` for an empty text, a span outside it, or overlaps."""
    if not text.strip():
        raise DataError(f"{where}: expected a text, found an empty one. Remove the record or fill it.")
    previous: Span | None = None
    for span in sorted(spans):
        if not 0 <= span.start < span.end <= len(text):
            raise DataError(
                f"{where}: expected a span inside the text (0 to {len(text)}), found "
                f"{span.start} to {span.end} ({span.label}). Offsets are characters, end exclusive."
            )
        if previous and span.start < previous.end:
            raise DataError(
                f"{where}: expected spans that do not overlap, found {previous.label} "
                f"{text[previous.start:previous.end]!r} and {span.label} "
                f"{text[span.start:span.end]!r}. Keep one of the two."
            )
        previous = span
