"""Judging one answer: not tried yet, right, or not yet with a reason."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from course_lib.exercises.asserting import one_line, tried
from course_lib.exercises.model import NotTried, NotYet, find

LONGEST_REASON = 400


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check says: ``status`` is "not tried", "right" or "not yet"."""

    id: str
    status: str
    reason: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.status == "right"

    def __repr__(self) -> str:
        """Return the sentence that is printed."""
        said = {"not tried": "not tried yet", "right": "right"}
        return f"{self.id} {said.get(self.status) or 'not yet, because ' + self.reason}"

    def _ipython_display_(self) -> None:
        """Show nothing below a cell: ``check`` and ``hint`` have printed the text."""


def judge(id: str, answer: Any) -> Verdict:
    """Judge an answer without printing and without keeping progress."""
    exercise = find(id)
    try:
        tried(answer)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exercise.test(answer)
    except NotTried:
        return Verdict(id, "not tried")
    except NotYet as wrong:
        return Verdict(id, "not yet", one_line(str(wrong), LONGEST_REASON).rstrip("."))
    except Exception as error:  # an answer of another form than the test can read
        found = one_line(f"{type(error).__name__}: {error}")
        return Verdict(id, "not yet", f"the answer has another form than the exercise asks for ({found})")
    return Verdict(id, "right")
