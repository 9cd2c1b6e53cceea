"""Readers and writers of file formats: text in, readable records out.

One table says which reader belongs to a path. Every reader takes a path and a
counter of repairs, which it fills, and returns records; what it cannot read is
a ``DataError`` with file and line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data.formats import brat, conll, jsonl, squad, tatqa
from course_lib.data.formats.lines import first_character
from course_lib.errors import DataError


@dataclass(frozen=True)
class Format:
    """A file format: which task its records are for, and who reads and writes it."""

    name: str
    task: str
    read: Callable[[Path, Counter[str] | None], list[Any]]
    write: Callable[[Path, Iterable[Any]], Path] | None


FORMATS: dict[str, Format] = {
    "jsonl": Format("jsonl", "ner", jsonl.read_notes, jsonl.write_notes),
    "conll": Format("conll", "ner", conll.read_notes, conll.write_notes),
    "brat": Format("brat", "ner", brat.read_notes, None),
    "squad": Format("squad", "qa", squad.read_questions, squad.write_questions),
    "tatqa": Format("tatqa", "qa", tatqa.read_questions, None),
}
SUFFIXES = {".jsonl": "jsonl"} | dict.fromkeys((".tsv", ".conll", ".iob", ".iob2", ".bio", ".txt"), "conll")
READABLE = (
    "a .jsonl file (notes), a .tsv, .conll, .iob, .iob2, .bio or .txt file (one word and its tag on a line), "
    "a .json file (questions as in SQuAD or TAT-QA) or a folder of BRAT's .txt and .ann files"
)


def detect(path: Path) -> Format:
    """Return the format of a file or folder, from its name and, for ``.json``, its first character."""
    if path.is_dir():
        if any(path.glob("*.ann")):
            return FORMATS["brat"]
        raise DataError(f"{path.name}: expected {READABLE}; found a folder without .ann files. Name a file in it.")
    if not path.is_file():
        raise DataError(f"{path.name}: expected {READABLE}; found no such file or folder. Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".json":
        first = first_character(path)
        if first not in ("[", "{"):
            raise DataError(f"{path.name}: expected JSON (SQuAD's object or TAT-QA's list), found {first!r} first. "
                            "Replace the file; JSON lines end in .jsonl.")
        return FORMATS["tatqa" if first == "[" else "squad"]
    if suffix not in SUFFIXES:
        raise DataError(f"{path.name}: expected {READABLE}; found a file ending in {suffix!r}. Convert or rename it.")
    return FORMATS[SUFFIXES[suffix]]
