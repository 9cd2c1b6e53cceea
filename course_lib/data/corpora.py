"""Corpora by name: bundled and public ones, and files or folders of your own."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from course_lib import provenance
from course_lib.data.bundled import BUNDLED, bundled_files
from course_lib.data.fetch import fetch
from course_lib.data.formats import FORMATS, SUFFIXES, Format, detect, tatqa
from course_lib.data.records import Note, Question
from course_lib.data.registry import PUBLIC, PublicCorpus
from course_lib.errors import DataError, one_of

PARTS = ("train", "validation", "test")
FILE_NAMES = {"train": ("train",), "validation": ("validation", "valid", "val", "dev", "devel"), "test": ("test",)}
R = TypeVar("R", Note, Question)
Reader = Callable[[Path, Counter[str] | None], list[Any]]
READERS: dict[str, Reader] = {name: form.read for name, form in FORMATS.items()} | {
    "tatqa_relevant": partial(tatqa.read_questions, context="relevant")
}
_introduced: set[str] = set()  # public corpora whose licence this process has shown


@dataclass(frozen=True)
class Corpus(Generic[R]):
    """A named set of records in three parts that no seed ever moves.

    ``repairs`` counts, over all parts, what the reader repaired or left out;
    ``notice`` says what a reader of scores on this corpus must know.
    """

    name: str
    task: str
    train: list[R]
    validation: list[R]
    test: list[R]
    licence: str = "your own"
    citation: str = ""
    split: str = "stored with the data"
    repairs: dict[str, int] = field(default_factory=dict)
    notice: str = ""

    @property
    def parts(self) -> dict[str, list[R]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True)
class Source:
    """Where a corpus comes from. ``find`` gives the path of each part, or one path under ``all``."""

    task: str
    read: Reader
    find: Callable[[], dict[str, Path]]
    meta: Mapping[str, Any] = field(default_factory=dict)
    stored_split: str = ""


def load(name: str) -> Corpus[Note] | Corpus[Question]:
    """Load a corpus: a bundled or public name, else a file or folder of your own in any format we read.

    A folder holds a train, a validation (or dev, devel, valid) and a test file,
    or three such folders of BRAT files, or BRAT files. One file, or one folder
    of BRAT files, is divided 70:15:15 by document.
    """
    return _load(name, None)


def load_notes(name: str) -> Corpus[Note]:
    """Load an entity corpus, as ``load`` does; anything else is a ``DataError``."""
    return _load(name, "ner")


def load_questions(name: str) -> Corpus[Question]:
    """Load a question corpus, as ``load`` does; anything else is a ``DataError``."""
    return _load(name, "qa")


def task_of(name: str) -> str:
    """Return the task of a corpus ("ner" or "qa"); nothing is read or fetched, an unknown name is a ``DataError``."""
    return _find(name).task


def digest(name: str) -> str:
    """Return the SHA-256 of a corpus as it is now, as the manifest of a run gives it. A public one may be fetched."""
    return provenance.digest_of(_find(name).find())


def stage_questions(name: str, target: Corpus[Question]) -> list[Question]:
    """Return the questions of corpus ``name`` to train on before ``target``: its training part.

    All of a corpus that the registry marks ``whole_as_stage``. Questions on a
    passage or document that ``target`` validates or tests on are left out, and
    counted on the screen: they would make its scores worthless.
    """
    corpus = load_questions(name)
    whole = name in PUBLIC and PUBLIC[name].whole_as_stage
    questions = [*corpus.train, *corpus.validation, *corpus.test] if whole else corpus.train
    held_out = [*target.validation, *target.test]
    contexts, documents = {q.context for q in held_out}, {q.document for q in held_out} - {""}
    kept = [q for q in questions if q.context not in contexts and q.document not in documents]
    if len(kept) < len(questions):
        print(f"{Path(name).name} before {Path(target.name).name}: {len(questions) - len(kept):,} questions left out, on "
              "passages that the latter holds out", flush=True)
    if not kept:
        raise DataError(f"stage {name!r}: expected questions on passages that {target.name!r} does not hold out, found none. "
                        "Remove it from stages.")
    return kept


def _load(name: str, task: str | None) -> Corpus[Any]:
    """Find the parts, read them, divide what is one file, and say what there is to say."""
    source = _find(name)
    if task == "ner" and source.task != task:
        raise DataError(f"corpus {name!r}: expected notes with entity spans, found questions. Use it in 03_finance_qa.")
    if task == "qa" and source.task != task:
        raise DataError(f"corpus {name!r}: expected questions, found notes with entity spans. Use it in 02_medical_ner.")
    repairs: Counter[str] = Counter()
    paths = source.find()
    records = {part: source.read(path, repairs) for part, path in paths.items()}
    provenance.note("corpora", name, provenance.digest_of(paths))
    meta = dict(source.meta)
    if set(records) == {"all"}:
        records, meta["split"] = _divide(records["all"], source.stored_split)
    for part in PARTS:
        if not records.get(part):
            raise DataError(f"corpus {name!r}: expected records in every part, found an empty {part} part. Add some.")
    train, validation, test = (records[part] for part in PARTS)
    corpus: Corpus[Any] = Corpus(name, source.task, train, validation, test, repairs=dict(repairs), **meta)
    _introduce(corpus)
    return corpus


def _introduce(corpus: Corpus[Any]) -> None:
    """Print the licence and citation of a public corpus, once a process, and every repair."""
    if corpus.name in PUBLIC and corpus.name not in _introduced:
        _introduced.add(corpus.name)
        print(f"{corpus.name}: licence {corpus.licence}\n{corpus.name}: cite {corpus.citation}", flush=True)
    if corpus.repairs:
        counts = "; ".join(f"{reason}: {count:,}" for reason, count in sorted(corpus.repairs.items()))
        print(f"{Path(corpus.name).name}: repaired or left out: {counts}", flush=True)


# ---- where a corpus comes from --------------------------------------------------
def _find(name: str) -> Source:
    """Return the source of a corpus; nothing is read or fetched yet."""
    if name in BUNDLED:
        entry = BUNDLED[name]
        form = FORMATS["jsonl" if entry.suffix == ".jsonl" else "squad"]
        find = partial(bundled_files, {part: f"{entry.folder}/{part}{entry.suffix}" for part in PARTS})
        return Source(entry.task, form.read, find, {"licence": entry.licence, "citation": entry.citation})
    if name in PUBLIC:
        public = PUBLIC[name]
        meta = {"licence": public.licence, "citation": public.citation, "notice": public.notice, "split": "as published"}
        return Source(public.task, READERS[public.reader], partial(_public, public), meta, public.stored_split)
    path = Path(name).expanduser()
    if path.is_file() or (path.is_dir() and any(path.glob("*.ann"))):
        form = detect(path)
        return Source(form.task, form.read, lambda: {"all": path})
    if path.is_dir():
        form, parts = _own_parts(path)
        return Source(form.task, form.read, lambda: parts)
    raise DataError(one_of("corpus", name, [*BUNDLED, *PUBLIC, "a file of your own", "a folder of your own"]))


def _public(corpus: PublicCorpus) -> dict[str, Path]:
    return {part: fetch(corpus.folder, file, licence=corpus.licence) for part, file in corpus.parts.items()}


def _own_parts(folder: Path) -> tuple[Format, dict[str, Path]]:
    """Return the format and the three parts of a folder of one's own."""
    entries = sorted(folder.iterdir())
    found = {part: [e for e in entries if (e.name if e.is_dir() else e.stem).casefold() in names and _is_readable(e)]
             for part, names in FILE_NAMES.items()}
    if not all(found.values()):
        raise DataError(
            f"corpus folder {folder.name!r}: expected train, validation and test (each a file we read, or a folder of BRAT "
            f"files), found {', '.join(e.name for e in entries[:6]) or 'nothing'}. Name them so."
        )
    forms = {detect(entry).name for own in found.values() for entry in own}
    if len(forms) > 1 or any(len(own) > 1 for own in found.values()):
        names = ", ".join(entry.name for own in found.values() for entry in own)
        raise DataError(f"corpus folder {folder.name!r}: expected one file a part, all in one format, found {names} "
                        f"({', '.join(sorted(forms))}). Move the others elsewhere.")
    return FORMATS[forms.pop()], {part: own[0] for part, own in found.items()}


