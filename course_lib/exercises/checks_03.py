"""Tests of the exercises of notebook 03: answer scores, spans, windows, silence, numbers.

Cases and expected values are written out, so that no exercise is solved here.
"""

from __future__ import annotations

import random
from typing import Any

from course_lib.exercises.asserting import called, number, require, same, short
from course_lib.exercises.model import exercise


@exercise(
    "03.1", title="F1 by hand", minutes=8, trains="scoring answers, silence included", kind="practice",
    hints=("`collections.Counter` counts words; `&` of two counters keeps the smaller count of each word.",
           "Treat the empty text first: is the other one empty too?",
           "No reference at all means that the empty text is the one right answer: `references or [\"\"]`."),
)
def test_my_f1(answer: Any) -> None:
    """Shared words with repeats, several references, silence."""
    cases = [
        ("The £4.2 million", ["£4.2 million"], 1.0), ("£4.7 million", ["£4.2 million"], 0.5),
        ("wet weather in the coastal towns", ["wet weather"], 4 / 7), ("weather", ["the wet weather"], 2 / 3),
        ("two two two", ["two million"], 0.4), ("one of one", ["one by one"], 2 / 3), ("rents", ["milk"], 0.0),
        ("June 2027", ["in mid-2027", "June 2027"], 1.0), ("June 2027", ["June 2027", "in mid-2027"], 1.0),
        ("June", ["autumn", "June 2027", "by June in 2027"], 2 / 3), ("", [], 1.0), ("£4.2 million", [], 0.0),
        ("", ["£4.2 million"], 0.0), ("ravi Anstruther", ["Ravi Anstruther"], 1.0),
        ("The", [], 1.0), ("...", ["milk"], 0.0), ("a", ["the"], 1.0), ("milk", ["rents", "corn", "milk"], 1.0),
    ]
    for predicted, references, expected in cases:
        when = f"{predicted!r} against {references}"
        same(number(called(answer, predicted, list(references), when=when), when=when), expected, when=when, tolerance=1e-6)


@exercise(
    "03.2", title="Search the pair", minutes=10, trains="joint search of start and end", kind="mend",
    hints=("Two loops are enough: over every first piece inside, and over the last pieces it may have.",
           "A pair of `longest` pieces ends at `first + longest - 1`, since the last piece counts.",
           "The best start alone need not belong to the best pair: keep the pair with the greatest sum."),
)
def test_best_pair(answer: Any) -> None:
    """The best valid pair, in written-out cases and in random windows."""
    yes = [True] * 4
    cases = [
        ("a best end before the best start", [0.0, 1, 5, 0], [0.0, 6, 4, 1], yes, 4, (2, 2)),
        ("a best start that is not in the best pair", [5.0, 0, 4, 0], [0.0, 0, 0, 3], yes, 2, (2, 3)),
        ("a best start in the question", [9.0, 1, 3, 0], [0.0, 1, 1, 2], [False, True, True, True], 4, (2, 3)),
        ("a best end behind the passage", [0.0, 2, 1, 0], [0.0, 1, 2, 9], [False, True, True, False], 4, (1, 2)),
        ("answers of one piece only", [3.0, 0, 0, 2], [0.0, 9, 0, 2], yes, 1, (1, 1)),
        ("an answer exactly as long as allowed", [7.0, 0, 0, 0], [0.0, 0, 6, 0], yes, 3, (0, 2)),
        ("an answer one piece too long", [7.0, 0, 0, 0], [1.0, 0, 6, 0], yes, 2, (0, 0)),
        ("scores below zero", [-5.0, -2, -4, -9], [-8.0, -9, -1, -3], yes, 4, (1, 2)),
        ("one piece inside", [4.0, 1, 4, 4], [4.0, 1, 4, 4], [False, True, False, False], 4, (1, 1)),
    ]
    for when, starts, ends, inside, longest, expected in cases:
        same(called(answer, list(starts), list(ends), list(inside), longest, when=when), expected, when=when)
    rng = random.Random(3)
    for size, longest in ((12, 6), (25, 6), (60, 2), (80, 2)):
        starts, ends = ([rng.gauss(0, 2) for _ in range(size)] for _ in range(2))
        inside = [4 <= i < size - 1 for i in range(size)]
        when = f"random scores of {size} pieces"
        expected = _best(starts, ends, inside, longest)
        same(called(answer, list(starts), list(ends), list(inside), longest, when=when), expected, when=when)


