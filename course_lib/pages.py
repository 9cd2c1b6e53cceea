"""The executed notebook of a run as it is kept: tidy, without folders of this machine, and as a page."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

from course_lib.files import write_text
from course_lib.locations import shown

_OUTPUT_DIR = re.compile(r"^output_dir = .*$", re.MULTILINE)


def write_pages(draft: Path, target: Path, notebook: str, error: str | None) -> None:
    """Rewrite ``notebook.ipynb`` of a draft and write ``report.html`` beside it.

    The draft's name, which is gone when the run is complete, becomes the run's;
    the injected ``output_dir`` becomes its default. A failed notebook without
    papermill's banner (its kernel died) gets one.
    """
    from course_lib.engine import without_iri_grammar

    with without_iri_grammar():
        import nbformat

        from course_lib.reporting.export import clean_outputs, notebook_to_html

    file = draft / "notebook.ipynb"
    text = file.read_text(encoding="utf-8").replace(_inside_json(str(draft)), _inside_json(shown(target)))
    executed = clean_outputs(nbformat.reads(text, as_version=4))
    _hide_folders(executed)
    tags = [tag for cell in executed.cells for tag in cell.metadata.get("tags", [])]
    if error and "papermill-error-cell-tag" not in tags:
        banner = f'<span style="color:#b00020; font-size:2em;">The run failed: {escape(error)}</span>'
        executed.cells.insert(0, nbformat.v4.new_markdown_cell(banner, metadata={"tags": ["papermill-error-cell-tag"]}))
    write_text(file, nbformat.writes(executed) + "\n")
    write_text(draft / "report.html", notebook_to_html(executed, notebook))


def _hide_folders(executed: Any) -> None:
    """Take papermill's paths out of a notebook, in place."""
    facts = executed.metadata.get("papermill", {})
    for key in ("input_path", "output_path"):
        facts.pop(key, None)
    if "output_dir" in facts.get("parameters", {}):
        facts["parameters"]["output_dir"] = ""
    for cell in executed.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = _OUTPUT_DIR.sub('output_dir = ""', cell.source)


def _inside_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