def _is_readable(entry: Path) -> bool:
    """Is this a folder of BRAT files, or a file whose name says a format we read?"""
    return any(entry.glob("*.ann")) if entry.is_dir() else entry.suffix.lower() in (".json", *SUFFIXES)


# ---- splits -----------------------------------------------------------------------
def _divide(records: list[R], stored: str) -> tuple[dict[str, list[R]], str]:
    """Divide the records of one file; return the parts and how that was done."""
    if stored:
        return _as_stored(records, stored), f"stored in data/splits/{stored}.json (70:15:15 by document)"
    rest = [record for record in records if not record.document]
    documents = [r.document or (r.id if isinstance(r, Note) else r.context) for r in records]
    unit = "by document, from a hash of its name (70:15:15)"
    if rest and isinstance(rest[0], Question):
        unit = "by passage, from a hash of its text (70:15:15)"
    elif rest:
        unit = (f"by record, from a hash of its id (70:15:15): the file names no documents for {len(rest):,} of "
                f"{len(records):,} records, so sentences of one document may be apart")
    return _by_document(records, documents), unit


def _by_document(records: list[R], documents: Sequence[str]) -> dict[str, list[R]]:
    """Split 70:15:15 by document. A hash decides, so adding records moves none of the others."""
    result: dict[str, list[R]] = {part: [] for part in PARTS}
    for record, document in zip(records, documents, strict=True):
        place = int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) / 16**8
        result["train" if place < 0.70 else "validation" if place < 0.85 else "test"].append(record)
    return result


def _as_stored(records: list[R], name: str) -> dict[str, list[R]]:
    """Split by the documents listed in ``data/splits/<name>.json``."""
    stored = json.loads(bundled_files({"all": f"splits/{name}.json"})["all"].read_text(encoding="utf-8"))
    place = {document: part for part in PARTS for document in stored[part]}
    result: dict[str, list[R]] = {part: [] for part in PARTS}
    for record in records:
        if record.document not in place:
            raise DataError(f"record {record.id!r}: expected its document in data/splits/{name}.json, found no "
                            f"{record.document!r} there. Type: git checkout -- data")
        result[place[record.document]].append(record)
    return result


def make_split(documents: Iterable[str], salt: str) -> dict[str, list[str]]:
    """Return document ids in three parts, 70:15:15 to the nearest one, in an order that only ``salt`` decides.

    ``data/splits/tatqa.json`` was made so, once, with the salt it names; it is
    stored because another choice of records would move this cut.
    """
    order = sorted(set(documents), key=lambda document: hashlib.sha256(f"{salt}:{document}".encode()).hexdigest())
    first, second = round(0.70 * len(order)), round(0.85 * len(order))
    return {"train": sorted(order[:first]), "validation": sorted(order[first:second]), "test": sorted(order[second:])}
