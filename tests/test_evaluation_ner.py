"""Entity scores: counted by hand, equal to seqeval's, and intervals that behave."""

from __future__ import annotations

import random

import numpy as np
import pytest
from samples import LABELS, four_notes, note
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from course_lib.data.leakage import SurfaceIndex
from course_lib.data.records import Note, Span
from course_lib.errors import DataError
from course_lib.evaluation.bootstrap import bootstrap_interval, f1_of, mean_of, paired_interval, sum_by_group
from course_lib.evaluation.ner import (
    Prf,
    classify_errors,
    count_rows,
    entity_counts,
    evaluate_entities,
    groups_of,
    token_accuracy,
)

D, M, S = "DISEASE", "MEDICINE", "SYMPTOM"


def hand_counted() -> tuple[list[Note], list[list[Span]]]:
    """6 gold, 5 predicted, 3 right: metformin, cough and Aspirin; one boundary, one type error, one missed."""
    notes = four_notes()
    predictions = [
        [Span(14, 23, M)],
        [Span(6, 13, D), Span(18, 23, S)],  # "failure" for "Heart failure"
        [Span(3, 8, D)],  # the right words under the wrong name
        [Span(0, 7, M)],  # heart failure is missed
    ]
    return notes, predictions


# ---- by hand -----------------------------------------------------------------
def test_counts_by_hand():
    report = evaluate_entities(*hand_counted(), resamples=50)
    assert report.micro == Prf(correct=3, predicted=5, gold=6)
    assert report.micro.precision == pytest.approx(3 / 5)
    assert report.micro.recall == pytest.approx(3 / 6)
    assert report.micro.f1 == pytest.approx(6 / 11)
    assert report.by_type == {D: Prf(0, 2, 2), M: Prf(2, 2, 2), S: Prf(1, 1, 2)}
    assert report.macro_f1 == pytest.approx((0 + 1 + 2 / 3) / 3)
    assert report.errors == {"boundary": 1, "type": 1, "boundary and type": 0, "missed": 1, "invented": 0}
    # 18 words, wrong are: Heart, failure (B for I), fever, heart, failure
    assert report.token_accuracy == pytest.approx(13 / 18)
    assert report.interval.value == pytest.approx(report.micro.f1)
    assert report.interval.unit == "document"


def test_precision_and_recall_are_not_exchanged():
    notes = [note("n", "cough fever pain", SYMPTOM="cough|fever|pain")]
    report = evaluate_entities(notes, [[Span(0, 5, S)]], resamples=10)
    assert (report.micro.precision, report.micro.recall) == (1.0, pytest.approx(1 / 3))
    assert (report.micro.predicted, report.micro.gold) == (1, 3)
    assert entity_counts([Span(0, 1, S), Span(2, 3, S)], [Span(0, 1, S)]) == (1, 1, 2)


def test_token_accuracy_hides_what_entity_scores_show():
    notes = [note("n", "the patient was seen again today with stable cough", SYMPTOM="cough")]
    report = evaluate_entities(notes, [[]], resamples=10)
    assert report.token_accuracy == pytest.approx(8 / 9) and report.micro.f1 == 0.0


def test_one_character_off_is_wrong():
    assert entity_counts([Span(0, 5, D)], [Span(0, 4, D)])[0] == 0
    assert entity_counts([Span(0, 5, D)], [Span(0, 5, S)])[0] == 0


def test_a_span_predicted_twice_counts_once():
    assert entity_counts([Span(0, 5, D)], [Span(0, 5, D), Span(0, 5, D)]) == (1, 1, 1)


def test_neighbours_glued_into_one_are_wrong():
    notes = [note("n", "cough fever", SYMPTOM="cough|fever")]
    assert evaluate_entities(notes, [[Span(0, 11, S)]], resamples=10).micro == Prf(0, 1, 2)


def test_nothing_predicted_and_nothing_there():
    report = evaluate_entities([note("n", "the ward")], [[]], resamples=10)
    assert (report.micro.precision, report.micro.recall, report.micro.f1, report.macro_f1) == (0, 0, 0, 0)
    assert (report.interval.low, report.interval.high) == (0, 0)


