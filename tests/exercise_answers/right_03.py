"""Right answers to the exercises of notebook 03, at least one each, written the way a learner might."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from course_lib.evaluation.qa import answer_f1, normalize_answer


def my_f1(predicted: str, references: list[str]) -> float:
    own, best = normalize_answer(predicted).split(), 0.0
    for reference in references or [""]:
        gold = normalize_answer(reference).split()
        shared = sum((Counter(own) & Counter(gold)).values())
        score = float(own == gold) if not own or not gold else 2 * shared / (len(own) + len(gold))
        best = max(best, score)
    return best


def best_pair(starts: list[float], ends: list[float], inside: list[bool], longest: int) -> tuple[int, int]:
    pairs = [(i, j) for i in range(len(starts)) for j in range(i, min(i + longest, len(ends))) if inside[i] and inside[j]]
    return max(pairs, key=lambda pair: starts[pair[0]] + ends[pair[1]])


def best_pair_in_numpy(starts: list[float], ends: list[float], inside: list[bool], longest: int) -> Any:
    n, ok = len(starts), np.array(inside)
    table = np.add.outer(np.where(ok, starts, -np.inf), np.where(ok, ends, -np.inf))
    table[~(np.triu(np.ones((n, n), bool)) & np.tril(np.ones((n, n), bool), longest - 1))] = -np.inf
    return np.unravel_index(table.argmax(), table.shape)


def cut_out(passage: str, offsets: list[tuple[int, int]], first: int, last: int) -> str:
    return passage[offsets[first][0] : offsets[last][1]]


def answer_pieces(offsets: list[tuple[int, int] | None], start: int, end: int) -> tuple[int, int]:
    seen = [(i, o) for i, o in enumerate(offsets) if o is not None]
    if start < seen[0][1][0] or end > seen[-1][1][1]:
        return 0, 0
    touched = [i for i, o in seen if o[0] < end and o[1] > start]
    return touched[0], touched[-1]


def place(passage: str, answer: str, marked: int) -> int:
    places = [m.start() for m in re.finditer(re.escape(answer), passage)]
    return min(places, key=lambda p: abs(p - marked), default=-1)


def place_by_find(passage: str, answer: str, marked: int) -> int:
    best = found = passage.find(answer)
    while found >= 0:
        if abs(found - marked) < abs(best - marked):
            best = found
        found = passage.find(answer, found + 1)
    return best


def answer(windows: list[tuple[str, float, float]], threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    null = min(window[2] for window in windows)
    return "" if null - best > threshold else text


def choose(margins: list[float], scores: list[float], answerable: list[bool]) -> float:
    def mean(threshold: float) -> float:
        pairs = zip(margins, scores, answerable, strict=True)
        return sum((not a) if m > threshold else s for m, s, a in pairs) / len(margins)

    return max([min(margins) - 1, *margins], key=mean)


def choose_between(margins: list[float], scores: list[float], answerable: list[bool]) -> float:
    m, s, refused = np.array(margins), np.array(scores), ~np.array(answerable)
    edges = np.unique(m)
    trials = [edges[0] - 1, *(edges[:-1] + edges[1:]) / 2, edges[-1] + 1]
    return trials[int(np.argmax([np.where(m > t, refused, s).mean() for t in trials]))]


SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
AMOUNT = re.compile(r"(?P<minus>[-(])?\s*(?P<currency>[£$€])?(?P<digits>\d[\d,]*(?:\.\d+)?)\s*"
                    r"(?P<scale>(?:thousand|million|billion|bn|k|m)\b)?\s*(?P<percent>%|per cent)?", re.IGNORECASE)


def read(text: str) -> tuple[float, str] | None:
    found = AMOUNT.search(text)
    if not found:
        return None
    value = float(found["digits"].replace(",", "")) * SCALES.get((found["scale"] or "").lower(), 1)
    return round(-value if found["minus"] else value, 6), found["currency"] or ("%" if found["percent"] else "")


def number_score(own: str, gold: str) -> float:
    mine, theirs = read(own), read(gold)
    if mine is None and theirs is None:
        return float(answer_f1(own, [gold]) == 1)
    if mine is None or theirs is None or abs(mine[0] - theirs[0]) > 1e-9 * abs(theirs[0]):
        return 0.0
    return 1.0 if mine[1] == theirs[1] else 0.5


RIGHT = {
    "03.1": [my_f1, answer_f1],
    "03.2": [best_pair, best_pair_in_numpy],
    "03.3": [cut_out],
    "03.4": [answer_pieces],
    "03.5": [place, place_by_find],
    "03.6": [answer],
    "03.7": [choose, choose_between],
    "03.8": [number_score],
}