def _best(starts: list[float], ends: list[float], inside: list[bool], longest: int) -> tuple[int, int]:
    """Ask the package's own search, with the number of a piece as its offset."""
    import numpy as np

    from course_lib.evaluation.qa import Window, decode_window

    places = [i if ok else -1 for i, ok in enumerate(inside)]
    offsets = np.array(places, np.int32)
    window = Window(np.array(starts, np.float32), np.array(ends, np.float32), offsets, offsets)
    best = decode_window(window, longest, 1)[0]
    return best.start, best.end


@exercise(
    "03.3", title="From pieces back to the text", minutes=4, trains="inclusive pieces, exclusive characters", kind="warm-up",
    hints=("You need one number of the first piece and one of the last.",
           "Cut `passage[start:end]` once; joining pieces would lose or invent blanks."),
)
def test_cut_out(answer: Any) -> None:
    """The text between the first character of one piece and the last of another."""
    passage = "Profit fell to £2.9 million,\nwhile  rents rose."
    offsets = [(0, 6), (7, 11), (12, 14), (15, 16), (16, 17), (17, 18), (18, 19), (20, 27), (27, 28), (29, 34), (36, 41),
               (42, 46), (46, 47)]
    cases = [(3, 7, "£2.9 million"), (0, 0, "Profit"), (9, 11, "while  rents rose"), (7, 9, "million,\nwhile"), (11, 12, "rose."),
             (0, 12, passage), (4, 4, "2")]
    for first, last, expected in cases:
        when = f"the pieces {first} to {last} of {passage!r}"
        same(called(answer, passage, list(offsets), first, last, when=when), expected, when=when)
    when = "the pieces 1 to 2 of 'EBIT: 7%'"
    same(called(answer, "EBIT: 7%", [(0, 4), (6, 7), (7, 8)], 1, 2, when=when), "7%", when=when)


@exercise(
    "03.4", title="What a window is taught", minutes=10, trains="answer positions in windows", kind="practice",
    hints=("Look only at pieces whose offsets are not `None`; the first and the last of them say what the window sees.",
           "The window holds the whole answer if it begins at or before `start` and ends at or behind `end`.",
           "A piece touches the answer if it begins before `end` and ends behind `start`."),
)
def test_answer_pieces(answer: Any) -> None:
    """Whole answers get their pieces, everything else (0, 0)."""
    seen = [None, None, None, (40, 46), (47, 51), (52, 54), (55, 56), (56, 57), (57, 58), (58, 59), (60, 67), None]
    cases = [
        ("an answer of several pieces", 55, 67, (6, 10)), ("an answer of one piece", 47, 51, (4, 4)),
        ("the first piece of the window", 40, 46, (3, 3)), ("everything the window sees", 40, 67, (3, 10)),
        ("an answer that begins inside a piece", 49, 54, (4, 5)), ("an answer that ends inside a piece", 47, 53, (4, 5)),
        ("an answer that ends inside the last piece", 60, 65, (10, 10)),
        ("an answer that ends where the next piece begins", 55, 56, (6, 6)), ("an answer before the window", 10, 20, (0, 0)),
        ("an answer behind the window", 70, 78, (0, 0)), ("an answer cut off at the front", 36, 51, (0, 0)),
        ("an answer cut off at the end", 58, 70, (0, 0)), ("an answer longer than the window", 30, 80, (0, 0)),
        ("an answer that begins in a blank", 54, 56, (6, 6)), ("an answer that ends behind a blank", 47, 52, (4, 4)),
    ]
    for when, start, end, expected in cases:
        same(called(answer, list(seen), start, end, when=when), expected, when=when)
    when = "a window at the beginning of the passage"
    same(called(answer, [None, (0, 3), (4, 9), None], 0, 3, when=when), (1, 1), when=when)