@pytest.mark.parametrize(("gold", "predicted", "kinds"), [
    ([Span(0, 5, D)], [Span(0, 4, D)], ["boundary"]),
    ([Span(0, 5, D)], [Span(0, 5, S)], ["type"]),
    ([Span(0, 5, D)], [Span(0, 4, S)], ["boundary and type"]),
    ([Span(0, 5, D)], [], ["missed"]),
    ([], [Span(0, 5, D)], ["invented"]),
    ([Span(0, 5, D)], [Span(5, 9, D)], ["invented", "missed"]),  # touching is not overlapping
    ([Span(0, 5, D)], [Span(0, 2, D), Span(3, 5, D)], ["boundary", "invented"]),  # each gold entity is used once
    ([Span(0, 2, D), Span(3, 5, S)], [Span(0, 5, S)], ["boundary", "missed"]),  # the same type is preferred
    ([Span(0, 5, D)], [Span(0, 5, D)], []),
])
def test_error_kinds(gold, predicted, kinds):
    assert [kind for kind, _, _ in classify_errors(gold, predicted)] == kinds


@pytest.mark.parametrize("seed", range(5))
def test_errors_account_for_every_wrong_entity(seed):
    notes, predictions = random_predictions(seed, 30)
    for n, p in zip(notes, predictions, strict=True):
        errors = classify_errors(n.spans, p)
        assert sorted(g for _, g, _ in errors if g) == sorted(set(n.spans) - set(p))
        assert sorted(q for _, _, q in errors if q) == sorted(set(p) - set(n.spans))


def test_seen_and_unseen_mentions_apart():
    notes, predictions = hand_counted()
    index = SurfaceIndex(["Metformin was given, no cough.", "aspirin"])
    report = evaluate_entities(notes, predictions, is_seen=index.is_seen, resamples=10)
    assert report.seen == Prf(correct=3, predicted=3, gold=3)
    assert report.unseen == Prf(correct=0, predicted=2, gold=3)
    alone = evaluate_entities(notes, predictions, resamples=10)
    assert alone.unseen == alone.micro and alone.seen == Prf(0, 0, 0)


def test_missing_prediction_is_refused():
    notes, predictions = hand_counted()
    with pytest.raises(DataError, match=r"one prediction per note \(4\), found 3"):
        evaluate_entities(notes, predictions[:3])
    with pytest.raises(DataError, match="at least one note, found none"):
        evaluate_entities([], [])


# ---- the reference -----------------------------------------------------------
def random_tags(rng: random.Random, size: int, valid: bool) -> list[str]:
    """Random tags; valid ones never have an I- that continues nothing."""
    tags: list[str] = []
    for _ in range(size):
        allowed = ["O", "O", *(t for t in LABELS.tags if t[0] == "B")]
        allowed += [t for t in LABELS.tags if t[0] == "I" and (not valid or (tags and tags[-1][1:] == t[1:]))] * 2
        tags.append(rng.choice(allowed))
    return tags


def as_spans(tags: list[str], words: tuple[tuple[int, int], ...]) -> list[Span]:
    return LABELS.spans_of([LABELS.label2id[t] for t in tags], words)


def random_pairs(seed: int, count: int, valid: bool) -> tuple[list[list[str]], list[list[str]]]:
    rng = random.Random(seed)
    gold = [random_tags(rng, rng.randint(1, 14), valid) for _ in range(count)]
    predicted = [[p if rng.random() < 0.3 else g for g, p in zip(own, random_tags(rng, len(own), False), strict=True)] for own in gold]
    if valid:  # drop what continues nothing
        predicted = [[t if t[0] != "I" or (i and own[i - 1][1:] == t[1:]) else "O" for i, t in enumerate(own)] for own in predicted]
        predicted = [[t if t[0] != "I" or (i and own[i - 1][1:] == t[1:]) else "O" for i, t in enumerate(own)] for own in predicted]
        predicted = [repaired(own) for own in predicted]
    return gold, predicted


