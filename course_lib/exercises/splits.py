"""Tests of two ways to cut data: by document (02.5), and into windows (02.6)."""

from __future__ import annotations

import math
import random
import zlib
from collections import Counter
from typing import Any

from course_lib.exercises.asserting import called, number, require, short
from course_lib.exercises.model import NotYet


def listed(found: Any, what: str, when: str) -> list[Any]:
    """Return what an answer gave as a list, or raise ``NotYet`` where it is none."""
    require(hasattr(found, "__iter__") and not isinstance(found, str), f"for {when} {what} were expected, it gave {short(found)}")
    return list(found)


def check_choice(answer: Any) -> None:
    """No document on both sides, the right size, repeatable, and moved by the seed."""
    documents = [f"note {number}" for number in range(30) for _ in range(4 + number * 7 % 6)]
    random.Random(5).shuffle(documents)
    chosen = [_chosen(answer, documents, seed) for seed in range(5)]
    require(_chosen(answer, documents, 3) == chosen[3], "called twice with the same seed it chose different sentences")
    different = len({frozenset(one) for one in chosen})
    require(different > 1, "whatever the seed, it chose the same sentences")
    require(different >= 4, f"five seeds gave {different} different choices, expected five")
    papers = [document.replace("note", "paper") for document in documents]
    if _chosen(answer, papers, 3) != chosen[3]:  # other names, in the same order: a choice by sorted names stays as it was
        _reads_no_hashes(answer, documents)
    _chosen(answer, papers[::-1], 0)
    _chosen(answer, documents, 0, share=0.5)


class _Name(str):
    """A text whose hash is another, as every text's is after a new start of Python."""

    start: int

    def __new__(cls, text: str, start: int) -> _Name:
        name = super().__new__(cls, text)
        name.start = start
        return name

    def __hash__(self) -> int:
        return zlib.crc32(f"{self.start} {self}".encode())


def _reads_no_hashes(answer: Any, documents: list[str]) -> None:
    """Refuse a choice that hangs on hashes of texts, as the order of a set does; where such names cannot be used, say nothing."""
    try:
        one, two = (_started_anew(answer, documents, start) for start in (1, 2))
    except NotYet:
        return
    require(one == two, "with the same seed it chose other sentences where texts have other hashes, and a set of them another "
            "order, as after each new start of Python")


def _started_anew(answer: Any, documents: list[str], start: int) -> set[int]:
    """Choose as if Python had been started anew: names have other hashes, and ``hash``, as the answer's notebook sees it, too."""
    def hash_of(value: Any) -> int:
        return zlib.crc32(f"{start} {value!r}".encode()) if isinstance(value, str | bytes | tuple) else hash(value)

    seen = getattr(answer, "__globals__", {})
    before = seen.get("hash", hash)
    seen["hash"] = hash_of
    try:
        return _chosen(answer, [_Name(document, start) for document in documents], 3)
    finally:
        del seen["hash"]
        if before is not hash:
            seen["hash"] = before


def _chosen(answer: Any, documents: list[str], seed: int, share: float = 0.25) -> set[int]:
    when = f"{len(documents)} sentences, share {share}, seed {seed}"
    found = listed(called(answer, list(documents), share, seed, when=when), "numbers of sentences", when)
    numbers = [number(i, when=when) for i in found]
    require(all(i == int(i) for i in numbers), f"for {when} whole numbers were expected, it gave {short(found)}")
    test = {int(i) for i in numbers}
    require(len(test) == len(found), f"for {when} it named a sentence twice")
    require(test <= set(range(len(documents))), f"for {when} it gave a number outside 0 to {len(documents) - 1}: {short(found)}")
    training = {document for i, document in enumerate(documents) if i not in test}
    sisters = sum(documents[i] in training for i in test)
    require(not sisters, f"for {when}, {sisters} of {len(test)} test sentences have a sister in training")
    wanted, largest = share * len(documents), max(Counter(documents).values())
    require(abs(len(test) - wanted) <= largest + wanted / 4,
            f"for {when} the test holds {len(test)} sentences, expected about {wanted:.0f}")
    return test


def check_windows(answer: Any) -> None:
    """Cover everything, overlap enough, and waste no window."""
    for sizes in ((10, 20, 5), (20, 20, 5), (21, 20, 5), (35, 20, 5), (100, 20, 5), (60, 20, 0), (57, 16, 15), (1, 1, 0),
                  (500, 48, 12)):
        length, longest, overlap = sizes
        when = f"windows({length}, {longest}, {overlap})"
        pairs = listed(called(answer, *sizes, when=when), "pairs (start, end)", when)
        found = [tuple(int(number(edge, when=when)) for edge in listed(pair, "pairs (start, end)", when)) for pair in pairs]
        require(found and all(len(pair) == 2 and 0 <= pair[0] < pair[1] <= length for pair in found),
                f"for {when} pairs (start, end) inside the text were expected, it gave {short(found)}")
        require(all(end - start <= longest for start, end in found), f"for {when} a window is too long: {short(found)}")
        require(found[0][0] == 0 and found[-1][1] == length,
                f"for {when} the windows reach from {found[0][0]} to {found[-1][1]}, so pieces are lost")
        for (start, end), (after, last) in zip(found, found[1:], strict=False):
            require(start < after and end < last, f"for {when} window {(after, last)} shows nothing new after {(start, end)}")
            require(end - after >= overlap, f"for {when} {(start, end)} and {(after, last)} share {end - after} pieces, "
                    f"expected at least {overlap}")
        needed = 1 + max(0, math.ceil((length - longest) / (longest - overlap)))
        require(len(found) == needed, f"for {when} it gave {len(found)} windows, {needed} are enough")
