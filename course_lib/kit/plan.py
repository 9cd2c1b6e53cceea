"""A workshop of a given length from measured minutes: what fits, and at what time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from course_lib.errors import ConfigError
from course_lib.kit.minutes import REVIEW, Minutes, Task

STEP = 5
"""Everything begins at a multiple of so many minutes."""
RESERVE = 0.1
"""Share of the time for questions and for what goes wrong; a choice."""
BREAK, LUNCH, MOST = 15, 60, 90
"""Minutes of a break, of lunch, and the most without either; a choice."""
MOST_EXERCISES = 45
"""The most minutes of exercises in one row, answers included; a choice. The others are homework."""
CATCH_UP_MOST = 15
"""The most minutes to catch up in one row; a choice. A day with more to spare ends earlier."""
NOON = (11 * 60 + 30, 12 * 60 + 45)
"""Lunch begins between these; a day of more than ``HALF`` minutes has one."""
HALF = 300


@dataclass(frozen=True)
class Part:
    """Minutes of a day for one thing. ``reserve``: counts as reserve; ``catch_up``: time to catch up comes after it."""

    minutes: int
    what: str
    reserve: bool = False
    catch_up: bool = False


@dataclass(frozen=True)
class Day:
    """One day of a workshop; times in minutes after midnight. The program names notebooks by number, and other parts."""

    begin: int
    end: int
    program: tuple[str | Part, ...]


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


CATCH_UP = "Catch up: questions, and time for what went wrong"
# The minutes of these are guesses, as the page says.
SET_UP = Part(15, "Set-up help while people arrive: is every machine ready? (`course doctor`)", reserve=True)
WELCOME = Part(10, "Welcome")
BOARD = Part(10, "01, sections 6 and 7, on the board: the label −100, and why the mean of batch means is wrong")
CARDS = Part(15, "What was unclear today: one card each")
ANSWERS = Part(15, "The cards of yesterday, answered", reserve=True)
MARK = Part(60, "Your own texts: eight records a person, thirty to forty a table; agree on the rules first")
OWN = Part(75, "Your own texts: write them to a file and run 02 with `corpus=` (02, Runs worth making, 5); then read them with "
               "yesterday's model and count by hand what it misses", catch_up=True)
SHOW = Part(30, "Show and tell: five minutes a table")
CLOSE = Part(15, "What we measured, what nobody should conclude from it, where next")
WORKSHOPS = (
    Workshop("Half a day", "Notebooks 01 and 03 are homework, and so is every exercise not named.",
             (Day(9 * 60, 13 * 60, (SET_UP, WELCOME, "00", BOARD, "02", CLOSE)),)),
    Workshop("One day", "Notebook 01 is homework, and so is every exercise not named. With 01, two or three short exercises "
                        "a notebook would be left.",
             (Day(9 * 60, 17 * 60, (SET_UP, WELCOME, "00", BOARD, "02", "03", CLOSE)),)),
    Workshop("Two days", "Every exercise not named is homework.",
             (Day(9 * 60, 16 * 60 + 30, (SET_UP, WELCOME, "00", "01", "02", CARDS)),
              Day(9 * 60, 16 * 60 + 15, (ANSWERS, "03", MARK, OWN, SHOW, CLOSE)))),
)


def rounded(minutes: float) -> int:
    """Return minutes rounded up to a step."""
    return math.ceil(minutes / STEP - 1e-9) * STEP


def clock(minutes: int) -> str:
    """Return 570 as 09:30."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def with_answers(tasks: Sequence[Task]) -> int:
    """Return the minutes of exercises in a room: their own, and a look at the answers."""
    return rounded(REVIEW * sum(task.minutes for task in tasks))


def schedule(day: Day, all_minutes: Sequence[Minutes]) -> list[Slot]:
    """Lay out one day without a gap: parts in order, breaks, lunch, and time to catch up after each notebook.

    Exercises are taken in their order, one of each notebook in turn, as long as
    they fit; a notebook whose next one does not fit gets no more. A day too full
    without any exercise is a ``ConfigError``.
    """
    chosen = {m.number: m for m in all_minutes if m.number in day.program}
    taken: dict[str, list[Task]] = {number: [] for number in chosen}
    given = parts(day, chosen, taken)
    slots = lay_out(day, given)
    if slots is None:
        least, hours = sum(part.minutes for part in given), f"from {clock(day.begin)} to {clock(day.end)}"
        raise ConfigError(f"timetable: expected {', '.join(chosen)} to fit {hours} with {RESERVE:.0%} in reserve and "
                          f"no more than {MOST} minutes without a break, found {least} minutes even without exercises, "
                          "breaks and time to catch up. Make the day longer or take less into it.")
    full: set[str] = set()
    for turn in zip_longest(*(m.tasks for m in chosen.values())):
        for number, task in zip(chosen, turn, strict=True):
            if task is None or number in full:
                continue
            more = taken | {number: [*taken[number], task]}
            longer = lay_out(day, parts(day, chosen, more)) if with_answers(more[number]) <= MOST_EXERCISES else None
            if longer is None:
                full.add(number)
            else:
                slots, taken = longer, more
    return slots


