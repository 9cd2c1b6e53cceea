"""Questions in the layout of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from course_lib.data.formats.lines import line_of, read_json, shown
from course_lib.data.records import Answer, Question
from course_lib.errors import DataError
from course_lib.files import write_json

DROPPED = "answers of questions marked impossible, left out"


def read_questions(path: Path, repairs: Counter[str] | None = None) -> list[Question]:
    """Read questions; every answer must stand at its offset.

    ``document`` is an article's id, else its title, else its place in the file.
    """
    repairs = Counter() if repairs is None else repairs
    questions: dict[str, Question] = {}
    for item, given, place in _places(path):
        name = item.get("id")
        if not isinstance(name, str) or not isinstance(item.get("question"), str):
            raise DataError(f"{path.name}, {place}: expected an id and a question (both texts), found {shown(item)}. Add them.")
        if name in questions:
            raise DataError(f"{path.name}, {place}{line_of(path, 'id', name, 2)}: expected an id of its own, "
                            f"found {shown(name)} again. Rename one of them.")
        try:
            answers = _answers(item, repairs)
            questions[name] = Question(name, item["question"], given["context"], answers, given["document"], given["title"],
                                       given["kind"], item.get("silver") is True)
        except DataError as error:
            raise DataError(f"{path.name}, {place}{line_of(path, 'id', name)}: {error}") from error
    return list(questions.values())


def _places(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, str], str]]:
    """Yield each question's object, what it shares with its neighbours, and its place in the file."""
    for number, article in enumerate(_items(read_json(path, "SQuAD"), "data", path.name)):
        where = f"data[{number}]"
        title = _text(article, "title", f"{path.name}, {where}")
        unnamed = "" if "title" in article else f"{path.stem}-{number + 1}"
        shared = {"title": title, "kind": _text(article, "genre", f"{path.name}, {where}"),
                  "document": _text(article, "id", f"{path.name}, {where}") if "id" in article else title or unnamed}
        for index, paragraph in enumerate(_items(article, "paragraphs", f"{path.name}, {where}")):
            place = f"{where}.paragraphs[{index}]"
            context = paragraph.get("context")
            if not isinstance(context, str) or not context.strip():
                raise DataError(f"{path.name}, {place}: expected a text under 'context', found {shown(context)}. "
                                "Add the passage.")
            for item in _items(paragraph, "qas", f"{path.name}, {place}"):
                yield item, shared | {"context": context}, place


def _items(holder: Any, key: str, where: str) -> list[dict[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataError(f"{where}: expected a list of objects under {key!r}, found {shown(value)}. See SQuAD's layout.")
    return value


def _text(holder: dict[str, Any], key: str, where: str) -> str:
    value = holder.get(key, "")
    if not isinstance(value, str):
        raise DataError(f"{where}: expected a text under {key!r}, found {shown(value)}. Put it in quotes, or leave it out.")
    return value


def _answers(item: dict[str, Any], repairs: Counter[str]) -> tuple[Answer, ...]:
    where, impossible = f"question {shown(item['id'])}", item.get("is_impossible")
    if impossible is not None and not isinstance(impossible, bool):
        raise DataError(f"{where}: expected true or false under 'is_impossible', found {shown(impossible)}. Correct it.")
    if impossible and not item.get("answers"):  # SQuAD 2.0 may leave them out
        return ()
    rows = _items(item, "answers", where)
    for row in rows:
        if not isinstance(row.get("text"), str) or type(row.get("answer_start")) is not int:
            raise DataError(f"{where}: expected text and answer_start, found {shown(row)}. Correct it.")
    if impossible:
        repairs[DROPPED] += len(rows)
        return ()
    if not rows and impossible is False:
        raise DataError(f"{where}: expected an answer (is_impossible is false), found none. Add one or set is_impossible.")
    return tuple(Answer(row["text"], row["answer_start"]) for row in rows)


def write_questions(path: Path, questions: Iterable[Question]) -> Path:
    """Write questions in SQuAD 2.0 layout; neighbours with one passage share a paragraph."""
    data: list[dict[str, Any]] = []
    for (document, title, kind), group in groupby(questions, key=lambda q: (q.document, q.title, q.kind)):
        paragraphs = [
            {"context": context, "qas": [_row(question) for question in own]}
            for context, own in groupby(group, key=lambda q: q.context)
        ]
        data.append({"id": document, "title": title, "genre": kind, "paragraphs": paragraphs})
    return write_json(path, {"version": "v2.0", "data": data})


def _row(question: Question) -> dict[str, Any]:
    return ({"silver": True} if question.silver else {}) | {
        "id": question.id,
        "question": question.question,
        "is_impossible": not question.is_answerable,
        "answers": [{"text": a.text, "answer_start": a.start} for a in question.answers],
    }
