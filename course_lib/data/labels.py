"""Labels have one home: names, ids, and the index the loss ignores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_lib.data.records import Note, Span
from course_lib.errors import DataError, one_of

IGNORE_INDEX = -100
"""Positions with this label take no part in the loss (torch's own default)."""


@dataclass(frozen=True)
class LabelSet:
    """Entity types and their BIO tags (Ramshaw and Marcus 1995; IOB2 variant).

    ``B-X`` opens an entity of type X, ``I-X`` continues it, ``O`` is outside.
    Tag ids are ``O`` = 0, then ``B-`` and ``I-`` of each type in order.
    """

    types: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.types or len(set(self.types)) != len(self.types):
            raise DataError(
                f"label set: expected one or more different entity types, found {self.types}. "
                "List each type once."
            )

    @property
    def tags(self) -> tuple[str, ...]:
        return ("O", *(f"{prefix}-{kind}" for kind in self.types for prefix in "BI"))

    @property
    def id2label(self) -> dict[int, str]:
        return dict(enumerate(self.tags))

    @property
    def label2id(self) -> dict[str, int]:
        return {tag: index for index, tag in enumerate(self.tags)}

    @classmethod
    def of(cls, notes: Iterable[Note]) -> LabelSet:
        """Collect the types that occur in ``notes``, in alphabetical order."""
        return cls(tuple(sorted({span.label for note in notes for span in note.spans})))

    @classmethod
    def from_tags(cls, tags: Iterable[str]) -> LabelSet:
        """Rebuild the label set of a saved model from its tag names."""
        names = list(tags)
        labels = cls(tuple(tag[2:] for tag in names if tag.startswith("B-")))
        if labels.tags != tuple(names):
            raise DataError(
                f"label set: expected tags in the order {', '.join(labels.tags)}, found "
                f"{', '.join(names)}. The model was not trained with this package's label order."
            )
        return labels

    def tag_words(self, note: Note) -> tuple[list[int], list[Span]]:
        """Give each word of ``note`` its tag id.

        Returns the ids (one per word) and the spans that no word boundary
        fits: they are left out of the tags, so the caller must count them.
        """
        tags = [0] * len(note.words or ())
        misfits = []
        words = note.words or ()
        starts = {start: index for index, (start, _) in enumerate(words)}
        ends = {end: index for index, (_, end) in enumerate(words)}
        for span in note.spans:
            if span.label not in self.types:
                raise DataError(f"note {note.id!r}: " + one_of("label", span.label, list(self.types)))
            first, last = starts.get(span.start), ends.get(span.end)
            if first is None or last is None:
                misfits.append(span)
                continue
            begin = 1 + 2 * self.types.index(span.label)
            tags[first : last + 1] = [begin] + [begin + 1] * (last - first)
        return tags, misfits

    def spans_of(self, tag_ids: Sequence[int], words: Sequence[tuple[int, int]]) -> list[Span]:
        """Read spans from word tags. An ``I-X`` that continues nothing opens an entity.

        That is the lenient reading of conlleval (Tjong Kim Sang and Buchholz
        2000); entity scores computed from it are still strict in both edges.
        """
        if len(tag_ids) != len(words):
            raise DataError(
                f"decoding: expected one tag per word ({len(words)}), found {len(tag_ids)}. "
                "A word was lost on the way; never pad or cut silently."
            )
        spans: list[Span] = []
        kind, start, end = "", 0, 0
        for tag_id, (word_start, word_end) in zip(tag_ids, words, strict=True):
            prefix, _, name = self.tags[tag_id].partition("-")
            if kind and (prefix != "I" or name != kind):
                spans.append(Span(start, end, kind))
                kind = ""
            if prefix != "O" and not kind:
                kind, start = name, word_start
            end = word_end
        if kind:
            spans.append(Span(start, end, kind))
        return spans
