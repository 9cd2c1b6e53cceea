"""Write ``notebooks/README.md``: minutes of each notebook and timetables of workshops, all computed.

``python -m course_lib.kit.timetable --check`` fails when the file is stale,
``--write`` writes it, ``--measure smoke`` executes all notebooks with a profile
and keeps the minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib import catalogue
from course_lib.errors import CourseError
from course_lib.kit import minutes as guessed
from course_lib.kit import plan
from course_lib.kit.minutes import PROFILES, Minutes, all_minutes, measure
from course_lib.kit.plan import STEP, WORKSHOPS, Workshop, clock, rounded, schedule
from course_lib.locations import PROJECT

KINDS = {"warm-up": "warm-up", "mend": "mend this", "practice": "practice", "open": "open-ended"}
HEAD = """# The notebooks, with minutes

This page is computed: `python -m course_lib.kit.timetable --write`. Words are explained in the [glossary](GLOSSARY.md); what each
notebook finds stands in the [README of the course](../README.md).

"""
TEACHING = """## For whoever teaches

`course build student` makes what learners get: no outputs, no solutions, one zip. `course build instructor` makes your copy with
solutions, notes, expected figures and common errors; `course build slides 02` makes slides that need no network. `course room`
fills a USB stick from which a machine is set up with no network at all. While the room works, `course progress --collect DIR`
shows where it is.

"""
COLUMNS = f"""- *Run* is the whole notebook in minutes, measured {{where}}; a dash means that nobody measured.
- *Reading* is all text once at {guessed.WORDS_A_MINUTE} words a minute, a choice; code and exercises are not in it.
- *Teaching* is {guessed.MINUTES_A_NOTE} minutes for each note to the instructor (a vote, a question to the room),
  {guessed.MINUTES_AN_EXPLORER} for each explorer (free play), and a minute for {guessed.LINES_A_MINUTE} lines of code; exercises,
  comments and empty lines are not counted. These three numbers are guesses.
- *In a room* is the run with profile `cpu`, reading and teaching, rounded up to {STEP}; exercises come on top.
- *Alone* is the run with profile `cpu`, reading and all exercises, for somebody who learns without a room.
"""
RULES = f"""## How the timetables are made

Only the runs are measured. Words, notes, explorers and lines of code are counted in the notebooks. All else is a choice or a
guess, and nobody has timed a room: change the numbers in `course_lib/kit/` (`minutes.py`, `plan.py`) once you know yours.

- **A notebook** takes its minutes *in a room* from the table above. Training is counted in full, although a room can read
  while it runs.
- **Exercises** take the minutes of the table above, which are guesses of their author, and {guessed.REVIEW - 1:.0%} more for a
  look at the answers, a guess too; the sum is rounded up to {STEP}. They are taken in their order, one of each notebook in turn,
  as long as the day has room, and at most {plan.MOST_EXERCISES} minutes a notebook. Those that stand in the text, such as 02.1,
  may as well be done there.
- **Reserve** is at least {plan.RESERVE:.0%} of each day: set-up help at the start (on a second day the answered cards), and
  time to catch up, {STEP} to {plan.CATCH_UP_MOST} minutes, after each notebook and after the run on your own texts. What nothing
  else needs goes there too; a day that has still more ends earlier.
- **Breaks**: as few as keep every stretch within {plan.MOST} minutes, and the stretches as even as can be. Lunch begins
  between {clock(plan.NOON[0])} and {clock(plan.NOON[1])}.
- The minutes of all else (welcome, board, cards, your own texts, show and tell, closing words) are guesses. Show and tell is
  meant for six tables of four or five people.

"""


def render(minutes: Sequence[Minutes], where: str) -> str:
    """Return the whole page; equal minutes give equal text."""
    text = HEAD + minutes_table(minutes, where) + exercise_table(minutes) + TEACHING + RULES
    return text + "".join(workshop_text(workshop, minutes) for workshop in WORKSHOPS).rstrip("\n") + "\n"


def minutes_table(minutes: Sequence[Minutes], where: str) -> str:
    """Return the table of minutes by notebook, and how each column comes about."""
    heads = ["notebook", *(f"run, {p}" for p in PROFILES), "words", "reading", "notes", "explorers", "lines of code", "teaching",
             "in a room", "exercises", "alone"]
    lines = ["## Minutes", "", _row(heads), _row(["---", *["--:"] * (len(heads) - 1)])]
    for m in minutes:
        run = [_number(m.run.get(profile)) for profile in PROFILES]
        counted = [str(m.notes), str(m.explorers), str(m.code_lines), _number(m.teaching)]
        alone = m.on_a_laptop + m.reading + m.exercising
        rest = [str(m.words), _number(m.reading), *counted, str(rounded(m.block)), str(m.exercising), f"{alone:.0f}"]
        lines.append(_row([f"[{m.notebook}]({m.notebook}.ipynb)", *run, *rest]))
    return "\n".join([*lines, "", COLUMNS.format(where=where), ""])


def exercise_table(minutes: Sequence[Minutes]) -> str:
    """Return the table of exercises."""
    lines = ["## Exercises", "", _row(["id", "title", "kind", "minutes"]), _row(["---", "---", "---", "--:"])]
    lines += [_row([t.id, t.title, KINDS[t.kind], str(t.minutes)]) for m in minutes for t in m.tasks]
    return "\n".join([*lines, "", ""])


def workshop_text(workshop: Workshop, minutes: Sequence[Minutes]) -> str:
    """Return one workshop with its days."""
    lines = [f"## {workshop.title}", ""]
    for number, day in enumerate(workshop.days, 1):
        slots = schedule(day, minutes)
        if len(workshop.days) > 1:
            lines += [f"### Day {number}", ""]
        lines += [_row(["time", "minutes", "what"]), _row(["---", "--:", "---"])]
        lines += [_row([f"{clock(s.begin)}–{clock(s.end)}", str(s.end - s.begin), s.what]) for s in slots]
        lines.append("")
    return "\n".join([*lines, workshop.leaves_out, "", ""])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def fresh(project: Path = PROJECT) -> str:
    """Return the page as it should be now."""
    return render(all_minutes(project), catalogue.measured(project).where)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: exit 0 if the page is fresh or was written, 1 if it is stale, 2 if it cannot be computed."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.kit.timetable", description=main.__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="is notebooks/README.md fresh?")
    what.add_argument("--write", action="store_true", help="write notebooks/README.md")
    what.add_argument("--measure", metavar="PROFILE", choices=PROFILES, help="execute all notebooks so, keep the minutes")
    given = parser.parse_args(arguments)
    path = PROJECT / "notebooks" / "README.md"
    try:
        if given.measure:
            measure(given.measure)
        text = fresh()
        if not given.check:
            from course_lib.files import write_text

            write_text(path, text)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print("notebooks/README.md: expected the minutes of the committed notebooks, found others. "
                  "Type: python -m course_lib.kit.timetable --write", file=sys.stderr)
            return 1
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
