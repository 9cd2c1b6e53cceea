"""The alignment explorer: pieces, word ids, labels, and what the ignore index hides. Derived in notebook 02."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import HTML

from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.marks import has_broken_mark, read_marks, with_marks
from course_lib.data.ner_features import align_labels, word_of_pieces
from course_lib.data.records import Note, Span
from course_lib.errors import DataError, one_of
from course_lib.reporting.html import aligned_tokens
from course_lib.widgets.panel import FULL, WIDE, Panel, View, check_length, status

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOST_PIECES = 120
LONGEST = 512
"""Pieces shown, and pieces read, of a text."""
SENTENCE = "Started metoprolol for palpitations; no SOB."
WAYS = {
    "first piece of each word (this course)": "first",
    "every piece, B- copied (a classic mistake)": "copied",
    "by position from the left (a classic mistake)": "position",
}


def known_spans(spans: Sequence[Span], types: Sequence[str]) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """Return the spans whose label is one of ``types`` (in any case of letters), spelt so, and the labels that are none."""
    named = {kind.casefold(): kind for kind in types}
    known = tuple(Span(s.start, s.end, named[s.label.casefold()]) for s in spans if s.label.casefold() in named)
    return known, tuple(s.label for s in spans if s.label.casefold() not in named)


def still_alignment(
    tokenizer: PreTrainedTokenizerBase, labels: LabelSet | None = None, text: str | Note = SENTENCE, way: str = "first",
    hide: bool = False,
) -> HTML:
    """Return the explorer's table for one text, as an output that needs no kernel. See ``alignment_explorer``."""
    return _view(tokenizer, labels, with_marks(text) if isinstance(text, Note) else text, way, hide).still


def alignment_explorer(
    tokenizer: PreTrainedTokenizerBase, labels: LabelSet | None = None, text: str | Note = SENTENCE,
) -> Panel:
    """Return a text field and the pieces the tokenizer makes of it.

    With ``labels``, names are marked in the text as ``[words](LABEL)``, and the
    table shows the label of each piece; without, ids and characters. A note
    begins with its own spans marked.
    """
    sentence = with_marks(text) if isinstance(text, Note) else text
    controls: dict[str, Any] = {
        "text": ipywidgets.Text(sentence, description="your sentence", continuous_update=False, **FULL),
    }
    if labels:
        controls["way"] = ipywidgets.Dropdown(options=WAYS, value="first", description="labels stand on", **WIDE)
        controls["hide"] = ipywidgets.Checkbox(False, description="hide what −100 hides from the loss", indent=True, **WIDE)
    return Panel("alignment", controls, lambda **values: _view(tokenizer, labels, **values))


def _view(tokenizer: PreTrainedTokenizerBase, labels: LabelSet | None, text: str, way: str = "first", hide: bool = False) -> View:
    check_length("your sentence", text)
    if way not in WAYS.values():
        raise DataError(one_of("labels stand on", way, list(WAYS.values())))
    plain, marked = read_marks(text) if labels else (text, ())
    spans, unknown = known_spans(marked, labels.types if labels else ())
    if not plain.strip():
        raise DataError("your sentence: expected some words, found none. Type a sentence and press Enter.")
    note = Note("your sentence", plain, spans)
    encoded = tokenizer(plain, return_offsets_mapping=True, truncation=True, max_length=LONGEST)
    offsets, ids = encoded["offset_mapping"], encoded["input_ids"]
    words = word_of_pieces(note.words or (), offsets)
    rows = _rows(note, tokenizer.convert_ids_to_tokens(ids), words)
    facts = [f"{len(rows)} pieces for {len(note.words or ())} words"]
    problems = [f"Only the first {LONGEST} pieces are read."] if len(ids) == LONGEST else []
    if labels:
        tags, misfits = labels.tag_words(note)
        marks = place_labels(words, tags, way)
        for row, mark in zip(rows, marks, strict=True):
            row |= {"tag": "ignored" if mark == IGNORE_INDEX else labels.tags[mark], "label": mark}
        facts += _count_labels(marks, labels, len(spans))
        problems += [f"{note.surface(span)!r} begins or ends inside a word: no label can say that." for span in misfits]
        problems += [one_of("label", word, list(labels.types)) for word in unknown]
        problems += ["A mark could not be read: write [name](LABEL), the label one word."] if has_broken_mark(plain) else []
    else:
        for row, number, (start, end) in zip(rows, ids, offsets, strict=True):
            row |= {"id": number, "characters": f"{start} to {end}" if end > start else "none"}
    facts += [f"{ids.count(tokenizer.unk_token_id) / len(ids):.0%} of the pieces are unknown"]
    return _shown([r for r in rows if not hide or r.get("tag") != "ignored"], " ".join(["; ".join(facts) + ".", *problems]))


def _rows(note: Note, pieces: Sequence[str], words: Sequence[int]) -> list[dict[str, Any]]:
    places = note.words or ()
    return [{"piece": piece, "word id": "none" if word < 0 else word, "word": "" if word < 0 else note.text[slice(*places[word])]}
            for piece, word in zip(pieces, words, strict=True)]


def place_labels(words: list[int], tags: list[int], way: str) -> list[int]:
    """Lay one tag per word on the pieces: rightly (``first``), or in one of two wrong ways.

    ``words`` holds the word of each piece, -1 for none.
    """
    if way == "first":
        return align_labels(words, tags)
    if way == "copied":
        return [tags[word] if word >= 0 else IGNORE_INDEX for word in words]
    return [*tags[: len(words)], *[IGNORE_INDEX] * (len(words) - len(tags))]


def _count_labels(marks: list[int], labels: LabelSet, names: int) -> list[str]:
    hidden = marks.count(IGNORE_INDEX)
    opened = sum(mark != IGNORE_INDEX and labels.tags[mark].startswith("B-") for mark in marks)
    return [f"{len(marks) - hidden} carry a label, −100 hides {hidden}",
            f"names marked: {names}, names that the labels open (B-): {opened}"]


def _shown(rows: list[dict[str, Any]], text: str) -> View:
    if len(rows) > MOST_PIECES:
        text += f" The table stops after {MOST_PIECES} pieces."
    lines = [" | ".join(str(value) for value in row.values()) for row in rows[:MOST_PIECES]]
    if not rows:
        return View(status(text), text)
    reachable = f'<div role="region" tabindex="0" aria-label="{escape(text)}"'  # wide tables scroll with the arrow keys
    grid = str(aligned_tokens(rows[:MOST_PIECES]).data).replace("<div", reachable, 1)
    return View(grid + status(text), "\n".join([text, " | ".join(rows[0]), *lines]))
