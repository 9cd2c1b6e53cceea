"""What every command shares: exit codes, notes on stderr, results on stdout.

Exit codes: 0 ok; 1 a notebook failed or its run could not be kept, metrics
differ, the doctor found a failure; 2 refused before anything ran; 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn a ``CourseError`` into its message and exit code 2 (or its own ``exit_code``), Ctrl-C (and a polite kill) into 130.

    Serves as a decorator too: ``@exit_codes()``.
    """
    try:
        yield
    except CourseError as error:
        print(error, file=sys.stderr)
        raise SystemExit(getattr(error, "exit_code", REFUSED)) from None
    except KeyboardInterrupt:
        print("interrupted: nothing half done was kept as finished", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def end_politely() -> None:
    """Treat SIGTERM as Ctrl-C, so that kernels are ended and drafts removed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def is_terminal() -> bool:
    """Do notes go to somebody who watches?"""
    return sys.stderr.isatty()


def say(text: str, *, end: str = "\n") -> None:
    """Print a note for a person: to stderr, so that stdout holds results alone."""
    print(text, end=end, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON object with sorted keys to stdout; ``--json`` prints nothing else there."""
    print(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))


def nearby(path: Path) -> str:
    """Return a path as one may type it here: relative if it lies below the current folder."""
    path, here = Path(path).absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
