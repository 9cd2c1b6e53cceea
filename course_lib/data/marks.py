"""Texts with their marks written like links, ``Takes [aspirin](MEDICINE) daily.``: quick to type and easy to read."""

from __future__ import annotations

import re

from course_lib.data.records import Note, Span
from course_lib.errors import DataError

_MARK = re.compile(r"\[([^\[\]]+)\]\(([A-Za-z][\w-]*)\)")


def read_marks(text: str) -> tuple[str, tuple[Span, ...]]:
    """Return the text without its marks, and the marked spans (characters, end not included).

    Blanks inside the brackets stay in the text and outside the span; brackets that make no mark stay as they are.

    >>> read_marks("Takes [aspirin](MEDICINE) daily.")
    ('Takes aspirin daily.', (Span(start=6, end=13, label='MEDICINE'),))
    """
    plain, spans, reached = "", [], 0
    for found in _MARK.finditer(text):
        name = found[1].strip()
        if not name:
            continue
        plain += text[reached : found.start()]
        start = len(plain) + found[1].index(name)
        spans.append(Span(start, start + len(name), found[2]))
        plain, reached = plain + found[1], found.end()
    return plain + text[reached:], tuple(spans)


def with_marks(note: Note) -> str:
    """Return a note's text with its spans marked, on one line."""
    parts, reached = [], 0
    for span in sorted(note.spans):
        parts += [note.text[reached : span.start], f"[{note.surface(span)}]({span.label})"]
        reached = span.end
    return re.sub(r"\s", " ", "".join([*parts, note.text[reached:]]))


def has_broken_mark(plain: str) -> bool:
    """Does something that looks like a mark stand in a text from which the marks were read?"""
    return "](" in plain


def marked_note(id: str, text: str) -> Note:
    """Return a note from a text with marks; one that cannot be read is a ``DataError``."""
    plain, spans = read_marks(text)
    if has_broken_mark(plain):
        raise DataError(f"text {id!r}: expected marks like [aspirin](MEDICINE), the label one word without blanks, found one "
                        f"in {plain!r} that cannot be read. Correct it.")
    return Note(id, plain, spans)
