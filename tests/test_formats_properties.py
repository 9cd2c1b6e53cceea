"""Every reader: which one a path gets, round trips of generated records, and nothing but a CourseError for any input."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import four_notes, four_questions

from course_lib.data.formats import FORMATS, detect, lines
from course_lib.data.records import Answer, Note, Question, Span
from course_lib.errors import CourseError, DataError

TATQA = [{"table": {"uid": "t1", "table": []}, "paragraphs": [{"uid": "p", "order": 1, "text": "Sales rose by 3%."}], "questions": [
    {"uid": "q1", "question": "How much?", "answer": ["3%"], "answer_type": "span", "answer_from": "text", "rel_paragraphs": ["1"],
     "mappings": [{"paragraph_1": [14, 16]}]}]}]
ANN = "T1\tX 0 5\tSales\nT2\tY 6 10;14 15\trose 3\nR1\tRel Arg1:T1 Arg2:T2\n"


# ---- which reader ----------------------------------------------------------------
def valid_file(folder: Path, kind: str) -> Path:
    """A correct file (or BRAT folder) of a format."""
    if kind == "brat":
        (folder / "brat").mkdir()
        (folder / "brat" / "n1.txt").write_text("Sales rose by 3%.")
        (folder / "brat" / "n1.ann").write_text(ANN)
        return folder / "brat"
    path = folder / {"jsonl": "n.jsonl", "conll": "n.tsv", "squad": "q.json", "tatqa": "t.json"}[kind]
    write = FORMATS[kind].write
    if write:
        return write(path, four_notes() if FORMATS[kind].task == "ner" else four_questions())
    path.write_text(json.dumps(TATQA))
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_a_path_finds_its_reader(kind, tmp_path: Path):
    path = valid_file(tmp_path, kind)
    assert detect(path) is FORMATS[kind] and FORMATS[kind].name == kind
    assert len(detect(path).read(path, None)) == {"brat": 1, "tatqa": 1}.get(kind, 4)


@pytest.mark.parametrize(("name", "content", "kind"), [
    ("a.TSV", "", "conll"), ("a.iob", "", "conll"), ("a.iob2", "", "conll"), ("a.bio", "", "conll"), ("a.conll", "", "conll"), ("a.txt", "", "conll"),
    ("a.JSONL", "", "jsonl"), ("a.json", "\ufeff \n[", "tatqa"), ("a.json", "\n{", "squad")])
def test_names_and_first_characters(name, content, kind, tmp_path: Path):
    (tmp_path / name).write_text(content)
    assert detect(tmp_path / name).name == kind


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.csv", "", "a.csv: expected a .jsonl file (notes), a .tsv, .conll"), ("a", "", "found a file ending in ''. Convert or rename it"),
    ("a.json", "", "a.json: expected JSON (SQuAD's object or TAT-QA's list), found '' first"), ("a.json", "<html>", "found '<' first"),
    ("a.json", "\u0000", "found '\\x00' first")])
def test_what_is_not_read(name, content, message, tmp_path: Path):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        detect(tmp_path / name)


def test_folders_and_files_that_are_not_there(tmp_path: Path):
    (tmp_path / "n1.txt").write_text("A text alone is no BRAT folder.")
    with pytest.raises(DataError, match="found a folder without .ann files"):
        detect(tmp_path)
    with pytest.raises(DataError, match="none.tsv: expected a .jsonl file.*; found no such file or folder"):
        detect(tmp_path / "none.tsv")
    for kind in ("jsonl", "conll", "squad", "tatqa"):
        with pytest.raises(DataError, match="none: expected a file that can be read, found: No such file or directory"):
            FORMATS[kind].read(tmp_path / "none", None)
        with pytest.raises(DataError, match="expected a file that can be read, found: Is a directory"):
            FORMATS[kind].read(tmp_path, None)


# ---- a line without an end -------------------------------------------------------
@pytest.mark.parametrize("name", ["n.jsonl", "n.tsv", "brat/n1.txt", "brat/n1.ann"])
def test_a_line_of_ten_megabytes(name, tmp_path: Path):
    valid_file(tmp_path, "brat")
    with (tmp_path / name).open("w") as file:
        file.write("\n" + "x" * 10_000_000)
    path = tmp_path / name.partition("/")[0]
    with pytest.raises(DataError, match=rf"{Path(name).name}, line 2: expected a line of at most 5,000,000 bytes, found a longer one"):
        detect(path).read(path, None)


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE", 1000)
    (tmp_path / "n.tsv").write_text("x" * 3_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="line 1: expected a line of at most 1,000 bytes"):
        list(lines.read_lines(tmp_path / "n.tsv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


# ---- round trips -----------------------------------------------------------------
LABEL = st.sampled_from(["Disease", "Chemical", "cell-type", "\u75c5\u6c17"])
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="\ufeff"), min_size=1, max_size=6)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VISIBLE = ANY.filter(lambda text: bool(text.strip()))


@st.composite
def with_spans(draw: st.DrawFn, note: Note) -> Note:
    """Mark runs of words, adjacent ones too."""
    spans, words, place = [], note.words or (), 0
    while place < len(words):
        size = draw(st.integers(0, 3))
        if size:
            last = min(place + size, len(words)) - 1
            spans.append(Span(words[place][0], words[last][1], draw(LABEL)))
        place += size or 1
    return replace(note, spans=tuple(spans))


@st.composite
def notes_in_columns(draw: st.DrawFn) -> list[Note]:
    notes = []
    documents = draw(st.sampled_from([("",), ("d1", "d2"), ("", "d1")]))
    for number in range(draw(st.integers(0, 4))):
        words = draw(st.lists(WORD, min_size=1, max_size=6))
        gaps = [draw(st.sampled_from([" ", "", "  ", "\n"])) for _ in words]
        edges, text = [], ""
        for gap, word in zip(gaps, words, strict=True):
            edges.append((len(text + gap), len(text + gap + word)))
            text += gap + word
        note = Note(f"n{number}", text, words=tuple(edges), document=documents[min(number // 2, len(documents) - 1)])
        notes.append(draw(with_spans(note)))
    return notes


@st.composite
def notes_in_json(draw: st.DrawFn) -> list[Note]:
    notes = []
    for name in draw(st.lists(ANY, max_size=4, unique=True)):
        note = Note(name, draw(VISIBLE), document=draw(st.none() | ANY), kind=draw(ANY), silver=draw(st.booleans()))
        words = tuple(word for word in note.words or () if draw(st.booleans()))
        notes.append(draw(with_spans(replace(note, words=words) if draw(st.booleans()) else note)))
    return notes


@st.composite
def some_questions(draw: st.DrawFn) -> list[Question]:
    questions = []
    passages = draw(st.lists(VISIBLE, min_size=1, max_size=2))
    for name in draw(st.lists(ANY, max_size=4, unique=True)):
        passage, answers = draw(st.sampled_from(passages)), []
        for _ in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, len(passage) - 1))
            answers.append(Answer(passage[start : draw(st.integers(start + 1, len(passage)))], start))
        questions.append(Question(name, draw(VISIBLE), passage, tuple(answers), draw(ANY), draw(ANY), draw(ANY), draw(st.booleans())))
    return questions


def twice(kind: str, records: list[Any], folder: Path) -> list[Any]:
    """Write, read, write again; the two files must be equal. Returns what was read."""
    form = FORMATS[kind]
    assert form.write is not None
    first = form.write(folder / "n", records)
    read = form.read(first, None)
    before = first.read_bytes()
    assert form.write(folder / "n", read).read_bytes() == before
    return read


@given(records=notes_in_columns())
def test_iob2_round_trip(records, tmp_path_factory):
    again = twice("conll", records, tmp_path_factory.getbasetemp())
    for old, new in zip(records, again, strict=True):
        places = [[note.words.index(word) for note, word in ((n, w) for w in n.words)] for n in (old, new)]
        assert places[0] == places[1] and [old.text[a:b] for a, b in old.words] == [new.text[a:b] for a, b in new.words]
        assert spans_by_word(old) == spans_by_word(new)


def spans_by_word(note: Note) -> list[tuple[int, int, str]]:
    starts, ends = [w[0] for w in note.words or ()], [w[1] for w in note.words or ()]
    return [(starts.index(s.start), ends.index(s.end), s.label) for s in note.spans]


@given(records=notes_in_json())
def test_json_lines_round_trip(records, tmp_path_factory):
    assert twice("jsonl", records, tmp_path_factory.getbasetemp()) == records


@given(records=some_questions())
def test_squad_round_trip(records, tmp_path_factory):
    assert twice("squad", records, tmp_path_factory.getbasetemp()) == records


# ---- any input -------------------------------------------------------------------
NASTY = [b"\0", b"\xff", b"\xe8", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b" ", b'"', b"\\", b"{", b"[", b"]", b"NaN", b"1e999", b"-1", b"null",
         b"9" * 5000, b"\\ud800", b"-DOCSTART-", b"B-", b"E-X", b"U-X", b"T1\tX 0 1;", b"#", b"\xe2\x80\xa8", b"\xc2\xa0", b"[" * 3000]


def try_reading(kind: str, content: bytes, folder: Path) -> None:
    """Read a file of any content; only a CourseError may come out, with the file's name and a message one can read."""
    names = {"brat .txt": ("brat/n1.txt", "brat/n1.ann", ANN), "brat .ann": ("brat/n1.ann", "brat/n1.txt", "Sales rose by 3%.")}
    name, partner, other = names.get(kind, ("bad", "", ""))
    (folder / "brat").mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    if partner:
        (folder / partner).write_text(other)
    path = folder / (name.partition("/")[0])
    try:
        for record in FORMATS[kind.partition(" ")[0]].read(path, None):
            repr(record).encode()
    except CourseError as error:
        assert (path.name in str(error) or "n1." in str(error)) and len(str(error)) < 6000
        str(error).encode()


