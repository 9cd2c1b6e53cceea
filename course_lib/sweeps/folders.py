"""What the folders of a sweep say: which runs are finished, failed, half, or not begun."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

_PART = re.compile(r"\.([0-9a-f]{16})-.*\.part")


@dataclass(frozen=True)
class Found:
    """What a run folder says: the outcome in its manifest (ok, failed, interrupted), its seconds, the hashes of its inputs.

    The outcome is "none" where no folder is, and "damaged" where the manifest is not valid or of another run.
    """

    outcome: str
    seconds: float = 0.0
    hashes: Mapping[str, Any] = field(default_factory=dict)


def look(folder: Path) -> Found:
    """Read the manifest of a run folder, if there is one."""
    from course_lib.runfolder import read

    if not folder.is_dir():
        return Found("none")
    try:
        manifest = read(folder).manifest
    except CourseError:
        return Found("damaged")
    if manifest["id"] != folder.name:
        return Found("damaged")
    return Found(str(manifest["outcome"]), float(manifest["seconds"]), manifest["hashes"])


def set_aside(folder: Path) -> Path | None:
    """Make room where a folder without a valid manifest stands in the place of a run: it may be somebody's work.

    It is kept under another name, which is returned. A failed run stays until its next attempt replaces it.
    """
    if look(folder).outcome != "damaged":
        return None
    kept = folder.with_name(f"{folder.name}-damaged-{secrets.token_hex(2)}")
    os.replace(folder, kept)
    return kept


def clear_halves(parent: Path, ids: Container[str]) -> int:
    """Remove what killed runs of these ids left (``.<id>-....part``); return how many.

    Only for the holder of the sweep's lock, while no run of it is at work.
    """
    halves = [path for path in parent.glob(".*.part") if (found := _PART.fullmatch(path.name)) and found.group(1) in ids]
    for path in halves:
        shutil.rmtree(path, ignore_errors=True)
    return len(halves)
