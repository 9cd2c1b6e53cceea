"""``course build``: student edition, instructor edition, slides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_lib.cli.console import OK, nearby, say

EPILOG = """\b
Examples:
  course build student --out ~/workshop
  course build instructor --out ~/workshop
  course build slides 02 --out ~/workshop
\b
Student: notebooks without outputs, notes or solutions, the package, data, a list
of wheels, a start page, one zip. Instructor: outputs, solutions, speaker notes,
minutes, expected figures, common errors, slides. Nothing in the checkout changes.
"""
EDITIONS = ("student", "instructor", "slides")


def command(
    edition: Annotated[str, typer.Argument(help="student, instructor or slides.")],
    notebook: Annotated[str | None, typer.Argument(help="For slides: the notebook, such as 02.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; default: work/kit of the checkout.")] = None,
) -> int:
    """Make an edition of the course from this checkout.

    Exit code 0: made; 2: refused, nothing was changed.
    """
    from course_lib.errors import ConfigError, one_of
    from course_lib.locations import PROJECT

    if edition not in EDITIONS:
        raise ConfigError(one_of("edition", edition, list(EDITIONS)))
    if (edition == "slides") != (notebook is not None):
        wanted = ("the number of a notebook", "slides 02") if edition == "slides" else ("no notebook, all are taken", edition)
        raise ConfigError(f"build {edition}: expected {wanted[0]}, found {notebook!r}. Type: course build {wanted[1]}")
    print(nearby(_made(edition, notebook, (out or PROJECT / "work" / "kit").expanduser().absolute())))
    return OK


def _made(edition: str, notebook: str | None, out: Path) -> Path:
    from course_lib.kit import build
    from course_lib.kit.cells import name_of

    if notebook is not None:
        return build.deck(out, name_of(notebook))
    say(f"{edition} edition: a few seconds a notebook")
    return build.student(out) if edition == "student" else build.instructor(out)
