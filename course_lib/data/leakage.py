"""What training already saw of the test part: duplicates, near twins, names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from course_lib.data.records import Note

_TOKEN = re.compile(r"[^\W_]+")


def normalize(text: str) -> str:
    """Lower case, letters and digits only, digits folded to 0: what twins share."""
    return re.sub(r"\d+", "0", " ".join(_TOKEN.findall(text.casefold())))


def word_ngrams(text: str, size: int) -> set[str]:
    """Return the runs of ``size`` normalised words of a text."""
    words = normalize(text).split()
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


class SurfaceIndex:
    """Answers whether a surface form occurs in the training texts, as whole words."""

    def __init__(self, texts: Iterable[str], longest: int = 12) -> None:
        self.longest = longest
        self._forms: set[str] = set()
        for text in texts:
            words = _TOKEN.findall(text.casefold())
            for size in range(1, longest + 1):
                self._forms.update(" ".join(words[i : i + size]) for i in range(len(words) - size + 1))

    def __contains__(self, form: str) -> bool:
        words = _TOKEN.findall(form.casefold())
        return len(words) <= self.longest and " ".join(words) in self._forms

    def is_seen(self, form: str) -> bool:
        """Return ``form in self``; a method, to hand to ``evaluate_entities``."""
        return form in self


@dataclass(frozen=True)
class Twin:
    """Two texts of different parts that share much; ``share`` of the smaller one's 3-grams."""

    part_a: str
    number_a: int
    part_b: str
    number_b: int
    share: float


@dataclass(frozen=True)
class LeakageReport:
    """What was found across parts."""

    exact: list[Twin]
    near: list[Twin]
    seen_mentions: dict[str, float]


def find_twins(parts: Mapping[str, Sequence[str]], threshold: float = 0.5) -> list[Twin]:
    """Return pairs of texts from different parts that share at least ``threshold`` of their 3-grams.

    Texts are compared by the word 3-grams they share, found through an index,
    so that the cost grows with what is shared and not with all pairs.
    """
    grams: dict[str, list[tuple[str, int]]] = defaultdict(list)
    sizes: dict[tuple[str, int], int] = {}
    for part, texts in parts.items():
        for number, text in enumerate(texts):
            own = word_ngrams(text, 3) or {normalize(text)}  # a text of one or two words is its own run
            sizes[part, number] = len(own)
            for gram in own:
                grams[gram].append((part, number))
    shared: dict[tuple[tuple[str, int], tuple[str, int]], int] = defaultdict(int)
    for places in _same_texts(parts).values():  # however many copies there are
        for a, b in combinations(places, 2):
            if a[0] != b[0]:
                shared[a, b] = sizes[a]
    for places in grams.values():
        if len(places) <= 50:  # a phrase that is everywhere makes no twins
            for i, a in enumerate(places):
                for b in places[i + 1 :]:
                    if a[0] != b[0]:
                        shared[a, b] = min(shared[a, b] + 1, sizes[a], sizes[b])
    twins = [
        Twin(*a, *b, count / max(1, min(sizes[a], sizes[b])))
        for (a, b), count in shared.items()
        if count >= threshold * min(sizes[a], sizes[b])
    ]
    return sorted(twins, key=lambda t: (-t.share, t.part_a, t.number_a, t.part_b, t.number_b))


def _same_texts(parts: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, int]]]:
    same: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for part, texts in parts.items():
        for number, text in enumerate(texts):
            same[normalize(text)].append((part, number))
    return same


def audit_notes(parts: Mapping[str, Sequence[Note]], train: str = "train") -> LeakageReport:
    """Look for twins across parts, and at the share of mentions known from training."""
    texts = {name: [note.text for note in notes] for name, notes in parts.items()}
    twins = find_twins(texts)
    same = [t for t in twins if normalize(texts[t.part_a][t.number_a]) == normalize(texts[t.part_b][t.number_b])]
    known = {note.surface(span).casefold() for note in parts[train] for span in note.spans}
    seen = {}
    for name, notes in parts.items():
        mentions = [note.surface(span).casefold() for note in notes for span in note.spans]
        if name != train and mentions:
            seen[name] = sum(m in known for m in mentions) / len(mentions)
    return LeakageReport(same, [t for t in twins if t not in same], seen)
