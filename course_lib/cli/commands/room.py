"""``course room``: prepare and check a USB stick for a room without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_lib.cli.console import FAILED, OK, nearby, say
from course_lib.errors import ConfigError

EPILOG = """\b
Examples:
  course room --out /media/stick
  course room --check /media/stick/course-room
  course room --out /media/stick --wheels ~/wheels
\b
The first fetches about 0.5 GB from the package index, or from the folder given
with --wheels. On each machine of the room: python3.11 set_up.py
"""


def command(
    out: Annotated[Path | None, typer.Option(help="Where course-room goes; default: work/kit of the checkout.")] = None,
    wheels: Annotated[Path | None, typer.Option(help="Take wheels from this folder and ask no index.")] = None,
    check: Annotated[Path | None, typer.Option(help="Only check a folder made before.")] = None,
) -> int:
    """Fill a folder with wheels, the student edition and one script that sets up a machine with no network.

    Exit code 0: ready; 1: --check found something wrong; 2: refused.
    """
    from course_lib.kit import room
    from course_lib.locations import PROJECT

    if check is not None and (out is not None or wheels is not None):
        raise ConfigError("course room: expected --check alone, or --out and --wheels, found both. "
                          "Type: course room --check course-room   or: course room --out DIR")
    if check is None:
        say("fetching wheels: minutes, by the network")
        check = room.make((out or PROJECT / "work" / "kit").expanduser().absolute(), found_in=wheels)
    check = check.expanduser().absolute()
    wrong = room.inspect(check)
    for line in wrong:
        print(line)
    if wrong:
        say("Make the stick again: course room --out DIR")
        return FAILED
    print(nearby(check))
    for line in room.told(check):
        say(line)
    return OK
