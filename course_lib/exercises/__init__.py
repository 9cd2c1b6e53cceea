"""Exercises that check themselves: ``check("02.3", answer)``, ``hint("02.3")``, ``panel()``.

Tests live here and not in notebooks; a check reads only the answer it is
given, so cells may be edited, deleted and reordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.exercises.model import ExerciseError, find
from course_lib.exercises.verdicts import Verdict, judge

__all__ = ["Verdict", "check", "hand_in", "hint", "panel"]

_asked: dict[str, int] = {}


def check(id: str, answer: Any = ...) -> Verdict:
    """Judge an answer, print the verdict, and note it in the progress file of this machine.

    ``id`` stands in the first line of the exercise cell; ``answer`` is what the
    exercise asks for, mostly a function of yours. Unknown ids raise ``CourseError``.
    """
    verdict = judge(id, answer)
    print(verdict)
    _note(verdict, answer)
    return verdict


def _note(verdict: Verdict, answer: Any) -> None:
    from course_lib.errors import CourseError
    from course_lib.exercises import store

    try:
        store.note(verdict, answer)
    except CourseError as error:
        print(f"(progress not kept: {error})")


@dataclass(frozen=True, repr=False)
class Hint:
    """One hint, as it was printed."""

    text: str

    def __repr__(self) -> str:
        """Return the text."""
        return self.text

    def _ipython_display_(self) -> None:
        """Show nothing below a cell: the text has been printed."""


def hint(id: str) -> Hint:
    """Print the next hint to an exercise; after the last one, the first again."""
    exercise = find(id)
    number = _asked.get(id, 0) % len(exercise.hints)
    _asked[id] = number + 1
    shown = Hint(f"{id} hint {number + 1} of {len(exercise.hints)}: {exercise.hints[number]}")
    print(shown)
    return shown


def panel() -> Any:
    """Return the table of progress for a notebook: HTML, and plain text where there is none."""
    from course_lib.exercises import standings

    return standings.panel()


def hand_in(name: str, to: Path | str = ".") -> None:
    """Write a copy of your progress to ``progress-NAME.json`` in this folder, or in ``to``, and print where it is."""
    from course_lib.exercises import hand_ins, store

    if not isinstance(name, str):
        raise ExerciseError(f"hand-in: expected a name in quotes, found {name!r}. Type: hand_in(\"anna\")")
    path, replaced = hand_ins.write(store.read(), name, Path(to))
    print(f"{path}\nGive this file to your instructor. It holds no code of yours: only which exercises you tried, how often,\n"
          "and what the checks said of the values that your functions gave.")
    if replaced == "yours":
        print("It replaces an earlier one of yours.")
    elif replaced:
        print("It replaced a file of other progress. If somebody shares your name: both hand in again, with longer names.")
