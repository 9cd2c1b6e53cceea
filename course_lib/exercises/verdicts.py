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
    """What a check says: ``status`` is "not tried", "right" or "not yet".

    ``reason`` is printed, ``kept`` goes into the progress file: the same without texts of the learner.
    """

    id: str
    status: str
    reason: str = ""
    kept: str = ""

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
        reason, kept = (one_line(text, LONGEST_REASON).rstrip(".") for text in (str(wrong), wrong.kept))
        return Verdict(id, "not yet", reason, kept)
    except (Exception, SystemExit) as error:  # an answer of another form than the test can read
        form, kind = "the answer has another form than the exercise asks for", type(error).__name__
        return Verdict(id, "not yet", f"{form} ({one_line(f'{kind}: {error}')})", f"{form} ({one_line(kind)})")
    return Verdict(id, "right")
