"""``course progress``: which exercises are done here, and, for an instructor, in a room."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from course_lib.cli.console import FAILED, OK, print_json
from course_lib.errors import ConfigError

if TYPE_CHECKING:
    from course_lib.exercises.hand_ins import Room

EPILOG = """\b
Examples:
  course progress
  course progress --json
  course progress --hand-in "Anna K"
  course progress --hand-in "Anna K" --to /mnt/share
  course progress --collect hand-ins/
"""
MOST_NAMES = 6
"""Names in one enumeration; ``--full`` shows all."""
MOST_MISTAKES = 3
UNCUT = 100_000
"""Columns where no line is cut."""


def command(
    collect: Annotated[Path | None, typer.Option(metavar="DIR", help="Read all progress files below a folder instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for pipelines.")] = False,
    hand_in: Annotated[str | None, typer.Option(metavar="NAME", help="Write progress-NAME.json, for an instructor.")] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where --hand-in writes; else into the current folder.")] = None,
    full: Annotated[bool, typer.Option("--full", help="With --collect: all notebooks, mistakes and names, no line cut.")] = False,
) -> int:
    """Show which exercises are done, tried and open, with the minutes left.

    Progress stays on this machine, in work/progress.json (COURSE_PROGRESS_DIR names
    another folder). --hand-in copies it for an instructor; it holds no code.
    --collect reads the files of a room, by exercise and by file, and reports each
    damaged one. Exit code 1 if any was.
    """
    if hand_in is not None:
        if collect is not None or as_json:
            raise ConfigError("progress: expected --hand-in alone or with --to, found --collect or --json beside it. "
                              "Type one at a time.")
        from course_lib.exercises import hand_in as write

        write(hand_in, to or Path())
        return OK
    if to is not None:
        raise ConfigError(f"progress: expected --to beside --hand-in, found --to {to} alone. Type --hand-in YOURNAME too.")
    if collect is not None:
        return _room(collect, as_json, full)
    from course_lib.exercises import store
    from course_lib.exercises.standings import plain_lines, standings

    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):  # a damaged file is reported beside the JSON
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


def _room(folder: Path, as_json: bool, full: bool) -> int:
    from course_lib.exercises.hand_ins import by_exercise, by_learner, collect
    from course_lib.exercises.model import catalogue
    from course_lib.exercises.standings import halfway

    room, exercises = collect(folder), catalogue()
    rows, learners = by_exercise(room, exercises), by_learner(room, exercises)
    if as_json:
        print_json({"exercises": rows, "learners": learners, "reports": [{"file": f, "found": t} for f, t in room.odd.items()],
                    "skipped": room.skipped, "identical": room.identical()})
        return FAILED if room.odd else OK
    # Without a terminal, in a file or a pipe, nothing is cut.
    width = UNCUT if full else shutil.get_terminal_size((UNCUT, 24)).columns
    count = f"{len(learners)} learner{'s' * (len(learners) != 1)}."
    print(textwrap.fill(f"{count} {halfway(room, exercises)} {_stuck(learners, full)}", width))
    lines = [*_exercise_lines(rows, full), "", *_learner_lines(learners), *_report_lines(room, full)]
    print("\n".join(line if len(line) <= width else line[:width - 3] + "..." for line in lines))
    return FAILED if room.odd else OK


def _stuck(learners: list[dict[str, Any]], full: bool) -> str:
    """Say who is stuck where, the exercise with most of them first."""
    from course_lib.exercises.standings import short_names

    names, places = short_names([row["file"] for row in learners]), dict[str, list[str]]()
    for row in learners:
        for id in row["stuck"]:
            places.setdefault(id, []).append(names[row["file"]])
    found = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    return f"Stuck: {'; '.join(f'{_enumerated(who, full)} at {id}' for id, who in found)}." if found else "Nobody is stuck."


def _enumerated(names: list[str], full: bool) -> str:
    more = 0 if full else len(names) - MOST_NAMES
    return f"{', '.join(names[:MOST_NAMES])} and {more} more" if more > 0 else ", ".join(names)


def _exercise_lines(rows: list[dict[str, Any]], full: bool) -> list[str]:
    touched = {row["exercise"][:2] for row in rows if full or row["done"] + row["tried"]}
    lines = [f"{'exercise':9}{'done':>5}{'working':>9}{'stuck':>7}{'not there':>11}  title"] if touched else []
    for row in rows:
        if row["exercise"][:2] not in touched:
            continue
        lines.append(f"{row['exercise']:9}{row['done']:5}{row['tried']:9}{row['stuck']:7}{row['not tried']:11}  {row['title']}")
        lines += [f"{'':9}{mistake['had']} had, {mistake['now']} still have: {mistake['example']}"
                  for mistake in row["mistakes"][:None if full else MOST_MISTAKES]]
    untouched = sorted({row["exercise"][:2] for row in rows} - touched)
    return [*lines, f"{', '.join(untouched)}: nobody yet"] if untouched else lines


def _learner_lines(learners: list[dict[str, Any]]) -> list[str]:
    lines = [f"{len(learners)} files read; working = checked and not done, stuck = of these, three or more different answers"]
    for row in learners:
        stuck = f", stuck at {', '.join(row['stuck'])}" if row["stuck"] else ""
        unknown = f", not in this version: {', '.join(row['unknown'])}" if row["unknown"] else ""
        lines.append(f"  {row['file']}: done {row['done']}, working {row['tried']}{stuck}{unknown}")
    return lines


def _report_lines(room: Room, full: bool) -> list[str]:
    lines = [f"identical contents, perhaps one learner: {_enumerated(names, full)}" for names in room.identical()]
    if room.skipped:
        lines.append(f"{len(room.skipped)} files skipped, no .json: {_enumerated(room.skipped, full)}")
    if room.odd:
        lines += [f"{len(room.odd)} files not read", *(f"  {name}: {found}" for name, found in room.odd.items())]
    return ["", *lines] if lines else []
