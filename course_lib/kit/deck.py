"""From cells to slides: what stands on one slide, by headings and by room. Makes no HTML.

A heading of level 1 or 2 begins a new column, one of level 3 a new slide; text
and code that would not fit go to the next slide below. Cells that nobody listens to
are left out. What long code shows stands on a slide, the code itself on the one below.
"""

from __future__ import annotations

import ast
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from course_lib.kit.cells import Notebook, exercise_of, headings, is_notes, is_text, lines_outside_code, source, tags

Kind = Literal["text", "code", "stream", "html"]
ROOM = 18.0
"""Lines that a slide holds, each as high as one of plain text."""
SHORT = 6
"""Code of so many lines stays with what it shows."""
_WIDTH, _CODE_WIDTH, _OUT_WIDTH = 76, 88, 92
_HEADING_WIDTH = {1: 42, 2: 54, 3: 62}
_SERVES = re.compile(r"\brun\.save_(metrics|predictions)\(|^\w+ = begin\(", re.MULTILINE)


def is_left_out(cell: dict[str, Any]) -> bool:
    """Does no slide show this cell: tagged ``no-slide`` or ``parameters``, or code that only begins, imports or saves?"""
    if {"no-slide", "parameters"} & set(tags(cell)):
        return True
    if is_text(cell) or exercise_of(cell):
        return False
    return bool(_SERVES.search(source(cell))) or _only_imports(source(cell))


