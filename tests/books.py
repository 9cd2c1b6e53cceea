"""Notebooks of a few cells, a made-up entry in the table of notebooks, and runs without a kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.parameters import COMMON, NOTEBOOKS, PROFILES, Parameter

FAKE = "80_fake"
PARAMETERS = COMMON | {p.name: p for p in (
    Parameter("text", str, "plain", "any text"),
    Parameter("flag", bool, False, "yes or no"),
    Parameter("items", list, [], "some texts", item=str),
    Parameter("rate", float, None, "a share", optional=True, low=0.0, high=1.0),
)}
CELL = '''profile = "auto"
seed = 0
output_dir = ""
precision = "auto"
threads = None
text = "plain"
flag = False
items = []
rate = None'''
METRICS = '''import json, pathlib
folder = pathlib.Path(output_dir)
(folder / "metrics.json").write_text(json.dumps({"score": seed / 7, "text": text, "total_seconds": 0.1, "items": "|".join(items)}))
rows = [{"id": str(i), "gold": [], "predicted": [[0, seed, "A"]], "margin": i / 3} for i in range(5)]
(folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in rows))
(folder / "history.csv").write_text("epoch,loss,note\\n1,0.5,\\n2,0.25,best\\n")'''


def write_book(path: Path, *sources: str, tags: tuple[str, ...] = ("parameters",), head: str = CELL) -> Path:
    """Write a notebook whose first cell holds the parameters."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_markdown_cell("# Fake"), new_code_cell(head, metadata={"tags": list(tags)}), *map(new_code_cell, sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The made-up notebook in the tables; returns its file."""
    add_fake(monkeypatch)
    return write_book(tmp_path / "books" / f"{FAKE}.ipynb", METRICS)


def add_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOTEBOOKS, FAKE, PARAMETERS)
    monkeypatch.setitem(PROFILES, FAKE, {profile: {} for profile in ("smoke", "cpu", "gpu")})


def results(folder: Path, parameters: dict[str, Any], **more: Any) -> None:
    """Leave what ``METRICS`` leaves, and more metrics."""
    metrics = {"score": parameters.get("seed", 0) / 7, "total_seconds": 0.1} | more
    (folder / "metrics.json").write_text(json.dumps(metrics))
    rows = [{"id": str(i), "gold": [], "predicted": [[0, 1, "A"]], "margin": i / 3} for i in range(5)]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Executions that only call ``effect(folder, parameters)``; what it returns is the failure."""
    from course_lib import engine

    def use(effect: Callable[[Path, dict[str, Any]], Any]) -> None:
        def run_cells(source: Path, target: Path, parameters: dict[str, Any], on_progress: Any = None) -> Any:
            target.write_text(source.read_text())
            for done in range(4):
                if on_progress:
                    on_progress(done, 3)
            return effect(target.parent, parameters)
        monkeypatch.setattr(engine, "run_cells", run_cells)

    use(results)
    return use
