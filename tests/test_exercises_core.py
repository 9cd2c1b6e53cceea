"""The core of exercises: verdicts, hints, comparing and calling whatever a learner hands in."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import course_lib.exercises as exercises
from course_lib.errors import CourseError
from course_lib.exercises import asserting, model
from course_lib.exercises.asserting import called, equal, number, refused, same, short
from course_lib.exercises.model import Exercise, ExerciseError, NotTried, NotYet, catalogue, exercise, find
from course_lib.exercises.verdicts import judge


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An own registry with one exercise, and progress in a temporary folder."""
    catalogue()
    monkeypatch.setenv("COURSE_PROGRESS_DIR", str(tmp_path))
    monkeypatch.setattr(exercises, "_asked", {})
    monkeypatch.setattr(model, "EXERCISES", dict(model.EXERCISES))

    @exercise("01.98", title="Double", minutes=3, trains="doubling", kind="warm-up", hints=("Twice.", "2 * x."))
    def test_double(answer: Any) -> None:
        for x in (1, 5, -2.5):
            same(called(answer, x, when=f"x = {x}"), 2 * x, when=f"x = {x}", tolerance=1e-9)

    yield


def test_the_three_verdicts_are_printed_and_returned_once(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [exercises.check("01.98", answer) for answer in (..., lambda x: x + x, lambda x: x * x)]
    expected = ["01.98 not tried yet", "01.98 right", "01.98 not yet, because for x = 1 it gave 1, expected 2"]
    assert [repr(v) for v in verdicts] == expected == capsys.readouterr().out.splitlines()
    assert [v.right for v in verdicts] == [False, True, False]
    verdicts[0]._ipython_display_()
    assert capsys.readouterr().out == "", "a verdict as the last line of a cell would be shown twice"


def only_a_docstring(x: float) -> float:  # type: ignore[empty-body]
    """Return twice x."""
    ...


def dots(x: float) -> Any:
    return ...


def half_done(x: float) -> Any:
    return 2 * x if x > 0 else ...


def not_implemented(x: float) -> float:
    raise NotImplementedError


@pytest.mark.parametrize("answer", [..., only_a_docstring, dots, half_done, not_implemented, [...], {"a": ..., "b": (..., ...)},
                                    lambda x: None])
def test_stubs_are_not_tried(answer: Any) -> None:
    assert judge("01.98", answer).status == "not tried"


def forgets_return(x: float) -> None:
    y = 2 * x
    y += 0


def stops(x: float) -> float:
    raise SystemExit(3)


class Nasty:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("never")


@pytest.mark.parametrize(("answer", "words"), [
    (forgets_return, "for x = 1 it gave None: is a `return` missing?"),
    (stops, "it stopped with SystemExit: 3"),
    (lambda: 3, "it stopped with TypeError"),
    (lambda x: 1 / 0, "for x = 1 it stopped with ZeroDivisionError: division by zero"),
    (3, "a function was expected, found 3 (int)"),
    (None, "a function was expected, found None (NoneType)"),
    ("2 * x", "a function was expected, found '2 * x' (str)"),
    (lambda x: Nasty(), "it gave <Nasty instance>, expected 2"),
    (lambda x: str(2 * x), "it gave '2', expected 2"),
    (lambda x: True if x == 1 else 2 * x, "it gave True, expected 2"),
    (lambda x: float("nan"), "it gave nan, expected 2"),
    (lambda x: "\x1b[31mred\nline", "red"),
])
def test_wrong_answers_become_one_clean_line(answer: Any, words: str) -> None:
    verdict = judge("01.98", answer)
    assert verdict.status == "not yet" and words in verdict.reason
    assert repr(verdict).isprintable() and len(repr(verdict)) < 500


def test_an_answer_the_test_cannot_read_is_a_verdict_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def test_odd(answer: Any) -> None:
        raise KeyError(answer)

    monkeypatch.setitem(model.EXERCISES, "01.97", Exercise("01.97", "Odd", 1, "nothing", "open", ("No.",), test_odd))
    assert "another form than the exercise asks for (KeyError: 4)" in repr(judge("01.97", 4))


def test_interrupts_are_not_swallowed() -> None:
    def interrupted(x: float) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge("01.98", interrupted)


def test_hints_come_one_by_one_and_start_again(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [repr(exercises.hint("01.98")) for _ in range(3)]
    assert texts == ["01.98 hint 1 of 2: Twice.", "01.98 hint 2 of 2: 2 * x.", "01.98 hint 1 of 2: Twice."]
    assert capsys.readouterr().out.splitlines() == texts


@pytest.mark.parametrize(("id", "near"), [("01.99", "01.98"), ("1.2", "01.2"), ("9.1", "0"), (3, "Nearest"), (None, "Nearest"), ("../x", "Nearest")])
def test_unknown_ids_name_the_nearest(id: Any, near: str) -> None:
    with pytest.raises(CourseError, match="expected an id .*, found .*Nearest: ") as caught:
        exercises.check(id, 3)
    assert near in str(caught.value).partition("Nearest")[1] + str(caught.value).partition("Nearest")[2]


@pytest.mark.parametrize("change", [{"id": "2.3"}, {"minutes": 0}, {"kind": "hard"}, {"hints": ()}, {"hints": ("a",) * 4}, {"title": ""}])
def test_a_bad_description_is_refused(change: dict[str, Any]) -> None:
    fine: dict[str, Any] = dict(id="01.97", title="A", minutes=3, trains="b", kind="open", hints=("c",), test=print)
    assert Exercise(**fine).notebook == "01"
    with pytest.raises(ExerciseError, match="expected .*, found "):
        Exercise(**fine | change)


def test_one_id_has_one_test() -> None:
    with pytest.raises(ExerciseError, match="expected one test, found a second"):

        @exercise("01.98", title="Other", minutes=3, trains="x", kind="open", hints=("a",))
        def test_other(answer: Any) -> None: ...


def test_order_is_by_number() -> None:
    assert sorted(["02.10", "02.9", "01.3"], key=model.order) == ["01.3", "02.9", "02.10"]
    assert list(catalogue()) == sorted(catalogue(), key=model.order)


EQUAL = [
    ([1, 2.0], (1, 2), 0.0), (torch.tensor([1.0, 2.0]), [1.0, 2.0], 0.0), (np.array([[1, 2]]), [[1, 2]], 0.0), (np.float32(0.5), 0.5, 0.0),
    ({"a": [1]}, {"a": (1,)}, 0.0), ({1, 2}, {2, 1}, 0.0), (float("nan"), float("nan"), 0.0), (0.1 + 0.2, 0.3, 1e-9), ("a", "a", 0.0),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]}), 0.0), (float("inf"), float("inf"), 1.0), (None, None, 0.0),
]
DIFFERENT = [
    ([1, 2], [1, 2, 3], 9.0), (torch.tensor([1.0]), torch.tensor([[1.0]]), 9.0), (1, True, 9.0), ("1", 1, 9.0), ("ab", ["a", "b"], 0.0),
    ({"a": 1}, {"a": 1, "b": 2}, 0.0), (0.3, 0.30001, 1e-9), (float("nan"), 0.0, 9.0), (float("inf"), 1.0, 9.0), (None, 0, 9.0), (Nasty(), 1, 9.0),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), 0.0), (pd.DataFrame({"a": [1]}), [[1]], 0.0), ({1}, [1], 0.0),
]