def repaired(tags: list[str]) -> list[str]:
    result: list[str] = []
    for tag in tags:
        result.append(tag if tag[0] != "I" or (result and result[-1][1:] == tag[1:]) else "O")
    return result


def notes_of(gold: list[list[str]]) -> list[Note]:
    notes = []
    for number, tags in enumerate(gold):
        text = " ".join(["word"] * len(tags))
        bare = Note(f"n{number}", text)
        notes.append(Note(f"n{number}", text, tuple(as_spans(tags, bare.words))))
    return notes


def random_predictions(seed: int, count: int) -> tuple[list[Note], list[list[Span]]]:
    gold, predicted = random_pairs(seed, count, valid=False)
    notes = notes_of(gold)
    return notes, [as_spans(p, n.words) for p, n in zip(predicted, notes, strict=True)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("strict", [False, True])
def test_parity_with_seqeval(seed, strict):
    """Default seqeval on any tags, strict IOB2 seqeval on well-formed ones; micro, macro and by type."""
    gold, predicted = random_pairs(seed, 40, valid=strict)
    notes = notes_of(gold)
    report = evaluate_entities(notes, [as_spans(p, n.words) for p, n in zip(predicted, notes, strict=True)], resamples=10)
    options = {"mode": "strict", "scheme": IOB2} if strict else {}
    reference = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    for kind, score in [*report.by_type.items(), ("micro avg", report.micro)]:
        assert score.precision == pytest.approx(reference[kind]["precision"], abs=1e-5)
        assert score.recall == pytest.approx(reference[kind]["recall"], abs=1e-5)
        assert score.f1 == pytest.approx(reference[kind]["f1-score"], abs=1e-5)
        assert score.gold == reference[kind]["support"]
    assert report.macro_f1 == pytest.approx(reference["macro avg"]["f1-score"], abs=1e-5)
    assert 0 < report.micro.f1 < 1


def test_an_i_without_b_is_read_leniently_and_strict_mode_differs():
    """Said in ``LabelSet.spans_of``: what seqeval's strict mode throws away, we read as an entity."""
    gold, predicted = [["B-DISEASE", "I-DISEASE"]], [["I-DISEASE", "I-DISEASE"]]
    notes = notes_of(gold)
    assert evaluate_entities(notes, [as_spans(predicted[0], notes[0].words)], resamples=10).micro.f1 == 1.0
    strict = classification_report(gold, predicted, output_dict=True, zero_division=0, mode="strict", scheme=IOB2)
    assert strict["micro avg"]["f1-score"] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_token_accuracy_is_the_share_of_equal_tags(seed):
    gold, predicted = random_pairs(seed, 20, valid=True)
    notes = notes_of(gold)
    own = token_accuracy(notes, [as_spans(p, n.words) for p, n in zip(predicted, notes, strict=True)])
    flat = [g == p for a, b in zip(gold, predicted, strict=True) for g, p in zip(a, b, strict=True)]
    assert own == pytest.approx(sum(flat) / len(flat), abs=1e-9)


# ---- intervals ---------------------------------------------------------------
def test_interval_holds_the_value_and_narrows_with_more_documents():
    notes, predictions = random_predictions(0, 40)
    few = evaluate_entities(notes, predictions).interval
    many = [Note(f"{n.id}-{i}", n.text, n.spans) for i in range(9) for n in notes]
    wide, narrow = few.high - few.low, 0.0
    report = evaluate_entities(many, predictions * 9).interval
    narrow = report.high - report.low
    assert few.low < few.value < few.high
    assert report.value == pytest.approx(few.value)
    assert narrow == pytest.approx(wide / 3, rel=0.2)  # nine times the documents, a third of the width


def test_interval_repeats_and_its_seed_matters():
    rows = np.random.default_rng(1).integers(0, 5, (30, 3)).astype(float)
    groups = [str(i) for i in range(30)]
    first = bootstrap_interval(rows, groups, f1_of)
    assert first == bootstrap_interval(rows, groups, f1_of)
    assert first != bootstrap_interval(rows, groups, f1_of, seed=1)


def test_interval_of_a_mean_agrees_with_the_textbook():
    values = np.random.default_rng(0).normal(0.6, 0.2, 400)
    rows = np.stack([values, np.ones(400)], axis=1)
    interval = bootstrap_interval(rows, [str(i) for i in range(400)], mean_of, resamples=4000)
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.003)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.003)


