"""``course run``: execute one notebook with checked parameters."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.cli.console import FAILED, OK, is_terminal, nearby, print_json, say

EPILOG = """\b
Examples:
  course run 01_loss_math
  course run 02_medical_ner -p corpus=ncbi_disease -p seed=7 --profile cpu
  course run 03_finance_qa -p 'stages=[xquad]' -p learning_rate=2e-4 --out weekly
  course run 02_medical_ner --json | jq .metrics.test_entity_f1
\b
Values are read by the type of their parameter (course list NOTEBOOK): 7, 5e-4,
true, none, [1,2]; texts as they are, never as code. A plain
  papermill notebooks/02_medical_ner.ipynb out.ipynb -p epoch 3
is refused as well, by the cell after the parameters.
"""


def command(
    notebook: Annotated[str, typer.Argument(help="Name of the notebook, such as 02_medical_ner.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter; repeatable."),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="auto, smoke, cpu or gpu.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of run folders; default: COURSE_RUNS_DIR, else runs/.")] = None,
    model: Annotated[bool, typer.Option("--model/--no-model", help="Keep the fine-tuned weights in the run folder.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no result but errors.")] = False,
) -> int:
    """Execute one notebook with checked parameters into a run folder.

    Exit code 0: done; 1: a cell failed (its copy is kept, with a banner); 2:
    refused before anything ran; 130: interrupted, nothing is kept.
    """
    from course_lib.arguments import check_request, parse_parameters
    from course_lib.execution import RunRequest, execute

    values = check_request(notebook, parse_parameters(notebook, parameter or []), profile)
    progress = None if quiet else Progress(notebook, expected_seconds(notebook, values.get("profile"), out))
    result = execute(RunRequest(notebook, values, keep_model=model), out, on_progress=progress)
    folder = nearby(result.folder)
    if as_json:
        print_json({"notebook": notebook, "id": result.folder.name, "folder": folder, "outcome": result.outcome,
                    "error": result.error, "seconds": result.seconds, "metrics": result.metrics})
    if result.outcome != "ok":
        say(f"{notebook}: failed after {result.seconds:.0f} s, {result.error}")
        if result.detail:
            say(result.detail)
        say(f"kept with its banner: {folder}")
        return FAILED
    if not quiet and not as_json:
        print(f"{notebook}: ok, {result.seconds:.0f} s, {folder}")
    return OK


class Progress:
    """Cells done and time left: one line that moves on a terminal, else a line per quarter."""

    def __init__(self, notebook: str, expected: float | None) -> None:
        self.notebook, self.expected, self.begin = notebook, expected, time.monotonic()
        self.moves, self.quarter = is_terminal(), 0

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` cells are done."""
        line = f"{self.notebook}: {done} of {total} cells{self.left(done, total)}"
        if self.moves:
            say(f"\r\x1b[K{line}" if done < total else "\r\x1b[K", end="")
        elif (quarter := 4 * done // max(total, 1)) > self.quarter:
            self.quarter = quarter
            say(line)

    def left(self, done: int, total: int) -> str:
        """Return the time left in words: by an earlier run with this profile, else by the cells done."""
        spent = time.monotonic() - self.begin
        if done >= total or (self.expected is None and done < 3):
            return f", {spent:.0f} s"
        left = self.expected - spent if self.expected is not None else spent / done * (total - done)
        rough = "" if self.expected is not None else "very roughly "
        return f", {spent:.0f} s, {rough}{max(left, 1):.0f} s left" if left > 0 else f", {spent:.0f} s, longer than the last run"


def expected_seconds(notebook: str, profile: str | None, out: Path | None) -> float | None:
    """Return the seconds of the last finished run of this notebook with this profile; None if there is none."""
    import json

    from course_lib.locations import runs_folder

    files = sorted((out or runs_folder()).glob(f"{notebook}/*/manifest.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for file in files[:20]:
        try:
            manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if manifest["outcome"] == "ok" and profile in (None, "auto", manifest["profile"]):
                return float(manifest["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
