"""What is committed: notebooks as clean as the contract wants them, and the README's table."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.errors import OutputError
from course_lib.publish import MARKS, as_committed, main, readme_table, with_table

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


def test_readme_needs_its_marks() -> None:
    page = with_table(f"a\n{MARKS[0]}\nold\n{MARKS[1]}\nb", SUMMARY)
    assert "old" not in page and page.startswith("a\n") and page.endswith("\nb")
    with pytest.raises(OutputError, match="Put the marks back"):
        with_table("no marks here", SUMMARY)


def test_an_unknown_notebook_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["07_nothing"]) == 2
    assert "notebook: expected one of" in capsys.readouterr().out
