"""Plausible wrong answers to the exercises of notebook 02, written from the texts, and words that the verdict must hold."""

from __future__ import annotations

import itertools
import random
from typing import Any


# 02.1 a label for every piece
def copied_to_all_pieces(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    return [-100 if word is None else word_labels[word] for word in word_ids]


def specials_are_words(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    result, before = [], None
    for word in word_ids:
        result.append(0 if word is None else -100 if word == before else word_labels[word])
        before = word
    return result


def neighbours_of_one_label_merged(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    labels = [-100 if word is None else word_labels[word] for word in word_ids]
    return [-100 if i and label == labels[i - 1] else label for i, label in enumerate(labels)]


def last_piece_speaks(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    after = [*word_ids[1:], None]
    return [-100 if word is None or word == following else word_labels[word] for word, following in zip(word_ids, after, strict=True)]


def other_pieces_are_o(word_labels: list[int], word_ids: list[int | None]) -> list[int]:
    return [-100 if w is None else 0 if i and w == word_ids[i - 1] else word_labels[w] for i, w in enumerate(word_ids)]


# 02.2 entity F1 by hand
def mean_over_notes(gold: Any, predicted: Any) -> float:
    scores = [2 * len(set(g) & set(p)) / (len(g) + len(p)) if g or p else 0.0 for g, p in zip(gold, predicted, strict=True)]
    return sum(scores) / len(scores)


def all_notes_in_one(gold: Any, predicted: Any) -> float:
    g, p = ({span for note in notes for span in note} for notes in (gold, predicted))
    return 2 * len(g & p) / (len(g) + len(p)) if g or p else 0.0


def edges_only(gold: Any, predicted: Any) -> float:
    right = sum(len({x[:2] for x in g} & {x[:2] for x in p}) for g, p in zip(gold, predicted, strict=True))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 0.0


def precision_only(gold: Any, predicted: Any) -> float:
    right = sum(len(set(g) & set(p)) for g, p in zip(gold, predicted, strict=True))
    return right / sum(map(len, predicted)) if any(predicted) else 0.0


def not_doubled(gold: Any, predicted: Any) -> float:
    right = sum(len(set(g) & set(p)) for g, p in zip(gold, predicted, strict=True))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return right / total if total else 0.0


def nothing_is_perfect(gold: Any, predicted: Any) -> float:
    right = sum(len(set(g) & set(p)) for g, p in zip(gold, predicted, strict=True))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 1.0


def divides_by_nothing(gold: Any, predicted: Any) -> float:
    right = sum(len(set(g) & set(p)) for g, p in zip(gold, predicted, strict=True))
    return 2 * right / (sum(map(len, gold)) + sum(map(len, predicted)))


# 02.3 what kind of error
def touching_is_overlap(gold: Any, own: Any) -> str:
    if gold[:2] == own[:2]:
        return "right" if gold == own else "type"
    if own[0] <= gold[1] and gold[0] <= own[1]:
        return "boundary" if gold[2] == own[2] else "boundary and type"
    return "apart"


def never_apart(gold: Any, own: Any) -> str:
    if gold[:2] == own[:2]:
        return "right" if gold == own else "type"
    return "boundary" if gold[2] == own[2] else "boundary and type"


def label_first(gold: Any, own: Any) -> str:
    if gold == own:
        return "right"
    if gold[2] != own[2]:
        return "type"
    return "boundary" if own[0] < gold[1] and gold[0] < own[1] else "apart"


def inside_is_no_overlap(gold: Any, own: Any) -> str:
    if gold[:2] == own[:2]:
        return "right" if gold == own else "type"
    if gold[0] <= own[0] < gold[1] or gold[0] < own[1] < gold[1]:
        return "boundary" if gold[2] == own[2] else "boundary and type"
    return "apart"


# 02.4 from tags back to names
def _names(tags: list[str], *, lenient: bool = True, any_label: bool = False, close: bool = True, end: int = 0) -> list[Any]:
    found: list[Any] = []
    start, label = None, ""
    for i, tag in enumerate(tags):
        head, _, own = tag.partition("-")
        if head == "I" and start is not None and (own == label or any_label):
            continue
        if start is not None:
            found.append((start, i - end, label))
        start, label = (i, own) if head == "B" or (head == "I" and lenient) else (None, "")
    if start is not None and close:
        found.append((start, len(tags) - end, label))
    return found


def strict(tags: list[str]) -> list[Any]:
    return _names(tags, lenient=False)


def label_may_change_inside(tags: list[str]) -> list[Any]:
    return _names(tags, any_label=True)


def last_name_lost(tags: list[str]) -> list[Any]:
    return _names(tags, close=False)


def end_included(tags: list[str]) -> list[Any]:
    return _names(tags, end=1)


def neighbours_merged(tags: list[str]) -> list[Any]:
    found, i = [], 0
    for label, group in itertools.groupby(tag[2:] for tag in tags):
        n = len(list(group))
        if label:
            found.append((i, i + n, label))
        i += n
    return found


# 02.5 sisters apart
def sentences_at_random(documents: list[str], share: float, seed: int) -> list[int]:
    order = list(range(len(documents)))
    random.Random(seed).shuffle(order)
    return order[: round(share * len(documents))]


def first_documents(documents: list[str], share: float, seed: int) -> list[int]:
    chosen: list[int] = []
    for name in dict.fromkeys(documents):
        if len(chosen) >= share * len(documents):
            break
        chosen += [i for i, d in enumerate(documents) if d == name]
    return chosen


def neighbours_together(documents: list[str], share: float, seed: int) -> list[int]:
    runs = [[i for i, _ in group] for _, group in itertools.groupby(enumerate(documents), key=lambda pair: pair[1])]
    random.Random(seed).shuffle(runs)
    chosen: list[int] = []
    for run in runs:
        if len(chosen) < share * len(documents):
            chosen += run
    return chosen


def seed_forgotten(documents: list[str], share: float, seed: int) -> list[int]:
    names = sorted(set(documents))
    random.shuffle(names)
    chosen: list[int] = []
    while names and len(chosen) < share * len(documents):
        name = names.pop()
        chosen += [i for i, d in enumerate(documents) if d == name]
    return chosen


def in_the_order_of_a_set(documents: list[str], share: float, seed: int) -> list[int]:
    names = list(set(documents))
    random.Random(seed).shuffle(names)
    chosen: list[int] = []
    for name in names:
        if len(chosen) < share * len(documents):
            chosen += [i for i, d in enumerate(documents) if d == name]
    return chosen


def _documents_apart(documents: list[str], share: float, seed: int) -> list[int]:
    names, chosen = sorted(set(documents)), []
    random.Random(seed).shuffle(names)
    for name in names:
        if len(chosen) < share * len(documents):
            chosen += [i for i, d in enumerate(documents) if d == name]
    return chosen


def share_forgotten(documents: list[str], share: float, seed: int) -> list[int]:
    return _documents_apart(documents, 0.25, seed)


def two_seeds_only(documents: list[str], share: float, seed: int) -> list[int]:
    return _documents_apart(documents, share, seed % 2)


def no_whole_numbers(documents: list[str], share: float, seed: int) -> list[float]:
    return [i + 0.5 for i in _documents_apart(documents, share, seed)]


def one_document(documents: list[str], share: float, seed: int) -> list[int]:
    name = random.Random(seed).choice(sorted(set(documents)))
    return [i for i, d in enumerate(documents) if d == name]


def names_instead_of_numbers(documents: list[str], share: float, seed: int) -> list[str]:
    names = sorted(set(documents))
    return random.Random(seed).sample(names, max(1, round(share * len(names))))


def no_test_at_all(documents: list[str], share: float, seed: int) -> list[int]:
    return []


# 02.2 to 02.4, each wrong in one small place
def first_letter_of_the_label(gold: list[list[Any]], predicted: list[list[Any]]) -> float:
    def seen(note: list[Any]) -> set[Any]:
        return {(start, end, label[0]) for start, end, label in note}

    right = sum(len(seen(g) & seen(p)) for g, p in zip(gold, predicted, strict=True))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 0.0


def _kind(gold: Any, own: Any, edges: slice) -> str:
    if gold == own:
        return "right"
    if gold[edges] == own[edges] and gold[2] != own[2]:
        return "type"
    if gold[0] < own[1] and own[0] < gold[1]:
        return "boundary" if gold[2] == own[2] else "boundary and type"
    return "apart"


def only_the_beginning(gold: Any, own: Any) -> str:
    return _kind(gold, own, slice(0, 1))


def only_the_end(gold: Any, own: Any) -> str:
    return _kind(gold, own, slice(1, 2))


def beginning_of_the_label(tags: list[str]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for i, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if prefix == "I" and found and found[-1][1] == i and found[-1][2].startswith(label):
            found[-1] = (found[-1][0], i + 1, found[-1][2])
        elif tag != "O":
            found.append((i, i + 1, label))
    return found


# 02.6 windows that lose no name
def truncated(length: int, longest: int, overlap: int) -> list[Any]:
    return [(0, min(length, longest))]


def without_overlap(length: int, longest: int, overlap: int) -> list[Any]:
    return [(i, min(length, i + longest)) for i in range(0, length, longest)]


def overlap_as_stride(length: int, longest: int, overlap: int) -> list[Any]:
    return [(i, min(length, i + longest)) for i in range(0, length, max(1, overlap))]


def one_window_too_many(length: int, longest: int, overlap: int) -> list[Any]:
    return [(i, min(length, i + longest)) for i in range(0, length, longest - overlap)]


def end_lost(length: int, longest: int, overlap: int) -> list[Any]:
    return [(i, i + longest) for i in range(0, length - longest + 1, longest - overlap)] or [(0, length)]


def last_window_too_long(length: int, longest: int, overlap: int) -> list[Any]:
    found, start = [], 0
    while True:
        found.append((start, start + longest))
        if start + longest >= length:
            return found
        start += longest - overlap


def one_piece_short(length: int, longest: int, overlap: int) -> list[Any]:
    found, start = [], 0
    while start + longest < length:
        found.append((start, start + longest))
        start += longest - overlap + 1
    return [*found, (start, length)]


# 02.7 an interval that is too sure
def _interval(counts: Any, documents: Any, seed: int, *, cut: int = 50, replacement: bool = True, many: int = 0,
              mean: bool = False) -> Any:
    rng, groups = random.Random(seed), {}
    for row, name in zip(counts, documents, strict=True):
        groups.setdefault(name, []).append(row)
    own, scores = list(groups.values()), []
    for _ in range(2000):
        k = many or len(own)
        drawn = rng.choices(own, k=k) if replacement else rng.sample(own, len(own))
        if mean:
            ones = [[sum(c) for c in zip(*rows, strict=True)] for rows in drawn]
            scores.append(sum(2 * r / (p + g) if p + g else 0.0 for r, p, g in ones) / len(ones))
            continue
        right, predicted, gold = map(sum, zip(*(row for rows in drawn for row in rows), strict=True))
        scores.append(2 * right / (predicted + gold) if predicted + gold else 0.0)
    scores.sort()
    return scores[cut], scores[-cut - 1]


def sentences_drawn(counts: Any, documents: Any, seed: int) -> Any:
    rng, scores = random.Random(seed), []
    for _ in range(2000):
        right, predicted, gold = map(sum, zip(*rng.choices(counts, k=len(counts)), strict=True))
        scores.append(2 * right / max(1, predicted + gold))
    scores.sort()
    return scores[50], scores[-51]


def middle_half(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed, cut=500)


def whole_range(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed, cut=0)


def without_replacement(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed, replacement=False)


def as_many_as_sentences(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed, many=len(counts))


def seed_not_used(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, 0)


def documents_weigh_the_same(counts: Any, documents: Any, seed: int) -> Any:
    """Right where all documents have as many sentences."""
    lengths = {name: documents.count(name) for name in documents}
    return _interval([tuple(v / lengths[d] for v in row) for row, d in zip(counts, documents, strict=True)], documents, seed)


CALLS = itertools.count()


def generator_of_the_module(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed + next(CALLS) * 1000)


def mean_of_documents(counts: Any, documents: Any, seed: int) -> Any:
    return _interval(counts, documents, seed, mean=True)


# 02.8 texts of one's own
FINE = [
    "Denies [chest pain](SYMPTOM), takes [aspirin](MEDICINE) every morning.",
    "Reports [night sweats](SYMPTOM) since starting [zopiclone](MEDICINE) last month.",
    "Slept well and walked to the shop alone.",
    "Started [colchicine](MEDICINE) for the swollen toe.",
    "Complains of [brain fog](SYMPTOM) after every shift.",
]


def changed(row: int, text: str) -> list[str]:
    return [*FINE[:row], text, *FINE[row + 1 :]]


TOO_FEW = FINE[:4]
TWICE_THE_SAME = changed(4, FINE[0])
EVERY_TEXT_MARKED = changed(2, "Slept badly with [chest pain](SYMPTOM) for two nights.")
ONE_LABEL = [text.replace("MEDICINE", "SYMPTOM") for text in FINE]
MARK_FORGOTTEN = changed(2, "No more aspirin since the bleeding ulcer.")
TWO_LABELS_FOR_ONE = changed(4, "Complains that [aspirin](SYMPTOM) makes her feel sick.")
HALF_A_WORD = changed(3, "Started [colchi](MEDICINE)cine for the swollen toe.")
NO_MARKS = ["Denies chest pain, takes aspirin every morning."] * 1 + [f"Plain text number {i} of this list." for i in range(4)]
KNOWN_NAMES_ONLY = [
    "Denies [chest pain](SYMPTOM), takes [aspirin](MEDICINE) every morning.",
    "Reports [chest pain](SYMPTOM) again since [metformin](MEDICINE) was stopped.",
    "Slept well and walked to the shop alone.",
    "Started [metformin](MEDICINE) for the high sugar.",
    "Complains of [chest pain](SYMPTOM) after every shift.",
]
NO_LONG_NAME = [text.replace("chest pain", "angina").replace("night sweats", "nightsweats").replace("brain fog", "fogginess")
                for text in FINE]
LABEL_WITH_A_BLANK = changed(4, "Complains of [renal colic](SIDE EFFECT) after every shift.")
BLANK_BETWEEN = changed(4, "Complains of [brain fog] (SYMPTOM) after every shift.")
TOO_SHORT = changed(2, "Slept well.")

def repeats_count(gold: Any, predicted: Any) -> float:
    right = sum(name in one for one, own in zip(gold, predicted, strict=True) for name in own)
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 0.0


def notes_with_findings_only(gold: Any, predicted: Any) -> float:
    right = total = 0
    for own, found in zip(gold, predicted, strict=True):
        if found:
            right += len(set(own) & set(found))
            total += len(own) + len(found)
    return 2 * right / total if total else 0.0


def inside_follows_inside(tags: list[str]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    before = "O"
    for i, tag in enumerate(tags):
        if tag[0] == "I" and (before[0] == "I" or before == f"B-{tag[2:]}"):
            found[-1] = (found[-1][0], i + 1, found[-1][2])
        elif tag != "O":
            found.append((i, i + 1, tag[2:]))
        before = tag
    return found


def by_hash(documents: list[str], share: float, seed: int) -> list[int]:
    chosen: list[int] = []
    for name in sorted(set(documents), key=lambda d: hash(f"{seed}-{d}")):
        if len(chosen) < share * len(documents):
            chosen += [i for i, d in enumerate(documents) if d == name]
    return chosen


WRONG: dict[str, list[tuple[Any, str]]] = {
    "02.1": [
        (copied_to_all_pieces, "it gave [-100, 0, 3, 3, 3, 3, -100]"),
        (specials_are_words, "it gave [0, 0, 1, 0], expected [-100, 0, 1, -100]"),
        (neighbours_of_one_label_merged, "it gave [-100, 1, -100, -100, -100, -100]"),
        (last_piece_speaks, "it gave [-100, 0, -100, -100, -100, 3, -100]"),
        (other_pieces_are_o, "it gave [-100, 0, 3, 0, 0, 0, -100]"),
    ],
    "02.2": [
        (notes_with_findings_only, "for a note in which nothing is found it gave 1, expected 0.666667"),
        (repeats_count, "for a name predicted twice it gave 1.33: no F1 is above 1"),
        (mean_over_notes, "it gave 0.5, expected 0.666667"),
        (all_notes_in_one, "it gave 1, expected 0"),
        (edges_only, "it gave 1, expected 0"),
        (precision_only, "it gave 1, expected 0.666667"),
        (first_letter_of_the_label, "for a label with the same first letter it gave 1, expected 0"),
        (not_doubled, "it gave 0.5, expected 1"),
        (nothing_is_perfect, "it gave 1, expected 0"),
        (divides_by_nothing, "it stopped with ZeroDivisionError: division by zero"),
    ],
    "02.3": [
        (touching_is_overlap, "it gave 'boundary', expected 'apart'"),
        (never_apart, "it gave 'boundary', expected 'apart'"),
        (only_the_beginning, "it gave 'type', expected 'boundary and type'"),
        (only_the_end, "it gave 'type', expected 'boundary and type'"),
        (label_first, "it gave 'type', expected 'boundary and type'"),
        (inside_is_no_overlap, "it gave 'apart', expected 'boundary'"),
    ],
    "02.4": [
        (inside_follows_inside, "for the tags B-DISEASE I-DISEASE I-SYMPTOM it gave [(0, 3, 'DISEASE')]"),
        (strict, "it gave [(0, 1, 'DISEASE')]"),
        (label_may_change_inside, "it gave [(0, 3, 'DISEASE')]"),
        (beginning_of_the_label, "for the tags B-SIDE-EFFECT I-SIDE it gave [(0, 2, 'SIDE-EFFECT')]"),
        (last_name_lost, "it gave [], expected [(1, 4, 'DISEASE')]"),
        (end_included, "it gave [(0, 0, 'DISEASE'), (2, 3, 'SYMPTOM')]"),
        (neighbours_merged, "it gave [(0, 3, 'MEDICINE')]"),
    ],
    "02.5": [
        (by_hash, "where texts have other hashes"),
        (sentences_at_random, "49 of 49 test sentences have a sister in"),
        (first_documents, "whatever the seed, it chose the same sentences"),
        (neighbours_together, "49 of 49 test sentences have a sister in"),
        (seed_forgotten, "called twice with the same seed it chose different sentences"),
        (in_the_order_of_a_set, "and a set of them another order"),
        (share_forgotten, "share 0.5, seed 0 the test holds 49 sentences"),
        (two_seeds_only, "five seeds gave 2 different choices"),
        (no_whole_numbers, "whole numbers were expected"),
        (one_document, "the test holds 5 sentences"),
        (names_instead_of_numbers, "it gave 'note 7'"),
        (no_test_at_all, "the test holds 0 sentences"),
    ],
    "02.6": [
        (truncated, "for windows(21, 20, 5) the windows reach from 0 to 20, so pieces are lost"),
        (without_overlap, "for windows(21, 20, 5) (0, 20) and (20, 21) share 0 pieces"),
        (overlap_as_stride, "for windows(10, 20, 5) window (5, 10) shows nothing new after (0, 10)"),
        (one_window_too_many, "for windows(20, 20, 5) window (15, 20) shows nothing new after (0, 20)"),
        (end_lost, "for windows(21, 20, 5) the windows reach from 0 to 20, so pieces are lost"),
        (last_window_too_long, "it gave [(0, 20)]"),
        (one_piece_short, "for windows(21, 20, 5) (0, 20) and (16, 21) share 4 pieces"),
    ],
    "02.7": [
        (sentences_drawn, "expected about"),
        (middle_half, "expected about"),
        (whole_range, "expected about"),
        (without_replacement, "(width 0.000)"),
        (as_many_as_sentences, "expected about"),
        (seed_not_used, "another seed gave exactly the same interval"),
        (mean_of_documents, "expected about"),
        (documents_weigh_the_same, "for 222 sentences of 24 documents"),
        (generator_of_the_module, "the same seed a second time"),
    ],
    "02.8": [
        (TOO_FEW, "at least five texts are asked for, found 4"),
        (TWICE_THE_SAME, "two of the texts are the same"),
        (EVERY_TEXT_MARKED, "one text should have no mark: a corpus needs texts without names too"),
        (ONE_LABEL, "two labels with two marks each are asked for, found {'SYMPTOM': 6}"),
        (MARK_FORGOTTEN, "a name is marked in one place and not in another: 'aspirin' in 'No more aspirin since"),
        (TWO_LABELS_FOR_ONE, "one label in one place and another elsewhere: 'aspirin' is MEDICINE and SYMPTOM"),
        (HALF_A_WORD, "does not begin and end at the edges of words: 'colchi' in 'Started colchicine"),
        (LABEL_WITH_A_BLANK, "a label is one word that begins with a letter, such as IMAGING_TEST; found 'SIDE EFFECT'"),
        (BLANK_BETWEEN, "a mark could not be read in 'Complains of [brain fog] (SYMPTOM)"),
        ("one text, not a list", "a list of texts was expected, found 'one text, not a list'"),
        (NO_MARKS, "two labels with two marks each are asked for, found {}"),
        (KNOWN_NAMES_ONLY, "three names that no training note holds are asked for"),
        (NO_LONG_NAME, "no mark has several words; real names often do"),
        (TOO_SHORT, "every text should have five words or more, found 'Slept well.'"),
    ],
}
