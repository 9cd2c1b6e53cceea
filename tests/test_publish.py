"""What is committed: notebooks as clean as the contract wants them, and the README's table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.errors import OutputError
from course_lib.evaluation.mistake_table import MISTAKES, NOT_YET, Mistake
from course_lib.publish import MARKS, MISTAKE_MARKS, as_committed, main, mistake_table, readme_table, with_table

SUMMARY = {
    "notebooks": [
        {"name": "01_loss_math", "seconds": 30.0, "status": "ok", "metrics": {}},
        {"name": "03_finance_qa", "seconds": 600.0, "status": "ok",
         "metrics": {"test_f1": 0.5, "test_f1_low": 0.4, "test_f1_high": 0.6, "baseline_f1": 0.2, "test_exact_match": 0.45}},
    ],
    "environment": {"cores": "2", "memory_gib": "8", "gpu": "none", "cpu_bf16": "native", "torch": "1", "transformers": "2"},
}


def test_papermill_leaves_no_trace_and_cells_are_numbered() -> None:
    cells = [
        new_code_cell("a = 1", execution_count=1, metadata={"tags": ["parameters"], "papermill": {"duration": 1}}),
        new_code_cell("a = 2", execution_count=2, metadata={"tags": ["injected-parameters"]}),
        new_code_cell("a", execution_count=3, outputs=[new_output("execute_result", {"text/plain": "2"}, execution_count=3)]),
    ]
    notebook = as_committed(new_notebook(cells=cells, metadata={"papermill": {"input_path": "/somewhere"}}))
    nbformat.validate(notebook)
    assert [c.source for c in notebook.cells] == ["a = 1", "a"]
    assert [c.execution_count for c in notebook.cells] == [1, 2]
    assert notebook.cells[1].outputs[0].execution_count == 2
    assert notebook.cells[0].metadata == {"tags": ["parameters"]} and "papermill" not in notebook.metadata


def test_table_has_minutes_scores_and_machine() -> None:
    table = readme_table(SUMMARY)
    assert "| 0.5 min |" in table and "| 10.0 min |" in table
    assert "answer F1 0.500 (0.400 to 0.600); baseline 0.200; exact match 0.450" in table
    assert "2 CPU cores" in table and "bf16 native" in table


PAGE = f"a\n{MARKS[0]}\nold\n{MARKS[1]}\nb\n{MISTAKE_MARKS[0]}\nold\n{MISTAKE_MARKS[1]}\nc"


def test_both_blocks_are_written_and_nothing_else() -> None:
    page = with_table(PAGE, SUMMARY)
    assert page == f"a\n{MARKS[0]}\n{readme_table(SUMMARY)}\n{MARKS[1]}\nb\n{MISTAKE_MARKS[0]}\n{mistake_table(SUMMARY)}\n{MISTAKE_MARKS[1]}\nc"
    assert with_table(page, SUMMARY) == page


@pytest.mark.parametrize("marks", [MARKS, MISTAKE_MARKS])
def test_readme_needs_its_marks(marks: tuple[str, str]) -> None:
    for broken in (PAGE.replace(marks[0], ""), PAGE.replace(marks[1], ""), PAGE + PAGE):
        with pytest.raises(OutputError, match="Put the marks back"):
            with_table(broken, SUMMARY)


def test_an_effect_is_written_from_metrics_or_says_what_to_type() -> None:
    mistake = Mistake("t", "02_medical_ner", "F1 {mistake_a:.2f} reads {mistake_b:.1%}", "test_x.py::test_y")
    assert mistake.keys == ["mistake_a", "mistake_b"]
    assert mistake.measured({"mistake_a": 0.5, "mistake_b": 0.25}) == "F1 0.50 reads 25.0%"
    assert mistake.measured({"mistake_a": 0.5}) == NOT_YET


def test_table_of_mistakes_names_corpus_effect_and_test() -> None:
    summary = {"notebooks": [{"name": "03_finance_qa", "metrics": {"mistake_str_find": 0.125}}]}
    lines = mistake_table(summary).splitlines()
    assert len(lines) == 2 + len(MISTAKES) and {line.count("|") for line in lines} == {4}
    (row,) = [line for line in lines if "`str.find`" in line]
    assert "finance_qa: 12.5% of the training answers" in row and "](tests/test_qa_features.py)" in row
    assert sum(NOT_YET in line for line in lines) == len(MISTAKES) - 1


TESTS = Path(__file__).resolve().parent


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.title)
def test_the_test_against_a_mistake_exists(mistake: Mistake) -> None:
    file, _, name = mistake.test.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, mistake.test


def test_what_notebooks_measure_and_what_the_table_shows_are_the_same() -> None:
    shown = {(m.notebook, key) for m in MISTAKES for key in m.keys}
    assert len(MISTAKES) == len({m.title for m in MISTAKES}) >= 20
    written = set()
    for path in sorted((TESTS.parent / "notebooks").glob("0[123]_*.ipynb")):
        code = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code")
        written |= {(path.stem, key) for key in re.findall(r'"((?:mistake|mean_of_means)_\w+)"', code)}
    assert written == shown


def test_an_unknown_notebook_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["07_nothing"]) == 2
    assert "notebook: expected one of" in capsys.readouterr().out
