"""Questions in the layout of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from course_lib.data.records import Answer, Question
from course_lib.errors import DataError
from course_lib.files import write_json


def read_questions(path: Path) -> list[Question]:
    """Read questions; every answer must stand at its offset."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: expected JSON in SQuAD layout, found {error}. Repair or replace the file.") from error
    questions: list[Question] = []
    seen: set[str] = set()
    for number, article in enumerate(_items(content, "data", path.name)):
        where = f"{path.name}, data[{number}]"
        title = str(article.get("title", ""))
        document = str(article.get("id", title))
        for paragraph in _items(article, "paragraphs", where):
            context = paragraph.get("context")
            if not isinstance(context, str):
                raise DataError(f"{where}: expected a text under 'context', found {context!r}. Add the passage.")
            for item in _items(paragraph, "qas", where):
                question = _question(item, context, document, title, str(article.get("genre", "")), where)
                if question.id in seen:
                    raise DataError(f"{where}: expected an id of its own, found {question.id!r} again. Rename one of them.")
                seen.add(question.id)
                questions.append(question)
    return questions


def _items(holder: Any, key: str, where: str) -> list[dict[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataError(f"{where}: expected a list of objects under {key!r}, found {str(value)[:60]!r}. See SQuAD's layout.")
    return value


def _question(item: dict[str, Any], context: str, document: str, title: str, kind: str, where: str) -> Question:
    name, text = item.get("id"), item.get("question")
    if not isinstance(name, str) or not isinstance(text, str):
        raise DataError(f"{where}: expected an id and a question (both texts), found {str(item)[:80]!r}. Add them.")
    answers = []
    for answer in [] if item.get("is_impossible") is True else _items(item, "answers", f"{where}, question {name!r}"):
        if not isinstance(answer.get("text"), str) or type(answer.get("answer_start")) is not int:
            raise DataError(f"{where}, question {name!r}: expected text and answer_start, found {answer!r}. Correct it.")
        answers.append(Answer(answer["text"], answer["answer_start"]))
    if not answers and item.get("is_impossible") is False:
        raise DataError(
            f"{where}, question {name!r}: expected an answer (is_impossible is false), found none. "
            "Add one or set is_impossible."
        )
    try:
        return Question(name, text, context, tuple(answers), document=document, title=title, kind=kind,
                        silver=item.get("silver") is True)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


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
