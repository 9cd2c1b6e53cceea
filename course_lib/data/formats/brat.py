"""BRAT stand-off (Stenetorp et al. 2012): a folder of texts (``.txt``), each with its annotations (``.ann``).

An entity is a line ``T1<tab>Disease 0 5<tab>cough``; offsets are characters of
the text file, end exclusive. A text is one note and one document.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from itertools import pairwise
from pathlib import Path

from course_lib.data.formats.lines import read_lines, shown
from course_lib.data.records import Note, Span
from course_lib.errors import DataError

ENTITY = re.compile(r"(T[^\s]+)\t([^\s]+) ([0-9]{1,9} [0-9]{1,9}(?:;[0-9]{1,9} [0-9]{1,9})*)\t(.*)", re.DOTALL)
LINE_END = re.compile(r"[\r\n]")  # BRAT writes a space for each in the surface text
OTHER = {"R": "relations", "*": "equivalences", "E": "events", "A": "attributes", "M": "attributes",
         "N": "normalisations", "#": "comments"}
DISCONTINUOUS = "discontinuous spans left out"
JOINED = "spans parted by white space only, joined"
OVERLAPPING = "overlapping or nested spans left out, the longest kept"


def read_notes(path: Path, repairs: Counter[str] | None = None) -> list[Note]:
    """Read all pairs of ``.txt`` and ``.ann`` files in a folder, in the order of their names.

    What a note cannot hold is counted in ``repairs``: discontinuous spans, of
    overlapping spans all but the longest (of equal ones the first), and every
    annotation that is no entity, by kind.
    """
    repairs = Counter() if repairs is None else repairs
    try:
        files = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"{path.name}: expected a folder of .txt and .ann files, found: {error.strerror}. Check it.") from error
    texts, annotations = ({file.stem: file for file in files if file.suffix == suffix} for suffix in (".txt", ".ann"))
    if alone := sorted(set(texts) ^ set(annotations)):
        given, missing = (".txt", ".ann") if alone[0] in texts else (".ann", ".txt")
        raise DataError(f"{path.name}: expected a {missing} file beside each {given} file, found none beside {alone[0]}{given}. "
                        "Add it (an empty .ann if nothing is annotated) or move the file away.")
    return [_note(text, annotations[stem], repairs) for stem, text in texts.items()]


def _note(text_path: Path, path: Path, repairs: Counter[str]) -> Note:
    text = "".join(line for _, line in read_lines(text_path, ends=True))
    spans: list[Span] = []
    lines: dict[str, int] = {}
    for number, line in read_lines(path):
        where = f"{path.name}, line {number}"
        if not line.strip():
            continue
        if line[0] in OTHER:
            repairs[f"{OTHER[line[0]]} ({line[0]}) left out, they are not entities"] += 1
            continue
        name, span = _entity(line, text, where, repairs)
        if name in lines:
            raise DataError(f"{where}: expected an id of its own, found {shown(name)} again "
                            f"(first on line {lines[name]}). Rename one of them.")
        lines[name] = number
        spans += [span] if span else []
    try:
        return Note(text_path.stem, text, _without_overlaps(spans, repairs))
    except DataError as error:
        raise DataError(f"{text_path.name}: {error}") from error


def _entity(line: str, text: str, where: str, repairs: Counter[str]) -> tuple[str, Span | None]:
    """Read a ``T`` line; the span is ``None`` where it is discontinuous, which is counted."""
    match = ENTITY.fullmatch(line)
    if not match:
        raise DataError(f"{where}: expected T1<tab>TYPE start end<tab>its text (or a line of R, E, A, M, N, #, *), "
                        f"found {shown(line)}. Correct the line.")
    name, label, offsets, surface = match.groups()
    parts = [(int(start), int(end)) for start, end in (part.split(" ") for part in offsets.split(";"))]
    edges = [edge for part in sorted(parts) for edge in part]
    if edges != sorted(edges) or any(start == end for start, end in parts) or edges[-1] > len(text):
        raise DataError(f"{where}: expected spans inside the text (0 to {len(text)}), start before end, "
                        f"found {shown(offsets)}. Offsets are characters, end exclusive.")
    expected = " ".join(text[start:end] for start, end in parts)
    if LINE_END.sub(" ", expected) != LINE_END.sub(" ", surface):
        hint = " Offsets count the \\r of Windows line ends." if "\r" in text else ""
        raise DataError(f"{where}: expected at {offsets} the text {shown(surface)}, found {shown(expected)}.{hint} "
                        "Correct the offsets, or use the text file they were made for.")
    if any(text[end:start].strip() for (_, end), (start, _) in pairwise(sorted(parts))):
        repairs[DISCONTINUOUS] += 1
        return name, None
    repairs.update([JOINED] if len(parts) > 1 else [])
    return name, Span(edges[0], edges[-1], label)


def _without_overlaps(spans: list[Span], repairs: Counter[str]) -> tuple[Span, ...]:
    kept: list[Span] = []  # in text order and apart, so only the two neighbours can overlap
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        place = bisect(kept, span)
        if any(k.start < span.end and span.start < k.end for k in kept[max(place - 1, 0) : place + 1]):
            repairs[OVERLAPPING] += 1
        else:
            kept.insert(place, span)
    return tuple(kept)
