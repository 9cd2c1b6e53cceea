"""The notebooks as reports: executed through papermill with changed parameters."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.data.formats.jsonl import write_notes
from course_lib.data.records import Note, Span
from course_lib.errors import ConfigError
from course_lib.report import run_notebook

ROOT = Path(__file__).resolve().parents[2]


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


def test_plain_papermill_with_an_unknown_parameter_fails_with_the_same_message(tmp_path: Path) -> None:
    """``course run`` refuses before a kernel starts; under papermill alone the cell after the parameters does."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    refused = subprocess.run([sys.executable, "-m", "course_lib", "run", "02_medical_ner", "-p", "epoch=3", "--out", str(tmp_path / "runs")],
                             capture_output=True, text=True, check=False, env=environment)
    message = refused.stderr.strip()
    assert refused.returncode == 2 and message.endswith("found 'epoch'. Did you mean 'epochs'?") and "\n" not in message
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(ROOT / "notebooks/02_medical_ner.ipynb"), str(tmp_path / "out.ipynb"),
         "--no-progress-bar", "-p", "epoch", "3", "--cwd", str(tmp_path)],
        capture_output=True, text=True, check=False, env=environment,
    )
    assert done.returncode == 1 and f"ConfigError: {message}" in re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
    kept = nbformat.read(tmp_path / "out.ipynb", 4)
    assert "papermill-error-cell-tag" in str(kept.cells[0].metadata) and not (tmp_path / "runs").exists()


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
