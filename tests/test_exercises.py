"""Every exercise: stubs run and are not right, solutions and right answers are, wrong answers are told why."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import exercise_cells
import pytest
from exercise_cells import NOTEBOOKS, STUBS, Checked

from course_lib.exercises.model import KINDS, Exercise, catalogue
from course_lib.exercises.model import NOTEBOOKS as NUMBERS
from course_lib.exercises.verdicts import judge

ALL = catalogue()
IDS = list(ALL)
DATA = {"02.8"}
"""Exercises whose answer is data and not a function; see ``test_simple_answers_fail``."""


def answers(kind: str, notebook: str) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = getattr(importlib.import_module(f"exercise_answers.{kind}_{notebook}"), kind.upper())
    return table


def constant(value: Any) -> Callable[..., Any]:
    def give(*_: Any, **__: Any) -> Any:
        return value

    return give


@lru_cache(maxsize=1)
def stubs() -> dict[str, tuple[str, list[Any], int]]:
    found = exercise_cells.stub_cells()
    table = {id: (name, own, i) for id, name, own, i in found}
    assert len(table) == len(found), "an id stands in two cells"
    return table


@cache
def stub_run(id: str) -> list[Checked]:
    name, own, i = stubs()[id]
    return exercise_cells.run([own[i].source], f"{name} stub {id}")


def of_notebook(number: str) -> list[Exercise]:
    return [exercise for exercise in ALL.values() if exercise.notebook == number]


def test_there_are_enough_exercises_of_every_kind() -> None:
    assert len(ALL) >= 24
    for number in NUMBERS:
        own = of_notebook(number)
        assert len(own) >= 6 and sum(e.kind == "mend" for e in own) >= 2, number
        assert own[-1].kind == "open" and [e.id for e in own] == [f"{number}.{i}" for i in range(1, len(own) + 1)]


def test_every_exercise_has_one_stub_in_its_notebook_and_the_same_heading() -> None:
    assert sorted(stubs()) == sorted(ALL)
    for id, (name, own, i) in stubs().items():
        exercise = ALL[id]
        heading = f"### Exercise {id} · {exercise.title} ({exercise.minutes} minutes, {KINDS[exercise.kind]})"
        text = "\n".join(cell.source for cell in own[max(0, i - 2) : i] if cell.cell_type == "markdown")
        assert heading in text.splitlines(), f"{name}: expected the line {heading!r} above the stub"
        assert name.startswith(id[:2]) and "exercise" in own[i].metadata.get("tags", []), id


def test_exercises_stand_at_the_end_and_some_in_the_text() -> None:
    for number in NUMBERS:
        own = [(i, len(cells)) for id, (_, cells, i) in stubs().items() if id.startswith(number)]
        cells = next(cells for id, (_, cells, _) in stubs().items() if id.startswith(number))
        end = next(k for k, cell in enumerate(cells) if "## Exercises" in cell.source.splitlines())
        assert 4 <= sum(i > end for i, _ in own) <= 6 and 1 <= sum(i < end for i, _ in own) <= 3, number
        kinds = [ALL[id].kind for id, (_, _, i) in sorted(stubs().items(), key=lambda item: item[1][2]) if id.startswith(number) and i > end]
        assert kinds[0] == "warm-up" and kinds[-1] == "open", f"{number} ends with {kinds}"


@pytest.mark.parametrize("id", IDS)
def test_stub_runs_alone_and_is_not_right(id: str) -> None:
    checked = [one for one in stub_run(id) if one.id == id]
    assert checked, f"the stub cell of {id} does not call check({id!r}, ...)"
    mends = ALL[id].kind == "mend"
    assert all(one.verdict.status in (("not yet",) if mends else ("not tried", "not yet")) for one in checked), checked


def test_untouched_stubs_are_known_by_their_marks() -> None:
    marks = {id: exercise_cells.mark_of(one.answer) for id in IDS for one in stub_run(id) if one.verdict.status != "not tried"}
    assert json.loads(STUBS.read_text(encoding="utf-8")) == marks, "type: python tests/exercise_cells.py"


@pytest.mark.parametrize("number", NUMBERS)
def test_solutions_are_right(number: str) -> None:
    (path,) = (NOTEBOOKS / "solutions").glob(f"{number}_*.ipynb")
    own = exercise_cells.cells(path)
    for exercise in of_notebook(number):
        (first,) = (i for i, cell in enumerate(own) if cell.source.startswith(f"# solution {exercise.id}\n"))
        assert re.search(rf"^#+ .*\b{re.escape(exercise.id)}\b", own[first - 1].source, re.M), f"no heading above {exercise.id}"
    checked = exercise_cells.run([cell.source for cell in own if cell.cell_type == "code"], path.stem)
    last = {one.id: one.verdict for one in checked}
    assert sorted(last) == sorted(e.id for e in of_notebook(number))
    assert [repr(verdict) for verdict in last.values() if not verdict.right] == []


@pytest.mark.parametrize("number", NUMBERS)
def test_right_answers_are_accepted(number: str) -> None:
    table = answers("right", number)
    assert sorted(table) == sorted(e.id for e in of_notebook(number)) and all(table.values())
    assert [repr(judge(id, answer)) for id, some in table.items() for answer in some if not judge(id, answer).right] == []


def wrong_answers() -> Iterator[Any]:
    for number in NUMBERS:
        for id, some in answers("wrong", number).items():
            for i, (answer, words) in enumerate(some):
                yield pytest.param(id, answer, words, id=f"{id}-{getattr(answer, '__name__', '')}-{i}")


@pytest.mark.parametrize(("id", "answer", "words"), list(wrong_answers()))
def test_wrong_answers_are_told_why(id: str, answer: Any, words: str) -> None:
    verdict = judge(id, answer)
    assert verdict.status == "not yet", f"a wrong answer was taken for {verdict}"
    assert words and words in repr(verdict)


def test_every_exercise_has_at_least_two_wrong_answers() -> None:
    for number in NUMBERS:
        table = answers("wrong", number)
        assert {e.id: len(table.get(e.id, [])) >= 2 for e in of_notebook(number)} == {e.id: True for e in of_notebook(number)}


SIMPLE = {"0": constant(0), "0.5": constant(0.5), "1": constant(1), "True": constant(True), "False": constant(False),
          "empty text": constant(""), "empty list": constant([]), "empty table": constant({}), "None": constant(None),
          "identity": lambda *given: given[0] if given else None, "last": lambda *given: given[-1] if given else None}


@pytest.mark.parametrize("id", IDS)
def test_simple_answers_fail(id: str) -> None:
    """Constants and the identity, as functions and as bare values."""
    bare = [0, 1.5, True, "", "text", [], {}, (), None, [1, 2], {"a": 1}, object()]
    right = [name for name, answer in SIMPLE.items() if judge(id, answer).right]
    right += [repr(value) for value in bare if judge(id, value).right]
    assert right == []


@pytest.mark.parametrize("id", IDS)
def test_an_answer_that_fails_is_named_not_raised(id: str) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("three divided by nothing")

    verdict = judge(id, broken)
    assert verdict.status == "not yet" and ("ZeroDivisionError: three divided by nothing" in verdict.reason or id in DATA)
    assert judge(id, ...).status == "not tried"
