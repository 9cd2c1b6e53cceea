"""Notes as JSON lines: ``{"id", "text", "spans": [{"start", "end", "label"}]}``.

Also read: spans as ``[start, end, label]``, under ``entities`` or ``label``, and
lines without an id, as annotation tools write them. Other keys are not read.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.data.formats.lines import parse_json, read_lines, shown
from course_lib.data.records import Note, Span, find_words
from course_lib.errors import DataError
from course_lib.files import write_jsonl

SPAN_KEYS = ("spans", "entities", "label", "labels")
NUMBERED = "no id, numbered by its line"


def read_notes(path: Path, repairs: Counter[str] | None = None) -> list[Note]:
    """Read notes; a broken line is a ``DataError`` that names file and line."""
    return list(iter_notes(path, repairs))


def iter_notes(path: Path, repairs: Counter[str] | None = None) -> Iterator[Note]:
    """Yield notes one by one, as ``read_notes`` lists them.

    Memory is one line and eight bytes a record: a hash of each id. Only at the
    end are ids found that occur twice, so use nothing before the last note came.
    """
    repairs = Counter() if repairs is None else repairs
    hashes = array("q")
    for number, row in _rows(path):
        note = _note(row, _id(path, number, row), f"{path.name}, line {number}")
        repairs.update([NUMBERED] if "id" not in row else [])
        hashes.append(hash(note.id))
        yield note
    _check_ids(path, hashes)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = parse_json(line)
        except ValueError as error:
            found = shown(line.strip())
            raise DataError(f"{where}: expected one JSON object, found {found} ({error}). Repair the line.") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("id", ""), str):
            raise DataError(f"{where}: expected an object with id and text (both texts), found {shown(row)}. Add them.")
        yield number, row


def _id(path: Path, number: int, row: dict[str, Any]) -> str:
    return row.get("id", f"{path.stem}-{number}")


def _check_ids(path: Path, hashes: array[int]) -> None:
    """Raise if an id occurs twice. Equal hashes are rare: only they are looked up in a second pass."""
    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64)) if hashes else np.zeros(0, np.int64)
    suspects = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    lines: dict[str, int] = {}
    for number, row in _rows(path) if suspects else ():
        name = _id(path, number, row)
        if name in lines:
            raise DataError(f"{path.name}, line {number}: expected an id of its own, found {shown(name)} again "
                            f"(first on line {lines[name]}). Rename one of them.")
        if hash(name) in suspects:
            lines[name] = number


def _note(row: dict[str, Any], name: str, where: str) -> Note:
    present = [key for key in SPAN_KEYS if key in row]
    if len(present) > 1:
        raise DataError(f"{where}: expected spans under one key, found {' and '.join(present)}. Keep one of them.")
    spans = tuple(_span(item, where) for item in _list(row, present[0] if present else "spans", where))
    for key in ("document", "kind"):
        if not isinstance(row.get(key) or "", str):
            raise DataError(f"{where}: expected a text under {key!r}, found {shown(row[key])}. Quote it, or leave it out.")
    if not isinstance(row.get("silver", False), bool):
        raise DataError(f"{where}: expected true or false under 'silver', found {shown(row['silver'])}. Correct it.")
    words = tuple(_word(item, where) for item in _list(row, "words", where)) if row.get("words") is not None else None
    try:
        return Note(name, row["text"], tuple(sorted(spans)), document=row.get("document"), words=words,
                    kind=row.get("kind") or "", silver=row.get("silver", False))
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _list(row: dict[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise DataError(f"{where}: expected a list under {key!r}, found {shown(value)}. Write [] for none.")
    return value


def _span(item: Any, where: str) -> Span:
    parts = [item.get(key) for key in ("start", "end", "label")] if isinstance(item, dict) else item
    if isinstance(parts, list) and len(parts) == 3:
        start, end, label = parts
        if type(start) is int and type(end) is int and isinstance(label, str) and label:
            return Span(start, end, label)
    raise DataError(f"{where}: expected a span with whole numbers start and end and a label, found {shown(item)}. Correct it.")


def _word(item: Any, where: str) -> tuple[int, int]:
    if not isinstance(item, list) or len(item) != 2 or not all(type(edge) is int for edge in item):
        raise DataError(f"{where}: expected a word as [start, end], found {shown(item)}. Correct it, or leave 'words' out.")
    return item[0], item[1]


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
