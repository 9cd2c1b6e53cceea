"""SQuAD's scores, the joint search for a span, no answer and its threshold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from samples import four_questions, question

from course_lib.data.records import Answer, Question
from course_lib.errors import DataError
from course_lib.evaluation.qa import (
    Candidate,
    Decoded,
    Window,
    answer_f1,
    answer_text,
    choose_threshold,
    decode_question,
    decode_window,
    evaluate_answers,
    exact_match,
    exact_of,
    f1_mean_of,
    groups_of,
    normalize_answer,
    score_rows,
)


# ---- scores ------------------------------------------------------------------
@pytest.mark.parametrize(("text", "expected"), [
    ("The  Bank's profit,", "banks profit"), ("an A the", ""), ("4.5 %", "45"), ("theatre and anthem", "theatre and anthem"),
    ("$12-million", "12million"), ("", ""), ("\n a \t fee", "fee"),
])
def test_normalization_is_squads(text, expected):
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(("predicted", "references", "exact", "f1"), [
    ("the bank", ["Bank."], 1, 1),
    ("12 million euros", ["12 million"], 0, 0.8),  # 2 of 3 and 2 of 2 words: 2*2/5
    ("million million", ["million"], 0, 2 / 3),  # a repeated word is matched once
    ("bank", ["fund", "the old bank", "bank"], 1, 1),  # the best reference counts
    ("", [], 1, 1), ("bank", [], 0, 0), ("", ["bank"], 0, 0), ("the", [], 1, 1),
])
def test_exact_match_and_f1_by_hand(predicted, references, exact, f1):
    assert exact_match(predicted, references) == exact
    assert answer_f1(predicted, references) == pytest.approx(f1)


def test_report_by_hand():
    """Right, half right, refused by mistake, and right to refuse."""
    report = evaluate_answers(four_questions(), ["revenue", "The bank paid", "", ""], resamples=100)
    assert report.exact.value == pytest.approx(2 / 4)
    assert report.f1.value == pytest.approx((1 + 2 / 3 + 0 + 1) / 4)
    assert report.answerable_f1 == pytest.approx((1 + 2 / 3) / 3)
    assert report.answerable_exact == pytest.approx(1 / 3)
    assert (report.no_answer_accuracy, report.false_refusals, report.count) == (1.0, pytest.approx(1 / 3), 4)
    assert report.f1.unit == "document" and report.f1.low <= report.f1.value <= report.f1.high


def test_questions_of_one_document_are_resampled_together():
    groups, unit = groups_of(four_questions())
    assert (groups, unit) == (["d1", "d1", "d2", "d1"], "document")
    bare = [Question("a", "x?", "one"), Question("b", "y?", "one"), Question("c", "z?", "two")]
    assert groups_of(bare) == (["one", "one", "two"], "passage")


def test_all_answerable_leaves_no_answer_accuracy_at_zero():
    report = evaluate_answers(four_questions()[:3], ["", "", ""], resamples=10)
    assert report.no_answer_accuracy == 0.0 and report.false_refusals == 1.0


def test_one_answer_per_question():
    with pytest.raises(DataError, match=r"one answer per question \(4, at least one\), found 3"):
        score_rows(four_questions(), ["", "", ""])
    with pytest.raises(DataError, match="found 0"):
        score_rows([], [])
    rows = score_rows(four_questions(), ["revenue", "", "", ""])
    assert exact_of(rows.sum(0)) == 0.5 and f1_mean_of(rows.sum(0)) == 0.5


# ---- decoding ----------------------------------------------------------------
def window(starts: list[float], ends: list[float], question_pieces: int = 1, at: int = 0) -> Window:
    """A window whose first pieces are [CLS] and the question; passage pieces are 3 characters, 1 apart."""
    size = len(starts)
    first = 1 + question_pieces
    offsets = np.array([-1] * first + [at + 4 * i for i in range(size - first - 1)] + [-1], dtype=np.int32)
    return Window(np.array(starts, np.float32), np.array(ends, np.float32), offsets,
                  np.where(offsets < 0, -1, offsets + 3).astype(np.int32))


def random_window(seed: int, size: int = 14, at: int = 0) -> Window:
    rng = np.random.default_rng(seed)
    return window(rng.normal(0, 3, size).tolist(), rng.normal(0, 3, size).tolist(), 3, at)


def brute_force(own: Window, cap: int) -> list[tuple[float, int, int]]:
    """Every allowed pair, one by one, best first."""
    found = []
    for s, e in itertools.product(range(len(own.start_logits)), repeat=2):
        if own.offset_start[s] >= 0 and own.offset_start[e] >= 0 and s <= e < s + cap:
            score = float(own.start_logits[s] + own.end_logits[e])
            found.append((score, int(own.offset_start[s]), int(own.offset_end[e])))
    return sorted(found, key=lambda f: -f[0])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("cap", [1, 3, 30])
def test_parity_with_brute_force(seed, cap):
    own = random_window(seed)
    expected = brute_force(own, cap)[:10]
    found = decode_window(own, cap, 10)
    assert [(c.start, c.end) for c in found] == [(s, e) for _, s, e in expected]
    assert [c.score for c in found] == pytest.approx([score for score, _, _ in expected], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_joined_windows_equal_brute_force_over_all(seed):
    windows = [random_window(seed, at=0), random_window(seed + 100, at=16), random_window(seed + 200, at=32)]
    decoded = decode_question(windows, max_answer_pieces=4, n_best=8)
    best: dict[tuple[int, int], float] = {}
    for own in windows:
        for score, start, end in brute_force(own, 4):
            best[start, end] = max(score, best.get((start, end), -np.inf))
    expected = sorted(best.items(), key=lambda item: -item[1])[:8]
    assert [(c.start, c.end) for c in decoded.candidates] == [key for key, _ in expected]
    assert len({(c.start, c.end) for c in decoded.candidates}) == len(decoded.candidates)


def test_end_never_comes_before_start():
    """Two free argmaxes would start at the last piece and end at the first."""
    best = decode_window(window([0, 0, 0, 1, 9, 0], [0, 0, 9, 1, 0, 0]))[0]
    assert (best.start, best.end, best.score) == (8, 11, 9.0) or (best.start, best.end, best.score) == (0, 3, 9.0)
    for seed in range(10):
        assert all(c.start < c.end for c in decode_window(random_window(seed)))


def test_answers_lie_inside_the_passage():
    """The highest logits stand on [CLS], the question and [SEP]."""
    best = decode_window(window([50, 40, 1, 2, 3, 60], [50, 40, 1, 2, 3, 60]))
    assert (best[0].start, best[0].end) == (8, 11)
    assert all(c.start >= 0 for c in best)


def test_length_is_capped():
    own = window([0, 0, 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 9, 0])
    assert (decode_window(own, 4)[0].start, decode_window(own, 4)[0].end) == (0, 15)  # four pieces, just allowed
    assert decode_window(own, 3)[0].score == 9.0
    assert all(c.end - c.start <= 11 for c in decode_window(own, 3))


def test_n_best_is_ordered_and_limited():
    found = decode_window(random_window(1), 30, 4)
    assert len(found) == 4 and [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert len(decode_window(window([0, 0, 1, 0], [0, 0, 1, 0]), 30, 10)) == 1


def test_window_without_passage_has_no_candidates():
    own = Window(*(np.zeros(3, np.float32),) * 2, *(np.full(3, -1, np.int32),) * 2)
    assert decode_window(own) == []
    assert decode_question([own]).null_margin == np.inf
    with pytest.raises(DataError, match="at least one window"):
        decode_question([])


def test_null_score_is_the_smallest_over_windows():
    """One window holds the answer and says so; that the other two have none proves nothing."""
    with_answer = window([-5, 0, 4, 0, 0], [-5, 0, 4, 0, 0])
    without = window([6, 0, 0, 0, 0], [6, 0, 0, 0, 0])
    decoded = decode_question([without, with_answer, without])
    assert decoded.null_score == -10.0
    assert decoded.null_margin == -18.0
    assert answer_text(Question("q", "x?", "abc def"), decoded, 0.0) == "abc"
    assert decode_question([without, without]).null_score == 12.0


# ---- the threshold -----------------------------------------------------------
def decoded(margin: float, start: int = 0, end: int = 3) -> Decoded:
    return Decoded((Candidate(start, end, 1.0),), 1.0 + margin)


def test_no_answer_wins_above_the_threshold_only():
    q = Question("q", "x?", "abc def", (Answer("abc", 0),))
    assert answer_text(q, decoded(0.5), 0.4) == ""
    assert answer_text(q, decoded(0.5), 0.5) == "abc"
    assert answer_text(q, decoded(0.5), 0.6) == "abc"
    assert answer_text(q, Decoded((), 3.0), 1e9) == ""


def test_threshold_by_hand():
    """Answerable at margins -3 and 1, unanswerable at 2 and 5: the best cut lies between 1 and 2."""
    questions = [question("a", "x?", "abc def", "abc"), question("b", "x?", "abc def", "abc"),
                 Question("c", "x?", "abc def"), Question("d", "x?", "abc def")]
    threshold = choose_threshold(questions, [decoded(m) for m in (-3, 1, 2, 5)])
    assert threshold == pytest.approx(1.5)
    answers = [answer_text(q, d, threshold) for q, d in zip(questions, [decoded(m) for m in (-3, 1, 2, 5)], strict=True)]
    assert answers == ["abc", "abc", "", ""]


@pytest.mark.parametrize("seed", range(12))
def test_no_threshold_does_better(seed):
    """Against every margin and the two infinities, tried one by one."""
    rng = np.random.default_rng(seed)
    questions, found = [], []
    for i in range(25):
        answer = "abc" if rng.random() < 0.6 else ""
        questions.append(question(f"q{i}", "x?", "abc def", answer))
        end = 3 if rng.random() < 0.7 else 7
        found.append(decoded(float(rng.normal(0 if answer else 1, 1.5)), 0, end))

    def total(threshold: float) -> float:
        answers = [answer_text(q, d, threshold) for q, d in zip(questions, found, strict=True)]
        return score_rows(questions, answers)[:, 1].sum()

    best = max(total(t) for t in [-np.inf, np.inf, *(d.null_margin + e for d in found for e in (0, -1e-6, 1e-6))])
    assert total(choose_threshold(questions, found)) == pytest.approx(best, abs=1e-9)


def test_threshold_where_nothing_can_be_chosen():
    assert choose_threshold([Question("q", "x?", "abc")], [Decoded((), 1.0)]) == 0.0


def test_exact_ties_between_windows_are_settled_by_place():
    twice = [window([0, 0, 5, 0], [0, 0, 5, 0], at=0), window([0, 0, 5, 0], [0, 0, 5, 0], at=40)]
    assert [c.start for c in decode_question(twice).candidates] == [0, 40]
    assert decode_question(twice[::-1]) == decode_question(twice)
