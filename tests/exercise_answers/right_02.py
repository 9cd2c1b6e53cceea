"""Right answers to the exercises of notebook 02, at least one each, written the way a learner might."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from typing import Any

import numpy as np


def piece_labels(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    before = [None, *word_ids]
    return [-100 if word is None or word == last else word_labels[word] for word, last in zip(word_ids, before, strict=False)]


def piece_labels_by_set(word_labels: list[int], word_ids: list[int | None]) -> np.ndarray:
    seen: set[int] = set()
    result = np.full(len(word_ids), -100)
    for i, word in enumerate(word_ids):
        if word is not None and word not in seen:
            seen.add(word)
            result[i] = word_labels[word]
    return result


def entity_f1(gold: list[list[Any]], predicted: list[list[Any]]) -> float:
    right = sum(len(set(g) & set(p)) for g, p in zip(gold, predicted, strict=True))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 0.0


def entity_f1_by_rates(gold: list[list[Any]], predicted: list[list[Any]]) -> float:
    right = sum(name in p for g, p in zip(gold, predicted, strict=True) for name in g)
    if not right:
        return 0
    precision, recall = right / sum(len(p) for p in predicted), right / sum(len(g) for g in gold)
    return 2 * precision * recall / (precision + recall)


def error_kind(gold: tuple[int, int, str], own: tuple[int, int, str]) -> str:
    if gold == own:
        return "right"
    if gold[:2] == own[:2]:
        return "type"
    if own[0] >= gold[1] or gold[0] >= own[1]:
        return "apart"
    return "boundary" if gold[2] == own[2] else "boundary and type"


def error_kind_by_sets(gold: tuple[int, int, str], own: tuple[int, int, str]) -> str:
    a, b = set(range(*gold[:2])), set(range(*own[:2]))
    if not a & b:
        return "apart"
    wrong = ["boundary"] * (a != b) + ["type"] * (gold[2] != own[2])
    return " and ".join(wrong) or "right"


def names(tags: list[str]) -> list[tuple[int, int, str]]:
    found, start, kind = [], 0, ""
    for i, tag in enumerate([*tags, "O"]):
        if kind and tag != f"I-{kind}":
            found.append((start, i, kind))
            kind = ""
        if tag != "O" and not kind:
            start, kind = i, tag[2:]
    return found


def names_as_lists(tags: list[str]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for i, tag in enumerate(tags):
        if tag == "O":
            continue
        prefix, kind = tag.split("-", 1)
        if prefix == "I" and found and found[-1][1:] == [i, kind]:
            found[-1][1] = i + 1
        else:
            found.append([i, i + 1, kind])
    return found


def choose_test(documents: list[str], share: float, seed: int) -> list[int]:
    kinds = sorted(set(documents))
    random.Random(seed).shuffle(kinds)
    taken: set[str] = set()
    while sum(d in taken for d in documents) < share * len(documents):
        taken.add(kinds.pop())
    return [i for i, d in enumerate(documents) if d in taken]


def choose_test_by_documents(documents: list[str], share: float, seed: int) -> set[int]:
    kinds = np.unique(documents)
    taken = np.random.default_rng(seed).choice(kinds, round(share * len(kinds)), replace=False)
    return set(np.flatnonzero(np.isin(documents, taken)))


def choose_test_in_order_of_appearance(documents: list[str], share: float, seed: int) -> list[int]:
    kinds, test = list(dict.fromkeys(documents)), []
    random.Random(seed).shuffle(kinds)
    while len(test) < share * len(documents):
        name = kinds.pop()
        test += [i for i, d in enumerate(documents) if d == name]
    return test


def choose_test_by_digest(documents: list[str], share: float, seed: int) -> list[int]:
    """What a name is digested to is the same after every start of Python, unlike the order of a set."""
    kinds = sorted(set(documents), key=lambda d: hashlib.sha256(f"{seed} {d}".encode()).digest())
    taken = set(kinds[: round(share * len(kinds))])
    return [i for i, d in enumerate(documents) if d in taken]


def windows(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    start, found = 0, []
    while True:
        found.append((start, min(start + longest, length)))
        if start + longest >= length:
            return found
        start += longest - overlap


def windows_moved_back(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    if length <= longest:
        return [(0, length)]
    starts = [*range(0, length - longest, longest - overlap), length - longest]
    return [(s, s + longest) for s in starts]


def interval(counts: list[tuple[int, int, int]], documents: list[str], seed: int) -> tuple[float, float]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row, document in zip(counts, documents, strict=True):
        sums[document] = [a + b for a, b in zip(sums[document], row, strict=True)]
    rng, rows, scores = random.Random(seed), list(sums.values()), []
    for _ in range(2000):
        right, predicted, gold = map(sum, zip(*rng.choices(rows, k=len(rows)), strict=True))
        scores.append(2 * right / (predicted + gold))
    scores.sort()
    return scores[50], scores[-51]


def interval_in_numpy(counts: list[tuple[int, int, int]], documents: list[str], seed: int) -> np.ndarray:
    table, (kinds, where) = np.array(counts), np.unique(documents, return_inverse=True)
    sums = np.stack([np.bincount(where, column) for column in table.T], axis=1)
    drawn = sums[np.random.default_rng(seed).integers(len(kinds), size=(2000, len(kinds)))].sum(axis=1)
    return np.quantile(2 * drawn[:, 0] / (drawn[:, 1] + drawn[:, 2]), [0.025, 0.975])


LAW = [
    "The [tenant](PARTY) shall pay rent under the [Housing Act 1988](STATUTE) each month.",
    "The [landlord](PARTY) may not enter without notice to the [tenant](PARTY) in writing.",
    "Notice runs from the day after it was received.",
    "[Deposits](MONEY) are protected by the [Deregulation Act 2015](STATUTE) as amended.",
    "Where the [landlord](PARTY) fails, the [Housing Act 1988](STATUTE) allows a penalty.",
]
KITCHEN = [
    "Fold the [whipped cream](INGREDIENT) into the bowl with a [spatula](TOOL).",
    "Rest for an hour before you begin again.",
    "[Cardamom](INGREDIENT) is crushed in a [mortar](TOOL), never in a mill.",
    "Brush the tin with [ghee](INGREDIENT) and dust it lightly.",
    "Serve with more [whipped cream](INGREDIENT) and a pinch of [cardamom](INGREDIENT).",
    "A [bain-marie](TOOL) keeps the sauce from splitting.",
]

RIGHT = {
    "02.1": [piece_labels, piece_labels_by_set],
    "02.2": [entity_f1, entity_f1_by_rates],
    "02.3": [error_kind, error_kind_by_sets],
    "02.4": [names, names_as_lists],
    "02.5": [choose_test, choose_test_by_documents, choose_test_in_order_of_appearance, choose_test_by_digest],
    "02.6": [windows, windows_moved_back],
    "02.7": [interval, interval_in_numpy],
    "02.8": [LAW, KITCHEN, tuple(LAW)],
}
