"""Run folders that are whole or not there: written as a draft, renamed when complete.

``runs/<notebook>/.<id>-<random>.part/`` becomes ``runs/<notebook>/<id>/`` in
one step. A process killed at any moment leaves at most a draft; drafts whose
process is gone and that nobody has touched for a day are removed at the next start.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from course_lib.errors import ConfigError, OutputError
from course_lib.files import write_json
from course_lib.locations import shown

OWNER_FILE = ".owner.json"
DAY = 24 * 3600.0


class RunLostError(OutputError):
    """A run that was executed and cannot be kept. The command ends with 1 then: 2 would mean that nothing ran."""

    exit_code = 1


def fresh_id() -> str:
    """Return a new run id: UTC time and four random digits, which sort by time."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)


def outcome_of(folder: Path) -> str | None:
    """Return the outcome in a folder's manifest; None if it has none that can be read."""
    try:
        return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["outcome"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_free(target: Path) -> None:
    """Refuse a run folder that is there already, unless a failed run lies in it."""
    if not target.exists():
        return
    outcome = outcome_of(target)
    if outcome is None or outcome == "ok":
        what = "a finished run" if outcome else "files that are no run"
        raise ConfigError(f"run {target.name!r}: expected a folder that is not there yet or a failed run, found {what} in "
                          f"{shown(target)}. Choose another id, or move that folder away.")


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Give a draft folder for ``target``; it is removed if the block ends with an error.

    ``OutputError`` if it cannot be made, ``RunLostError`` if it cannot be written to later.
    """
    draft = target.parent / f".{target.name}-{secrets.token_hex(4)}.part"
    try:
        draft.mkdir(parents=True)
        owner = {"pid": os.getpid(), "born": _born(os.getpid()), "machine": _machine()}
        write_json(draft / OWNER_FILE, owner)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise OutputError(_cannot(target, error)) from error
    except OutputError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    try:
        yield draft
    except (OSError, OutputError) as error:
        cause = error.__cause__ if isinstance(error, OutputError) else error
        reason = _cannot(target, cause) if isinstance(cause, OSError) else str(error)
        raise RunLostError(f"{reason} The notebook was executed, and nothing of it is kept.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def finish(draft: Path, target: Path) -> Path:
    """Give a complete draft its name and return the folder.

    If another process finished the same run first, its folder stands. A failed
    one is replaced.
    """
    (draft / OWNER_FILE).unlink(missing_ok=True)
    for _ in range(5):  # somebody else may put a folder there between two steps
        try:
            os.rename(draft, target)
            return target
        except OSError:
            if not target.is_dir():
                raise
        if outcome_of(target) == "ok":
            return target
        old = target.parent / f".{target.name}-{secrets.token_hex(4)}.part"
        try:
            os.rename(target, old)
        except FileNotFoundError:
            continue
        shutil.rmtree(old, ignore_errors=True)
    raise OutputError(f"run {target.name!r}: expected to give the folder its name, found others doing so at once. Run it again.")


def remove_stale(folder: Path, *, now: float | None = None) -> list[str]:
    """Remove drafts of this machine whose process is gone and that nobody wrote to for a day; return their names."""
    now = time.time() if now is None else now
    removed = []
    for draft in sorted(folder.glob(".*.part")):
        if draft.is_dir() and not _may_live(draft) and now - _last_change(draft) > DAY:
            shutil.rmtree(draft, ignore_errors=True)
            removed.append(draft.name)
    return removed


def _may_live(draft: Path) -> bool:
    """Can the process that writes a draft still be at work? One of another machine: we cannot know."""
    try:
        owner = json.loads((draft / OWNER_FILE).read_text(encoding="utf-8"))
        pid, born, machine = int(owner["pid"]), owner["born"], owner["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        return False  # killed before it said whose it is, or after it was complete
    return bool(machine != _machine() or (_born(pid) is not None and _born(pid) == born))


def _born(pid: int) -> float | None:
    """Return when a process began, so that a number given out again is not taken for it; None if it is gone."""
    import psutil

    try:
        return round(psutil.Process(pid).create_time(), 1)
    except psutil.Error:
        return None


def _machine() -> str:
    """Return a mark of this machine that does not tell its name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def _last_change(folder: Path) -> float:
    times = [folder.lstat().st_mtime]
    for path in folder.rglob("*"):
        try:
            times.append(path.lstat().st_mtime)
        except OSError:
            continue
    return max(times)


def _cannot(target: Path, error: OSError) -> str:
    return (f"run folder {target.parent.name}/{target.name}: expected a place that can be written to, with free space, found "
            f"{error.strerror or error}. Choose another with --out (or COURSE_RUNS_DIR), or free space.")