@exercise(
    "03.5", title="The other £12 million", minutes=6, trains="placing answers that stand twice", kind="mend",
    hints=("Collect every occurrence: `passage.find(answer, begin)` looks from `begin` on.",
           "`min(places, key=lambda p: abs(p - marked))` is the nearest; of equal ones it takes the first.",
           "With `re`, a figure such as (1.3) must go through `re.escape`."),
)
def test_place(answer: Any) -> None:
    """The occurrence nearest to the mark."""
    passage = "A loan of £12 million in 2023, bonds of £12 million in 2024 and £12 million in 2025. Loss (1.3), was 11.3."
    first, second, third = 10, 40, 64
    cases = [
        ("a mark at the second of three", "£12 million", second, second), ("a mark two too far", "£12 million", third + 2, third),
        ("a mark four too early", "£12 million", second - 4, second), ("a mark at the first", "£12 million", first + 1, first),
        ("a mark nearer to the beginning of the second", "£12 million", 27, second),
        ("an answer in other letters", "loss", 85, -1),
        ("a mark behind the text", "£12 million", 500, third), ("a mark in the middle of two", "£12 million", 25, first),
        ("an answer that stands once", "2024", 0, 55), ("an answer with brackets", "(1.3)", 93, 90),
        ("an answer that is not there", "£14 million", 40, -1),
    ]
    for when, text, marked, expected in cases:
        same(called(answer, passage, text, marked, when=when), expected, when=when)
    when = "two places close together, with a mark near the second"
    same(called(answer, "2024 and x 2024", "2024", 10, when=when), 11, when=when)


@exercise(
    "03.6", title="One window has a veto", minutes=8, trains="joining windows", kind="mend",
    hints=("A window that does not hold the answer is right to say so; it must not decide for the others.",
           "\"Every window says so\" is a minimum.",
           "The smallest null score may come from another window than the best span."),
)
def test_answer(answer: Any) -> None:
    """The best span against the smallest null score."""
    cases = [
        ("one window that speaks", [("2027", 6.0, 1.0)], 0.0, "2027"),
        ("one window that is silent", [("2027", 1.0, 6.0)], 0.0, ""),
        ("an answer beside an empty window", [("", -3.0, 9.0), ("£12 million", 7.0, 2.0)], 0.0, "£12 million"),
        ("an answer beside seven empty windows", [("June", 5.0, 1.0), *[("it", -2.0, 8.0)] * 7], 0.0, "June"),
        ("windows that are all silent", [("it", 0.0, 6.0), ("was", 1.0, 5.0), ("in", -1.0, 7.0)], 0.0, ""),
        ("two spans, the better one second", [("2023", 4.0, 0.0), ("2024", 8.0, 3.0)], 0.0, "2024"),
        ("a best span in a window that doubts, another that does not", [("rents", 5.0, 6.0), ("milk", 3.0, 1.0)], 0.0, "rents"),
        ("a poor span that silence hardly beats", [("rents", 5.0, 6.0), ("milk", 1.0, 1.5)], 0.0, "rents"),
        ("a threshold of 2 and silence ahead by 1", [("rents", 4.0, 5.0), ("it", 0.0, 9.0)], 2.0, "rents"),
        ("a threshold of 2 and silence ahead by 3", [("rents", 4.0, 7.0), ("it", 0.0, 9.0)], 2.0, ""),
        ("a threshold of -3 and silence behind by 2", [("rents", 4.0, 2.0)], -3.0, ""),
        ("a threshold of 2 and silence ahead by 2.3", [("rents", 4.0, 6.3)], 2.0, ""),
        ("silence ahead by exactly the threshold", [("rents", 4.0, 6.0)], 2.0, "rents"),
    ]
    for when, windows, threshold, expected in cases:
        same(called(answer, list(windows), threshold, when=when), expected, when=when)


