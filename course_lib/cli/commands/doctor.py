"""``course doctor``: is everything in place, and what to type where it is not?"""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """\b
Examples:
  course doctor
  course doctor --json
  course doctor --fix --yes
"""


def command(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely, and say what was done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fix: install packages without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for pipelines.")] = False,
) -> int:
    """Check Python, packages, kernel, machine, GPU, checkpoints and corpora, and recommend a profile.

    Each failure comes with a command to paste. Nothing is downloaded or changed, except with --fix, which does
    three things only: make the runs folder, install the kernel python3 into this environment, and, after asking,
    install the pinned packages that are missing or of another version.

    Exit code: 0 if nothing will fail (warnings included), 1 if something will fail, 2 if the command was refused.
    """
    from course_lib.doctor.visit import visit

    return visit(fix=fix, yes=yes, as_data=as_json)
