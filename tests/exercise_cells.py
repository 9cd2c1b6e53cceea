"""Exercise cells of the notebooks, run one by one in an empty namespace.

``python tests/exercise_cells.py`` writes ``course_lib/exercises/stubs.json``: the
marks by which the progress file knows an untouched stub.
"""

from __future__ import annotations

import json
import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

import course_lib.exercises as exercises
from course_lib.exercises.model import find
from course_lib.exercises.store import mark_of
from course_lib.exercises.verdicts import Verdict, judge
from course_lib.locations import PROJECT

NOTEBOOKS = PROJECT / "notebooks"
STUBS = PROJECT / "course_lib" / "exercises" / "stubs.json"


@dataclass(frozen=True)
class Checked:
    """One call of ``check`` in a cell: what was given, and what it said."""

    id: str
    answer: Any
    verdict: Verdict


def cells(path: Path) -> list[Any]:
    return nbformat.read(path, as_version=4).cells


def stub_cells(folder: Path = NOTEBOOKS) -> list[tuple[str, str, list[Any], int]]:
    """Return (id, notebook, its cells, position) of every cell whose first line is ``# exercise NN.N``."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        own = cells(path)
        for i, cell in enumerate(own):
            match = re.match(r"# exercise (\S+)\n", cell.source) if cell.cell_type == "code" else None
            if match:
                found.append((match[1], path.stem, own, i))
    return found


def run(sources: list[str], name: str) -> list[Checked]:
    """Execute cells in one fresh namespace and return every verdict; nothing is kept as progress.

    Sources are known to ``inspect`` as in a notebook, so that marks of functions can be taken.
    """
    checked: list[Checked] = []

    def check(id: str, answer: Any = ...) -> Verdict:
        checked.append(Checked(id, answer, judge(id, answer)))
        return checked[-1].verdict

    before, exercises.check = exercises.check, check
    try:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for number, source in enumerate(sources):
            label = f"<{name} {number}>"
            linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
            exec(compile(source, label, "exec"), namespace)  # our own notebooks, as a learner runs them
    finally:
        exercises.check = before
    return checked


def stub_marks(folder: Path = NOTEBOOKS) -> dict[str, str]:
    """Return the mark of every stub that is judged, for ``stubs.json``."""
    marks = {}
    for id, name, own, i in stub_cells(folder):
        for checked in run([own[i].source], f"{name} stub {id}"):
            if checked.verdict.status != "not tried" and find(id):
                marks[id] = mark_of(checked.answer)
    return marks


if __name__ == "__main__":
    STUBS.write_text(json.dumps(stub_marks(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {STUBS.relative_to(PROJECT)}")
