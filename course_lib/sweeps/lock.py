"""One sweep in a folder at a time.

The lock belongs to an open file, so the system drops it however a sweep ends.
The processes of its runs hold it too: a killed sweep's last runs are over
before the next sweep begins.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.errors import OutputError

NAME = ".sweep.lock"
PATIENCE = 30.0
"""Seconds to wait for the runs of a sweep that is gone."""


@contextmanager
def sole_sweep(folder: Path, patience: float = PATIENCE) -> Iterator[int]:
    """Hold the lock of ``folder``; give its file descriptor, to be inherited by the runs.

    Raises ``OutputError`` at once when another sweep is at work there, naming its process and start.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"folder {str(folder)!r}: expected one that can be written to, found {error.strerror}. "
                          "Choose another --out.") from error
    try:
        _take(handle, folder, patience)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        _write(handle, {"pid": os.getpid(), "started": started, "born": _born(os.getpid())})
        yield handle
    finally:
        os.close(handle)


def _take(handle: int, folder: Path, patience: float) -> None:
    try:
        import fcntl
    except ImportError:
        raise OutputError("course sweep: expected Linux or macOS (file locks), found another system. "
                          "On Windows use it in WSL; course run works everywhere.") from None
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _read(handle)
            alive = _born(holder.get("pid", 0)) == holder.get("born", -1.0)
            if alive or time.monotonic() > end:
                raise OutputError(_refusal(folder, holder, alive)) from None
            time.sleep(0.1)


def _refusal(folder: Path, holder: dict[str, Any], alive: bool) -> str:
    who = f"process {holder['pid']}, started {holder['started']}" if holder else "a process that has not said who it is"
    there = "" if alive else "; no such process on this machine: it is on another one, or its last runs are still ending"
    return (f"folder {str(folder)!r}: expected no other sweep at work there, found one ({who}{there}). "
            "Wait for it, end it, or choose another --out.")


def _read(handle: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return {"pid": int(found["pid"]), "started": str(found["started"]), "born": float(found["born"])}
    except (ValueError, KeyError, TypeError):  # just taken, not yet written
        return {}


def _write(handle: int, value: dict[str, Any]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(value).encode(), 0)


def _born(pid: int) -> float | None:
    """When a process started (seconds since 1970), so that a number used again is not taken for the old process."""
    import psutil

    try:
        return psutil.Process(pid).create_time() if pid > 0 else None
    except psutil.Error:
        return None
