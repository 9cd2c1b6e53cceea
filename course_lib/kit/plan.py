"""A workshop of a given length from measured minutes: what fits, and at what time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.errors import ConfigError
from course_lib.kit.minutes import Minutes, Task

STEP = 5
"""Everything begins at a multiple of so many minutes."""
RESERVE = 0.1
"""Share of the time for questions and for what goes wrong."""
BREAK, LUNCH, MOST = 15, 60, 105
"""Minutes of a break, of lunch, and the most without either (a single longer part stands alone)."""
NOON = 12 * 60
PRIORITY = {"warm-up": 0, "mend": 1, "practice": 2, "open": 3}


@dataclass(frozen=True)
class Day:
    """One day of a workshop; times in minutes after midnight. ``extra`` are (minutes, what) of its own."""

    begin: int
    end: int
    notebooks: tuple[str, ...]
    extra: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Workshop:
    """A length of workshop, what it leaves out, and its days."""

    title: str
    leaves_out: str
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Slot:
    """One line of a timetable."""

    begin: int
    end: int
    what: str


WELCOME = (15, "Welcome; is every machine ready? (`course doctor`)")
CLOSE = (15, "What we measured, what nobody should conclude from it, where next")
MARK = (60, "Your own texts: mark ten records; what had to be decided before two people would mark them alike?")
OWN = (60, "Your own texts: load them by their path, run notebook 02 or 03 on them")
SHOW = (45, "Show and tell: two minutes a table")
WORKSHOPS = (
    Workshop("Half a day", "Notebooks 01 and 03, and exercises that did not fit, are homework. ",
             (Day(9 * 60, 12 * 60 + 30, ("00", "02"), (WELCOME, CLOSE)),)),
    Workshop("One day", "Exercises that did not fit are homework. ",
             (Day(9 * 60, 17 * 60, ("00", "01", "02", "03"), (WELCOME, CLOSE)),)),
    Workshop("Two days", "",
             (Day(9 * 60, 16 * 60 + 30, ("00", "01", "02"), (WELCOME, CLOSE)),
              Day(9 * 60, 16 * 60 + 30, ("03",), ((15, "What is still unclear from yesterday"), MARK, OWN, SHOW, CLOSE)))),
)


def rounded(minutes: float) -> int:
    """Return minutes rounded up to a step."""
    return math.ceil(minutes / STEP - 1e-9) * STEP


def clock(minutes: int) -> str:
    """Return 570 as 09:30."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def schedule(day: Day, all_minutes: Sequence[Minutes]) -> list[Slot]:
    """Lay out one day: parts in order, breaks, lunch, and the reserve at the end.

    Exercises are taken by kind (warm-up, mend, practice, open-ended) as long as
    the reserve stays whole. What cannot fit at all is a ``ConfigError``.
    """
    chosen = [m for m in all_minutes if m.number in day.notebooks]
    lunch = day.end - day.begin > 300
    tasks: list[Task] = []
    for task in sorted((t for m in chosen for t in m.tasks), key=lambda t: (PRIORITY[t.kind], t.id)):
        if spare(lay_out(day, chosen, [*tasks, task], lunch), day) >= 0:
            tasks.append(task)
    slots = lay_out(day, chosen, tasks, lunch)
    if spare(slots, day) < 0:
        raise ConfigError(f"timetable: expected {', '.join(day.notebooks)} to fit from {clock(day.begin)} to {clock(day.end)} "
                          f"with {RESERVE:.0%} in reserve, found the end at {clock(slots[-1].end)}. "
                          "Make the day longer or take less into it.")
    return [*slots, Slot(slots[-1].end, day.end, "Questions, and time for what went wrong")]


def spare(slots: Sequence[Slot], day: Day) -> float:
    """Return the minutes left beyond the reserve; below 0 if the day is too full."""
    return day.end - slots[-1].end - RESERVE * (day.end - day.begin)


def parts(day: Day, chosen: Sequence[Minutes], tasks: Sequence[Task]) -> list[tuple[int, str]]:
    """Return what is done, in order: the first extra, notebooks with their exercises, the other extras."""
    first, *rest = day.extra
    done = [first]
    for m in chosen:
        done.append((rounded(m.on_a_laptop + m.reading), f"{m.number} · {m.title}: read and run"))
        own = [t for t in tasks if t.id.startswith(m.number)]
        if own:
            done.append((rounded(sum(t.minutes for t in own)), f"Exercises {', '.join(sorted((t.id for t in own), key=_order))}"))
    return [*done, *rest]


def _order(id: str) -> tuple[int, int]:
    notebook, _, number = id.partition(".")
    return int(notebook), int(number)


def lay_out(day: Day, chosen: Sequence[Minutes], tasks: Sequence[Task], lunch: bool) -> list[Slot]:
    """Give each part its time; a break comes before the part that would make too long a stretch."""
    now = rested = day.begin
    slots: list[Slot] = []

    def rest(minutes: int, what: str) -> None:
        nonlocal now, rested
        slots.append(Slot(now, now + minutes, what))
        now = rested = now + minutes

    for minutes, what in parts(day, chosen, tasks):
        if lunch and (now >= NOON - 15 or (now >= NOON - 60 and now + minutes > NOON + 45)):
            rest(LUNCH, "Lunch")
            lunch = False
        elif now > rested and now + minutes - rested > MOST:
            rest(BREAK, "Break")
        slots.append(Slot(now, now + minutes, what))
        now += minutes
    return slots
