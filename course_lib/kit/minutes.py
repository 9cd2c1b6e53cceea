"""Minutes of each notebook: measured execution by profile, reading, teaching, exercises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import catalogue
from course_lib.errors import ConfigError
from course_lib.kit.cells import code_lines, is_explorer, is_notes, read, words
from course_lib.locations import PROJECT
from course_lib.parameters import NOTEBOOKS

WORDS_A_MINUTE = 200
"""Chosen when the course was planned, for technical text; nobody was timed."""
MINUTES_A_NOTE, MINUTES_AN_EXPLORER, LINES_A_MINUTE = 3, 3, 20
"""Guesses, nobody was timed: a note asks for a vote or a question, an explorer for free play, code for a walk through it."""
REVIEW = 1.25
"""A guess too: a look at the answers takes a quarter of the time that the exercises took."""
PROFILES = ("smoke", "cpu", "gpu")
MEASURED = "minutes.json"
"""Beside the notebooks: minutes of profiles that ``summary.json`` does not hold, by ``--measure``."""


@dataclass(frozen=True)
class Task:
    """One exercise as the timetable needs it."""

    id: str
    title: str
    minutes: int
    kind: str


@dataclass(frozen=True)
class Minutes:
    """Minutes of one notebook. ``run`` has one entry a profile, None where nobody measured."""

    notebook: str
    title: str
    run: Mapping[str, float | None]
    words: int
    notes: int
    explorers: int
    code_lines: int
    tasks: tuple[Task, ...]

    @property
    def number(self) -> str:
        """The two digits of the notebook."""
        return self.notebook[:2]

    @property
    def reading(self) -> float:
        """Minutes to read the text once."""
        return self.words / WORDS_A_MINUTE

    @property
    def teaching(self) -> float:
        """Minutes of what is said and tried together: notes, explorers, a walk through the code."""
        return MINUTES_A_NOTE * self.notes + MINUTES_AN_EXPLORER * self.explorers + self.code_lines / LINES_A_MINUTE

    @property
    def block(self) -> float:
        """Minutes of the notebook in a room, without its exercises."""
        return self.on_a_laptop + self.reading + self.teaching

    @property
    def on_a_laptop(self) -> float:
        """Minutes to execute with the profile ``cpu``."""
        value = self.run.get("cpu")
        if value is None:
            raise ConfigError(f"timetable: expected measured minutes of {self.notebook} with profile cpu in "
                              "notebooks/summary.json, found none. Type: make notebooks")
        return value

    @property
    def exercising(self) -> int:
        """Minutes of all exercises."""
        return sum(task.minutes for task in self.tasks)


def tasks_of(number: str) -> tuple[Task, ...]:
    """Return the exercises of one notebook, from the catalogue of the package."""
    from course_lib.exercises.model import catalogue as exercises

    return tuple(Task(e.id, e.title, e.minutes, e.kind) for e in exercises().values() if e.notebook == number)


def all_minutes(project: Path = PROJECT) -> list[Minutes]:
    """Return the minutes of every notebook, in order."""
    measured, extra = catalogue.measured(project), extra_minutes(project)
    made = []
    for name in NOTEBOOKS:
        committed = catalogue.minutes_of(name, measured)
        run = {profile: committed.get(profile) or extra.get(profile, {}).get(name) for profile in PROFILES}
        notebook = read(name, project)
        cells = notebook["cells"]
        made.append(Minutes(name, catalogue.title_of(name, project), run, words(notebook), sum(map(is_notes, cells)),
                            sum(map(is_explorer, cells)), code_lines(notebook), tasks_of(name[:2])))
    return made


def extra_minutes(project: Path = PROJECT) -> dict[str, dict[str, float]]:
    """Return minutes by profile and notebook from ``notebooks/minutes.json``; empty if there is no such file."""
    path = project / "notebooks" / MEASURED
    if not path.is_file():
        return {}
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))["minutes"]
        made = {p: {name: float(value) for name, value in found[p].items()} for p in PROFILES if p in found}
        if all(math.isfinite(v) and v > 0 for column in made.values() for v in column.values()):
            return made
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ConfigError(f"notebooks/{MEASURED}: expected minutes above 0 by profile and notebook, found something else. "
                      "Measure again: python -m course_lib.kit.timetable --measure smoke")


def measure(profile: str, names: Sequence[str] = tuple(NOTEBOOKS), project: Path = PROJECT) -> Path:
    """Execute notebooks once with a profile and keep their minutes in ``notebooks/minutes.json``."""
    import tempfile

    from course_lib.files import write_json
    from course_lib.report import run_notebook
    from course_lib.runs import environment

    minutes = extra_minutes(project)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            entry = run_notebook(name, Path(folder) / "run", {"profile": profile})
        if entry["status"] != "ok":
            raise ConfigError(f"notebook {name}: expected a run without errors, found {entry.get('error', '')}. Mend it first.")
        minutes.setdefault(profile, {})[name] = round(entry["seconds"] / 60, 2)
        print(f"{name}, {profile}: {entry['seconds']:.0f} s", flush=True)
    return write_json(project / "notebooks" / MEASURED, {"minutes": minutes, "environment": environment()})
