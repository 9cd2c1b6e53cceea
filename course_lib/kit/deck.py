"""From cells to slides: what stands on one slide, by headings and by room. Makes no HTML.

A heading of level 1 or 2 begins a new column, one of level 3 a new slide; text
and code that would not fit go to the next slide below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from course_lib.kit.cells import Notebook, headings, is_notes, is_text, lines_outside_code, source

Kind = Literal["text", "code", "stream", "html"]
ROOM = 17.0
"""Lines that a slide holds."""
_WORDS_A_LINE = 14


@dataclass(frozen=True)
class Piece:
    """One block on a slide. ``text`` is Markdown, code, plain output or HTML, by ``kind``."""

    kind: Kind
    text: str

    @property
    def lines(self) -> float:
        """The room it takes, in lines of text."""
        if self.kind == "html":
            rows, pictures = self.text.count("<tr"), self.text.count("<img")
            return 13.0 * pictures if pictures else 1.1 * rows + 1 if rows else 2 + len(re.sub("<[^>]+>", "", self.text)) / 90
        if self.kind != "text":
            return 0.75 * len(self.text.splitlines()) + 0.6
        blocks = re.split(r"\n\s*\n", self.text)
        return sum(_room_of(block) for block in blocks if block.strip())


def _room_of(block: str) -> float:
    if block.lstrip().startswith("$$"):
        return 2.5
    items = [line for line in block.splitlines() if re.match(r"\s*([-*]|\d+\.) |#|\|", line)]
    return max(len(block.split()) / _WORDS_A_LINE, len(items)) + 0.6


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


def columns(notebook: Notebook) -> list[list[Slide]]:
    """Return the slides of a notebook, by column; empty slides are left out, instructor's notes go to the slide before."""
    made: list[list[Slide]] = [[Slide("")]]
    for cell in notebook["cells"]:
        if is_notes(cell):
            made[-1][-1].notes.append(source(cell))
            continue
        group = list(pieces_of(cell))
        if group and group[0].kind == "code" and not _fits(made[-1][-1], group) and sum(p.lines for p in group) <= ROOM:
            made[-1].append(Slide(made[-1][-1].section))  # code stays with its result where one slide holds both
        for piece in group:
            _place(made, piece)
    full = [[slide for slide in column if slide.pieces or slide.notes] for column in made]
    return [column for column in full if column]


def _fits(slide: Slide, group: list[Piece]) -> bool:
    return slide.lines + sum(piece.lines for piece in group) <= ROOM


def _place(made: list[list[Slide]], piece: Piece) -> None:
    top = headings(piece.text)[0] if piece.kind == "text" and re.match(r"#{1,6} ", piece.text) else None
    last = made[-1][-1]
    if top and top[0] <= 2:
        made.append([Slide(top[1])])
    elif top and last.pieces or (last.pieces and last.lines + piece.lines > ROOM):
        made[-1].append(Slide(top[1] if top else last.section))
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
    for key, kind in (("text/html", "html"), ("text/plain", "stream")):
        if key in data:
            text = re.sub(r'<details class="twin">.*?</details>', "", data[key], flags=re.DOTALL)
            yield Piece("html" if kind == "html" else "stream", text)
            return
    text = str(output.get("text", "")).strip("\n")
    if text:
        yield Piece("stream", text)


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
