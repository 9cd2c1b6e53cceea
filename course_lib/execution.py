"""Execute one notebook into a run folder that is whole or not there.

``execute`` is what ``course run``, sweeps, ``verify`` and ``make report`` call.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.arguments import check_device, check_request, parameters_of
from course_lib.drafts import check_free, draft_of, finish, fresh_id, remove_stale
from course_lib.errors import ConfigError
from course_lib.files import write_json
from course_lib.locations import PROJECT, runs_folder, shown
from course_lib.manifest import MANIFEST_FILE, describe_run, origin_of, read_facts, strict_json, validator
from course_lib.pages import write_pages
from course_lib.provenance import RUN_FILE

Progress = Callable[[int, int], None]
"""Called with (cells done, cells in all)."""
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class RunRequest:
    """What to run. ``run_id`` names the folder (a fresh name if None); ``source`` is another file to execute.

    Without ``keep_model`` the fine-tuned weights (about 90 MB) are not kept: they are not needed to compare or verify runs.
    """

    notebook: str
    parameters: dict[str, Any] = field(default_factory=dict)
    profile: str | None = None
    run_id: str | None = None
    source: Path | None = None
    keep_model: bool = True


@dataclass(frozen=True)
class RunResult:
    """What came of it: ``outcome`` is "ok" or "failed"; ``error`` says which cell and why, ``detail`` shows it."""

    folder: Path
    outcome: str
    error: str | None
    seconds: float
    metrics: dict[str, Any]
    detail: str = ""


def execute(request: RunRequest, out: Path | None = None, *, on_progress: Progress | None = None) -> RunResult:
    """Execute a notebook into ``out/<notebook>/<id>/`` (``out``: ``runs_folder()`` if None).

    A request that cannot be run is refused with a ``CourseError`` before a
    kernel starts. A failing notebook is a result, with outcome "failed".
    ``KeyboardInterrupt`` passes through; its draft is removed.

    A folder of that id with outcome ok is never touched: refused if it is there
    at the start; if another process finished it meanwhile, that one stands and
    is returned. One with outcome failed is replaced.
    """
    parameters_of(request.notebook)
    return execute_into(request, (out or runs_folder()) / request.notebook / _checked_id(request.run_id), on_progress=on_progress)


def execute_into(request: RunRequest, target: Path, *, on_progress: Progress | None = None) -> RunResult:
    """Execute a notebook into the folder ``target``, which gets its name when it is complete. See ``execute``."""
    parameters = check_request(request.notebook, request.parameters, request.profile)
    check_device(parameters.get("profile", "auto"))
    source, target = checked_source(request), target.expanduser().absolute()
    check_free(target)
    tidy(target.parent)
    begin, origin = time.perf_counter(), origin_of(source)
    with draft_of(target) as draft:
        from course_lib.engine import run_cells

        failure = run_cells(source, draft / "notebook.ipynb", {**parameters, "output_dir": str(draft)}, on_progress)
        metrics, error = _read_metrics(draft, _told(failure.message, draft, target) if failure else None)
        write_pages(draft, target, request.notebook, error)
        facts = read_facts(draft)
        (draft / RUN_FILE).unlink(missing_ok=True)
        if not request.keep_model:
            shutil.rmtree(draft / "model", ignore_errors=True)
        seconds = time.perf_counter() - begin
        manifest = describe_run(draft, facts, run_id=target.name, notebook=request.notebook, origin=origin,
                                parameters=parameters, error=error, seconds=seconds).as_json()
        validator("manifest")(manifest)
        write_json(draft / MANIFEST_FILE, manifest)
        folder = finish(draft, target)
    return RunResult(folder, manifest["outcome"], error, round(seconds, 2), metrics, failure.detail if failure else "")


def checked_source(request: RunRequest) -> Path:
    """Return the file to execute; refuse one that is missing, no notebook, or without a parameters cell."""
    parameters_of(request.notebook)
    source = request.source or PROJECT / "notebooks" / f"{request.notebook}.ipynb"
    advice = "Give a notebook of this course."
    try:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
        tags = [tag for cell in cells for tag in cell["metadata"].get("tags", [])]
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise ConfigError(f"notebook {source.name}: expected a file that can be read, found {found}. {advice}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"notebook {source.name}: expected a notebook (version 4), found {error!r}. {advice}") from error
    if "parameters" not in tags:
        raise ConfigError(
            f"notebook {source.name}: expected one cell tagged 'parameters', found none, so that no value would reach it. "
            "Give the cell of its parameters that tag (JupyterLab: the gear at the top right)."
        )
    return source.absolute()


def tidy(folder: Path) -> list[str]:
    """Remove what killed runs left more than a day ago, and say so."""
    removed = remove_stale(folder)
    for name in removed:
        print(f"removed {shown(folder)}/{name}: left by a run that was killed more than a day ago", file=sys.stderr)
    return removed


def _checked_id(run_id: str | None) -> str:
    if run_id is None:
        return fresh_id()
    if not _ID.fullmatch(run_id):
        raise ConfigError(f"run id: expected letters, digits, '-', '_' and '.', not first '-' or '.', found {run_id!r}. "
                          "Correct it.")
    return run_id


def _read_metrics(draft: Path, error: str | None) -> tuple[dict[str, Any], str | None]:
    """Return the metrics and the run's error: that of the notebook, else that of a ``metrics.json`` of another form."""
    from fastjsonschema import JsonSchemaException

    file = draft / "metrics.json"
    if not file.is_file():
        return {}, error
    try:
        metrics = strict_json(file.read_text(encoding="utf-8"))
        validator("metrics")(metrics)
    except (ValueError, JsonSchemaException) as wrong:
        file.rename(draft / "metrics.invalid.json")
        return {}, error or f"metrics.json: expected flat numbers and texts, found otherwise ({wrong}). Use run.save_metrics."
    return metrics, error


def _told(message: str, draft: Path, target: Path) -> str:
    """Return an error without the folders of this machine: its draft, the checkout, Python's own, and home."""
    folders = {str(draft): shown(target), f"{PROJECT}/": "", str(PROJECT): ".", sys.prefix: "<python>", str(Path.home()): "~"}
    for folder, name in folders.items():
        message = message.replace(folder, name) if len(folder) > 1 else message
    return message[:4000]
