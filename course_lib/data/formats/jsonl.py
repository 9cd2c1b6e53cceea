"""Notes as JSON lines: ``{"id", "text", "spans": [{"start", "end", "label"}]}``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.data.records import Note, Span, find_words
from course_lib.errors import DataError
from course_lib.files import write_jsonl


def read_notes(path: Path) -> list[Note]:
    """Read notes; a broken line is a ``DataError`` that names file and line."""
    notes: list[Note] = []
    lines: dict[str, int] = {}
    with path.open(encoding="utf-8-sig", errors="strict", newline=None) as file:
        try:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    note = _note(line, f"{path.name}, line {number}")
                    if note.id in lines:
                        raise DataError(
                            f"{path.name}, line {number}: expected an id of its own, found {note.id!r} again "
                            f"(first on line {lines[note.id]}). Rename one of them."
                        )
                    lines[note.id] = number
                    notes.append(note)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path.name}: expected UTF-8 text, found byte {error.object[error.start]:#x} at position "
                f"{error.start}. Convert the file to UTF-8."
            ) from error
    return notes


def _note(line: str, where: str) -> Note:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: expected one JSON object, found {line.strip()[:60]!r} ({error}). Repair the line.") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("id"), str):
        raise DataError(f"{where}: expected an object with id and text (both texts), found {str(row)[:80]!r}. Add them.")
    spans = tuple(_span(item, where) for item in _list(row, "spans", where))
    document, words = row.get("document"), row.get("words")
    if document is not None and not isinstance(document, str):
        raise DataError(f"{where}: expected a text under 'document', found {document!r}. Put it in quotes, or leave it out.")
    pairs = tuple((w[0], w[1]) for w in _list(row, "words", where)) if words is not None else None
    try:
        return Note(row["id"], row["text"], tuple(sorted(spans)), document=document, words=pairs,
                    kind=str(row.get("kind", "")), silver=row.get("silver") is True)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _list(row: dict[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise DataError(f"{where}: expected a list under {key!r}, found {value!r}. Write [] for none.")
    return value


def _span(item: Any, where: str) -> Span:
    good = isinstance(item, dict) and isinstance(item.get("label"), str) and item.get("label")
    if not good or not all(type(item.get(key)) is int for key in ("start", "end")):
        raise DataError(
            f"{where}: expected a span with whole numbers start and end and a label, found {item!r}. Correct it."
        )
    return Span(item["start"], item["end"], item["label"])


def write_notes(path: Path, notes: Iterable[Note]) -> Path:
    """Write notes so that ``read_notes`` gives them back."""
    rows = []
    for note in notes:
        row: dict[str, Any] = {"id": note.id, "text": note.text}
        if note.kind:
            row["kind"] = note.kind
        if note.document != note.id:
            row["document"] = note.document
        if note.words != find_words(note.text):
            row["words"] = [list(word) for word in note.words or ()]
        if note.silver:
            row["silver"] = True
        row["spans"] = [{"start": s.start, "end": s.end, "label": s.label} for s in note.spans]
        rows.append(row)
    return write_jsonl(path, rows)