KINDS = ["jsonl", "conll", "brat .txt", "brat .ann", "squad", "tatqa"]
Mutate = Callable[[st.DrawFn], bytes]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a correct file of each kind."""
    folder = tmp_path_factory.mktemp("valid")
    whole = {kind: valid_file(folder, kind) for kind in FORMATS}
    return {kind: (path / f"n1{kind[5:]}" if path.is_dir() else path).read_bytes()
            for kind in KINDS for path in [whole[kind.partition(" ")[0]]]}


@pytest.mark.parametrize("kind", KINDS)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_crash_a_reader(kind, content, tmp_path_factory):
    try_reading(kind, content, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120)
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from([b"", *NASTY])), min_size=1, max_size=3))
def test_no_damage_to_a_good_file_crashes_a_reader(kind, edits, valid, tmp_path_factory):
    content = valid[kind]
    for place, length, put in edits:
        start = int(place * len(content))
        content = content[:start] + put + content[start + length :]
    try_reading(kind, content, tmp_path_factory.getbasetemp())


SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["id", "text", "spans", "words", "data", "table", "uid", "context", "answers", "paragraph_1", "x"]), inner, max_size=3), max_leaves=6)


def exchanged(draw: st.DrawFn, value: Any) -> Any:
    """The value with one part of it, at any depth, left out or put in the place of another."""
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 5)) == 0:
        return draw(JSON)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = draw(st.sampled_from(keys))
    copy = value.copy()
    if draw(st.integers(0, 5)) == 0:
        del copy[key]
    else:
        copy[key] = exchanged(draw, value[key])
    return copy


@pytest.mark.parametrize("kind", ["jsonl", "squad", "tatqa"])
@settings(max_examples=150)
@given(data=st.data())
def test_no_json_crashes_a_reader(kind, data, valid, tmp_path_factory):
    row = json.loads(valid[kind].splitlines()[1] if kind == "jsonl" else valid[kind])
    changed = data.draw(st.composite(lambda draw: exchanged(draw, row))())
    try_reading(kind, json.dumps(changed).encode(), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", ["jsonl", "squad", "tatqa"])
def test_no_depth_crashes_a_reader(kind, tmp_path: Path):
    for depth in (*range(900, 1000, 7), 5000, 100_000):
        for shell in ("{}", '{{"data": {}}}', '{{"id": "a", "text": "x", "spans": {}}}', '[{{"table": {}}}]'):
            try_reading(kind, shell.format("[" * depth + "]" * depth).encode(), tmp_path)
