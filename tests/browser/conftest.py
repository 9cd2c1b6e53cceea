"""A browser, a JupyterLab, and the notebook of explorers open and run: once for all browser tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromium
import explorer_book
import pytest
from lab import DONE, PATIENCE, Book, Lab, jupyterlab

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("COURSE_ARTIFACTS", "") or ROOT / "tests" / "artifacts")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]


def pytest_report_header() -> str:
    return chromium.missing() or f"browser tests with {chromium.find_chromium()}; pictures in {ARTIFACTS.name}/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if problem := chromium.missing():
        pytest.skip(problem)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find_chromium(), headless=True, args=ARGUMENTS, timeout=180_000)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    work = tmp_path_factory.mktemp("lab")
    folder = work / "notebooks"
    folder.mkdir()
    with jupyterlab(folder, work) as running:
        yield running


def open_book(browser: Any, lab: Lab) -> Book:
    """Open the notebook anew, without outputs; the kernel of its path stays, which spares its imports."""
    explorer_book.write(lab.folder / "explorers.ipynb")
    return open_in(browser, lab, "explorers.ipynb")


def open_in(browser: Any, lab: Lab, name: str) -> Book:
    """Open a notebook of the server's folder in a page of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce").new_page()
    book = Book(page, lab, name, ARTIFACTS)
    book.open()
    return book


@pytest.fixture(scope="module")
def book(browser: Any, lab: Lab) -> Iterator[Book]:
    """The notebook, run with the mouse; the explorers stay as a test leaves them."""
    book = open_book(browser, lab)
    book.run_all()
    book.page.wait_for_selector(DONE)
    yield book
    book.page.context.close()


@pytest.fixture
def fresh_book(browser: Any, lab: Lab) -> Iterator[Book]:
    """The notebook, opened and not run."""
    book = open_book(browser, lab)
    yield book
    book.page.context.close()
