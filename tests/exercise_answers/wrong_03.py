"""Plausible wrong answers to the exercises of notebook 03, written from the texts, and words that the verdict must hold."""

from __future__ import annotations

import re
from typing import Any

from exercise_answers.right_03 import choose, my_f1, number_score, place, read

from course_lib.evaluation.qa import answer_f1, normalize_answer


# 03.1 F1 by hand
def _f1(own: list[str], gold: list[str], shared: int) -> float:
    return 2 * shared / (len(own) + len(gold)) if own and gold else float(own == gold)


def words_as_sets(predicted: str, references: list[str]) -> float:
    own = normalize_answer(predicted).split()
    golds = [normalize_answer(r).split() for r in references or [""]]
    return max(_f1(own, gold, len(set(own) & set(gold))) for gold in golds)


def words_counted_too_often(predicted: str, references: list[str]) -> float:
    own = normalize_answer(predicted).split()
    golds = [normalize_answer(r).split() for r in references or [""]]
    return max(_f1(own, gold, sum(word in gold for word in own)) for gold in golds)


def not_normalized(predicted: str, references: list[str]) -> float:
    own, scores = predicted.split(), []
    for reference in references or [""]:
        gold = list(reference.split())
        shared = sum(min(own.count(w), gold.count(w)) for w in set(own))
        scores.append(_f1(own, gold, shared))
    return max(scores)


def first_reference(predicted: str, references: list[str]) -> float:
    return answer_f1(predicted, references[:1])


def mean_of_references(predicted: str, references: list[str]) -> float:
    return sum(answer_f1(predicted, [r]) for r in references) / len(references) if references else answer_f1(predicted, [])


def silence_gets_nothing(predicted: str, references: list[str]) -> float:
    return answer_f1(predicted, references) if normalize_answer(predicted) and references else 0.0


def stops_without_reference(predicted: str, references: list[str]) -> float:
    return max(answer_f1(predicted, [r]) for r in references)


def exact_match_only(predicted: str, references: list[str]) -> float:
    return float(normalize_answer(predicted) in [normalize_answer(r) for r in references or [""]])


