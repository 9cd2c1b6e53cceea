"""What is done: rows for ``course progress``, and a small panel for notebook 00."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from course_lib.exercises.hand_ins import Entry, Room
from course_lib.exercises.model import Exercise, catalogue

SIGNS = {"done": "●", "tried": "◐", "not tried": "○"}
"""Told apart by shape; the word stands beside each."""


@dataclass(frozen=True)
class Standing:
    """The exercises of one notebook with the status of each: "done", "tried" or "not tried"."""

    notebook: str
    exercises: tuple[tuple[Exercise, str], ...]

    def count(self, status: str) -> int:
        """Return how many exercises have a status."""
        return sum(found == status for _, found in self.exercises)

    @property
    def minutes_left(self) -> int:
        """Return the minutes of the exercises that are not done."""
        return sum(exercise.minutes for exercise, status in self.exercises if status != "done")


def standings(entries: dict[str, Entry]) -> list[Standing]:
    """Return where a learner stands, by notebook; entries of exercises that do not exist are left out."""
    found: dict[str, list[tuple[Exercise, str]]] = {}
    for id, exercise in catalogue().items():
        found.setdefault(exercise.notebook, []).append((exercise, entries[id].status if id in entries else "not tried"))
    return [Standing(notebook, tuple(rows)) for notebook, rows in found.items()]


@dataclass(frozen=True, repr=False)
class Panel:
    """Progress by notebook; HTML in a notebook, plain text elsewhere."""

    rows: tuple[Standing, ...]

    def __repr__(self) -> str:
        """Return the plain text."""
        return "\n".join(plain_lines(list(self.rows)))

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:left;padding:2px 10px">'
        head = "".join(f'<th scope="col" style="text-align:left;padding:2px 10px">{name}</th>'
                       for name in ("notebook", "done", "exercises", "minutes left"))
        body = "".join(
            f'<tr><th scope="row" style="text-align:left;padding:2px 10px">{row.notebook}</th>'
            f"{cell}{row.count('done')} of {len(row.exercises)}</td>{cell}{self._signs(row)}</td>"
            f"{cell}{row.minutes_left}</td></tr>"
            for row in self.rows
        )
        legend = ", ".join(f"{sign} {status}" for status, sign in SIGNS.items())
        return f"<table><caption>Exercises: {legend}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    @staticmethod
    def _signs(row: Standing) -> str:
        return " ".join(
            f'<span title="{escape(f"{exercise.id} {exercise.title}: {status}", quote=True)}" style="white-space:nowrap">'
            f"{SIGNS[status]}&nbsp;{exercise.id}</span>" for exercise, status in row.exercises
        )


def plain_lines(rows: list[Standing]) -> list[str]:
    """Return the table by notebook as lines of plain text."""
    lines = [f"{'notebook':10}{'done':>6}{'tried':>7}{'not tried':>11}{'minutes left':>14}"]
    lines += [f"{row.notebook:10}{row.count('done'):6}{row.count('tried'):7}{row.count('not tried'):11}{row.minutes_left:14}"
              for row in rows]
    done, all_ = sum(row.count("done") for row in rows), sum(len(row.exercises) for row in rows)
    return [*lines, f"{done} of {all_} exercises done, about {sum(row.minutes_left for row in rows)} minutes left"]


def halfway(room: Room, exercises: Iterable[str]) -> str:
    """Say which exercise half of a room have reached: have tried, or have tried a later one."""
    place = {id: number for number, id in enumerate(exercises)}
    furthest = sorted((max((place[id] for id in own if id in place), default=-1) for own in room.learners.values()), reverse=True)
    if not furthest or furthest[0] < 0:
        return "Nobody has begun."
    middle = furthest[(len(furthest) - 1) // 2]
    return "Fewer than half of them have begun." if middle < 0 else f"Half of them have reached {list(place)[middle]}."


def short_names(files: list[str]) -> dict[str, str]:
    """Return who handed in each file, as far as its name says: "anna" for anna/progress.json and progress-anna.json."""
    short = {name: re.sub(r"(^|/)progress[-_ ]*", r"\1", name.removesuffix(".json")).strip("/") or name for name in files}
    twice = Counter(short.values())
    return {name: text if twice[text] == 1 else name for name, text in short.items()}


def panel() -> Any:
    """Return the panel of this machine's progress file; one that cannot be read is reported, and stops no notebook."""
    from course_lib.errors import CourseError
    from course_lib.exercises import store

    try:
        entries = store.read()
    except CourseError as error:
        print(f"(progress not shown: {error})")
        entries = {}
    return Panel(tuple(standings(entries)))
