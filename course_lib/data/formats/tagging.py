"""Tag schemes: what ``B-``, ``I-``, ``E-`` and ``S-`` say about where entities lie.

IOB1 (Ramshaw and Marcus 1995): ``I-X`` is inside; ``B-X`` only parts an entity
from one of the same type just before it. IOB2: ``B-X`` opens every entity.
IOBES adds ``E-X`` for the last word and ``S-X`` for a single one; BILOU is the
same with ``L-X`` and ``U-X``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from course_lib.data.formats.lines import shown
from course_lib.data.records import Note
from course_lib.errors import DataError, one_of

SCHEMES = {"IOB1": "IB", "IOB2": "BI", "IOBES": "BIES", "BILOU": "BILU"}
BREAKS_A_ROW = re.compile(r"[ \t\r\n\0\ufeff]")
Tag = tuple[str, str]
"""Prefix and type."""
Entity = tuple[int, int, str]
"""First word, last word, type."""


class SchemeFinder:
    """Sees the tags of a file sentence by sentence and then knows their scheme.

    ``E-``/``S-`` mean IOBES, ``L-``/``U-`` BILOU. Else it is IOB1 if some
    entity begins with ``I-`` and no ``B-`` stands anywhere but right after an
    entity of its type; else IOB2, where such an ``I-`` is a mistake.
    """

    def __init__(self, name: str, scheme: str = "auto") -> None:
        if scheme not in ("auto", *SCHEMES):
            raise DataError(one_of("tag scheme", scheme, ["auto", *SCHEMES]))
        self.name, self.given = name, scheme
        self.known: dict[str, Tag] = {"O": ("O", "")}
        self.prefixes: set[str] = set()
        self.opens_with_i = self.opens_with_b = False

    @property
    def scheme(self) -> str:
        """The scheme of the tags seen so far."""
        if self.given != "auto":
            return self.given
        for scheme in ("IOBES", "BILOU"):
            if self.prefixes - set("BI") and self.prefixes <= set(SCHEMES[scheme]):
                return scheme
        return "IOB1" if self.opens_with_i and not self.opens_with_b else "IOB2"

    def see(self, tags: Sequence[str], line: int) -> None:
        """Take note of a sentence whose first word stands on ``line``; raise for a tag of no known scheme."""
        before = ""
        for number, tag in enumerate(tags, start=line):
            if tag not in self.known:
                self._learn(tag, number)
            prefix, kind = self.known[tag]
            if prefix != "O" and kind != before:
                self.opens_with_i |= prefix == "I"
                self.opens_with_b |= prefix == "B"
            before = kind

    def _learn(self, tag: str, line: int) -> None:
        prefix, _, kind = tag.partition("-")
        allowed = [self.given] if self.given != "auto" else list(SCHEMES)
        together = self.prefixes | {prefix}
        if not kind or not any(together <= set(SCHEMES[scheme]) for scheme in allowed):
            forms = "; ".join(f"{s} (O, {', '.join(p + '-TYPE' for p in SCHEMES[s])})" for s in allowed)
            before = f" after tags with {', '.join(sorted(self.prefixes))}" if self.prefixes else ""
            raise DataError(f"{self.name}, line {line}: expected a tag of {forms}; found {shown(tag)}{before}. "
                            "Correct the tag or convert the file.")
        self.known[tag] = prefix, kind
        self.prefixes.add(prefix)


def read_tags(tags: Sequence[Tag], scheme: str, repairs: Counter[str]) -> list[Entity]:
    """Return entities as (first word, last word, type).

    Sequences that break the scheme are read as conlleval reads them (Tjong Kim
    Sang and Buchholz 2000): a tag that continues nothing opens an entity, and
    an entity ends where nothing continues it. Each such case is counted.
    """
    last, single = ("L", "U") if scheme == "BILOU" else ("E", "S")
    strict_end = scheme in ("IOBES", "BILOU")
    result: list[Entity] = []
    opened, kind = -1, ""  # of the entity that may still go on
    for index, (prefix, own) in enumerate([*tags, ("O", "")]):
        continues = opened >= 0 and own == kind and prefix in ("I", last)
        if opened >= 0 and not continues:
            result.append((opened, index - 1, kind))
            if strict_end:
                repairs[f"entity without {last}- at its end, ended there"] += 1
            opened = -1
        if prefix == "O":
            continue
        if not continues:
            opened, kind = index, own
            if prefix in ("I", last) and scheme != "IOB1":
                repairs[f"{prefix}- without B-, opened an entity"] += 1
            if prefix == "B" and scheme == "IOB1" and not (index and tags[index - 1][1] == own):
                repairs["B- without an entity of its type before it, opened an entity"] += 1
        if prefix in (last, single):
            result.append((opened, index, kind))
            opened = -1
    return result


def tags_of(note: Note, where: str) -> list[str]:
    """Return the IOB2 tag of every word; a span off the word edges is a ``DataError``."""
    words = note.words or ()
    starts = {start: index for index, (start, _) in enumerate(words)}
    ends = {end: index for index, (_, end) in enumerate(words)}
    tags = ["O"] * len(words)
    for span in note.spans:
        first, last = starts.get(span.start), ends.get(span.end)
        if first is None or last is None:
            raise DataError(f"{where}, note {note.id!r}: expected spans that begin and end with a word, found {span.label} "
                            f"{shown(note.surface(span))} at {span.start} to {span.end}. Move its edges, or write .jsonl.")
        if BREAKS_A_ROW.search(span.label):
            raise DataError(f"{where}, note {note.id!r}: expected labels without spaces, found {shown(span.label)}. Rename it.")
        tags[first : last + 1] = [f"B-{span.label}"] + [f"I-{span.label}"] * (last - first)
    return tags