def _only_imports(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except SyntaxError:  # a line that only IPython reads
        return False
    return bool(body) and all(isinstance(part, ast.Import | ast.ImportFrom) for part in body)


@dataclass(frozen=True)
class Piece:
    """One block on a slide. ``text`` is Markdown, code, plain output or HTML, by ``kind``."""

    kind: Kind
    text: str

    @property
    def lines(self) -> float:
        """The room it takes, in lines of text."""
        if self.kind == "html":
            return _room_of_html(self.text)
        if self.kind != "text":
            width = _CODE_WIDTH if self.kind == "code" else _OUT_WIDTH
            return 0.8 * sum(_wrapped(line, width) for line in self.text.splitlines()) + 1
        blocks = re.split(r"\n\s*\n", self.text)
        return sum(_room_of(block) for block in blocks if block.strip())

    @property
    def heads(self) -> bool:
        """Is this nothing but headings?"""
        return self.kind == "text" and all(re.match(r"#{1,6} ", line) for line in self.text.splitlines() if line.strip())


def _wrapped(line: str, width: int) -> int:
    return max(1, ceil(len(line) / width))


def _room_of(block: str) -> float:
    if block.lstrip().startswith("$$"):
        return 2.5
    shown = re.sub(r"\]\([^)]*\)", "]", block)
    if heading := re.match(r"(#{1,6}) ", shown):
        first, *rest = shown.splitlines()
        lines = _wrapped(first, _HEADING_WIDTH.get(len(heading[1]), _WIDTH)) * (1.7 if len(heading[1]) == 1 else 1.3)
        return lines + 0.6 + (_room_of("\n".join(rest)) if rest else 0)
    if re.match(r"\s*(```|~~~)", shown):
        return 0.8 * len(shown.splitlines()) + 1
    items = re.split(r"\n(?=\s*(?:[-*]|\d+\.) |\|)", shown)
    width = _WIDTH - 6 if len(items) > 1 else _WIDTH
    return sum(_wrapped(" ".join(item.split()), width) for item in items) + 0.2 * (len(items) - 1) + 0.6


def _room_of_html(html: str) -> float:
    rows, pictures = html.count("<tr"), re.findall(r"<img[^>]*?src=[\"']([^\"']*)", html)
    if pictures:
        return sum(_room_of_picture(source) for source in pictures)
    if rows:
        return rows + (1.2 if "<caption" in html else 0.2) + 0.6
    return 2 + len(re.sub("<[^>]+>", "", html)) / 90


def _room_of_picture(address: str) -> float:
    """Return the room of a picture as wide as a slide and at most 520 pixels high; a PNG tells its size in bytes 16 to 24."""
    start = b64decode(address.partition("base64,")[2][:32] or "")
    width, height = int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big")
    return min(520, 1090 * height / width if width else 520) / 33.6 + 0.5


@dataclass
class Slide:
    """Pieces from top to bottom, what the speaker sees, and the section it belongs to."""

    section: str
    pieces: list[Piece] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def lines(self) -> float:
        """The room that is taken."""
        return sum(piece.lines for piece in self.pieces)

    def takes(self, group: list[Piece]) -> bool:
        """Is there room for these too? Below a heading there always is: it does not stand alone."""
        return all(piece.heads for piece in self.pieces) or self.lines + sum(piece.lines for piece in group) <= ROOM


def columns(notebook: Notebook) -> list[list[Slide]]:
    """Return the slides of a notebook, by column, none empty; instructor's notes go to the slide before and end it."""
    made: list[list[Slide]] = [[Slide("")]]
    for cell in notebook["cells"]:
        if is_notes(cell):
            _note(made[-1], source(cell))
        elif is_text(cell) and not is_left_out(cell):
            for piece in pieces_of(cell):
                _place(made, piece)
        elif not is_left_out(cell):
            _place_code(made[-1], list(pieces_of(cell)), is_exercise=exercise_of(cell) is not None)
    full = [[slide for slide in column if slide.pieces or slide.notes] for column in made]
    return [column for column in full if column]


def _note(column: list[Slide], note: str) -> None:
    """Give a note to the last slide with something on it, and end that slide: the answer stands on the next one."""
    last = next((slide for slide in reversed(column) if slide.pieces), column[-1])
    last.notes.append(note)
    if last is column[-1] and not all(piece.heads for piece in last.pieces):
        column.append(Slide(last.section))


def _place_code(column: list[Slide], group: list[Piece], *, is_exercise: bool) -> None:
    """Put what a cell shows on a slide and its code below; short code and an exercise stay with what they show where it fits."""
    section = column[-1].section
    together = sum(piece.lines for piece in group) <= ROOM
    code, shown = group[:1], group[1:]
    if is_exercise or not shown or together and len(code[0].text.splitlines()) <= SHORT:
        if together and not column[-1].takes(group):
            column.append(Slide(section))
        code, shown = [], group
    for piece in shown:
        if not column[-1].takes([piece]):
            column.append(Slide(section))
        column[-1].pieces.append(piece)
    if code:
        column += [Slide(f"{section} \N{EM DASH} the code", code), Slide(section)]
    if is_exercise:  # what follows belongs to the section again, not to the exercise
        column.append(Slide(column[0].section))


def _place(made: list[list[Slide]], piece: Piece) -> None:
    top = headings(piece.text)[0] if re.match(r"#{1,6} ", piece.text) else None
    last = made[-1][-1]
    if top and top[0] <= 2:
        made.append([Slide(top[1])])
    elif top and not all(known.heads for known in last.pieces) or not last.takes([piece]):
        made[-1].append(Slide(top[1] if top else last.section))
    elif top:
        last.section = top[1]
    made[-1][-1].pieces.append(piece)


def pieces_of(cell: dict[str, Any]) -> Iterator[Piece]:
    """Yield the pieces of a cell: text cut at headings and where a slide is full, code, then its outputs."""
    if is_text(cell):
        for part in _by_heading(source(cell)):
            yield from (Piece("text", text) for text in _by_room(part))
        return
    code = source(cell).removeprefix("# NBVAL_CHECK_OUTPUT\n").strip("\n")
    if code:
        yield Piece("code", code)
    for output in cell.get("outputs", []):
        yield from _outputs(output)


def _outputs(output: dict[str, Any]) -> Iterator[Piece]:
    data = output.get("data", {})
    if "text/html" in data:
        html = re.sub(r'<details class="twin">.*?</details>', "", data["text/html"], flags=re.DOTALL)
        yield from (Piece("html", part) for part in _by_rows(html))
        return
    text = str(data.get("text/plain", output.get("text", ""))).strip("\n")
    if text:
        yield Piece("stream", text)


def _by_rows(html: str) -> list[str]:
    """Cut a table that is too long for a slide into even parts, each with the head of the table."""
    whole = re.fullmatch(r"(\s*<table.*?<tbody>)(.*)(</tbody>.*)", html, re.DOTALL)
    if not whole or Piece("html", html).lines <= ROOM:
        return [html]
    rows = re.findall(r"<tr.*?</tr>", whole[2], re.DOTALL)
    size = ceil(len(rows) / ceil(len(rows) / (ROOM - 4)))
    return [whole[1] + "\n".join(rows[i:i + size]) + whole[3] for i in range(0, len(rows), size)]


def _by_heading(text: str) -> list[str]:
    """Cut a text so that each part begins with a heading; ``#`` in code is no heading."""
    parts: list[list[str]] = [[]]
    for line, prose in lines_outside_code(text):
        if prose and re.match(r"#{1,6} ", line):
            parts.append([])
        parts[-1].append(line)
    return [joined for part in parts if (joined := "\n".join(part).strip("\n"))]


def _by_room(text: str) -> list[str]:
    """Cut a long text between paragraphs; a heading keeps its first paragraph, a fence and a formula stay whole."""
    blocks: list[str] = []
    current: list[str] = []
    whole = False  # inside a fence: a blank line is no border
    for line, prose in lines_outside_code(text):
        whole = not prose
        if not line.strip() and not whole:
            blocks.append("\n".join(current))
            current = []
        else:
            current.append(line)
    parts: list[str] = []
    for block in [*blocks, "\n".join(current)]:
        if not block.strip():
            continue
        joined = f"{parts[-1]}\n\n{block}" if parts else block
        if parts and (Piece("text", joined).lines <= ROOM or re.fullmatch(r"#{1,6} .*", parts[-1])):
            parts[-1] = joined
        else:
            parts.append(block)
    return parts
