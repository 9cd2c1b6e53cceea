"""What an exercise is, and the list of all of them.

The catalogue (titles, minutes, hints) is readable without torch: the modules
``checks_NN`` import heavy libraries inside their test functions only.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.errors import CourseError

NOTEBOOKS = ("00", "01", "02", "03")
KINDS = {"warm-up": "warm-up", "practice": "practice", "mend": "mend this", "open": "open-ended"}
"""Kind -> the words learners see."""


class NotYet(Exception):
    """Raised by a test for a wrong answer; its text completes "not yet, because ...".

    ``kept`` is what the progress file keeps of it, and no free text of a learner
    may stand there: give it wherever the reason quotes a text, or an error, of theirs.
    """

    def __init__(self, reason: str, kept: str | None = None) -> None:
        """Keep the whole reason if ``kept`` is not given."""
        super().__init__(reason)
        self.kept = reason if kept is None else kept


class NotTried(Exception):
    """Raised where an answer is still the stub: ``...``, an empty body, ``NotImplementedError``."""


class ExerciseError(CourseError):
    """An exercise was asked for, or is described, in a way that makes no sense."""


@dataclass(frozen=True)
class Exercise:
    """One exercise. ``id`` is never renumbered; ``test`` returns for a right answer and raises otherwise."""

    id: str
    title: str
    minutes: int
    trains: str
    kind: str
    hints: tuple[str, ...]
    test: Callable[[Any], None]

    def __post_init__(self) -> None:
        """Refuse a description that a learner could not read."""
        faults = [
            (re.fullmatch(r"\d\d\.\d{1,2}", self.id), "an id like '02.3'", self.id),
            (self.title and self.trains, "a title and what is trained", (self.title, self.trains)),
            (1 <= self.minutes <= 120, "1 to 120 minutes", self.minutes),
            (self.kind in KINDS, f"a kind of {', '.join(KINDS)}", self.kind),
            (isinstance(self.hints, tuple) and 1 <= len(self.hints) <= 3, "a tuple of one to three hints", self.hints),
        ]
        for fine, expected, found in faults:
            if not fine:
                raise ExerciseError(f"exercise {self.id!r}: expected {expected}, found {found!r}. Correct its @exercise line.")

    @property
    def notebook(self) -> str:
        """The two digits of its notebook."""
        return self.id[:2]


EXERCISES: dict[str, Exercise] = {}
"""Id -> exercise, filled by ``@exercise`` when a module of checks is imported; see ``catalogue``."""


def exercise(
    id: str, *, title: str, minutes: int, trains: str, kind: str, hints: tuple[str, ...]
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a function ``test(answer) -> None`` as the test of exercise ``id``.

    >>> @exercise("02.3", title="Count", minutes=3, trains="counting", kind="warm-up", hints=("Use len.",))
    ... def test_count(answer): ...
    """

    def register(test: Callable[[Any], None]) -> Callable[[Any], None]:
        if id in EXERCISES and EXERCISES[id].test.__module__ != test.__module__ or (
            id in EXERCISES and EXERCISES[id].test.__qualname__ != test.__qualname__
        ):
            raise ExerciseError(f"exercise {id!r}: expected one test, found a second, {test.__qualname__}. Give it a free id.")
        EXERCISES[id] = Exercise(id, title, minutes, trains, kind, tuple(hints), test)
        return test

    return register


def catalogue() -> dict[str, Exercise]:
    """Return all exercises by id, in the order of their ids; imports no torch."""
    for number in NOTEBOOKS:
        load(number)
    return dict(sorted(EXERCISES.items(), key=lambda item: order(item[0])))


def order(id: str) -> tuple[int, int]:
    """Return a sort key, so that 02.10 comes after 02.9."""
    notebook, _, number = id.partition(".")
    return int(notebook), int(number)


def load(notebook: str) -> None:
    """Import the checks of one notebook, for example ``"02"``."""
    importlib.import_module(f"course_lib.exercises.checks_{notebook}")


def find(id: object) -> Exercise:
    """Return one exercise, loading only the checks of its notebook, or raise with the nearest ids."""
    text = id if isinstance(id, str) else ""
    if text[:2] in NOTEBOOKS:
        load(text[:2])
        if text in EXERCISES:
            return EXERCISES[text]
    raise ExerciseError(_unknown(id))


def _unknown(id: object) -> str:
    import difflib

    ids = list(catalogue())
    shown = repr(id)[:40]
    near = difflib.get_close_matches(shown.strip("'\""), ids, n=3, cutoff=0.5) or ids[:3]
    return (f"exercise: expected an id as it stands in the first line of the exercise cell, found {shown}. "
            f"Nearest: {', '.join(near)}. Type: course progress (it lists all).")