def test_sentences_of_a_document_are_drawn_together():
    """20 copies of one sentence in each of 5 documents are 5 observations, not 100."""
    rows = np.repeat(np.array([[0, 1, 1], [1, 1, 1], [1, 1, 1], [0, 1, 1], [1, 1, 1]], dtype=float), 20, axis=0)
    together = bootstrap_interval(rows, [f"d{i // 20}" for i in range(100)], f1_of)
    apart = bootstrap_interval(rows, [str(i) for i in range(100)], f1_of)
    assert together.value == apart.value == pytest.approx(0.6)
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_report_resamples_documents_where_they_are_known():
    text = "the cough"
    notes = [Note(f"s{i}", text, (Span(4, 9, S),), document=f"d{i // 10}") for i in range(40)]
    predictions = [[Span(4, 9, S)] if i // 10 % 2 else [] for i in range(40)]
    own = evaluate_entities(notes, predictions).interval
    by_sentence = bootstrap_interval(count_rows(notes, predictions), [n.id for n in notes], f1_of)
    assert own.unit == "document" and own.high - own.low > 2 * (by_sentence.high - by_sentence.low)


def test_unknown_documents_are_resampled_by_sentence_and_it_says_so():
    notes = [Note(f"n{i}", "the cough", (Span(4, 9, S),), document="") for i in range(4)]
    groups, unit = groups_of(notes)
    assert unit == "sentence" and len(set(groups)) == 4
    assert evaluate_entities(notes, [[]] * 4, resamples=10).interval.unit == "sentence"
    notes[0] = Note("n0", "the cough", document="d")
    assert groups_of(notes)[1] == "sentence"  # one unknown is enough


def test_paired_interval_of_equal_systems_is_zero_and_of_a_better_one_above():
    notes, weak = random_predictions(3, 60)
    strong = [p if i % 3 else list(n.spans) for i, (n, p) in enumerate(zip(notes, weak, strict=True))]
    groups = [n.id for n in notes]
    a, b = count_rows(notes, strong), count_rows(notes, weak)
    same = paired_interval(a, a, groups, f1_of)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    gain = paired_interval(a, b, groups, f1_of)
    assert gain.value == pytest.approx(float(f1_of(a.sum(0)) - f1_of(b.sum(0)))) and gain.low > 0
    turned = paired_interval(b, a, groups, f1_of)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-gain.value, -gain.high, -gain.low))
    unpaired = bootstrap_interval(a, groups, f1_of)
    assert gain.high - gain.low < unpaired.high - unpaired.low


def test_bootstrap_refuses_rows_that_do_not_fit():
    with pytest.raises(DataError, match=r"one group per row \(2\), found 1"):
        sum_by_group(np.zeros((2, 3)), ["a"])
    with pytest.raises(DataError, match="same records, found 2 and 3 rows"):
        paired_interval(np.zeros((2, 3)), np.zeros((3, 3)), ["a", "b"], f1_of)


def test_sums_by_group_and_scores_by_hand():
    summed = sum_by_group(np.array([[1.0, 2, 3], [1, 1, 1], [5, 5, 5]]), ["a", "b", "a"])
    assert summed.tolist() == [[6, 7, 8], [1, 1, 1]]
    assert f1_of(np.array([3.0, 5, 6])) == pytest.approx(6 / 11)
    assert mean_of(np.array([[3.0, 4], [0, 0]])).tolist() == [0.75, 0]
    assert str(bootstrap_interval(np.ones((2, 3)), ["a", "b"], f1_of, resamples=10)) == "1.000 [1.000, 1.000]"
