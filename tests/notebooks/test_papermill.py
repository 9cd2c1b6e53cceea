"""The notebooks as reports: executed through papermill with changed parameters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.data.formats.jsonl import write_notes
from course_lib.data.records import Note, Span
from course_lib.errors import ConfigError
from course_lib.report import run_notebook

ROOT = Path(__file__).resolve().parents[2]
CHANGED: dict[str, dict[str, Any]] = {
    "00_environment_setup": {"seed": 5},
    "01_loss_math": {"seed": 5},
    "02_medical_ner": {"seed": 5, "max_train_records": 10, "epochs": 2, "silver_records": 6, "seeds": [5, 6], "threads": 1},
    "03_finance_qa": {"seed": 5, "max_train_records": 10, "learning_rate": 1e-4, "silver_records": 5, "threads": 1},
}
EXPECTED = {
    "00_environment_setup": {"checks_passed", "checks_failed"},
    "01_loss_math": {"total_seconds"},
    "02_medical_ner": {
        "test_entity_f1", "test_entity_f1_low", "test_entity_f1_high", "test_entity_f1_unseen", "baseline_entity_f1",
        "token_accuracy", "train_seconds", "tokens_per_second", "test_entity_f1_sd",
    },
    "03_finance_qa": {
        "test_f1", "test_f1_low", "test_f1_high", "test_exact_match", "test_exact_match_low", "test_exact_match_high",
        "baseline_f1", "no_answer_accuracy", "train_seconds",
    },
}


@pytest.mark.parametrize("name", list(CHANGED))
def test_runs_with_changed_parameters(name: str, tmp_path: Path) -> None:
    entry = run_notebook(name, tmp_path / "run", {"profile": "smoke", **CHANGED[name]})
    assert entry["status"] == "ok", entry.get("error")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert EXPECTED[name] <= set(metrics), EXPECTED[name] - set(metrics)
    assert all(isinstance(value, (int, float, str)) for value in metrics.values())
    for key in [k for k in metrics if k.endswith("_low")]:
        assert metrics[key] <= metrics[key[:-4]] <= metrics[f"{key[:-4]}_high"], key
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script src" not in page and "cdn" not in page.split("</style>")[-1][:2000]
    if name[:2] in ("02", "03"):
        assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
        rows = [json.loads(line) for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()]
        assert len(rows) == metrics["test_records"] and "predicted" in rows[0]
        assert (tmp_path / "run" / "history.csv").read_text().startswith("epoch,")


def test_your_own_corpus_by_parameter_alone(tmp_path: Path) -> None:
    """Two labels, no medicines, a file in place of a name: nothing in notebook 02 may depend on the bundled corpus."""
    notes = [
        Note(f"n{i}", f"Case {i}: the lease of unit {i} began and the deposit was paid by tenant {i}.",
             (Span(len(f"Case {i}: the "), len(f"Case {i}: the lease"), "CONTRACT"),))
        for i in range(60)
    ]
    path = write_notes(tmp_path / "leases.jsonl", notes)
    entry = run_notebook("02_medical_ner", tmp_path / "run", {"profile": "smoke", "corpus": str(path)})
    assert entry["status"] == "ok", entry.get("error")


def test_unknown_parameter_is_refused_before_a_kernel_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'epochs'"):
        run_notebook("02_medical_ner", tmp_path / "run", {"epoch": 3})


def test_plain_papermill_with_an_unknown_parameter_fails_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(ROOT / "notebooks/01_loss_math.ipynb"), str(tmp_path / "out.ipynb"),
         "--no-progress-bar", "-p", "epoch", "3", "--cwd", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1 and "ConfigError" in done.stderr and "'epoch'" in done.stderr
    kept = nbformat.read(tmp_path / "out.ipynb", 4)
    assert "papermill-error-cell-tag" in str(kept.cells[0].metadata)


def test_nbval_notices_one_altered_output(tmp_path: Path) -> None:
    """A comparison that cannot fail proves nothing."""
    notebook = nbformat.read(ROOT / "notebooks/01_loss_math.ipynb", 4)
    keep = [c for c in notebook.cells if c.cell_type == "code"]
    last = next(i for i, c in enumerate(keep) if "# NBVAL_CHECK_OUTPUT" in c.source)
    notebook.cells = keep[: last + 1]  # enough to reach the first compared cell
    for altered, expected in ((False, 0), (True, 1)):
        if altered:
            output = notebook.cells[-1].outputs[0]
            assert output.output_type == "stream"
            output.text = output.text.replace(output.text.split()[-1], "altered")
        nbformat.write(notebook, tmp_path / "copy.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", "copy.ipynb"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )
        assert done.returncode == expected, done.stdout[-2000:]
