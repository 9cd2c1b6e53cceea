"""Corpora by name: bundled ones, and files or folders of your own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from course_lib.data.formats import jsonl, squad
from course_lib.data.records import Note, Question
from course_lib.errors import DataError, one_of
from course_lib.files import sha256_of
from course_lib.locations import data_folder

PARTS = ("train", "validation", "test")
R = TypeVar("R", Note, Question)


@dataclass(frozen=True)
class Corpus(Generic[R]):
    """A named set of records in three parts that no seed ever moves."""

    name: str
    task: str
    train: list[R]
    validation: list[R]
    test: list[R]
    licence: str = "your own"
    citation: str = ""
    split: str = "stored with the data"

    @property
    def parts(self) -> dict[str, list[R]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True)
class Bundled:
    """A corpus that comes with the checkout."""

    task: str
    folder: str
    suffix: str
    licence: str
    citation: str


BUNDLED = {
    "medical_notes": Bundled("ner", "medical_notes", ".jsonl", "CC BY 4.0", "This course: data/medical_notes/README.md"),
    "finance_qa": Bundled("qa", "finance_qa", ".json", "CC BY 4.0", "This course: data/finance_qa/README.md"),
}


def load_notes(name: str) -> Corpus[Note]:
    """Load an entity corpus: a bundled name, a folder with train/validation/test.jsonl, or one .jsonl file."""
    task, parts, meta = _load(name)
    if task != "ner":
        raise DataError(f"corpus {name!r}: expected notes with entity spans, found questions. Use it in 03_finance_qa.")
    records = {part: jsonl.read_notes(path) for part, path in parts.items()}
    if set(records) == {"all"}:
        records = _by_document(records["all"], [n.document or n.id for n in records["all"]])
    return _corpus(name, task, records, meta)


def load_questions(name: str) -> Corpus[Question]:
    """Load a question corpus: a bundled name, a folder with train/validation/test.json, or one .json file."""
    task, parts, meta = _load(name)
    if task != "qa":
        raise DataError(f"corpus {name!r}: expected questions, found notes with entity spans. Use it in 02_medical_ner.")
    records = {part: squad.read_questions(path) for part, path in parts.items()}
    if set(records) == {"all"}:
        records = _by_document(records["all"], [q.document or q.context for q in records["all"]])
    return _corpus(name, task, records, meta)


def load(name: str) -> Corpus[Note] | Corpus[Question]:
    """Load any corpus by name, folder or file; the task follows from the file type."""
    return load_notes(name) if _load(name)[0] == "ner" else load_questions(name)


def _load(name: str) -> tuple[str, dict[str, Path], dict[str, Any]]:
    """Find the files of a corpus: (task, path of each part, licence and citation)."""
    if name in BUNDLED:
        entry = BUNDLED[name]
        parts = {part: data_folder() / entry.folder / (part + entry.suffix) for part in PARTS}
        for path in parts.values():
            _check_bundled(path)
        return entry.task, parts, {"licence": entry.licence, "citation": entry.citation}
    path = Path(name).expanduser()
    if path.is_file() and path.suffix in (".jsonl", ".json"):
        split = "by document, from a hash of its name (70:15:15)"
        return ("ner" if path.suffix == ".jsonl" else "qa"), {"all": path}, {"split": split}
    if path.is_dir():
        for suffix, task in ((".jsonl", "ner"), (".json", "qa")):
            parts = {part: path / (part + suffix) for part in PARTS}
            if all(p.is_file() for p in parts.values()):
                return task, parts, {}
        raise DataError(
            f"corpus folder {path.name!r}: expected train, validation and test as .jsonl (notes) or .json (questions), "
            f"found {', '.join(sorted(p.name for p in path.iterdir())[:6]) or 'nothing'}. Name the files so."
        )
    raise DataError(one_of("corpus", name, [*BUNDLED, "a .jsonl or .json file", "a folder"]))


def _check_bundled(path: Path) -> None:
    """Raise unless a bundled file is there with the checksum that is committed beside it."""
    listing = data_folder() / "CHECKSUMS.sha256"
    if not listing.is_file():
        raise DataError(f"bundled corpus: expected data/{listing.name}, found no such file. Type: git checkout -- data")
    lines = [line.split(maxsplit=1) for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    known = {name: digest for digest, name in lines}
    name = path.relative_to(data_folder()).as_posix()
    if not path.is_file():
        raise DataError(f"bundled corpus: expected data/{name}, found no such file. Type: git checkout -- data")
    if sha256_of(path) != known.get(name):
        raise DataError(
            f"bundled corpus: expected data/{name} as committed, found other content. "
            "Type: git checkout -- data   (or load your changed copy by its path)"
        )


def _by_document(records: list[R], documents: Sequence[str]) -> dict[str, list[R]]:
    """Split 70:15:15 by document. A hash decides, so adding records moves none of the others."""
    result: dict[str, list[R]] = {part: [] for part in PARTS}
    for record, document in zip(records, documents, strict=True):
        place = int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) / 16**8
        result["train" if place < 0.70 else "validation" if place < 0.85 else "test"].append(record)
    return result


def _corpus(name: str, task: str, records: dict[str, list[R]], meta: dict[str, Any]) -> Corpus[R]:
    for part in PARTS:
        if not records.get(part):
            raise DataError(f"corpus {name!r}: expected records in every part, found an empty {part} part. Add some.")
    return Corpus(name, task, records["train"], records["validation"], records["test"], **meta)
