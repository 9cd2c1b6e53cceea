"""Progress files as data of others: read with suspicion, reported when odd, never executed."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from course_lib.errors import DataError, OutputError
from course_lib.exercises.asserting import one_line
from course_lib.exercises.model import Exercise
from course_lib.files import write_json

SCHEMA = 1
LARGEST = 1_000_000
"""Bytes; a file of all exercises has a few thousand."""
MOST_FILES = 5_000
STUCK = 3
"""Tries without success from which a learner counts as stuck."""
_STATUSES = ("tried", "done")


@dataclass(frozen=True)
class Entry:
    """One exercise of one learner. ``mark`` tells two answers apart, without holding them."""

    status: str
    tries: int
    first: str
    last: str
    reasons: tuple[str, ...] = ()
    mark: str = ""

    @property
    def stuck(self) -> bool:
        """Tried several times and not done."""
        return self.status != "done" and self.tries >= STUCK


def parse(data: bytes) -> dict[str, Entry]:
    """Return the entries of a progress file by exercise id, or raise ``DataError`` with what is odd."""
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except RecursionError:
        raise _odd("brackets nested too deeply") from None
    except UnicodeDecodeError:
        raise _odd("bytes that are no UTF-8 text") from None
    except ValueError as error:
        raise _odd(f"no JSON ({one_line(str(error), 60)})") from None
    if not isinstance(value, dict) or type(value.get("schema")) is not int or value["schema"] != SCHEMA:
        raise _odd(f"no progress of schema {SCHEMA}")
    rows = value.get("exercises")
    if not isinstance(rows, dict) or len(rows) > 1000:
        raise _odd("no table of at most 1000 exercises")
    return {_id(name): _entry(name, row) for name, row in rows.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a name that stands in it twice would hide one of two values."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _odd("a name that stands twice in one object")
    return made


def _odd(found: str) -> DataError:
    return DataError(f"progress file: expected what `check` writes, found {found}. Ask for the file again, or leave it out.")


def _id(name: str) -> str:
    if not re.fullmatch(r"[0-9]{2}\.[0-9]{1,2}", name):
        raise _odd(f"the exercise id {one_line(repr(name), 40)}")
    return name


def _entry(name: str, row: Any) -> Entry:
    if not isinstance(row, dict) or row.get("status") not in _STATUSES:
        raise _odd(f"no status tried or done for {name}")
    tries, reasons = row.get("tries"), row.get("reasons", [])
    if type(tries) is not int or not 0 <= tries <= 1_000_000:
        raise _odd(f"no whole number of tries for {name}")
    if not isinstance(reasons, list) or len(reasons) > 5 or not all(isinstance(r, str) and len(r) <= 500 for r in reasons):
        raise _odd(f"no list of at most five short reasons for {name}")
    if not all(text.isprintable() for text in reasons):
        raise _odd(f"control characters in the reasons for {name}")
    mark = row.get("mark", "")
    if not isinstance(mark, str) or not re.fullmatch(r"[0-9a-f]{0,16}", mark):
        raise _odd(f"no mark of hexadecimal digits for {name}")
    return Entry(row["status"], tries, _time(row.get("first"), name), _time(row.get("last"), name), tuple(reasons), mark)


def _time(value: Any, name: str) -> str:
    try:
        if not isinstance(value, str) or len(value) > 40:
            raise ValueError
        datetime.fromisoformat(value)
    except ValueError:
        raise _odd(f"no date and time for {name}") from None
    return value


def read_file(path: Path) -> dict[str, Entry]:
    """Read one file that somebody handed in: a real file of reasonable size, or ``DataError``."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise _odd("a link to somewhere else")
        if not stat.S_ISREG(status.st_mode):
            raise _odd("something that is no file")
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise _odd(f"a file that cannot be read ({error.strerror})") from None
    if len(data) > LARGEST:
        raise _odd(f"more than {LARGEST:,} bytes")
    return parse(data)


def write(own: dict[str, Entry], name: str, folder: Path) -> tuple[Path, str]:
    """Write a learner's entries to ``progress-NAME.json``; return where, and whose file it replaced: "yours", "another" or none.

    Only a progress file is ever replaced.
    """
    slug = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")[:60]
    if not slug:
        raise DataError(f"hand-in: expected a name, found {one_line(repr(name), 60)}. Give one with a letter or a digit.")
    if not own:
        raise DataError("hand-in: expected an exercise that was checked, found none yet. "
                        "Fill one in, run its cell, and hand in then.")
    if not folder.is_dir():
        raise OutputError(f"hand-in: expected a folder, found {one_line(str(folder), 80)!r}, which is none. "
                          "Make it, or choose another.")
    path, whose = folder.resolve() / f"progress-{slug}.json", ""
    if os.path.lexists(path):
        try:
            before = read_file(path)
        except DataError:
            raise OutputError(f"hand-in: expected no {path.name}, or a progress file to replace, found another there. "
                              "Take another name or folder; nothing was changed.") from None
        whose = "yours" if all(id in own and own[id].first == entry.first for id, entry in before.items()) else "another"
    write_json(path, {"schema": SCHEMA, "exercises": {id: asdict(entry) for id, entry in own.items()}})
    return path, whose


