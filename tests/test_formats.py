"""JSON lines and SQuAD: round trips, and each kind of broken file."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import four_notes, four_questions

from course_lib.data.formats.jsonl import read_notes, write_notes
from course_lib.data.formats.squad import read_questions, write_questions
from course_lib.data.records import Answer, Note, Question, Span
from course_lib.errors import DataError, OutputError
from course_lib.files import sha256_of, write_folder, write_json, write_jsonl, write_text

GOOD = '{"id": "n1", "text": "No fever.", "spans": [{"start": 3, "end": 8, "label": "SYMPTOM"}]}'


# ---- notes -----------------------------------------------------------------------
@pytest.mark.parametrize("record", [
    *four_notes(), Note("x", "Fi\u00e8vre \U0001f321 39\u00b0C", (Span(0, 6, "SYMPTOM"),), kind="ward", document="d7"), Note("y", "a\u2028b\nc"),
    Note("z", "no spans", document=""), Note("s", "made", silver=True), Note("w", "a-b c", words=((0, 3), (4, 5))),
])
def test_notes_come_back_as_written(record, tmp_path: Path):
    assert read_notes(write_notes(tmp_path / "n.jsonl", [record])) == [record]


def read_text(tmp_path: Path, text: str | bytes) -> list[Note]:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_notes(path)


@pytest.mark.parametrize(("line", "message"), [
    ('{"id": "n2", "text": ', "expected one JSON object, found '{\"id\": \"n2\", \"text\":'"),
    ("[1, 2]", "expected an object with id and text"),
    ('{"id": "n2"}', "expected an object with id and text"),
    ('{"id": 2, "text": "x"}', "expected an object with id and text"),
    ('{"id": "n2", "text": ""}', "note 'n2': expected a text, found an empty one"),
    ('{"id": "n2", "text": "x", "spans": {}}', "expected a list under 'spans'"),
    ('{"id": "n2", "text": "x", "spans": [3]}', "expected a span with whole numbers"),
    ('{"id": "n2", "text": "x", "spans": [{"start": "0", "end": 1, "label": "D"}]}', "expected a span with whole numbers"),
    ('{"id": "n2", "text": "x", "spans": [{"start": true, "end": 1, "label": "D"}]}', "expected a span with whole numbers"),
    ('{"id": "n2", "text": "x", "spans": [{"start": 0, "end": 1, "label": ""}]}', "expected a span with whole numbers"),
    ('{"id": "n2", "text": "x", "spans": [{"start": 0, "end": 2, "label": "D"}]}', "note 'n2': expected a span inside the text"),
    ('{"id": "n2", "text": "xy", "spans": [{"start": 0, "end": 2, "label": "D"}, {"start": 1, "end": 2, "label": "D"}]}', "do not overlap"),
    ('{"id": "n1", "text": "x"}', "expected an id of its own, found 'n1' again (first on line 1)"),
    ('{"id": "n2", "text": "x", "document": 7}', "expected a text under 'document', found 7"),
    ('{"id": "n2", "text": "x", "kind": ["ward"]}', "expected a text under 'kind', found ['ward']"),
    ('{"id": "n2", "text": "x", "silver": "yes"}', "expected true or false under 'silver', found 'yes'"),
    ('{"id": "n2", "text": "x y", "words": [[0, 1], 2]}', "expected a word as [start, end], found 2"),
    ('{"id": "n2", "text": "x y", "words": [[0, "1"]]}', "expected a word as [start, end], found [0, '1']"),
    ('{"id": "n2", "text": "x y", "words": [[2, 3], [0, 1]]}', "expected words in text order, none empty, inside the text (0 to 3), found 0 to 1 after 3"),
    ('{"id": "n2", "text": "x y", "words": [[0, 2], [1, 3]]}', "found 1 to 3 after 2"),
    ('{"id": "n2", "text": "x y", "words": [[0, 4]]}', "found 0 to 4 after 0"),
    ('{"id": "n2", "text": "x y", "words": [[1, 1]]}', "found 1 to 1 after 0"),
    ('{"id": "n2", "text": "x", "spans": [[0, 1]]}', "expected a span with whole numbers start and end and a label, found [0, 1]"),
    ('{"id": "n2", "text": "x", "spans": [], "entities": [[0, 1, "D"]]}', "expected spans under one key, found spans and entities"),
    ('{"id": "n2", "text": "x", "text": "y"}', "key 'text' twice in one object"),
    ('{"id": "n2", "text": "x", "score": NaN}', "NaN is no JSON value"),
    ('{"id": "n2", "text": "\\ud83d"}', "one half of a surrogate pair"),
    ("[" * 100_000, "nested too deeply"),
])
def test_broken_line_names_file_and_line(line, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.jsonl, line 3: ") + ".*" + re.escape(message)) as caught:
        read_text(tmp_path, f"{GOOD}\n\n{line}\n")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("text", [GOOD, f"\ufeff{GOOD}\n", f"\n{GOOD}\r\n\r\n"])
def test_forgiven_is_what_editors_do(text, tmp_path: Path):
    assert [n.id for n in read_text(tmp_path, text)] == ["n1"]
    assert read_text(tmp_path, "") == []


def test_notes_not_in_utf8(tmp_path: Path):
    with pytest.raises(DataError, match="bad.jsonl, line 2: expected UTF-8 text, found byte 0xe8 at position 24 \\('\u00e8' in Latin-1\\). Convert the file to UTF-8"):
        read_text(tmp_path, f'{GOOD}\n{{"id": "n2", "text": "Fi\u00e8vre"}}'.encode("latin-1"))


@pytest.mark.parametrize("row", [
    '{"text": "No fever.", "entities": [[3, 8, "SYMPTOM"]]}', '{"text": "No fever.", "label": [[3, 8, "SYMPTOM"]], "meta": {"by": "x"}}',
    '{"id": "mine", "text": "No fever.", "labels": [{"end": 8, "start": 3, "label": "SYMPTOM"}], "document": null}',
])
def test_what_annotation_tools_write(row, tmp_path: Path):
    (tmp_path / "own.jsonl").write_text(f"\n{row}\n")
    repairs: Counter[str] = Counter()
    (only,) = read_notes(tmp_path / "own.jsonl", repairs)
    assert only.spans == (Span(3, 8, "SYMPTOM"),) and only.document == only.id
    assert (only.id, repairs) == (("mine", {}) if "mine" in row else ("own-2", {"no id, numbered by its line": 1}))


def test_an_id_far_away_is_found_again(tmp_path: Path):
    rows = [f'{{"id": "n{number}", "text": "x"}}' for number in [*range(50), 7]]
    with pytest.raises(DataError, match=re.escape("bad.jsonl, line 51: expected an id of its own, found 'n7' again (first on line 8)")):
        read_text(tmp_path, "\n".join(rows))
    assert len(read_text(tmp_path, "\n".join(rows[:-1]))) == 50


def test_equal_hashes_are_not_equal_ids(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("course_lib.data.formats.jsonl.hash", lambda name: 1, raising=False)
    assert len(read_text(tmp_path, f'{GOOD}\n{{"id": "n2", "text": "x"}}')) == 2


# ---- questions -------------------------------------------------------------------
def test_questions_come_back_as_written(tmp_path: Path):
    records = [replace(q, title="T", kind="faq") for q in four_questions()]
    records.append(Question("q5", "What?", "a a", (Answer("a", 2), Answer("a", 0))))
    path = write_questions(tmp_path / "q.json", records)
    assert read_questions(path) == records
    layout = json.loads(path.read_text())
    assert layout["version"] == "v2.0" and [len(a["paragraphs"]) for a in layout["data"]] == [1, 1, 1, 1]
    assert layout["data"][0]["paragraphs"][0]["qas"][0] == {
        "id": "q1", "question": "What rose?", "is_impossible": False, "answers": [{"text": "Revenue", "answer_start": 0}]}


def test_silver_questions_come_back_as_silver(tmp_path: Path):
    record = replace(four_questions()[0], silver=True)
    assert read_questions(write_questions(tmp_path / "q.json", [record])) == [record]


def squad(tmp_path: Path, **changed: Any) -> list[Question]:
    item = {"id": "q1", "question": "Who?", "answers": [{"text": "bank", "answer_start": 4}]} | changed
    content = {"data": [{"title": "T", "paragraphs": [{"context": "The bank.", "qas": [item]}]}]}
    return read_questions(write_json(tmp_path / "bad.json", content))


def test_squad_1_has_no_is_impossible(tmp_path: Path):
    (only,) = squad(tmp_path)
    assert only.answers == (Answer("bank", 4),) and only.document == "T"


def test_impossible_questions_have_no_answers(tmp_path: Path):
    assert not squad(tmp_path, is_impossible=True, plausible_answers=[{"text": "bank", "answer_start": 4}], answers=[])[0].is_answerable
    assert not squad(tmp_path, answers=[])[0].is_answerable


@pytest.mark.parametrize(("changed", "message"), [
    ({"answers": [{"text": "bank", "answer_start": 3}]}, "question 'q1': expected the answer 'bank' at character 3 of the passage, found ' ban' there"),
    ({"answers": [{"text": "bank", "answer_start": "4"}]}, "question 'q1': expected text and answer_start"),
    ({"answers": [{"text": "bank"}]}, "question 'q1': expected text and answer_start"),
    ({"answers": None}, "question 'q1': expected a list of objects under 'answers'"),
    ({"answers": [], "is_impossible": False}, "question 'q1': expected an answer (is_impossible is false), found none"),
    ({"question": None}, "expected an id and a question"),
    ({"id": 7}, "expected an id and a question"),
    ({"is_impossible": "yes"}, "question 'q1': expected true or false under 'is_impossible', found 'yes'"),
    ({"question": "  "}, "question 'q1': expected a question, found an empty text"),
])
def test_broken_question_names_file_and_place(changed, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.json, data[0]") + ".*" + re.escape(message)):
        squad(tmp_path, **changed)


@pytest.mark.parametrize(("content", "message"), [
    ([], "bad.json: expected a list of objects under 'data', found None"),
    ({"data": {}}, "expected a list of objects under 'data'"),
    ({"data": [1]}, "expected a list of objects under 'data'"),
    ({"data": [{}]}, "bad.json, data[0]: expected a list of objects under 'paragraphs'"),
    ({"data": [{"paragraphs": [{"qas": []}]}]}, "expected a text under 'context', found None"),
    ({"data": [{"paragraphs": [{"context": "x"}]}]}, "expected a list of objects under 'qas'"),
    ({"data": [{"paragraphs": [{"context": " \n", "qas": []}]}]}, "bad.json, data[0].paragraphs[0]: expected a text under 'context'"),
    ({"data": [{"title": 3, "paragraphs": []}]}, "bad.json, data[0]: expected a text under 'title', found 3"),
    ({"data": [{"id": None, "paragraphs": []}]}, "bad.json, data[0]: expected a text under 'id', found None"),
])
def test_another_layout(content, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape(message)):
        read_questions(write_json(tmp_path / "bad.json", content))


def test_question_ids_are_unique(tmp_path: Path):
    content = {"data": [{"paragraphs": [{"context": "The bank.", "qas": [{"id": "q1", "question": "Who?", "answers": []}] * 2}]}]}
    with pytest.raises(DataError, match=re.escape("q.json, data[0].paragraphs[0], line 15: expected an id of its own, found 'q1' again")):
        read_questions(write_json(tmp_path / "q.json", content))


def test_an_answer_off_its_place_is_found_by_line(tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.json, data[0].paragraphs[0], line 15: question 'q1': expected the answer")):
        squad(tmp_path, answers=[{"text": "bank", "answer_start": 5}])


def test_answers_of_impossible_questions_are_counted(tmp_path: Path):
    repairs: Counter[str] = Counter()
    item = {"id": "q1", "question": "Who?", "is_impossible": True, "answers": [{"text": "bank", "answer_start": 4}]}
    content = {"data": [{"paragraphs": [{"context": "The bank.", "qas": [item, {"id": "q2", "question": "Who?", "is_impossible": True}]}]}]}
    first, second = read_questions(write_json(tmp_path / "part.json", content), repairs)
    assert not first.answers and not second.answers and repairs == {"answers of questions marked impossible, left out": 1}
    assert first.document == "part-1"  # an article without id and title is still one group


@pytest.mark.parametrize(("content", "message"), [
    (b'{"data": [', "line 1: expected JSON in SQuAD layout, found '{\"data\": ['"), (b"", "line 1: expected JSON in SQuAD layout, found ''"),
    (b'\n\n{"data": [}', "line 3: expected JSON in SQuAD layout"), (b"[" * 100_000, "values nested too deeply). Repair or replace"),
    (b"\xff\xfe{", "line 1: expected UTF-8 text, found byte 0xff"), ('{\n"data":\n"\u00e8"}'.encode("latin-1"), "line 3: expected UTF-8 text, found byte 0xe8 at position 1"),
    (b'{\n\x00', "line 2: expected text in UTF-8, found a NUL byte"), (b'{"data": [], "data": []}', "key 'data' twice in one object"),
    (b'{"data": Infinity}', "Infinity is no JSON value"), (b'{"data": "\\udc00"}', "one half of a surrogate pair"),
    (b"<!DOCTYPE html><html>", "found '<!DOCTYPE html><html>'"),
])
def test_broken_json_or_encoding(content, message, tmp_path: Path):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(DataError, match="bad.json.*" + re.escape(message)):
        read_questions(tmp_path / "bad.json")


def test_json_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path):
    path = write_questions(tmp_path / "q.json", four_questions())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_questions(path) == four_questions()


def test_json_file_too_large_for_memory(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("course_lib.data.formats.lines.MAX_FILE", 9)
    (tmp_path / "q.json").write_text('{"data": []}')
    with pytest.raises(DataError, match="q.json: expected at most 9 bytes of JSON, found 12. Divide the file"):
        read_questions(tmp_path / "q.json")


# ---- writing ---------------------------------------------------------------------
def test_files_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch):
    write_text(tmp_path / "a" / "x.txt", "one")
    assert (tmp_path / "a" / "x.txt").read_text() == "one"

    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("course_lib.files.os.replace", full)
    with pytest.raises(OutputError, match="output 'x.txt': expected a folder that can be written to, with free space, found No space left"):
        write_text(tmp_path / "a" / "x.txt", "two")
    with pytest.raises(OutputError, match="No space left"), write_folder(tmp_path / "b") as draft:
        (draft / "f").write_text("x")
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "x.txt"] and (tmp_path / "a" / "x.txt").read_text() == "one"


def test_folder_is_kept_when_its_new_content_fails(tmp_path: Path):
    for text in ("one", "two"):
        with write_folder(tmp_path / "b") as draft:
            (draft / "f").write_text(text)
    with pytest.raises(ZeroDivisionError), write_folder(tmp_path / "b") as draft:
        (draft / "f").write_text("three")
        raise ZeroDivisionError
    assert (tmp_path / "b" / "f").read_text() == "two" and [p.name for p in tmp_path.iterdir()] == ["b"]


def test_file_in_place_of_a_folder(tmp_path: Path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(OutputError, match="Choose another output_dir"):
        write_jsonl(tmp_path / "f" / "rows.jsonl", [{}])
    with pytest.raises(OutputError, match="Choose another output_dir"), write_folder(tmp_path / "f" / "g"):
        pass


def test_equal_values_give_equal_files(tmp_path: Path):
    a, b = write_json(tmp_path / "a", {"x": 1, "\u00e9": 2}), write_json(tmp_path / "b", {"\u00e9": 2, "x": 1})
    assert sha256_of(a) == sha256_of(b) and "\u00e9" in a.read_text(encoding="utf-8")
    assert sha256_of(write_text(tmp_path / "c", "abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
