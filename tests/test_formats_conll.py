"""Words in columns: four tag schemes, repairs that are counted, rows that are refused, and the real thing."""

from __future__ import annotations

import os
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from samples import LABELS, TAGS, four_notes

from course_lib.data.formats import jsonl
from course_lib.data.formats.conll import iter_notes, read_notes, write_notes
from course_lib.data.formats.tagging import read_tags
from course_lib.data.records import Note, Span
from course_lib.errors import DataError

EU = ("EU", "rejects", "German", "call", ".")
SAME = {  # EU is an ORG, German call a MISC; then two adjacent entities of one type, one of two words and one of one
    "IOB1": ("I-ORG O I-MISC I-MISC O", "I-PER I-PER B-PER O"), "IOB2": ("B-ORG O B-MISC I-MISC O", "B-PER I-PER B-PER O"),
    "IOBES": ("S-ORG O B-MISC E-MISC O", "B-PER E-PER S-PER O"), "BILOU": ("U-ORG O B-MISC L-MISC O", "B-PER L-PER U-PER O"),
}


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "bad.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(*tags: str, separator: str = "\t") -> str:
    return "\n".join("".join(f"w{n}{separator}{tag}\n" for n, tag in enumerate(line.split())) for line in tags)


def spans_in(tmp_path: Path, text: str, scheme: str = "auto") -> tuple[list[list[tuple[str, str]]], dict[str, int]]:
    repairs: Counter[str] = Counter()
    notes = read_notes(write(tmp_path, text), repairs, scheme)
    return [[(note.surface(span), span.label) for span in note.spans] for note in notes], dict(repairs)


# ---- layout ----------------------------------------------------------------------
@pytest.mark.parametrize(("separator", "middle"), [("\t", ""), (" ", ""), (" ", "NNP "), (" ", "NNP I-NP "), ("\t", "NNP\tI-NP\t"), ("   ", "X  ")])
def test_two_to_four_columns(separator, middle, tmp_path: Path):
    tags = ("B-ORG", "O", "B-MISC", "I-MISC", "O")
    text = "".join(f"{word}{separator}{middle}{tag}\n" for word, tag in zip(EU, tags, strict=True))
    first, second = read_notes(write(tmp_path, f"{text}\n{text}"))
    assert first == Note("bad-1", "EU rejects German call .", (Span(0, 2, "ORG"), Span(11, 22, "MISC")), document="",
                         words=((0, 2), (3, 10), (11, 17), (18, 22), (23, 24)))
    assert second.id == "bad-2" and second.spans == first.spans


@pytest.mark.parametrize("text", [
    "a\tO\n\nb\tO\n", "a\tO\n\nb\tO", "\n\na\tO\n\n\n\nb\tO\n\n\n", "\ufeffa\tO\r\n\r\nb\tO\r\n", "a\tO\n \t \nb\tO\n", "a \tO \n\nb\t O\n"])
def test_forgiven_is_what_editors_do(text, tmp_path: Path):
    assert [(note.id, note.text) for note in read_notes(write(tmp_path, text))] == [("bad-1", "a"), ("bad-2", "b")]
    assert read_notes(write(tmp_path, "")) == []


def test_documents_where_they_are_marked(tmp_path: Path):
    text = "-DOCSTART- -X- O O\n\na X O O\n\nb X O O\n-DOCSTART-\nc X O O\n"
    assert [note.document for note in read_notes(write(tmp_path, text))] == ["bad-1", "bad-1", "bad-2"]
    assert [note.document for note in read_notes(write(tmp_path, "a O\n\n-DOCSTART- O\nb O\n"))] == ["bad-0", "bad-1"]
    assert [note.document for note in read_notes(write(tmp_path, "a O\n\n-DOCSTART-s O\n"))] == ["", ""]


