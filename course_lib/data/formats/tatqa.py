"""TAT-QA (Zhu et al. 2021): excerpts of financial reports, each a table, paragraphs and questions.

Only questions whose one answer is a stretch of a paragraph can be answered by
marking text. All others are left out and counted, by reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data.formats.lines import line_of, read_json, shown
from course_lib.data.records import Answer, Question
from course_lib.errors import DataError, one_of

CONTEXTS = ("all", "relevant")
TRIMMED = "answer's place given with white space around it, trimmed"
SEARCHED = "answer's place not given or wrong, first place in the relevant paragraph taken"


@dataclass(frozen=True)
class Place:
    """Where an answer stands: a paragraph's number, a character offset in it, and the repair this took, if any."""

    paragraph: str
    start: int
    repair: str = ""


def read_questions(path: Path, repairs: Counter[str] | None = None, context: str = "all") -> list[Question]:
    """Read the questions whose single answer stands in a paragraph marked as relevant.

    ``context="all"``: the passage is every paragraph of the excerpt, in order,
    joined by line ends. ``"relevant"``: only the paragraphs marked as relevant
    to the question: an easier task, for the mark gives away where to look.
    The document of a question is its table's uid: one for each excerpt.
    """
    if context not in CONTEXTS:
        raise DataError(one_of("context", context, list(CONTEXTS)))
    repairs = Counter() if repairs is None else repairs
    content = read_json(path, "TAT-QA")
    questions: list[Question] = []
    seen: dict[str, str] = {}
    for number, excerpt in enumerate(_objects(content, path.name)):
        where = f"{path.name}, [{number}]"
        document = _text(_field(excerpt, "table", dict, where), "uid", f"{where}.table")
        _check_new(path, document, where, seen)
        paragraphs = _paragraphs(excerpt, where)
        for item in _objects(_field(excerpt, "questions", list, where), where):
            name = _text(item, "uid", where)
            _check_new(path, name, where, seen)
            try:
                question = _question(item, name, paragraphs, document, context, repairs)
            except DataError as error:
                raise DataError(f"{where}{line_of(path, 'uid', name)}, question {name!r}: {error}") from error
            questions += [question] if question else []
    return questions


def _question(
    item: dict[str, Any], name: str, paragraphs: dict[str, str], document: str, context: str, repairs: Counter[str]
) -> Question | None:
    kind = _text(item, "answer_type", "question")
    answer = _field(item, "answer", object, "question")
    if kind != "span" or not isinstance(answer, list) or len(answer) != 1:
        repairs[f"{'multi-span' if kind == 'span' else kind} questions left out"] += 1
        return None
    numbers = _field(item, "rel_paragraphs", list, "question")
    if not all(isinstance(number, (str, int)) for number in numbers):
        raise DataError(f"question: expected numbers under 'rel_paragraphs', found {shown(numbers)}. Correct them.")
    relevant = [number for number in map(str, numbers) if number in paragraphs]
    place = _find(_text({"answer": answer[0]}, "answer", "question"), relevant, item.get("mappings"), paragraphs)
    if place is None:
        in_text = item.get("answer_from") == "text"
        repairs["questions left out, answer not word for word in a relevant paragraph" if in_text else
                "questions left out, answer in the table only"] += 1
        return None
    repairs.update([place.repair] if place.repair else [])
    shown_paragraphs = [number for number in paragraphs if context == "all" or number in relevant]
    before = shown_paragraphs[: shown_paragraphs.index(place.paragraph)]
    start = sum(len(paragraphs[number]) + 1 for number in before) + place.start
    passage = "\n".join(paragraphs[number] for number in shown_paragraphs)
    return Question(name, _text(item, "question", "question"), passage, (Answer(answer[0], start),), document=document)


def _find(answer: str, relevant: list[str], mappings: Any, paragraphs: dict[str, str]) -> Place | None:
    """Find where an answer stands: as mapped, else at its first place in a relevant paragraph."""
    candidates = [number for number in relevant if answer in paragraphs[number]]
    if not candidates:
        return None
    for row in mappings if isinstance(mappings, list) else []:
        for key, edges in row.items() if isinstance(row, dict) else ():
            number = key.removeprefix("paragraph_")
            if number in candidates and isinstance(edges, list) and len(edges) == 2 and all(type(e) is int for e in edges):
                start, end = (max(edge, 0) for edge in edges)
                stretch = paragraphs[number][start:end]
                if stretch.strip() == answer.strip() and answer in stretch:
                    return Place(number, start + stretch.index(answer), "" if stretch == answer else TRIMMED)
    return Place(candidates[0], paragraphs[candidates[0]].index(answer), SEARCHED)


def _paragraphs(excerpt: dict[str, Any], where: str) -> dict[str, str]:
    """Return the paragraphs of an excerpt by their number, in order."""
    rows = _objects(_field(excerpt, "paragraphs", list, where), where)
    numbered = {_field(row, "order", int, f"{where}.paragraphs"): _text(row, "text", f"{where}.paragraphs") for row in rows}
    if len(numbered) != len(rows):
        raise DataError(f"{where}: expected paragraphs with an order of their own, found one twice. Number them 1, 2, 3.")
    return {str(order): numbered[order] for order in sorted(numbered)}


def _check_new(path: Path, name: str, where: str, seen: dict[str, str]) -> None:
    if name in seen:
        raise DataError(f"{where}{line_of(path, 'uid', name, 2)}: expected a uid of its own, found {shown(name)} again "
                        f"(first in {seen[name]}). Rename one of them.")
    seen[name] = where


def _objects(rows: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{where}: expected a list of objects, found {shown(rows)}. See TAT-QA's layout.")
    return rows


def _field(holder: dict[str, Any], key: str, kind: type, where: str) -> Any:
    if key not in holder or not isinstance(holder[key], kind):
        raise DataError(f"{where}: expected {key!r} ({kind.__name__}), found {shown(holder.get(key))}. "
                        "Parts published without answers cannot be read; see TAT-QA's layout.")
    return holder[key]


def _text(holder: dict[str, Any], key: str, where: str) -> str:
    value = _field(holder, key, str, where)
    if not value.strip():
        raise DataError(f"{where}: expected a text under {key!r}, found an empty one. Fill it.")
    return value
