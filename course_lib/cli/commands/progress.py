"""``course progress``: which exercises are done here, and, for an instructor, in a room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.cli.console import FAILED, OK, print_json

EPILOG = """\b
Examples:
  course progress
  course progress --json
  course progress --collect hand-ins/
"""


def command(
    collect: Annotated[Path | None, typer.Option(metavar="DIR", help="Read all progress files below a folder instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for pipelines.")] = False,
) -> int:
    """Show which exercises are done, tried and open, with the minutes left.

    Progress stays on this machine, in work/progress.json (COURSE_PROGRESS_DIR names
    another folder). It can be handed in: --collect reads the files of a room, by
    exercise and by file, and reports each damaged one. Exit code 1 if any was.
    """
    if collect is not None:
        return _room(collect, as_json)
    from course_lib.exercises import store
    from course_lib.exercises.standings import plain_lines, standings

    rows = standings(store.read())
    if as_json:
        print_json({"notebooks": [_as_json(row) for row in rows]})
        return OK
    for row in rows:
        print(f"notebook {row.notebook}")
        for exercise, status in row.exercises:
            print(f"  {exercise.id:6} {status:10} {exercise.minutes:3} min  {exercise.title} ({_kind(exercise.kind)})")
    print("\n" + "\n".join(plain_lines(rows)))
    return OK


def _kind(kind: str) -> str:
    from course_lib.exercises.model import KINDS

    return KINDS[kind]


def _as_json(row: Any) -> dict[str, Any]:
    exercises = [{"id": exercise.id, "title": exercise.title, "minutes": exercise.minutes, "kind": exercise.kind,
                  "trains": exercise.trains, "status": status} for exercise, status in row.exercises]
    return {"notebook": row.notebook, "exercises": exercises, "minutes_left": row.minutes_left}


def _room(folder: Path, as_json: bool) -> int:
    from course_lib.exercises.hand_ins import by_exercise, by_learner, collect
    from course_lib.exercises.model import catalogue

    room, exercises = collect(folder), catalogue()
    rows, learners = by_exercise(room, exercises), by_learner(room, exercises)
    if as_json:
        print_json({"exercises": rows, "learners": learners, "reports": [{"file": f, "found": t} for f, t in room.odd.items()]})
    else:
        print("\n".join([*_exercise_lines(rows), "", *_learner_lines(learners), *_report_lines(room.odd)]))
    return FAILED if room.odd else OK


def _exercise_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = [f"{'exercise':9}{'done':>5}{'tried':>6}{'stuck':>6}{'not tried':>10}  title"]
    for row in rows:
        lines.append(f"{row['exercise']:9}{row['done']:5}{row['tried']:6}{row['stuck']:6}{row['not tried']:10}  {row['title']}")
        lines += [f"{'':9}{reason['learners']} x {reason['reason']}" for reason in row["reasons"] if row["tried"]]
    return lines


def _learner_lines(learners: list[dict[str, Any]]) -> list[str]:
    lines = [f"{len(learners)} files read; tried = checked and not done, stuck = tried with three or more different answers"]
    for row in learners:
        stuck = f", stuck at {', '.join(row['stuck'])}" if row["stuck"] else ""
        unknown = f", not in this version: {', '.join(row['unknown'])}" if row["unknown"] else ""
        lines.append(f"  {row['file']}: done {row['done']}, tried {row['tried']}{stuck}{unknown}")
    return lines


def _report_lines(odd: dict[str, str]) -> list[str]:
    return ["", f"{len(odd)} files not read", *(f"  {name}: {found}" for name, found in odd.items())] if odd else []
