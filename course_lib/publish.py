"""Refresh what is committed: executed notebooks and solutions, their summary, the README's tables, the timetables.

``python -m course_lib.publish`` (``make notebooks``) executes every notebook
with its default parameters, and its solutions, and writes them back with the outputs of that run.
``python -m course_lib.publish --readme`` only rewrites the README's tables: the
notebooks with their scores, and the classic mistakes with their effects.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from course_lib.errors import CourseError, OutputError
from course_lib.evaluation.mistake_table import MISTAKES
from course_lib.files import write_json, write_text
from course_lib.locations import PROJECT
from course_lib.machine import describe, resolve_profile
from course_lib.parameters import NOTEBOOKS
from course_lib.report import run_notebook
from course_lib.reporting.export import clean_outputs
from course_lib.runs import environment

TEACHES = {
    "00_environment_setup": "what this machine can do, where models and data come from, first contact with a tokenizer",
    "01_loss_math": "the loss, its gradient, optimizers and learning rates, by hand and checked against torch",
    "02_medical_ner": "diseases, medicines and symptoms in clinical notes: labels, training, strict scores, errors",
    "03_finance_qa": "answers to questions about financial passages: windows, joint decoding, no answer, calibration",
}
MARKS = ("<!-- table: python -m course_lib.publish --readme -->", "<!-- end of table -->")
MISTAKE_MARKS = ("<!-- mistakes: python -m course_lib.publish --readme -->", "<!-- end of mistakes -->")


def publish(names: Sequence[str]) -> None:
    """Execute notebooks with default parameters and write them back with their outputs."""
    summary_file = PROJECT / "notebooks" / "summary.json"
    old = json.loads(summary_file.read_text(encoding="utf-8")) if summary_file.is_file() else {"notebooks": []}
    entries = {entry["name"]: entry for entry in old["notebooks"]}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            entry = run_notebook(name, Path(folder) / "run", {})
            if entry["status"] != "ok":
                raise OutputError(f"notebook {name}: expected a run without errors, found {entry['error']}. Mend it first.")
            executed = nbformat.read(Path(folder) / "run" / "notebook.ipynb", as_version=4)
            nbformat.write(as_committed(executed), PROJECT / "notebooks" / f"{name}.ipynb")
            entries[name] = {k: v for k, v in entry.items() if k != "run"}
            publish_solutions(name, Path(folder))
            print(f"{name}: {time.perf_counter() - begin:.0f} s", flush=True)
    done = [entries[name] for name in NOTEBOOKS if name in entries]
    write_json(summary_file, {"profile": resolve_profile("auto", describe()), "notebooks": done, "environment": environment(),
                              "seconds": round(sum(entry["seconds"] for entry in done), 1)})


def publish_solutions(name: str, scratch: Path) -> None:
    """Execute the solutions of one notebook and write them back; what they check is no progress of anybody."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = PROJECT / "notebooks" / "solutions" / f"{name}.ipynb"
    if not path.is_file():
        return
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute(env=dict(os.environ, COURSE_PROGRESS_DIR=str(scratch / "progress")))
    except CellExecutionError as error:
        found = f"{error.ename}: {error.evalue}"
        raise OutputError(f"solutions of {name}: expected a run without errors, found {found}. Mend them first.") from error
    nbformat.write(as_committed(clean_outputs(notebook)), path)


def as_committed(notebook: Any) -> Any:
    """Drop what papermill added (its cell, its times) and number the cells from 1."""
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    count = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    return notebook


def readme_table(summary: dict[str, Any]) -> str:
    """Return the README's table of notebooks: what each teaches, seconds, scores with intervals."""
    lines = ["| notebook | what it teaches | time | result on held-out data |", "|---|---|---|---|"]
    for entry in summary["notebooks"]:
        m = entry["metrics"]
        score = ""
        for key, label in (("test_entity_f1", "entity F1"), ("test_f1", "answer F1")):
            if key in m:
                base = m["baseline_entity_f1" if key == "test_entity_f1" else "baseline_f1"]
                score = f"{label} {m[key]:.3f} ({m[key + '_low']:.3f} to {m[key + '_high']:.3f}); baseline {base:.3f}"
                score += f", always silent {m['silent_f1']:.3f}" if "silent_f1" in m else ""
        if "test_exact_match" in m:
            score += f"; exact match {m['test_exact_match']:.3f}"
        name = entry["name"]
        lines.append(f"| [{name}](notebooks/{name}.ipynb) | {TEACHES[name]} | {entry['seconds'] / 60:.1f} min | {score} |")
    facts = summary["environment"]
    lines += ["", f"Measured on {facts['cores']} CPU cores, {facts['memory_gib']} GiB of memory, GPU: {facts['gpu']}, bf16 "
              f"{facts['cpu_bf16']}; torch {facts['torch']}, transformers {facts['transformers']}. "
              "Intervals are 95 %, by resampling documents."]
    return "\n".join(lines)


def mistake_table(summary: dict[str, Any]) -> str:
    """Return the README's table of classic mistakes: what each does to our numbers, and the test against it."""
    metrics = {entry["name"]: entry["metrics"] for entry in summary["notebooks"]}
    lines = ["| mistake | effect measured | test that our code does not make it |", "|---|---|---|"]
    for m in MISTAKES:
        file, _, name = m.test.partition("::")
        where = NOTEBOOKS[m.notebook]["corpus"].default if "corpus" in NOTEBOOKS[m.notebook] else m.notebook[:2]
        lines.append(f"| {m.title} | {where}: {m.measured(metrics.get(m.notebook, {}))} | [{name}](tests/{file}) |")
    return "\n".join(lines)


def with_table(readme: str, summary: dict[str, Any]) -> str:
    """Return the README with fresh tables between their marks."""
    for (begin, end), render in ((MARKS, readme_table), (MISTAKE_MARKS, mistake_table)):
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if len(pattern.findall(readme)) != 1:
            raise OutputError(
                f"README.md: expected one block between {begin} and {end}, found none or several. Put the marks back."
            )
        head, tail = pattern.split(readme)
        readme = f"{head}{begin}\n{render(summary)}\n{end}{tail}"
    return readme


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of ``make notebooks``."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.publish", description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="names; all if none are given")
    parser.add_argument("--readme", action="store_true", help="only rewrite the README's tables from notebooks/summary.json")
    given = parser.parse_args(arguments)
    try:
        if not given.readme:
            publish(given.notebooks or list(NOTEBOOKS))
        summary = json.loads((PROJECT / "notebooks" / "summary.json").read_text(encoding="utf-8"))
        path = PROJECT / "README.md"
        write_text(path, with_table(path.read_text(encoding="utf-8"), summary))
        from course_lib.kit import timetable

        return timetable.main(["--write"])  # its minutes and words are those of the notebooks
    except CourseError as error:
        print(error)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