@pytest.mark.parametrize(("found", "expected", "tolerance"), EQUAL)
def test_equal(found: Any, expected: Any, tolerance: float) -> None:
    assert equal(found, expected, tolerance)
    same(found, expected, when="this", tolerance=tolerance)


@pytest.mark.parametrize(("found", "expected", "tolerance"), DIFFERENT)
def test_different(found: Any, expected: Any, tolerance: float) -> None:
    assert not equal(found, expected, tolerance)
    with pytest.raises(NotYet, match="for this it gave .*, expected "):
        same(found, expected, when="this", tolerance=tolerance)


def test_a_message_never_says_gave_a_expected_a() -> None:
    for found, expected in ((0.30000001, 0.3), ("1", "1 "), (torch.ones(5, 5), torch.ones(5, 5) + 1e-7), ([1] * 99 + [2], [1] * 100)):
        with pytest.raises(NotYet) as caught:
            same(found, expected, when="x")
        gave, _, wanted = str(caught.value).partition("it gave ")[2].partition(", expected ")
        assert gave != wanted


@pytest.mark.parametrize(("value", "text"), [
    (0.1 + 0.2, "0.3"), ([1.23456789, "a"], "[1.23457, 'a']"), (torch.tensor([1.0, 2.0]), "[1, 2]"), (torch.tensor(0.5), "0.5"),
    (np.arange(3), "[0, 1, 2]"), (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "a table of 2 rows with the columns ['a', 'b']"),
    (torch.zeros(20, 3), "values of shape (20, 3), beginning with [0, 0, 0, 0]"), (only_a_docstring, "the function only_a_docstring"),
    (Nasty(), "<Nasty instance>"), (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
])
def test_short(value: Any, text: str) -> None:
    assert short(value) == text


def test_short_survives_anything() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (loop, "x" * 10**6, "a\x00\x1b[2Jb\u202ec", {i: i for i in range(10**4)}, [[[[[[[[[1]]]]]]]]]):
        text = short(value)
        assert len(text) <= asserting.LONGEST and text.isprintable()


def test_numbers() -> None:
    assert number(torch.tensor([2.5]), when="x") == 2.5 and number(np.int64(3), when="x") == 3
    itself: list[Any] = []
    itself.append(itself)
    for bad in ("3", None, float("inf"), [1, 2], torch.zeros(2), complex(1, 1), itself):
        with pytest.raises(NotYet, match="for x a finite number was expected, it gave "):
            number(bad, when="x")
    with pytest.raises(NotYet, match=r"for x a number was expected, it gave True \(1.0 for yes"):
        number(torch.tensor(True), when="x")


def test_refused() -> None:
    def raises(_: Any) -> None:
        raise ValueError("unknown name 'epoch'")

    assert refused(raises, 1, when="x") == "ValueError: unknown name 'epoch'"
    with pytest.raises(NotYet, match="for x it should raise an error, it gave 1"):
        refused(lambda x: x, 1, when="x")
    for stub in (only_a_docstring, dots, not_implemented, ...):
        with pytest.raises(NotTried):
            refused(stub, 1, when="x")


def test_the_catalogue_is_read_without_torch() -> None:
    code = ("import sys; from course_lib.exercises.model import catalogue; n = len(catalogue()); "
            "print(n, [m for m in ('torch', 'transformers', 'pandas', 'numpy') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    number_of, _, modules = done.stdout.strip().partition(" ")
    assert int(number_of) >= 24 and modules == "[]"


def test_find_loads_one_notebook_only() -> None:
    assert find("01.1").title and find("01.98").kind == "warm-up"


def test_a_warning_of_the_answer_does_not_clutter_the_verdict(recwarn: pytest.WarningsRecorder) -> None:
    def answer(labels: list[int]) -> float:
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        return float(sum(labels))

    assert judge("01.1", answer).status == "not yet" and not recwarn.list
