"""What a build made, and may therefore replace: folders, zips and pages that are still as they were made.

The zip unpacks to the very name that a build writes, so a name or a marker
alone would not tell a build from a copy in which somebody has worked.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from course_lib.errors import OutputError
from course_lib.files import sha256_of, write_json

MARKER = "edition.json"
"""Holds the SHA-256 of every other file of an edition."""
JUNK = (".DS_Store", "._", ".Trash", ".Spotlight", ".fseventsd", "desktop.ini", "Thumbs.db", "__pycache__")
"""Beginnings of the names of what desktops and Python leave behind, which is nobody's work."""
_STAMP = "<!-- course build slides, sha256 of the lines above: {} -->\n"


def mark(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the marker: facts about the edition, and the sum of every file."""
    write_json(folder / MARKER, {**facts, "sha256": _sums(folder)})


def stamped(page: str) -> str:
    """Return a page with its own sum in a last line."""
    page = page.rstrip("\n") + "\n"
    return page + _STAMP.format(hashlib.sha256(page.encode("utf-8")).hexdigest())


def free(*paths: Path) -> None:
    """Raise ``OutputError`` unless nothing stands at each path, or what a build made there, untouched."""
    for path in paths:
        if (path.is_symlink() or path.exists()) and (other := _touched(path)):
            raise OutputError(f"output: expected no {path.name}, or one that is as course build made it, found another "
                              f"in {escape(path.parent.name) or '/'}, or one in which somebody has worked ({escape(other)}). "
                              "Move it away, or choose another --out; nothing was changed.")


def _touched(path: Path) -> str:
    """Say what is not as a build made it; empty if all is."""
    if path.is_symlink():
        return "it is a link"
    if not path.is_dir() and not path.is_file():  # a pipe would never end
        return "it is no file"
    try:
        if path.is_dir():
            made = dict(json.loads((path / MARKER).read_text(encoding="utf-8"))["sha256"])
            other = sorted(name for name, _ in made.items() ^ _sums(path).items())
            return f"new, changed or gone: {other[0]}" if other else ""
        as_built = _packed_as_built(path) if zipfile.is_zipfile(path) else _page_as_built(path)
        return "" if as_built else "its sums differ"
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile):
        return f"no sums in {MARKER}" if path.is_dir() or zipfile.is_zipfile(path) else "it has no sum"


def _sums(folder: Path) -> dict[str, str]:
    """Return the sum of each file; a link or an empty folder stands among them, with none."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.as_posix() == MARKER or any(part.startswith(JUNK) for part in name.parts):
            continue
        if path.is_symlink() or not path.is_dir():
            found[name.as_posix()] = "" if path.is_symlink() or not path.is_file() else sha256_of(path)
        elif not any(path.iterdir()):
            found[name.as_posix() + "/"] = ""
    return found


def _packed_as_built(archive: Path) -> bool:
    root = archive.stem + "/"
    with zipfile.ZipFile(archive) as packed:
        wanted = json.loads(packed.read(root + MARKER))["sha256"]
        if sorted(packed.namelist()) != sorted([root + MARKER, *(root + name for name in wanted)]):
            return False
        return all(hashlib.sha256(packed.read(root + name)).hexdigest() == digest for name, digest in wanted.items())


def _page_as_built(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return stamped("".join(text.splitlines(keepends=True)[:-1])) == text
