"""Tests of the exercises of notebook 02: labels, entity scores, splits, windows, intervals, annotation.

Cases and expected values are written out, so that no exercise is solved here.
"""

from __future__ import annotations

import random
from typing import Any

from course_lib.exercises.asserting import called, number, require, same, short
from course_lib.exercises.model import exercise
from course_lib.exercises.own_texts import check_own_texts
from course_lib.exercises.splits import check_choice, check_windows, listed


@exercise(
    "02.1", title="A label for every piece", minutes=6, trains="laying word labels on pieces", kind="mend",
    hints=("What should the loss see at [CLS]? There is one number it always skips.",
           "A piece is the first of its word if its word is not the word of the piece before.",
           "Compare the numbers of the words, not their labels: two neighbouring words may have the same label."),
)
def test_piece_labels(answer: Any) -> None:
    """One label on each first piece, -100 on all others."""
    cases = [
        ("two words of one piece each", [0, 1], [None, 0, 1, None], [-100, 0, 1, -100]),
        ("a name of four pieces", [0, 3], [None, 0, 1, 1, 1, 1, None], [-100, 0, 3, -100, -100, -100, -100]),
        ("two neighbouring names of two pieces each", [1, 1], [None, 0, 0, 1, 1, None], [-100, 1, -100, 1, -100, -100]),
        ("a word without any piece", [0, 5, 2], [None, 0, 2, 2, None], [-100, 0, 2, -100, -100]),
        ("padding behind the text", [4], [None, 0, 0, None, None, None], [-100, 4, -100, -100, -100, -100]),
    ]
    for when, labels, ids, expected in cases:
        same(called(answer, labels, ids, when=when), expected, when=when)


@exercise(
    "02.2", title="Entity F1 by hand", minutes=8, trains="strict micro F1", kind="practice",
    hints=("Three counts are enough: right, predicted, gold. Start each at 0 before the loop over notes.",
           "Names of one note can be put into a set; `&` gives those in both sets.",
           "Do not put the names of different notes into one set: the same offsets may occur in two notes."),
)
def test_entity_f1(answer: Any) -> None:
    """Micro F1 over notes; edges and label must agree in the same note."""
    a, b, c, d = (0, 7, "DISEASE"), (12, 20, "MEDICINE"), (30, 35, "SYMPTOM"), (40, 44, "DISEASE")
    cases = [
        ("one name that is found", [[a]], [[a]], 1.0),
        ("one of two names found, nothing else predicted", [[a, b]], [[b]], 2 / 3),
        ("a name found with another label", [[a]], [[(0, 7, "SYMPTOM")]], 0.0),
        ("a name found with one character too many", [[a, b]], [[(0, 8, "DISEASE"), b]], 0.5),
        ("a label with the same first letter", [[a]], [[(0, 7, "DRUG")]], 0.0),
        ("the right name in the wrong note", [[a], []], [[], [a]], 0.0),
        ("an easy note of four names and a hard one", [[a, b, c, d], [a]], [[d, c, b, a], [b, c, d]], 8 / 12),
        ("notes with nothing marked and nothing found", [[], []], [[], []], 0.0),
        ("names invented where none are", [[], [b]], [[a, c], [b]], 0.5),
        ("a note in which nothing is found", [[a], [b]], [[a], []], 2 / 3),
    ]
    for when, gold, predicted, expected in cases:
        same(number(called(answer, gold, predicted, when=when), when=when), expected, when=when, tolerance=1e-6)
    found = number(called(answer, [[a]], [[a, a]], when="a name predicted twice"), when="a name predicted twice")
    require(found <= 1, f"for a name predicted twice it gave {found:.3g}: no F1 is above 1")


@exercise(
    "02.3", title="What kind of error?", minutes=5, trains="reading errors of span models", kind="warm-up",
    hints=("First ask whether the edges are the same; then whether the names share a character.",
           "Two stretches share a character if each begins before the other ends.",
           "The end is not included: 0 to 5 and 5 to 9 touch, but share nothing."),
)
def test_error_kind(answer: Any) -> None:
    """Name the kind of every pair."""
    gold = (10, 20, "DISEASE")
    cases = [
        ((10, 20, "DISEASE"), "right"), ((10, 20, "SYMPTOM"), "type"), ((10, 15, "DISEASE"), "boundary"),
        ((5, 30, "DISEASE"), "boundary"), ((19, 25, "DISEASE"), "boundary"), ((12, 18, "MEDICINE"), "boundary and type"),
        ((0, 11, "SYMPTOM"), "boundary and type"), ((20, 25, "DISEASE"), "apart"), ((4, 10, "DISEASE"), "apart"),
        ((30, 35, "SYMPTOM"), "apart"), ((0, 5, "DISEASE"), "apart"),
        ((10, 15, "SYMPTOM"), "boundary and type"), ((15, 20, "SYMPTOM"), "boundary and type"),
    ]
    for own, expected in cases:
        for one, other in ((gold, own), (own, gold)):
            when = f"gold {one} and own {other}"
            same(called(answer, one, other, when=when), expected, when=when)


