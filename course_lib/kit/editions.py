"""One notebook, two readers: what a student gets and what an instructor gets. Nothing is written here."""

from __future__ import annotations

import copy
import hashlib
import re
from typing import Any

from course_lib.kit.cells import Notebook, is_notes, is_text, source, tags

SOLUTION = "# solution "
"""First words of a solution cell."""
STUDENT_WORDS = (
    (r"The solutions lie in\s+`solutions/\w+\.ipynb`\.", "Your instructor has the solutions."),
    (r"`make setup`", "the set-up of `START.html`"),
    (r"Type: make setup\b", "See START.html, section 1"),
)
"""What stands in the checkout alone, and the words for it in the student edition: it has no Makefile and no solutions."""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
          "language_info": {"name": "python"}}


def student_notebook(notebook: Notebook) -> Notebook:
    """Return a notebook to work in: no outputs, no instructor's notes, no solutions; stubs as they are."""
    cells = [_blank(cell) for cell in notebook["cells"] if not is_notes(cell) and not is_solution(cell)]
    return {"cells": cells, "metadata": copy.deepcopy(KERNEL), "nbformat": 4, "nbformat_minor": 5}


def instructor_notebook(notebook: Notebook) -> Notebook:
    """Return the notebook with its outputs; notes are set apart as quotations."""
    made = copy.deepcopy(notebook)
    for cell in made["cells"]:
        if is_notes(cell):
            cell["source"] = "\n".join(f"> {line}".rstrip() for line in source(cell).splitlines())
    return made


def is_solution(cell: dict[str, Any]) -> bool:
    """Is this a solution, by its tag or by its first line?"""
    return "solution" in tags(cell) or (not is_text(cell) and source(cell).startswith(SOLUTION))


def _blank(cell: dict[str, Any]) -> dict[str, Any]:
    text = source(cell)
    for pattern, words in STUDENT_WORDS:
        text = re.sub(pattern, words, text)
    kept = {"cell_type": cell["cell_type"], "metadata": {"tags": tags(cell)} if tags(cell) else {}, "source": text}
    kept["id"] = cell.get("id") or hashlib.sha256(source(cell).encode()).hexdigest()[:8]
    return kept if is_text(cell) else kept | {"outputs": [], "execution_count": None}
