"""``course verify``: execute a run again and compare."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from course_lib.cli.console import FAILED, OK, print_json, say

EPILOG = """\b
Examples:
  course verify runs/02_medical_ner/20260301-120000-1a2b
  course verify 20260301-120000-1a2b --json
\b
On the same kind of machine (system, processor, GPU, instruction set), with the
same threads, precision and device, metrics and predictions must be the same to
the bit, times aside. On another, numbers may differ by 1e-4 (fp32) or 2e-2
(bf16), relative; counts, texts and predicted spans must be equal.
"""


def command(
    run: Annotated[str, typer.Argument(help="A run folder, or the id of a run below the runs folder.")],
    out: Annotated[Path | None, typer.Option(help="Folder of run folders, as given to course run.")] = None,
    source: Annotated[Path | None, typer.Option(help="Execute this notebook file instead of the course's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON on stdout, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Execute a run again from its manifest: are the numbers the same, and if not, which input changed?

    Exit code 0: the same; 1: not the same, or the notebook fails now; 2: refused.
    """
    from course_lib.cli.commands.run import Progress
    from course_lib.runfolder import find, read
    from course_lib.verification import verify

    folder = read(find(run, out))
    progress = None if quiet else Progress(folder.manifest["notebook"], folder.manifest["seconds"])
    verdict = verify(folder, source=source, on_progress=progress)
    if as_json:
        print_json(asdict(verdict) | {"run": folder.manifest["id"]})
        return OK if verdict.same else FAILED
    answer = "the same" if verdict.same else "NOT the same"
    print(f"run {folder.manifest['id']}: {answer} ({verdict.rule}), {verdict.seconds:.0f} s")
    for line in verdict.differences:
        print(f"  {line}")
    print("inputs that changed since: " + ("none" if not verdict.inputs else ""))
    for line in verdict.inputs:
        print(f"  {line}")
    if not verdict.same and not verdict.inputs:
        say("No input changed: the notebook does something that its seed does not fix.")
    return OK if verdict.same else FAILED
