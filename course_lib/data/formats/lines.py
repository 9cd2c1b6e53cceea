"""One place that opens text: UTF-8, line by line in bounded memory, and JSON.

A byte order mark and Windows line ends are accepted everywhere. Other bytes
than UTF-8, NUL bytes and endless lines are a ``DataError`` with file and line.
"""

from __future__ import annotations

import json
import os
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from course_lib.errors import DataError

MAX_LINE = 5_000_000
"""Bytes. No sentence or note is that long; a file without line ends is."""
MAX_FILE = 1_000_000_000
"""Bytes of a file that has to be read as a whole (JSON)."""
BOM = b"\xef\xbb\xbf"


def shown(value: object, limit: int = 60) -> str:
    """Return a short text of any value, however large or deeply nested it is."""
    return repr(value[:limit]) if isinstance(value, str) else reprlib.repr(value)[: 4 * limit]


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes; what the system refuses is a ``DataError``."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path.name}: expected a file that can be read, found: {reason}. Check the path.") from error


def decode(block: bytes, path: Path, line: int) -> str:
    """Decode UTF-8 that starts on the given line; raise where it is something else."""
    if 0 in block:
        line += block[: block.find(0)].count(b"\n")
        raise DataError(f"{path.name}, line {line}: expected text in UTF-8, found a NUL byte (cut file, UTF-16, or no text?). "
                        "Save the file as UTF-8, or fetch it again.")
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        before = block[: error.start]
        column = error.start - (before.rfind(b"\n") + 1)
        byte = block[error.start]
        raise DataError(
            f"{path.name}, line {line + before.count(10)}: expected UTF-8 text, found byte {byte:#x} at position {column} "
            f"({bytes([byte]).decode('latin-1')!r} in Latin-1). Convert the file to UTF-8, "
            "for example: iconv -f latin1 -t utf-8 old > new"
        ) from error


def read_lines(path: Path, *, ends: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of a text file; with ``ends`` each line keeps its line end.

    No more than one line of at most ``MAX_LINE`` bytes is held in memory.
    """
    with opened(path) as file:
        number = 0
        while block := file.readline(MAX_LINE + 1):
            number += 1
            if len(block) > MAX_LINE:
                raise DataError(f"{path.name}, line {number}: expected a line of at most {MAX_LINE:,} bytes, found a longer one. "
                                "Break it up, or check that the file has line ends.")
            text = decode(block.removeprefix(BOM) if number == 1 else block, path, number)
            yield number, text if ends else text.removesuffix("\n").removesuffix("\r")


def first_character(path: Path) -> str:
    """Return the first visible character of a file, or an empty text."""
    with opened(path) as file:
        return file.read(4096).decode("utf-8-sig", errors="replace").lstrip()[:1]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {shown(twice)} twice in one object")
    return row


DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique_keys)


def parse_json(text: str) -> Any:
    """Parse strict JSON: no NaN, no key twice, no half surrogate pair; raise ``ValueError`` with the reason."""
    try:
        value = DECODER.decode(text)
        if re.search(r"\\u[dD][89a-fA-F]", text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("values nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError("one half of a surrogate pair, which is no character") from error
    return value


def read_json(path: Path, layout: str) -> Any:
    """Read a whole JSON file; ``layout`` says in errors what was expected."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE:
            raise DataError(f"{path.name}: expected at most {MAX_FILE:,} bytes of JSON, found {size:,}. Divide the file.")
        block = file.read()
    text = decode(block.removeprefix(BOM), path, 1)
    try:
        return parse_json(text)
    except ValueError as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{path.name}{line}: expected JSON in {layout} layout, found {shown(text.strip(), 40)} ({error}). "
                        "Repair or replace the file.") from error


def line_of(path: Path, key: str, value: str, occurrence: int = 1) -> str:
    """Return ``", line 12"`` where a JSON file says ``"key": "value"``, or an empty text."""
    with opened(path) as file:
        text = file.read().decode("utf-8-sig", errors="replace")
    forms = {re.escape(json.dumps(value, ensure_ascii=ascii_only)) for ascii_only in (True, False)}
    found = re.finditer(re.escape(json.dumps(key)) + r"\s*:\s*(?:" + "|".join(sorted(forms)) + ")", text)
    places = [match.start() for match in found]
    return f", line {text.count(chr(10), 0, places[occurrence - 1]) + 1}" if len(places) >= occurrence else ""