@exercise(
    "02.4", title="From tags back to names", minutes=8, trains="decoding BIO tags", kind="practice",
    hints=("Keep one open name (its beginning and label) while you walk over the tags.",
           "Close the open name whenever the tag is not an I- of its own label; then see whether the tag opens one.",
           "What happens to a name that is still open after the last tag?"),
)
def test_names(answer: Any) -> None:
    """Read names from tags, orphans included."""
    cases = [
        (["B-DISEASE", "O", "B-SYMPTOM", "I-SYMPTOM", "O"], [(0, 1, "DISEASE"), (2, 4, "SYMPTOM")]),
        (["O", "B-DISEASE", "I-DISEASE", "I-DISEASE"], [(1, 4, "DISEASE")]),
        (["B-MEDICINE", "B-MEDICINE", "I-MEDICINE"], [(0, 1, "MEDICINE"), (1, 3, "MEDICINE")]),
        (["B-DISEASE", "I-SYMPTOM", "I-SYMPTOM"], [(0, 1, "DISEASE"), (1, 3, "SYMPTOM")]),
        (["I-DISEASE", "I-DISEASE", "O", "I-SYMPTOM"], [(0, 2, "DISEASE"), (3, 4, "SYMPTOM")]),
        (["B-DISEASE", "O", "I-DISEASE"], [(0, 1, "DISEASE"), (2, 3, "DISEASE")]),
        (["B-SIDE-EFFECT", "I-SIDE-EFFECT"], [(0, 2, "SIDE-EFFECT")]),
        (["B-SIDE-EFFECT", "I-SIDE"], [(0, 1, "SIDE-EFFECT"), (1, 2, "SIDE")]),
        (["B-DISEASE", "I-DISEASE", "I-SYMPTOM"], [(0, 2, "DISEASE"), (2, 3, "SYMPTOM")]), (["O", "O"], []), ([], []),
    ]
    for tags, expected in cases:
        when = f"the tags {' '.join(tags) or '(none)'}"
        same(called(answer, list(tags), when=when), expected, when=when)


@exercise(
    "02.5", title="Sisters apart", minutes=8, trains="dividing data by document", kind="mend",
    hints=("Shuffle the documents instead of the sentences; a set holds each once, and sorting gives it always the same order.",
           "Take shuffled documents until their sentences are about the wanted share of all.",
           "Return the numbers of all sentences whose document was taken."),
)
def test_choose_test(answer: Any) -> None:
    """No document on both sides, the right size, repeatable, and moved by the seed."""
    check_choice(answer)


@exercise(
    "02.6", title="Windows that lose no name", minutes=10, trains="overlapping windows in place of truncation", kind="mend",
    hints=("The next window begins `longest - overlap` behind the beginning of the last one.",
           "Stop as soon as a window reaches the end of the text; one more would only repeat what was seen.",
           "The last window may be shorter, or may be moved back to the left: both are right."),
)
def test_windows(answer: Any) -> None:
    """Cover everything, overlap enough, and waste no window."""
    check_windows(answer)


@exercise(
    "02.7", title="An interval that is too sure", minutes=12, trains="resampling by document", kind="mend",
    hints=("First add up the counts of each document: then one row stands for one document.",
           "Draw document names with `rng.choices(names, k=len(names))`; a name drawn twice counts twice.",
           "One F1 per draw, from the sums over all drawn documents; the mean of F1 by document is another score."),
)
def test_interval(answer: Any) -> None:
    """Compare both ends with the package's own resampling of documents."""
    from course_lib.evaluation.bootstrap import bootstrap_interval, f1_of

    for even in (True, False):  # documents of one length; documents of which the hard ones are long
        counts, documents = _scored_sentences(even)
        truth = bootstrap_interval(counts, documents, f1_of, resamples=20_000)  # type: ignore[arg-type]
        when = f"{len(counts)} sentences of 24 documents"
        found = _pair(called(answer, list(counts), list(documents), 3, when=when), when)
        width, own = truth.high - truth.low, found[1] - found[0]
        require(max(abs(found[0] - truth.low), abs(found[1] - truth.high)) <= 0.07 * width,
                f"for {when} it gave {found[0]:.3f} to {found[1]:.3f} (width {own:.3f}), expected about {truth.low:.3f} to "
                f"{truth.high:.3f} (width {width:.3f})")
    again = _pair(called(answer, list(counts), list(documents), 3, when=when), when)
    same(again, found, when="the same seed a second time")
    other = _pair(called(answer, list(counts), list(documents), 4, when=when), when)
    require(other != again, "another seed gave exactly the same interval: it draws nothing, or does not use its seed")
    alike = [(2, 2, 2), (0, 2, 2)] * 10
    same(_pair(called(answer, alike, [f"document {i // 2}" for i in range(20)], 0, when="documents that are all alike"), "alike"),
         (0.5, 0.5), when="documents that are all alike", tolerance=1e-9)


def _scored_sentences(even: bool) -> tuple[list[tuple[int, int, int]], list[str]]:
    """Return counts (right, predicted, gold) and the document of each sentence; 24 documents differ in difficulty."""
    rng, rows = random.Random(11), []
    for document in range(24):
        skill = rng.random()
        for _ in range(6 if even else 3 + round(12 * (1 - skill))):
            gold = rng.randint(1, 4)
            right = sum(rng.random() < skill for _ in range(gold))
            rows.append(((right, right + rng.randint(0, 1), gold), f"document {document}"))
    rng.shuffle(rows)
    return [row for row, _ in rows], [document for _, document in rows]


def _pair(found: Any, when: str) -> tuple[float, float]:
    values = [number(value, when=when) for value in listed(found, "two numbers (low, high)", when)]
    require(len(values) == 2, f"for {when} a pair (low, high) was expected, it gave {short(found)}")
    return values[0], values[1]


@exercise(
    "02.8", title="Mark texts of your own profession", minutes=20, trains="annotating by rules", kind="open",
    hints=("A mark is written [name](LABEL), without a blank between the brackets.",
           "Search every text for each of your names: where it stands unmarked, decide once and for all.",
           "Names of plants, statutes, parts or programs are new to a corpus of medical notes."),
)
def test_own_texts(answer: Any) -> None:
    """Hold marked texts to the rules of a corpus."""
    check_own_texts(answer)
