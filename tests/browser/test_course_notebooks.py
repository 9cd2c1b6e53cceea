"""The course's own notebooks in JupyterLab: opened, run from top to bottom (smoke profile), and their explorers moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import open_in
from lab import DONE, Book, Lab
from test_explorers import expect, field, pictures, slide

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def write(name: str, folder: Path) -> str:
    """Write a course notebook as a learner would run it quickly: blank, smoke profile, and a last cell that says it is done."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    place = next(i for i, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", []))
    book.cells.insert(place + 1, nbformat.v4.new_code_cell('profile = "smoke"'))
    book.cells.append(nbformat.v4.new_code_cell('print("all cells", "have run")'))
    nbformat.write(book, folder / f"{name}.ipynb")
    return f"{name}.ipynb"


@pytest.fixture(scope="module")
def opened(browser: Any, lab: Lab) -> Iterator[Callable[[str], Book]]:
    """Open a course notebook and run it to its end; each is opened once."""
    books: dict[str, Book] = {}

    def get(name: str) -> Book:
        if name not in books:
            books[name] = open_in(browser, lab, write(name, lab.folder))
            books[name].run_all()
            books[name].page.wait_for_selector(DONE)
        return books[name]

    yield get
    for book in books.values():
        book.page.context.close()


def test_00_shows_pieces_of_what_is_typed(opened: Callable[[str], Book]) -> None:
    panel = opened("00_environment_setup").panel("alignment")
    box = field(panel, "your sentence")
    expect(panel.locator("table")).not_to_contain_text("vertigo")
    box.fill("Vertigo since noon.")
    box.press("Enter")
    expect(panel.locator("table")).to_contain_text("vertigo")
    opened("00_environment_setup").shoot("notebook_00", panel)


def test_01_loss_follows_its_sliders(opened: Callable[[str], Book]) -> None:
    panel = opened("01_loss_math").panel("loss")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("Start at p = 0.20 with label 1: loss 1.61, gradient p − y = -0.80")
    before = pictures(panel)
    slide(panel, "start probability", "ArrowRight", 2)
    expect(status).to_contain_text("Start at p = 0.22")
    assert pictures(panel) != before
    opened("01_loss_math").shoot("notebook_01", panel)


def test_02_aligns_and_reads_with_its_own_model(opened: Callable[[str], Book]) -> None:
    book = opened("02_medical_ner")
    panel = book.panel("alignment")
    field(panel, "your sentence").fill("Takes [metoprolol](MEDICINE).")
    field(panel, "your sentence").press("Enter")
    expect(panel.locator('[role="status"]')).to_contain_text("names marked: 1")
    book.shoot("notebook_02_alignment", panel)
    panel = book.panel("entities")
    field(panel, "your text").fill("Started metoprolol for palpitations.")
    field(panel, "your text").press("Tab")
    slide(panel, "least confidence", "End")
    expect(panel.locator('[role="status"]')).to_contain_text("at least 1.00: 0")
    slide(panel, "least confidence", "Home")
    expect(panel.locator('[role="status"]')).to_contain_text("at least 0.00")
    expect(panel.get_by_text("Started metoprolol", exact=False).last).to_contain_text("palpitations.")
    book.shoot("notebook_02_reader", panel)
    expect(book.panel("run").locator('[role="status"]')).to_contain_text("Validation entity F1")


def test_03_answers_with_its_own_model(opened: Callable[[str], Book]) -> None:
    book = opened("03_finance_qa")
    panel = book.panel("answers")
    table = panel.locator("table").last
    expect(table).not_to_contain_text("umbrellas")
    field(panel, "passage").fill("Umbrellas.")
    field(panel, "passage").press("Tab")
    field(panel, "question").fill("What?")
    field(panel, "question").press("Enter")
    expect(table).to_contain_text("Umbrellas")
    slide(panel, "null threshold", "Home")
    expect(panel.locator('[role="status"]')).to_contain_text("No answer is given.")
    slide(panel, "null threshold", "End")
    expect(panel.locator('[role="status"]')).to_contain_text("Answer: Umbrellas")
    book.shoot("notebook_03", panel)


def test_no_error_no_request_elsewhere_no_state_saved(opened: Callable[[str], Book]) -> None:
    for name in ("00_environment_setup", "01_loss_math", "02_medical_ner", "03_finance_qa"):
        book = opened(name)
        assert not book.errors and not book.elsewhere, (name, book.errors, book.elsewhere)
        saved = book.saved()
        assert "widgets" not in saved["metadata"], name
        assert any(o.get("text") == ["all cells have run\n"] for o in saved["cells"][-1]["outputs"]), "saved before the run"