# 03.2 search the pair
def free_argmax(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    return starts.index(max(starts)), ends.index(max(ends))


def _pairs(starts: Any, ends: Any, inside: Any, longest: int, *, both: bool = True, more: int = 0) -> Any:
    pairs = [(i, j) for i in range(len(starts)) for j in range(i, min(len(ends), i + longest + more))
             if inside[i] and (inside[j] or not both)]
    return max(pairs, key=lambda pair: starts[pair[0]] + ends[pair[1]])


def end_in_the_question(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    return _pairs(starts, ends, inside, longest, both=False)


def one_piece_too_long(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    return _pairs(starts, ends, inside, longest, more=1)


def one_piece_too_short(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    return _pairs(starts, ends, inside, max(1, longest - 1))


def start_first_then_end(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    first = max((i for i in range(len(starts)) if inside[i]), key=lambda i: starts[i])
    last = max((j for j in range(first, min(len(ends), first + longest)) if inside[j]), key=lambda j: ends[j])
    return first, last


def no_limit(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    return _pairs(starts, ends, inside, len(starts))


def swapped_if_backwards(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    own = [i for i in range(len(starts)) if inside[i]]
    return tuple(sorted((max(own, key=lambda i: starts[i]), max(own, key=lambda i: ends[i]))))


def end_exclusive(starts: Any, ends: Any, inside: Any, longest: int) -> Any:
    first, last = _pairs(starts, ends, inside, longest)
    return first, last + 1


# 03.3 from pieces back to the text
def last_piece_missing(passage: str, offsets: Any, first: int, last: int) -> str:
    return passage[offsets[first][0] : offsets[last][0]]


def last_excluded(passage: str, offsets: Any, first: int, last: int) -> str:
    return passage[offsets[first][0] : offsets[last - 1][1]]


def one_character_more(passage: str, offsets: Any, first: int, last: int) -> str:
    return passage[offsets[first][0] : offsets[last][1] + 1]


def pieces_joined(passage: str, offsets: Any, first: int, last: int) -> str:
    return " ".join(passage[a:b] for a, b in offsets[first : last + 1])


def piece_numbers_as_characters(passage: str, offsets: Any, first: int, last: int) -> str:
    return passage[first : last + 1]


# 03.4 what a window is taught
def _touched(offsets: Any, start: int, end: int) -> list[int]:
    return [i for i, own in enumerate(offsets) if own and own[0] < end and start < own[1]]


def half_answers_taught(offsets: Any, start: int, end: int) -> Any:
    own = _touched(offsets, start, end)
    return (own[0], own[-1]) if own else (0, 0)


def exact_edges_only(offsets: Any, start: int, end: int) -> Any:
    first = [i for i, own in enumerate(offsets) if own and own[0] == start]
    last = [i for i, own in enumerate(offsets) if own and own[1] == end]
    return (first[0], last[0]) if first and last else (0, 0)


def last_excluded_piece(offsets: Any, start: int, end: int) -> Any:
    own = _touched(offsets, start, end)
    whole = own and offsets[own[0]][0] <= start and end <= offsets[own[-1]][1]
    return (own[0], own[-1] + 1) if whole else (0, 0)


def touches_its_neighbours(offsets: Any, start: int, end: int) -> Any:
    own = [i for i, at in enumerate(offsets) if at and at[0] <= end and start <= at[1]]
    whole = own and offsets[own[0]][0] <= start and end <= offsets[own[-1]][1]
    return (own[0], own[-1]) if whole else (0, 0)


def question_not_skipped(offsets: Any, start: int, end: int) -> Any:
    own = [i for i, at in enumerate(offsets) if at[0] < end and start < at[1]]
    return (own[0], own[-1]) if own else (0, 0)


def missing_as_none(offsets: Any, start: int, end: int) -> Any:
    own = _touched(offsets, start, end)
    whole = own and offsets[own[0]][0] <= start and end <= offsets[own[-1]][1]
    return (own[0], own[-1]) if whole else (-1, -1)


# 03.5 the other £12 million
def first_place(passage: str, answer: str, marked: int) -> int:
    return passage.find(answer)


def last_place(passage: str, answer: str, marked: int) -> int:
    return passage.rfind(answer)


def next_place(passage: str, answer: str, marked: int) -> int:
    return passage.find(answer, marked)


def nearest_of_non_overlapping(passage: str, answer: str, marked: int) -> int:
    places = [m.start() for m in re.finditer(answer, passage)]  # a pattern, where a text was meant
    return min(places, key=lambda i: abs(i - marked)) if places else -1


def later_of_two(passage: str, answer: str, marked: int) -> int:
    places = [i for i in range(len(passage)) if passage.startswith(answer, i)]
    return min(places, key=lambda i: (abs(i - marked), -i)) if places else -1


def the_mark_itself(passage: str, answer: str, marked: int) -> int:
    return marked if answer in passage else -1


def stops_when_missing(passage: str, answer: str, marked: int) -> int:
    return min((i for i in range(len(passage)) if passage.startswith(answer, i)), key=lambda i: abs(i - marked))


# 03.6 one window has a veto
def largest_null(windows: Any, threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if max(window[2] for window in windows) - best > threshold else text


def null_of_the_best_window(windows: Any, threshold: float) -> str:
    text, best, null = max(windows, key=lambda window: window[1])
    return "" if null - best > threshold else text


def mean_null(windows: Any, threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if sum(window[2] for window in windows) / len(windows) - best > threshold else text


def at_least_the_threshold(windows: Any, threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if min(window[2] for window in windows) - best >= threshold else text


def threshold_forgotten(windows: Any, threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if min(window[2] for window in windows) > best else text


def each_window_against_itself(windows: Any, threshold: float) -> str:
    speaking = [window for window in windows if window[2] - window[1] <= threshold]
    return max(speaking, key=lambda window: window[1])[0] if speaking else ""


def threshold_on_the_other_side(windows: Any, threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if min(window[2] for window in windows) + threshold > best else text


# 03.7 where to draw the line
def _mean(margins: Any, scores: Any, answerable: Any, at: float) -> float:
    return sum((0.0 if a else 1.0) if m > at else s for m, s, a in zip(margins, scores, answerable, strict=True)) / len(margins)


def zero(margins: Any, scores: Any, answerable: Any) -> float:
    return 0.0


def round_numbers(margins: Any, scores: Any, answerable: Any) -> float:
    return max(range(-10, 11), key=lambda t: _mean(margins, scores, answerable, t))


def mean_margin(margins: Any, scores: Any, answerable: Any) -> float:
    return sum(margins) / len(margins)


def margins_only(margins: Any, scores: Any, answerable: Any) -> float:
    """Forgets that to keep silent everywhere may be best."""
    return max(margins, key=lambda t: _mean(margins, scores, answerable, t))


def between_the_means(margins: Any, scores: Any, answerable: Any) -> float:
    parts = [[m for m, a in zip(margins, answerable, strict=True) if a is kind] or [0.0] for kind in (True, False)]
    return sum(sum(part) / len(part) for part in parts) / 2


def always_speak(margins: Any, scores: Any, answerable: Any) -> float:
    return max(margins)


def infinite(margins: Any, scores: Any, answerable: Any) -> float:
    return max([float("inf"), float("-inf"), *margins], key=lambda t: _mean(margins, scores, answerable, t))


def the_score_itself(margins: Any, scores: Any, answerable: Any) -> float:
    return max(_mean(margins, scores, answerable, t) for t in [min(margins) - 1, *margins])


# 03.8 numbers as numbers
def plain_f1(own: str, gold: str) -> float:
    return answer_f1(own, [gold])


def exact_text(own: str, gold: str) -> float:
    return float(own == gold)


def _digits(text: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def scale_ignored(own: str, gold: str) -> float:
    a, b = _digits(own), _digits(gold)
    return float(a == b) if a or b else float(normalize_answer(own) == normalize_answer(gold))


_SCALE = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}


def _amount(text: str, signs: bool = True) -> float | None:
    match = re.search(r"(\d[\d,]*(?:\.\d+)?)\s*(thousand|million|billion|bn|k|m)?\b", text.lower())
    if not match:
        return None
    value = float(match[1].replace(",", "")) * _SCALE.get(match[2] or "", 1.0)
    return -value if signs and re.search(r"[-−(]\s*[£$€]?\s*\d", text) else value


def sign_ignored(own: str, gold: str) -> float:
    a, b = _amount(own, signs=False), _amount(gold, signs=False)
    if a is None or b is None:
        return float(a is b and normalize_answer(own) == normalize_answer(gold))
    units = [re.findall("[£$€%]", text.replace(" per cent", "%")) for text in (own, gold)]
    return (1.0 if units[0] == units[1] else 0.5) if abs(a - b) < 1e-6 * abs(a) else 0.0


def unit_ignored(own: str, gold: str) -> float:
    a, b = _amount(own), _amount(gold)
    if a is None or b is None:
        return float(a is b and normalize_answer(own) == normalize_answer(gold))
    return float(abs(a - b) <= 1e-6 * max(abs(a), abs(b)))


def nearness(own: str, gold: str) -> float:
    a, b = _amount(own), _amount(gold)
    if a is None or b is None:
        return float(a is b and normalize_answer(own) == normalize_answer(gold))
    return max(0.0, 1 - abs(a - b) / max(abs(a), abs(b), 1e-9))


def words_forgotten(own: str, gold: str) -> float:
    a, b = _amount(own), _amount(gold)
    return float(a is not None and a == b)


def half_equal_words(own: str, gold: str) -> float:
    return answer_f1(own, [gold]) if read(own) is read(gold) is None else number_score(own, gold)


def capitals_unread(own: str, gold: str) -> float:
    return float(own == gold) if re.search(r"\d ?M", own) else number_score(own, gold)


# each wrong in one small place
def capitals_matter(predicted: str, references: list[str]) -> float:
    capitals = "".join(c for c in predicted if c.isupper())
    return max(my_f1(predicted, [r]) * (capitals == "".join(c for c in r if c.isupper()) or not r[:1] == "R")
               for r in references or [""])


def two_references(predicted: str, references: list[str]) -> float:
    return my_f1(predicted, references[:2])


def nearest_middle(passage: str, answer: str, marked: int) -> int:
    places = [m.start() for m in re.finditer(re.escape(answer), passage)]
    return min(places, key=lambda p: abs(p + len(answer) / 2 - marked), default=-1)


def capitals_do_not_matter(passage: str, answer: str, marked: int) -> int:
    return place(passage.lower(), answer.lower(), marked)


def rounded(windows: list[tuple[str, float, float]], threshold: float) -> str:
    text, best, _ = max(windows, key=lambda window: window[1])
    return "" if round(min(window[2] for window in windows) - best) > threshold else text


def scores_not_read(margins: Any, scores: Any, answerable: Any) -> float:
    return choose(margins, [float(can) for can in answerable], answerable)


def unit_of_gold_may_be_missing(own: str, gold: str) -> float:
    mine, theirs = read(own), read(gold)
    return 1.0 if mine and theirs and mine[0] == theirs[0] and not theirs[1] else number_score(own, gold)


def silence_before_normalising(predicted: str, references: list[str]) -> float:
    return answer_f1(predicted, references) if references else float(predicted == "")


def a_little_before(passage: str, answer: str, marked: int) -> int:
    place = passage.find(answer, max(0, marked - 15))
    return place if place >= 0 else passage.rfind(answer)


def by_the_nearest_edges(offsets: Any, start: int, end: int) -> tuple[int, int]:
    seen = [i for i, offset in enumerate(offsets) if offset]
    if offsets[seen[0]][0] > start or offsets[seen[-1]][1] < end:
        return 0, 0
    return max(i for i in seen if offsets[i][0] <= start), min(i for i in seen if offsets[i][1] >= end)


def five_best_of_each(starts: Any, ends: Any, inside: Any, longest: int) -> tuple[int, int]:
    first, last = (sorted((i for i, ok in enumerate(inside) if ok), key=lambda i: -scores[i])[:5] for scores in (starts, ends))
    pairs = [(i, j) for i in first for j in last if i <= j < i + longest]
    return max(pairs, key=lambda pair: starts[pair[0]] + ends[pair[1]]) if pairs else (first[0], first[0])


def smallest_doubt(windows: Any, threshold: float) -> str:
    text, _, _ = max(windows, key=lambda window: window[1])
    return "" if min(null - score for _, score, null in windows) > threshold else text


def a_thousand_steps(margins: Any, scores: Any, answerable: Any) -> float:
    low, high = min(margins) - 1, max(margins) + 1
    return max((low + (high - low) * i / 1000 for i in range(1001)),
               key=lambda t: sum((not can) if m > t else s for m, s, can in zip(margins, scores, answerable, strict=True)))


def capitals_half_known(own: str, gold: str) -> float:
    return 0.0 if re.search(r"\dK", own) else number_score(own, gold)


def one_decimal(own: str, gold: str) -> float:
    return 1.0 if own[:-1] == gold[:-1] and own[-1:].isdigit() and gold[-1:].isdigit() and "." in own[:-2] else number_score(own, gold)


WRONG: dict[str, list[tuple[Any, str]]] = {
    "03.1": [
        (silence_before_normalising, "'The' against [] it gave 0, expected 1"),
        (words_as_sets, "it gave 0.333333, expected 0.666667"),
        (words_counted_too_often, "it gave 1.2, expected 0.4"),
        (not_normalized, "it gave 0.8, expected 1"),
        (first_reference, "it gave 0, expected 1"),
        (capitals_matter, "'ravi Anstruther' against ['Ravi Anstruther'] it gave 0, expected 1"),
        (two_references, "'milk' against ['rents', 'corn', 'milk'] it gave 0, expected 1"),
        (mean_of_references, "it gave 0.5, expected 1"),
        (silence_gets_nothing, "it gave 0, expected 1"),
        (stops_without_reference, "it stopped with ValueError: max() arg is an empty sequence"),
        (exact_match_only, "it gave 0, expected 0.5"),
    ],
    "03.2": [
        (five_best_of_each, "for random scores of 60 pieces"),
        (free_argmax, "it gave (2, 1), expected (2, 2)"),
        (end_in_the_question, "it gave (1, 3), expected (1, 2)"),
        (one_piece_too_long, "it gave (0, 1), expected (1, 1)"),
        (one_piece_too_short, "it gave (0, 0), expected (2, 3)"),
        (start_first_then_end, "it gave (0, 0), expected (2, 3)"),
        (no_limit, "it gave (0, 3), expected (2, 3)"),
        (swapped_if_backwards, "it gave (1, 2), expected (2, 2)"),
        (end_exclusive, "it gave (2, 3), expected (2, 2)"),
    ],
    "03.3": [
        (last_piece_missing, "it gave '£2.9 '"),
        (last_excluded, "it gave '£2.9'"),
        (one_character_more, "it gave '£2.9 million,'"),
        (pieces_joined, "it gave '£ 2 . 9 million'"),
        (piece_numbers_as_characters, "it gave 'fit f'"),
    ],
    "03.4": [
        (by_the_nearest_edges, "for an answer that begins in a blank it gave (5, 6), expected (6, 6)"),
        (half_answers_taught, "it gave (3, 4), expected (0, 0)"),
        (exact_edges_only, "it gave (0, 0), expected (4, 5)"),
        (last_excluded_piece, "it gave (6, 11), expected (6, 10)"),
        (touches_its_neighbours, "it gave (6, 7), expected (6, 6)"),
        (question_not_skipped, "it stopped with TypeError: 'NoneType' object is not subscriptable"),
        (missing_as_none, "it gave (-1, -1), expected (0, 0)"),
    ],
    "03.5": [
        (a_little_before, "expected"),
        (first_place, "it gave 10, expected 40"),
        (last_place, "it gave 64, expected 40"),
        (next_place, "it gave -1, expected 64"),
        (nearest_of_non_overlapping, "it gave 91, expected 90"),
        (later_of_two, "it gave 40, expected 10"),
        (nearest_middle, "for a mark nearer to the beginning of the second it gave 10, expected 40"),
        (capitals_do_not_matter, "for an answer in other letters it gave 85, expected -1"),
        (the_mark_itself, "it gave 66, expected 64"),
        (stops_when_missing, "it stopped with ValueError: min() arg is an empty sequence"),
    ],
    "03.6": [
        (smallest_doubt, "for a poor span that silence hardly beats it gave ''"),
        (largest_null, "it gave '', expected '£12 million'"),
        (null_of_the_best_window, "it gave '', expected 'rents'"),
        (mean_null, "it gave '', expected 'June'"),
        (at_least_the_threshold, "it gave '', expected 'rents'"),
        (rounded, "for a threshold of 2 and silence ahead by 2.3 it gave 'rents', expected ''"),
        (threshold_forgotten, "it gave '', expected 'rents'"),
        (each_window_against_itself, "it gave 'milk', expected 'rents'"),
        (threshold_on_the_other_side, "it gave '', expected 'rents'"),
    ],
    "03.7": [
        (a_thousand_steps, "for margins close together, and one far out"),
        (zero, "the threshold 0 gives a mean score of 0.500,"),
        (round_numbers, "the threshold -10 gives a mean score of 0.500,"),
        (scores_not_read, "for a model that knows nothing"),
        (mean_margin, "the threshold 45 gives a mean score of 0.500,"),
        (margins_only, "the threshold -90 gives a mean score of 0.667,"),
        (between_the_means, "the threshold 22.5 gives a mean score of 0.167,"),
        (always_speak, "the threshold 4 gives a mean score of 0.450,"),
        (infinite, "it gave inf"),
        (the_score_itself, "the threshold 0.9 gives a mean score of 0.500,"),
    ],
    "03.8": [
        (capitals_half_known, "for '£350K' against '£350,000'"),
        (one_decimal, "for '2.34' against '2.31'"),
        (plain_f1, "it gave 0; the rule asks for 1 for the same amount"),
        (exact_text, "it gave 0; the rule asks for 1 for the same amount"),
        (scale_ignored, "it gave 0; the rule asks for 1 for the same amount"),
        (sign_ignored, "it gave 1; the rule asks for at most 0.2 for another amount"),
        (unit_ignored, "it gave 1; the rule asks for less than 1 for another unit"),
        (nearness, "it gave 0.894; the rule asks for at most 0.2 for another amount"),
        (unit_of_gold_may_be_missing, "'4.2%' against '4.2' it gave 1; the rule asks for less than 1 for another unit"),
        (half_equal_words, "'rents rose' against 'rents fell' it gave 0.5; the rule asks for 0"),
        (capitals_unread, "'£4.2M' against '£4.2m' it gave 0; the rule asks for 1 for the same amount"),
        (words_forgotten, "it gave 1; the rule asks for less than 1 for another unit"),
    ],
}
