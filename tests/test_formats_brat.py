"""BRAT stand-off and TAT-QA: what is read, what is counted and left out, what is refused."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from course_lib.data.formats import brat, tatqa
from course_lib.data.records import Answer, Note, Span
from course_lib.errors import DataError

TEXT = "Severe left and\nright heart failure, no cough."


def folder(tmp_path: Path, ann: str | bytes, text: str | bytes = TEXT) -> Path:
    (tmp_path / "notes").mkdir(exist_ok=True)
    for suffix, content in ((".txt", text), (".ann", ann)):
        (tmp_path / "notes" / f"n1{suffix}").write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / "notes"


def read(tmp_path: Path, ann: str, text: str = TEXT) -> tuple[tuple[Span, ...], dict[str, int]]:
    repairs: Counter[str] = Counter()
    (only,) = brat.read_notes(folder(tmp_path, ann, text), repairs)
    return only.spans, dict(repairs)


# ---- BRAT ------------------------------------------------------------------------
def test_pairs_in_the_order_of_their_names(tmp_path: Path):
    path = folder(tmp_path, "T2\tSYMPTOM 40 45\tcough\nT1\tDISEASE 22 35\theart failure\n")
    for name, content in (("n0.txt", "No fever."), ("n0.ann", ""), ("annotation.conf", "[entities]")):
        (path / name).write_text(content)
    assert brat.read_notes(path) == [Note("n0", "No fever."), Note("n1", TEXT, (Span(22, 35, "DISEASE"), Span(40, 45, "SYMPTOM")))]


@pytest.mark.parametrize(("ann", "spans", "repairs"), [
    ("T1\tX 7 11;22 35\tleft heart failure\nT2\tX 40 45\tcough\n", [(40, 45)], {brat.DISCONTINUOUS: 1}),
    ("T1\tX 22 35;7 11\theart failure left\n", [], {brat.DISCONTINUOUS: 1}),
    ("T1\tX 12 15;16 21\tand right\n", [(12, 21)], {brat.JOINED: 1}), ("T1\tX 12 21\tand right\n", [(12, 21)], {}),
    ("T1\tX 22 27\theart\nT2\tX 22 35\theart failure\nT3\tY 28 35\tfailure\n", [(22, 35)], {brat.OVERLAPPING: 2}),
    ("T1\tX 16 27\tright heart\nT2\tX 22 35\theart failure\n", [(22, 35)], {brat.OVERLAPPING: 1}),
    ("T1\tX 22 27\theart\nT2\tX 27 28\t \nT3\tX 28 35\tfailure\n", [(22, 27), (27, 28), (28, 35)], {}),
    ("T1\tX 40 45\tcough\nR1\tRel Arg1:T1 Arg2:T1\nE1\tX:T1\n*\tEquiv T1 T1\nA1\tNeg T1\nM1\tNeg T1\nN1\tRef T1 A:1\tcough\n#1\tNote T1\tx\n\n",
     [(40, 45)], {f"{kind} left out, they are not entities": 1 for kind in (
         "relations (R)", "events (E)", "equivalences (*)", "attributes (A)", "attributes (M)", "normalisations (N)", "comments (#)")}),
])
def test_what_a_note_cannot_hold_is_counted(ann, spans, repairs, tmp_path: Path):
    found, counted = read(tmp_path, ann)
    assert [(span.start, span.end) for span in found] == spans and counted == repairs


def test_of_equal_spans_the_first_is_kept(tmp_path: Path):
    assert read(tmp_path, "T1\tY 40 45\tcough\nT2\tX 40 45\tcough\n") == ((Span(40, 45, "Y"),), {brat.OVERLAPPING: 1})


def test_offsets_count_windows_line_ends(tmp_path: Path):
    text = TEXT.replace("\n", "\r\n")
    assert read(tmp_path, "T1\tX 23 36\theart failure\r\nT2\tX 12 22\tand  right\r\n", text)[0] == (Span(12, 22, "X"), Span(23, 36, "X"))
    with pytest.raises(DataError, match=re.escape(r"found 't heart failu'. Offsets count the \r of Windows line ends.")):
        read(tmp_path, "T1\tX 21 34\theart failure\n", text)


def test_byte_order_marks_are_no_characters(tmp_path: Path):
    assert read(tmp_path, "\ufeffT1\tX 40 45\tcough\n", "\ufeff" + TEXT)[0] == (Span(40, 45, "X"),)


@pytest.mark.parametrize(("line", "message"), [
    ("T2\tX 40 45\tCough", "expected at 40 45 the text 'Cough', found 'cough'"), ("T2\tX 39 44\tcough", "expected at 39 44 the text 'cough', found ' coug'"),
    ("T2\tX 40 45\tcough ", "the text 'cough '"), ("T2\tX 7 11;22 35\tleft failure", "the text 'left failure', found 'left heart failure'"),
    ("T2\tX 40 47\tcough.", "expected spans inside the text (0 to 46), start before end, found '40 47'"), ("T2\tX 5 5\t", "found '5 5'"),
    ("T2\tX 9 7\tx", "found '9 7'"), ("T2\tX 7 11;9 13\tx", "found '7 11;9 13'"),
    ("T2 X 40 45 cough", "expected T1<tab>TYPE start end<tab>its text"), ("T2\tX 40 45", "expected T1<tab>TYPE"), ("T2\tX 40;45\tx", "expected T1<tab>TYPE"),
    ("T2\tX 40 4\u0665\tx", "expected T1<tab>TYPE"), ("T2\tX 40 9999999999\tx", "expected T1<tab>TYPE"), ("cough", "found 'cough'"),
    ("T1\tX 40 45\tcough", "expected an id of its own, found 'T1' again (first on line 1)"),
])
def test_broken_annotation_names_file_and_line(line, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("n1.ann, line 3: ") + ".*" + re.escape(message)):
        read(tmp_path, f"T1\tX 22 27\theart\n\n{line}\n")


@pytest.mark.parametrize(("name", "missing"), [("n2.txt", ".ann"), ("n2.ann", ".txt")])
def test_a_file_without_its_partner(name, missing, tmp_path: Path):
    path = folder(tmp_path, "")
    (path / name).write_text("x")
    with pytest.raises(DataError, match=rf"notes: expected a {missing} file beside each \.... file, found none beside {name}"):
        brat.read_notes(path)


@pytest.mark.parametrize(("ann", "text", "message"), [
    ("", " \n", "n1.txt: note 'n1': expected a text, found an empty one"), ("", "a\n\0", "n1.txt, line 2: expected text in UTF-8, found a NUL byte"),
    ("", "a\nFi\u00e8vre".encode("latin-1"), "n1.txt, line 2: expected UTF-8 text, found byte 0xe8"),
    ("T1\tX 0 6\tFi\u00e8vre".encode("latin-1"), "Fi\u00e8vre", "n1.ann, line 1: expected UTF-8 text, found byte 0xe8"),
])
def test_broken_files_of_a_pair(ann, text, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape(message)):
        brat.read_notes(folder(tmp_path, ann, text))


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(DataError, match="none: expected a folder of .txt and .ann files, found: No such file or directory"):
        brat.read_notes(tmp_path / "none")


# ---- TAT-QA ----------------------------------------------------------------------
def excerpt(*questions: dict[str, Any], **changed: Any) -> dict[str, Any]:
    paragraphs = [{"uid": "p2", "order": 2, "text": "Costs were $5 million. Again $5 million."}, {"uid": "p1", "order": 1, "text": "Sales rose by 3%."}]
    return {"table": {"uid": "t1", "table": [["a", "1"]]}, "paragraphs": paragraphs, "questions": list(questions)} | changed


def asked(**changed: Any) -> dict[str, Any]:
    return {"uid": "q1", "question": "What were costs?", "answer": ["$5 million"], "answer_type": "span", "answer_from": "text",
            "rel_paragraphs": ["2"], "mappings": [{"paragraph_2": [11, 21]}]} | changed


def read_tatqa(tmp_path: Path, content: Any, context: str = "all") -> tuple[list[Any], dict[str, int]]:
    (tmp_path / "bad.json").write_text(json.dumps(content, indent=1))
    repairs: Counter[str] = Counter()
    return tatqa.read_questions(tmp_path / "bad.json", repairs, context), dict(repairs)


def test_passage_is_the_whole_excerpt_or_what_is_relevant(tmp_path: Path):
    (only,), repairs = read_tatqa(tmp_path, [excerpt(asked())])
    assert only.context == "Sales rose by 3%.\nCosts were $5 million. Again $5 million." and only.answers == (Answer("$5 million", 29),)
    assert (only.id, only.document, only.question, repairs) == ("q1", "t1", "What were costs?", {})
    (only,), repairs = read_tatqa(tmp_path, [excerpt(asked())], "relevant")
    assert only.context == "Costs were $5 million. Again $5 million." and only.answers == (Answer("$5 million", 11),) and not repairs
    with pytest.raises(DataError, match="context: expected one of all, relevant; found 'table'"):
        read_tatqa(tmp_path, [excerpt(asked())], "table")


@pytest.mark.parametrize(("mappings", "start", "repair"), [
    ([{"paragraph_2": [29, 39]}], 47, ""), ([{"table": [1, 1]}, {"paragraph_2": [29, 39]}], 47, ""),
    ([{"paragraph_2": [28, 39]}], 47, tatqa.TRIMMED), ([{"paragraph_2": [10, 21]}], 29, tatqa.TRIMMED),
    ([{"paragraph_2": [28, 38]}], 29, tatqa.SEARCHED), ([{"paragraph_1": [29, 39]}], 29, tatqa.SEARCHED), ([{"table": [1, 1]}], 29, tatqa.SEARCHED),
    ([{"paragraph_2": [-9, 21]}], 29, tatqa.SEARCHED), ([{"paragraph_2": "29"}], 29, tatqa.SEARCHED), (None, 29, tatqa.SEARCHED), ([3], 29, tatqa.SEARCHED),
])
def test_the_answers_place_is_the_mapped_one(mappings, start, repair, tmp_path: Path):
    (only,), repairs = read_tatqa(tmp_path, [excerpt(asked(mappings=mappings))])
    assert only.answers == (Answer("$5 million", start),) and repairs == ({repair: 1} if repair else {})


def test_a_place_in_a_paragraph_that_is_not_relevant_is_not_taken(tmp_path: Path):
    paragraphs = [{"order": number, "text": "Costs: $5 million."} for number in (1, 2)]
    (only,), repairs = read_tatqa(tmp_path, [excerpt(asked(mappings=[{"paragraph_1": [7, 17]}]), paragraphs=paragraphs)])
    assert only.answers == (Answer("$5 million", 26),) and repairs == {tatqa.SEARCHED: 1}


@pytest.mark.parametrize(("changed", "reason"), [
    ({"answer_type": "arithmetic", "answer": 3.5}, "arithmetic questions left out"), ({"answer_type": "count", "answer": "2"}, "count questions left out"),
    ({"answer_type": "multi-span", "answer": ["3%", "x"]}, "multi-span questions left out"), ({"answer": ["3%", "x"]}, "multi-span questions left out"),
    ({"answer": ["1"], "answer_from": "table", "rel_paragraphs": []}, "questions left out, answer in the table only"),
    ({"answer": ["1"], "answer_from": "table-text"}, "questions left out, answer in the table only"),
    ({"answer": ["$5 Million"]}, "questions left out, answer not word for word in a relevant paragraph"),
    ({"rel_paragraphs": ["1"]}, "questions left out, answer not word for word in a relevant paragraph"),
    ({"rel_paragraphs": ["7"]}, "questions left out, answer not word for word in a relevant paragraph"),
])
def test_other_questions_are_counted_by_reason(changed, reason, tmp_path: Path):
    found, repairs = read_tatqa(tmp_path, [excerpt(asked(uid="q0"), asked(**changed))])
    assert [question.id for question in found] == ["q0"] and repairs == {reason: 1}


@pytest.mark.parametrize(("content", "message"), [
    ({"data": []}, "bad.json: expected a list of objects, found {'data': []}"), ([3], "bad.json: expected a list of objects, found [3]"),
    ([{}], "bad.json, [0]: expected 'table' (dict), found None"), ([excerpt(table={})], "bad.json, [0].table: expected 'uid' (str)"),
    ([excerpt(table={"uid": " "})], "expected a text under 'uid', found an empty one"), ([excerpt(), excerpt()], "bad.json, [1], line 28: expected a uid of its own, found 't1' again"),
    ([excerpt(paragraphs=[{"order": "1", "text": "x"}])], "[0].paragraphs: expected 'order' (int), found '1'"),
    ([excerpt(paragraphs=[{"order": 1, "text": ""}])], "[0].paragraphs: expected a text under 'text'"),
    ([excerpt(paragraphs=[{"order": 1, "text": "x"}] * 2)], "[0]: expected paragraphs with an order of their own"),
    ([excerpt(questions=None)], "[0]: expected 'questions' (list), found None"), ([excerpt(asked(uid=7))], "[0]: expected 'uid' (str), found 7"),
    ([excerpt(asked(), asked())], "[0], line 46: expected a uid of its own, found 'q1' again (first in bad.json, [0])"),
    ([excerpt(asked(answer=[7]))], "[0], line 26, question 'q1': question: expected 'answer' (str), found 7"),
    ([excerpt(asked(answer=[""]))], "expected a text under 'answer', found an empty one"), ([excerpt(asked(answer_type=None))], "expected 'answer_type' (str)"),
    ([excerpt({k: v for k, v in asked().items() if k != "answer"})], "expected 'answer' (object), found None. Parts published without answers cannot be read"),
    ([excerpt(asked(rel_paragraphs="2"))], "expected 'rel_paragraphs' (list), found '2'"), ([excerpt(asked(rel_paragraphs=[None]))], "expected numbers under 'rel_paragraphs', found [None]"),
    ([excerpt(asked(question=" "))], "expected a text under 'question', found an empty one"),
])
def test_broken_tatqa_names_file_and_place(content, message, tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("bad.json") + ".*" + re.escape(message.removeprefix("bad.json"))):
        read_tatqa(tmp_path, content)


@pytest.mark.skipif(not Path(os.environ.get("COURSE_DATA_MIRROR") or "-", "tatqa").is_dir(), reason="COURSE_DATA_MIRROR holds no tatqa")
def test_tatqa_itself():
    path = Path(os.environ["COURSE_DATA_MIRROR"], "tatqa", "tatqa_dataset_test_gold.json")
    repairs: Counter[str] = Counter()
    found = tatqa.read_questions(path, repairs)
    assert len(found) == 390 and len({question.document for question in found}) == len({question.context for question in found}) == 214
    assert repairs == {
        "arithmetic questions left out": 699, "multi-span questions left out": 210, "count questions left out": 40,
        "questions left out, answer in the table only": 300, "questions left out, answer not word for word in a relevant paragraph": 24,
        tatqa.TRIMMED: 202, tatqa.SEARCHED: 6}
    assert 390 + 699 + 210 + 40 + 300 + 24 == 1663  # all of its questions
    relevant = tatqa.read_questions(path, context="relevant")
    assert [q.id for q in relevant] == [q.id for q in found] and all(a.answers[0].text == b.answers[0].text for a, b in zip(found, relevant, strict=True))
    assert sum(len(q.context) for q in relevant) < sum(len(q.context) for q in found) / 2