@exercise(
    "03.7", title="Where to draw the line", minutes=10, trains="choosing a threshold on validation", kind="practice",
    hints=("The mean can change only where the threshold passes a margin: try every margin, and one value below all of them.",
           "Write the mean for one threshold first; then take the `max` over the candidates with it as `key`.",
           "Silence sets in where the margin is greater than the threshold; at the threshold itself the model still speaks."),
)
def test_choose(answer: Any) -> None:
    """No threshold may be better than the one returned."""
    yes, no = True, False
    cases = [
        ("questions that a threshold can part", [-3.0, 2, -1, 4], [1.0, 0, 0.8, 0], [yes, no, yes, no], 3.8),
        ("margins in the hundreds", [300.5, 140, 212, 171], [0.0, 1, 0, 0.6], [no, yes, no, yes], 3.6),
        ("margins of a few thousandths", [0.004, 0.001, 0.003, 0.002], [0.0, 1, 0, 1], [no, yes, no, yes], 4.0),
        ("questions that all have an answer", [5.0, 40, 90], [0.5, 1, 0.2], [yes, yes, yes], 1.7),
        ("questions of which none has an answer", [-5.0, -40, -90], [0.0, 0, 0], [no, no, no], 3.0),
        ("margins that overlap", [1.0, 2, 3, 4, 5, 6], [1.0, 0, 0.5, 0, 0.9, 0], [yes, no, yes, no, yes, no], 4.0),
        ("one surprise far out", [1.0, 2, 3, 50], [0.0, 0, 0, 1], [no, no, yes, yes], 2.0),
        ("margins close together, and one far out", [1.0, 1.001, 5000], [1.0, 0, 0], [yes, no, no], 3.0),
        ("equal margins, which go together", [7.0, 7, 7, 8], [1.0, 0, 0.9, 0], [yes, no, yes, no], 2.9),
        ("a model that is wrong when it speaks", [2.0, 3, 9], [0.0, 0, 0.1], [yes, no, yes], 1.0),
        ("a model that knows nothing", [1.0, 2, 3], [0.0, 0, 0], [no, yes, yes], 1.0),
        ("margins below zero only", [-9.0, -8, -2, -1], [1.0, 1, 0, 0], [yes, yes, no, no], 4.0),
    ]
    for when, margins, scores, answerable, best in cases:
        threshold = number(called(answer, list(margins), list(scores), list(answerable), when=when), when=when)
        pairs = zip(margins, scores, answerable, strict=True)
        total = sum((not can) if margin > threshold else score for margin, score, can in pairs)
        require(total >= best - 1e-9, f"for {when} (margins {short(margins)}) the threshold {threshold:g} gives a mean score of "
                f"{total / len(margins):.3f}, expected {best / len(margins):.3f}")


@exercise(
    "03.8", title="Numbers as numbers", minutes=20, trains="scores that know sign, scale and unit", kind="open",
    hints=("Read a text into (amount, unit) first, and compare those; write the reading as a function of its own.",
           "A regular expression can find sign or bracket, currency, digits with commas, and the word or letter behind them.",
           "Round the amount, or compare with a small tolerance: 4.2 times a million is not exactly 4,200,000 for a computer."),
)
def test_number_score(answer: Any) -> None:
    """Hold a score of one's own to four rules."""
    for own, gold in _alike():
        _rule(answer, own, gold, 1.0, 1.0, "1 for the same amount")
    for own, gold in (("£4.7 million", "£4.2 million"), ("£4.2 million", "£4.2 billion"), ("1.3", "-1.3"), ("(1.3)", "1.3"),
                      ("£350k", "£350 million"), ("42%", "4.2%"), ("1,846", "1,847"), ("£36.0 million", "£41.3 million"),
                      ("2.34", "2.31")):
        _rule(answer, own, gold, 0.0, 0.2, "at most 0.2 for another amount")
    for own, gold in (("£4.2 million", "$4.2 million"), ("€18m", "£18m"), ("4.2%", "4.2"), ("4.2", "4.2%"), ("£12", "12%")):
        _rule(answer, own, gold, 0.0, 0.99, "less than 1 for another unit")
    words = [("Ravi Anstruther", "Ravi Anstruther", 1.0), ("wet weather", "Ravi Anstruther", 0.0), ("", "", 1.0),
             ("rents rose", "rents fell", 0.0), ("wet weather", "£4.2 million", 0.0),
             ("", "£4.2 million", 0.0), ("£4.2 million", "", 0.0)]
    for own, gold, expected in words:
        _rule(answer, own, gold, expected, expected, f"{expected:.0f}")


def _alike() -> list[tuple[str, str]]:
    pairs = []
    for value in ("4.2", "13", "98.6"):
        pairs += [(f"£{value} million", f"£{value}m"), (f"£{round(float(value) * 1e6):,}", f"£{value} million"),
                  (f"${value}bn", f"${value} billion")]
    return [*pairs, ("£350k", "£350,000"), ("£3 thousand", "£3,000"), ("€2 billion", "€2,000 million"), ("(1.3)", "-1.3"),
            ("-£2.4 million", "(£2.4 million)"), ("12 per cent", "12%"), ("7.5%", "7.5 per cent"), ("1,846", "1846"),
            ("£4.2M", "£4.2m"), ("£350 Million", "£350,000,000"), ("£350K", "£350,000"), ("£2BN", "£2 billion")]


def _rule(answer: Any, own: str, gold: str, least: float, most: float, rule: str) -> None:
    when = f"{own!r} against {gold!r}"
    found = number(called(answer, own, gold, when=when), when=when)
    require(0 <= found <= 1, f"for {when} it gave {found:g}, which is not between 0 and 1")
    require(least - 1e-6 <= found <= most + 1e-6, f"for {when} it gave {found:.3g}; the rule asks for {rule}")