@dataclass
class Room:
    """All hand-ins below a folder: entries by file name, what was odd, one line each, and files that are no .json."""

    learners: dict[str, dict[str, Entry]] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def identical(self) -> list[list[str]]:
        """Return the names of files with the same contents, group by group; files without any entry are left out."""
        groups: dict[tuple[tuple[str, Entry], ...], list[str]] = {}
        for name, own in self.learners.items():
            groups.setdefault(tuple(sorted(own.items(), key=lambda item: item[0])), []).append(name)
        return [names for entries, names in groups.items() if entries and len(names) > 1]


def collect(folder: Path) -> Room:
    """Read every ``.json`` file below a folder; links are reported and not followed."""
    if not folder.is_dir():
        raise DataError(f"hand-ins: expected a folder, found {one_line(str(folder), 80)!r}, which is none. "
                        "Give the folder that holds the learners' progress files.")
    room, seen = Room(), Counter[str]()
    for path in _files(folder, room):
        name = _name(path, folder)
        seen[name] += 1
        name += f" ({seen[name]})" if seen[name] > 1 else ""
        try:
            room.learners[name] = read_file(path)
        except DataError as error:
            room.odd[name] = one_line(str(error).partition(", found ")[2].rpartition(". Ask")[0], 160)
    return room


def _name(path: Path, folder: Path) -> str:
    """Return a printable name; of a long one the end, where a learner's own folder and file stand."""
    name = one_line(path.relative_to(folder).as_posix().encode("utf-8", "replace").decode(), 5000)
    return name if len(name) <= 120 else "..." + name[-117:]


def _files(folder: Path, room: Room) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        room.odd[_name(Path(error.filename), folder)] = f"a folder that cannot be read ({error.strerror})"

    count = 0
    for base, folders, names in os.walk(folder, onerror=unreadable, followlinks=False):
        links = [name for name in folders if name.lower().endswith(".json")]
        folders.sort()
        others = sorted(name for name in names if not name.lower().endswith(".json") and not name.startswith("."))
        room.skipped += [_name(Path(base) / name, folder) for name in others][:MOST_FILES - len(room.skipped)]
        for name in sorted([n for n in names if n.lower().endswith(".json")] + links):
            count += 1
            if count > MOST_FILES:
                raise DataError(f"hand-ins: expected at most {MOST_FILES:,} .json files, found more. Give a smaller folder.")
            yield Path(base) / name


def by_exercise(room: Room, exercises: dict[str, Exercise]) -> list[dict[str, Any]]:
    """Return one row for each exercise: how many done, tried, stuck, not tried; the commonest reasons and mistakes."""
    rows = []
    for id, exercise in exercises.items():
        entries = [own[id] for own in room.learners.values() if id in own]
        reasons = Counter(reason for entry in entries for reason in set(entry.reasons))
        rows.append({
            "exercise": id, "title": exercise.title, "done": sum(e.status == "done" for e in entries),
            "tried": sum(e.status != "done" for e in entries), "stuck": sum(e.stuck for e in entries),
            "not tried": len(room.learners) - len(entries),
            "reasons": [{"learners": n, "reason": text}
                        for text, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:3]],
            "mistakes": _mistakes(entries),
        })
    return rows


def _mistakes(entries: list[Entry]) -> list[dict[str, Any]]:
    """Group reasons that differ only in the value given: who had one, and who has it still, as the last one; commonest first."""
    had, now = Counter[str](), Counter[str]()
    examples: dict[str, str] = {}
    for entry in entries:
        for reason in entry.reasons:
            examples.setdefault(_without_value(reason), reason)
        had.update({_without_value(reason) for reason in entry.reasons})
        now.update(_without_value(reason) for reason in entry.reasons[-1:] if entry.status != "done")
    return [{"had": n, "now": now[kind], "example": examples[kind]}
            for kind, n in sorted(had.items(), key=lambda item: (-item[1], item[0]))]


def _without_value(reason: str) -> str:
    return re.sub(r"it gave .*?(?=, expected|:|$)", "it gave ...", reason)


def by_learner(room: Room, exercises: dict[str, Exercise]) -> list[dict[str, Any]]:
    """Return one row for each file that could be read."""
    rows = []
    for name, own in room.learners.items():
        known = [entry for id, entry in own.items() if id in exercises]
        rows.append({
            "file": name, "done": sum(e.status == "done" for e in known), "tried": sum(e.status != "done" for e in known),
            "stuck": [id for id in exercises if id in own and own[id].stuck],
            "unknown": sorted(id for id in own if id not in exercises),
        })
    return rows
