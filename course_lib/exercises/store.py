"""A learner's progress: one small file on this machine, no name, no code, no text of theirs but what their functions gave.

Writing is atomic and locked, so that two notebooks may check at once. A damaged
file is put aside under a new name, never deleted.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import textwrap
import time
import tokenize
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from course_lib.errors import DataError, OutputError
from course_lib.exercises.asserting import one_line
from course_lib.exercises.hand_ins import LARGEST, SCHEMA, Entry, parse
from course_lib.exercises.verdicts import Verdict
from course_lib.files import write_json
from course_lib.locations import progress_folder

PATIENCE = 5.0
"""Seconds to wait for another notebook that is writing."""
LONGEST = 300
"""Characters kept of a reason."""
_SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)


def progress_file() -> Path:
    """Return where the progress of this machine is kept; a link leads to its file, so that a synchronised folder goes on."""
    return Path(os.path.realpath(progress_folder() / "progress.json"))  # a link to itself is left to reading


def read() -> dict[str, Entry]:
    """Return all entries by exercise id; a damaged file is put aside and reported in a printed line."""
    try:
        return _read()
    except DataError:
        with _locked():  # nobody else writes now: what is damaged still is put aside, and nothing newer
            return _read_or_put_aside()


def _read() -> dict[str, Entry]:
    path = progress_file()
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise OutputError(f"progress: expected a readable {path.name}, found something that is no file. "
                              "Set COURSE_PROGRESS_DIR to a folder of yours.")
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"progress: expected a readable {path.name}, found {error.strerror}. "
                          "Set COURSE_PROGRESS_DIR to a folder of yours.") from error


def _read_or_put_aside() -> dict[str, Entry]:
    try:
        return _read()
    except DataError as error:
        aside = _put_aside(progress_file())
        print(f"({error} It was kept as {aside.name}; progress starts anew.)")
        return {}


def _put_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    number = 0
    while (aside := path.with_name(f"progress-damaged-{stamp}{f'-{number}' if number else ''}.json")).exists():
        number += 1
    os.replace(path, aside)
    return aside


@contextmanager
def _locked() -> Iterator[None]:
    """Hold the lock beside the progress file; where the system has none, go on without."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = progress_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "progress.lock").open("a")
    except OSError as error:
        raise OutputError(f"progress: expected a folder that can be written to, found {error.strerror}. "
                          "Set COURSE_PROGRESS_DIR to a folder of yours.") from error
    with file:
        _wait_for(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB))
        yield


def _wait_for(take: Callable[[], None]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return take()
        except OSError:
            if time.monotonic() > end:
                raise OutputError("progress: expected to write within five seconds, found another notebook writing. "
                                  "Run the cell again.") from None
        time.sleep(0.02)


def note(verdict: Verdict, answer: Any = None) -> None:
    """Keep one verdict. What was not tried is not noted; neither is a stub as it was given out.

    The same answer checked again is one try, so that running a whole notebook
    anew makes nobody look stuck.
    """
    if verdict.status == "not tried":
        return
    mark = mark_of(answer)
    if not verdict.right and mark and mark == stubs().get(verdict.id):
        return
    with _locked():
        entries = _read_or_put_aside()
        entries[verdict.id] = _after(entries.get(verdict.id), verdict, mark)
        rows = {id: asdict(entry) for id, entry in entries.items()}
        write_json(progress_file(), {"schema": SCHEMA, "exercises": rows})


def _after(before: Entry | None, verdict: Verdict, mark: str) -> Entry:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = before or Entry("tried", 0, now, now)
    if entry.status == "done":
        return replace(entry, last=now)
    if not (mark and mark == entry.mark):
        entry = replace(entry, tries=entry.tries + 1, mark=mark)
    if verdict.right:
        return replace(entry, status="done", last=now)
    reason = one_line(verdict.kept, LONGEST)
    others = tuple(r for r in entry.reasons if r != reason)
    return replace(entry, last=now, reasons=(*others, reason)[-5:] if reason else others)


def mark_of(answer: Any) -> str:
    """Return a short fingerprint of an answer and of its helpers, blind to comments and spacing; empty if it cannot be read."""
    try:
        text = " ".join(map(_source, [answer, *_helpers(answer)])) if callable(answer) else repr(answer)
    except Exception:  # no source, or a class of the learner's that cannot be shown
        return ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _helpers(function: Any) -> list[Any]:
    """Return the functions of the same notebook or module that a function calls, and those that these call."""
    found: list[Any] = []
    wait = [function]
    while wait:
        one = wait.pop()
        near = [one.__globals__.get(name) for name in _names(one.__code__)] if isinstance(one, FunctionType) else []
        new = [f for f in near if isinstance(f, FunctionType) and f.__module__ == one.__module__ and f not in (function, *found)]
        found += dict.fromkeys(new)
        wait += dict.fromkeys(new)
    return found


def _names(code: CodeType) -> list[str]:
    """Return the global names in a function's code, and in the functions that are written inside it."""
    return [*code.co_names, *(name for inner in code.co_consts if isinstance(inner, CodeType) for name in _names(inner))]


def _source(function: Any) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return " ".join(token.string.strip() for token in tokens if token.type not in _SKIPPED and token.string.strip())


@lru_cache(maxsize=1)
def stubs() -> dict[str, str]:
    """Return the marks of the stubs as the notebooks give them out; written by ``tests/exercise_cells.py``."""
    path = Path(__file__).with_name("stubs.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