@pytest.mark.parametrize(("text", "message"), [
    ("a\tO\nb\tNN\tO\n", "line 2: expected 2 columns as in the rows before, found 3 in 'b\\tNN\\tO'"),
    ("a\tO\n\nb\n", "line 3: expected 2 columns as in the rows before, found 1 in 'b'"),
    ("a O\nb\tO\n", "line 2: expected 2 columns as in the rows before, found 1"),
    ("word\n", "line 1: expected two to four columns, word first, tag last, found 1"),
    ("1\tThe\tthe\tDET\tDT\t_\tO\n", "line 1: expected two to four columns, word first, tag last, found 7"),
    ("New York\tO\n", "line 1: expected a word and a tag without spaces, found 'New York' and 'O'"),
    ("a\tO\n\tO\n", "line 2: expected a word and a tag without spaces, found '' and 'O'"),
    ("a\tO\nb\t\n", "line 2: expected a word and a tag without spaces, found 'b' and ''"),
    ("a\tO\rb\tO\r", "line 1: expected a word and a tag without spaces"),
    ("a\tO\nb\tX-ORG\n", "line 2: expected a tag of IOB1 (O, I-TYPE, B-TYPE); IOB2 (O, B-TYPE, I-TYPE); IOBES"),
    ("a\tO\nb\tORG\n", "found 'ORG'"), ("a\tB-\n", "line 1: expected a tag of IOB1"), ("a\tO-ORG\n", "found 'O-ORG'"), ("a\to\n", "found 'o'"),
    ("a\tS-X\n\nb\tL-X\n", "line 3: expected a tag of IOB1 (O, I-TYPE, B-TYPE); IOB2 (O, B-TYPE, I-TYPE); IOBES (O, B-TYPE, I-TYPE, "
                           "E-TYPE, S-TYPE); BILOU (O, B-TYPE, I-TYPE, L-TYPE, U-TYPE); found 'L-X' after tags with S."),
    ("\u00a0\tO\n", "line 1: note 'bad-1': expected a text, found an empty one"),
    ("a\tO\nb\0\tO\n", "line 2: expected text in UTF-8, found a NUL byte"),
    ("a\tO\nFi\u00e8vre\tO\n".encode("latin-1"), "line 2: expected UTF-8 text, found byte 0xe8 at position 2"),
    ("a\tO\n".encode("utf-16"), "bad.tsv, line 1: expected text in UTF-8, found a NUL byte"),
])
def test_broken_row_names_file_and_line(text, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_notes(write(tmp_path, text))
    assert str(caught.value).startswith("bad.tsv, line ") and len(str(caught.value)) < 400


def test_a_broken_row_is_found_before_the_first_note(tmp_path: Path):
    with pytest.raises(DataError, match="line 3: expected 2 columns"):
        next(iter_notes(write(tmp_path, "a\tO\n\nb\n")))


def test_a_file_without_blank_lines(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("course_lib.data.formats.conll.MAX_WORDS", 3)
    assert len(read_notes(write(tmp_path, rows("O O O", "O O O")))) == 2
    with pytest.raises(DataError, match="bad.tsv, line 4: expected a blank line after each sentence, found 3 words without one"):
        read_notes(write(tmp_path, rows("O O O O")))


# ---- schemes ---------------------------------------------------------------------
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("scheme", SAME)
def test_every_scheme_says_the_same(scheme, given, tmp_path: Path):
    found, repairs = spans_in(tmp_path, rows(*SAME[scheme]), scheme if given else "auto")
    assert found == [[("w0", "ORG"), ("w2 w3", "MISC")], [("w0 w1", "PER"), ("w2", "PER")]] and not repairs


def test_another_scheme_than_the_given(tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.tsv, line 1: expected a tag of IOB2 (O, B-TYPE, I-TYPE); found 'S-ORG'")):
        spans_in(tmp_path, rows(*SAME["IOBES"]), "IOB2")
    with pytest.raises(DataError, match="tag scheme: expected one of auto, IOB1, IOB2, IOBES, BILOU; found 'IOB'"):
        spans_in(tmp_path, rows("O"), "IOB")


OPENED = "{}- without B-, opened an entity"
ENDED = "entity without {}- at its end, ended there"


@pytest.mark.parametrize(("scheme", "tags", "entities", "repairs"), [
    ("IOB2", "O I-X I-X O B-X", ["1-2 X", "4-4 X"], {OPENED.format("I"): 1}),
    ("IOB2", "B-X I-Y I-Y", ["0-0 X", "1-2 Y"], {OPENED.format("I"): 1}),
    ("IOB2", "I-X O I-X B-X", ["0-0 X", "2-2 X", "3-3 X"], {OPENED.format("I"): 2}),
    ("IOB1", "O I-X I-X O I-Y I-X", ["1-2 X", "4-4 Y", "5-5 X"], {}),
    ("IOB1", "O B-X I-X B-X B-Y", ["1-2 X", "3-3 X", "4-4 Y"], {"B- without an entity of its type before it, opened an entity": 2}),
    ("IOBES", "I-X E-X O E-Y", ["0-1 X", "3-3 Y"], {OPENED.format("I"): 1, OPENED.format("E"): 1}),
    ("IOBES", "B-X O B-X I-X S-X", ["0-0 X", "2-3 X", "4-4 X"], {ENDED.format("E"): 2}),
    ("IOBES", "B-X E-Y E-Y", ["0-0 X", "1-1 Y", "2-2 Y"], {ENDED.format("E"): 1, OPENED.format("E"): 2}),
    ("IOBES", "B-X B-X E-X", ["0-0 X", "1-2 X"], {ENDED.format("E"): 1}),
    ("IOBES", "S-X I-X", ["0-0 X", "1-1 X"], {OPENED.format("I"): 1, ENDED.format("E"): 1}),
    ("BILOU", "B-X I-X", ["0-1 X"], {ENDED.format("L"): 1}),
    ("BILOU", "L-X U-X", ["0-0 X", "1-1 X"], {OPENED.format("L"): 1}),
])
def test_broken_sequences_are_read_by_rule_and_counted(scheme, tags, entities, repairs):
    counted: Counter[str] = Counter()
    parsed = [(tag[0], tag[2:]) for tag in tags.split()]
    assert [f"{first}-{last} {kind}" for first, last, kind in read_tags(parsed, scheme, counted)] == entities
    assert dict(counted) == repairs


def test_a_wrong_i_is_counted_in_a_file_that_is_iob2(tmp_path: Path):
    found, repairs = spans_in(tmp_path, rows("O B-X I-X", "O I-X O"))
    assert found == [[("w1 w2", "X")], [("w1", "X")]] and repairs == {"I- without B-, opened an entity": 1}
    assert spans_in(tmp_path, rows("O I-X B-X", "O I-X O")) == ([[("w1", "X"), ("w2", "X")], [("w1", "X")]], {})  # IOB1


def test_tags_are_read_as_predictions_are():
    import random
    rng = random.Random(0)
    for _ in range(200):
        tags = rng.choices(LABELS.tags, k=6)
        expected = LABELS.spans_of([TAGS[tag] for tag in tags], [(n, n + 1) for n in range(6)])
        found = read_tags([(tag[0], tag[2:]) for tag in tags], "IOB2", Counter())
        assert [Span(first, last + 1, kind) for first, last, kind in found] == expected


# ---- writing ---------------------------------------------------------------------
def test_iob2_as_written(tmp_path: Path):
    path = write_notes(tmp_path / "n.tsv", four_notes()[:2])
    assert path.read_text() == (
        "-DOCSTART-\tO\n\nPatient\tO\ntakes\tO\nmetformin\tB-MEDICINE\n.\tO\n\n"
        "-DOCSTART-\tO\n\nHeart\tB-DISEASE\nfailure\tI-DISEASE\nand\tO\ncough\tB-SYMPTOM\n.\tO\n\n")
    again = read_notes(path)
    assert [note.document for note in again] == ["n-1", "n-2"] and again[1].text == "Heart failure and cough ."
    unknown = [Note(n.id, n.text, n.spans, document="") for n in four_notes()]
    assert "DOCSTART" not in write_notes(tmp_path / "n.tsv", unknown).read_text() and write_notes(path, []).read_text() == ""


@pytest.mark.parametrize(("note", "message"), [
    (Note("n", "Patients", (Span(0, 7, "X"),)), "n.tsv, note 'n': expected spans that begin and end with a word, found X 'Patient' at 0 to 7"),
    (Note("n", "a b", (Span(1, 3, "X"),)), "expected spans that begin and end with a word, found X ' b' at 1 to 3"),
    (Note("n", "a b", (Span(0, 1, "X Y"),)), "expected labels without spaces, found 'X Y'"),
    (Note("n", "New York", words=((0, 8),)), "expected words without spaces that cover the text, found 'New York'"),
    (Note("n", "a bc d", words=((0, 1), (5, 6))), "expected words without spaces that cover the text, found ' bc '"),
    (Note("n", "a bc", words=((0, 1),)), "expected words without spaces that cover the text, found ' bc'"),
    (Note("n", "-DOCSTART-", words=((0, 10),)), "found '-DOCSTART-'"), (Note("n", "a\ufeff"), "found '\\ufeff'"),
])
def test_what_columns_cannot_hold_is_refused(note, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape(message)):
        write_notes(tmp_path / "n.tsv", [note])
    assert not list(tmp_path.iterdir())


def test_notes_of_one_document_stand_together(tmp_path: Path):
    notes = [Note(f"n{n}", "x", document=document) for n, document in enumerate("aba")]
    with pytest.raises(DataError, match="n.tsv: expected the notes of one document together, found document 'a' again at note 'n2'"):
        write_notes(tmp_path / "n.tsv", notes)


# ---- size ------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["conll", "jsonl"])
def test_memory_does_not_grow_with_the_number_of_sentences(kind, tmp_path: Path):
    def peak(sentences: int) -> int:
        path = tmp_path / "many"
        row = rows("O B-X I-X") + "\n" if kind == "conll" else '{"text": "a b c", "spans": [[0, 3, "X"]]}\n'
        path.write_text(row * sentences)
        tracemalloc.start()
        count = sum(len(note.spans) for note in (iter_notes if kind == "conll" else jsonl.iter_notes)(path))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == sentences
        return size
    # A list of 1,000 notes takes half a megabyte or more; freed objects that Python keeps for later up to 170 kB.
    assert peak(1000) < peak(100) + 250_000


@pytest.mark.skipif(not Path(os.environ.get("COURSE_DATA_MIRROR") or "-", "ncbi_disease").is_dir(), reason="COURSE_DATA_MIRROR holds no ncbi_disease")
@pytest.mark.parametrize(("part", "sentences", "mentions"), [("train", 5424, 5134), ("devel", 923, 787), ("test", 940, 960)])
def test_ncbi_disease(part, sentences, mentions, tmp_path: Path):
    path = Path(os.environ["COURSE_DATA_MIRROR"], "ncbi_disease", f"{part}.tsv")
    repairs: Counter[str] = Counter()
    notes = read_notes(path, repairs)
    assert (len(notes), sum(len(note.spans) for note in notes), dict(repairs)) == (sentences, mentions, {})
    assert {span.label for note in notes for span in note.spans} == {"Disease"} and {note.document for note in notes} == {""}
    assert write_notes(tmp_path / "again.tsv", notes).read_text().splitlines() == path.read_text(encoding="utf-8").splitlines()
