"""JSON lines and SQuAD: round trips, and each kind of broken file."""

from __future__ import annotations

import json
import re
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
    ('{"id": "n2", "text": "x", "document": 7}', "document"),
    ("[" * 100_000, "expected one JSON object"),
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
    with pytest.raises(DataError, match="bad.jsonl: expected UTF-8 text, found byte 0xe8 at position .*Convert the file to UTF-8"):
        read_text(tmp_path, '{"id": "n1", "text": "Fi\u00e8vre"}'.encode("latin-1"))


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
    ({"question": "  "}, "question 'q1': expected a question, found an empty text"),
])
def test_broken_question_names_file_and_place(changed, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.json, data[0]") + ".*" + re.escape(message)):
        squad(tmp_path, **changed)


@pytest.mark.parametrize(("content", "message"), [
    ([], "bad.json: expected a list of objects under 'data', found 'None'"),
    ({"data": {}}, "expected a list of objects under 'data'"),
    ({"data": [1]}, "expected a list of objects under 'data'"),
    ({"data": [{}]}, "bad.json, data[0]: expected a list of objects under 'paragraphs'"),
    ({"data": [{"paragraphs": [{"qas": []}]}]}, "expected a text under 'context', found None"),
    ({"data": [{"paragraphs": [{"context": "x"}]}]}, "expected a list of objects under 'qas'"),
])
def test_another_layout(content, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape(message)):
        read_questions(write_json(tmp_path / "bad.json", content))


def test_question_ids_are_unique(tmp_path: Path):
    content = {"data": [{"paragraphs": [{"context": "The bank.", "qas": [{"id": "q1", "question": "Who?", "answers": []}] * 2}]}]}
    with pytest.raises(DataError, match="expected an id of its own, found 'q1' again"):
        read_questions(write_json(tmp_path / "q.json", content))


@pytest.mark.parametrize("content", [b'{"data": [', b"\xff\xfe{", b"", b"[" * 100_000])
def test_broken_json_or_encoding(content, tmp_path: Path):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(DataError, match="bad.json: expected JSON in SQuAD layout, found .*Repair or replace"):
        read_questions(tmp_path / "bad.json")


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