def parts(day: Day, chosen: dict[str, Minutes], taken: dict[str, list[Task]]) -> list[Part]:
    """Return what is done, in order: each notebook is a block, then exercises with their answers."""
    done: list[Part] = []
    for item in day.program:
        if isinstance(item, Part):
            done.append(item)
            continue
        m, tasks = chosen[item], taken[item]
        done.append(Part(rounded(m.block), f"{m.number} · {m.title}: teach, run, read", catch_up=not tasks))
        if tasks:
            names = ", ".join(task.id for task in tasks)
            done.append(Part(with_answers(tasks), f"Exercises {names}, and a look at the answers", catch_up=True))
    return done


def lay_out(day: Day, given: Sequence[Part]) -> list[Slot] | None:
    """Give each part its time, with as few breaks as keep every stretch within ``MOST`` minutes; None if that does not fit.

    What parts, breaks and lunch leave must make the reserve whole. It goes to
    catching up, in equal shares, each of 5 to 15 minutes.
    """
    length, lunch = day.end - day.begin, day.end - day.begin > HALF
    spots = sum(part.catch_up for part in given)
    least = max(RESERVE * length - sum(part.minutes for part in given if part.reserve), STEP * spots)
    free = length - sum(part.minutes for part in given) - LUNCH * lunch
    for breaks in range(len(given) - lunch):
        left = free - BREAK * breaks
        if left < least:
            return None
        shares = iter(equal_shares(min(left, CATCH_UP_MOST * spots), spots))
        groups = [(part, next(shares) if part.catch_up else 0) for part in given]
        found = list(_ways(groups, day.begin, 0, (breaks, int(lunch))))
        if found:
            return min(found, key=lambda slots: sum(stretch ** 2 for stretch in stretches(slots)))  # as even as can be
    return None


def equal_shares(minutes: int, count: int) -> list[int]:
    """Return minutes in so many shares, multiples of a step, as equal as can be; what is less than a step is left over."""
    steps = minutes // STEP
    return [STEP * (steps // count + (number < steps % count)) for number in range(count)]


def stretches(slots: Sequence[Slot]) -> list[int]:
    """Return the minutes between pauses."""
    edges = [slots[0].begin, *(edge for s in slots if s.what in ("Break", "Lunch") for edge in (s.begin, s.end)), slots[-1].end]
    return [end - begin for begin, end in list(pairwise(edges))[::2]]


def _ways(groups: Sequence[tuple[Part, int]], now: int, sat: int, pauses: tuple[int, int]) -> Iterator[list[Slot]]:
    """Yield all ways to place so many breaks and lunches, from ``now`` on, after ``sat`` minutes without a pause."""
    if not groups:
        if pauses == (0, 0):
            yield []
        return
    (part, catch_up), breaks, lunches = groups[0], *pauses
    busy = part.minutes + catch_up
    ways: list[tuple[int, str, tuple[int, int]]] = []
    if sat and breaks:
        ways.append((BREAK, "Break", (breaks - 1, lunches)))
    if sat and lunches and NOON[0] <= now <= NOON[1]:
        ways.append((LUNCH, "Lunch", (breaks, lunches - 1)))
    for pause, name, left in [*ways, (0, "", pauses)]:
        longer = busy if pause else sat + busy
        if longer <= MOST:
            first = _slots(now, ((pause, name), (part.minutes, part.what), (catch_up, CATCH_UP)))
            for rest in _ways(groups[1:], now + pause + busy, longer, left):
                yield [*first, *rest]


def _slots(now: int, lines: Sequence[tuple[int, str]]) -> list[Slot]:
    made = []
    for minutes, what in lines:
        if minutes:
            made.append(Slot(now, now + minutes, what))
        now += minutes
    return made
