"""What every notebook promises before it is run: form, parameters, clean outputs."""

from __future__ import annotations

import ast
import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.parameters import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
MACHINE = re.compile(r"(?<![\w.<])/(?:work|root|home|tmp|usr|opt|var|Users)/|site-packages|[A-Z]:\\\\")


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["notebook"].stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters_cell(notebook: Any) -> Any:
    (cell,) = [c for c in code_cells(notebook) if "parameters" in c.metadata.get("tags", [])]
    return cell


def test_all_notebooks_are_here() -> None:
    assert [path.stem for path in PATHS] == list(NOTEBOOKS)


def test_parameters_are_literals_and_those_of_the_table(notebook: Any, name: str) -> None:
    found = {}
    for statement in ast.parse(parameters_cell(notebook).source).body:
        assert isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        found[statement.target.id] = ast.literal_eval(statement.value)
    table = {key: parameter.default for key, parameter in NOTEBOOKS[name].items()}
    assert found == table


def test_parameters_say_what_they_mean(notebook: Any) -> None:
    assert all(re.search(r"#\s+\w", line) for line in parameters_cell(notebook).source.splitlines())


def test_same_face(notebook: Any, name: str) -> None:
    first, text = notebook.cells[0].source, "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert first.startswith(f"# {name[:2]} · ")
    for phrase in ("What you will learn", "What you need", "Time", "GPU"):
        assert phrase in first, phrase
    positions = [text.index(heading) for heading in ("\n## Recap", "\n## Exercises", "\n## Where next")]
    assert positions == sorted(positions)
    if name[:2] in ("02", "03"):
        assert re.search(r"Nothing here is for (clinical|investment) use", first)


def test_prose_leads(notebook: Any) -> None:
    run = longest = 0
    for cell in notebook.cells[3:]:  # parameters, begin and imports stand together
        run = run + 1 if cell.cell_type == "code" else 0
        longest = max(longest, run)
    assert longest <= 2
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, lines[0]


def test_headings_in_order(notebook: Any) -> None:
    levels = [len(m.group(1)) for c in notebook.cells if c.cell_type == "markdown"
              for m in re.finditer(r"^(#+) ", c.source, re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))


def test_committed_with_clean_outputs(notebook: Any) -> None:
    cells = code_cells(notebook)
    assert all(cell.execution_count for cell in cells), "a cell was committed unexecuted"
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1)), "not run from top to bottom"
    assert "widgets" not in notebook.metadata and notebook.metadata.kernelspec.name == "python3"
    shown = 0
    for cell in cells:
        for output in cell.outputs:
            shown += 1
            assert output.output_type != "error" and output.get("name") != "stderr", cell.source
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/html", ""))
            text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
            assert not MACHINE.search(text), MACHINE.search(text)
            assert "\r" not in text
    assert shown >= 8


def test_figures_have_alt_text_and_pixels(notebook: Any) -> None:
    images = 0
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, "show figures with course_lib.reporting.style.show, which adds alt text"
            for alt, source in re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]+)"', data.get("text/html", "")):
                images += 1
                assert len(alt) > 20
                assert base64.b64decode(source).startswith(b"\x89PNG")
    assert images >= 1


def test_static_text_holds_no_result(notebook: Any) -> None:
    """Scores stand in outputs, printed from metrics; prose with a decimal fraction of a score is suspect."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\b(F1|accuracy|exact match|loss)\s+(of|is|was|reaches)\s+0?\.\d", cell.source), cell.source


def test_compared_cells() -> None:
    count = {}
    for path in PATHS:
        cells = [c for c in code_cells(nbformat.read(path, 4)) if "# NBVAL_CHECK_OUTPUT" in c.source]
        assert all(c.execution_count and c.outputs for c in cells), "nbval compares nothing in an unrun cell"
        count[path.stem] = len(cells)
    assert count["01_loss_math"] >= 20 and count["00_environment_setup"] >= 3
