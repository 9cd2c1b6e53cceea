"""Reading notebooks for the kit: cells by tag, sections, words, exercises. Imports nothing heavy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from course_lib.errors import DataError, one_of
from course_lib.locations import PROJECT
from course_lib.parameters import NOTEBOOKS

Cell = dict[str, Any]
Notebook = dict[str, Any]
NOTES = "notes"
"""Tag of a Markdown cell that speaks to the instructor."""
EXPLORERS = ("alignment_explorer", "answer_explorer", "entity_reader", "loss_explorer", "run_viewer")
"""What ``course_lib.widgets`` offers to move; named here because importing it would be heavy."""
_EXPLORER = re.compile(rf"(?<!def )\b(?:{'|'.join(EXPLORERS)})\(")
_STUB = re.compile(r"\A# exercise (\d\d\.\d+)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^\s*(```|~~~)")


def read(name: str, project: Path = PROJECT) -> Notebook:
    """Return a committed notebook, ``name`` as in ``02_medical_ner`` or ``solutions/02_medical_ner``."""
    path = project / "notebooks" / f"{name}.ipynb"
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook["cells"], list):
            return notebook | {"cells": [_joined(cell) for cell in notebook["cells"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = type(error).__name__
    else:
        found = "no list of cells"
    raise DataError(f"notebook {name}: expected a notebook at notebooks/{name}.ipynb, found {found}. "
                    f"Restore it: git checkout -- notebooks/{name}.ipynb")


def _joined(cell: Cell) -> Cell:
    """Join what the file may keep as lists of lines: the source, and the texts of outputs."""
    def text(value: Any) -> Any:
        return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value

    made = cell | {"source": text(cell["source"])}
    if "outputs" in cell:
        made["outputs"] = [
            {key: {kind: text(part) for kind, part in value.items()} if key == "data" else text(value) if key == "text" else value
             for key, value in output.items()} for output in cell["outputs"]
        ]
    return made


def name_of(number: str) -> str:
    """Return the notebook that ``02`` (or its full name) stands for."""
    if number in NOTEBOOKS:
        return number
    for name in NOTEBOOKS:
        if name.split("_")[0] == number:
            return name
    raise DataError(one_of("notebook", number, [name.split("_")[0] for name in NOTEBOOKS]))


def source(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell."""
    return str(cell["source"])


def tags(cell: Mapping[str, Any]) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def is_text(cell: Mapping[str, Any]) -> bool:
    """Is this a Markdown cell?"""
    return cell["cell_type"] == "markdown"


def is_notes(cell: Mapping[str, Any]) -> bool:
    """Does this cell speak to the instructor?"""
    return is_text(cell) and NOTES in tags(cell)


def exercise_of(cell: Mapping[str, Any]) -> str | None:
    """Return the id of a stub cell, whose first line is ``# exercise 02.3``; else None."""
    match = _STUB.match(source(cell)) if not is_text(cell) else None
    return match.group(1) if match else None


def is_explorer(cell: Mapping[str, Any]) -> bool:
    """Does this cell show something to move?"""
    return not is_text(cell) and bool(_EXPLORER.search(source(cell)))


def code_lines(notebook: Notebook) -> int:
    """Count the lines of code a learner reads: neither empty nor only a comment, exercises left out."""
    cells = (cell for cell in notebook["cells"] if not is_text(cell) and not exercise_of(cell))
    lines = (line.strip() for cell in cells for line in source(cell).splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


def words(notebook: Notebook) -> int:
    """Count the words a learner reads: Markdown cells without the instructor's notes; a formula counts by its parts.

    Exercises are left out, since their minutes include reading them: the section of
    that name, and what stands below a heading such as ``### Exercise 02.3``.
    """
    count, skipped = 0, 0
    for cell in notebook["cells"]:
        for line, prose in lines_outside_code(source(cell)) if is_text(cell) and not is_notes(cell) else ():
            heading = re.match(r"(#{1,6}) +(.*)", line) if prose else None
            if heading and (not skipped or len(heading.group(1)) <= skipped):
                skipped = len(heading.group(1)) if re.match(r"Exercises?\b", heading.group(2)) else 0
            count += 0 if skipped else len(line.split())
    return count


def lines_outside_code(text: str) -> Iterator[tuple[str, bool]]:
    """Yield (line, is prose): False inside fenced code, fences included."""
    fenced = False
    for line in text.splitlines():
        fence = bool(_FENCE.match(line))
        yield line, not fenced and not fence
        fenced ^= fence


def headings(text: str) -> list[tuple[int, str]]:
    """Return (level, heading) of a Markdown text, code left out."""
    found = (re.match(r"(#{1,6}) +(.*?)\s*$", line) for line, prose in lines_outside_code(text) if prose)
    return [(len(match.group(1)), match.group(2)) for match in found if match]


def notes_by_section(notebook: Notebook) -> list[tuple[str, str]]:
    """Return (section, note) for each instructor's note, in order; the section is the last heading before it."""
    section, found = "", []
    for cell in notebook["cells"]:
        if is_notes(cell):
            found.append((section, source(cell)))
        elif is_text(cell) and (inside := headings(source(cell))):
            section = inside[-1][1]
    return found


def figures(notebook: Notebook) -> list[tuple[str, str]]:
    """Return (alt text, image source) of every picture in the outputs."""
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            page = output.get("data", {}).get("text/html", "")
            found += re.findall(r'<img alt="([^"]*)" src="(data:image/png;base64,[^"]+)"', page)
    return found
