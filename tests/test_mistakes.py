"""The wrong scores of notebooks 02 and 03: each shows its error on a case small enough to count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import note, question

from course_lib.data.records import Note, Span
from course_lib.errors import DataError
from course_lib.evaluation import mistakes
from course_lib.evaluation.ner import entity_counts
from course_lib.evaluation.qa import Window, decode_question
from course_lib.evaluation.seeds import over_seeds


@pytest.fixture
def long_name() -> Note:
    """One medicine of three pieces (met ##form ##in), one symptom of one piece."""
    return Note("n", "metformin for cough", (Span(0, 9, "MEDICINE"), Span(14, 19, "SYMPTOM")))


def test_copied_b_counts_each_piece_as_an_entity(long_name: Note, tokenizer: Any) -> None:
    half_right = [[Span(0, 9, "MEDICINE")]]
    assert entity_counts(long_name.spans, half_right[0]) == (1, 1, 2)  # F1 2/3
    wrong = mistakes.copied_b_on_pieces([long_name], half_right, tokenizer)
    # "metformin" is 3 pieces and "cough" 1: gold has 4 pieces, 3 of them found.
    assert (wrong.correct, wrong.predicted, wrong.gold) == (3, 3, 4)
    assert wrong.f1 > 2 / 3


def test_one_token_sequences_reward_half_an_entity() -> None:
    text = Note("n", "severe heart failure today", (Span(7, 20, "DISEASE"),))
    half = [[Span(7, 12, "DISEASE")]]
    assert entity_counts(text.spans, half[0])[0] == 0
    wrong = mistakes.one_token_sequences([text], half)
    assert (wrong.correct, wrong.predicted, wrong.gold) == (1, 1, 2)


def test_token_f1_with_o_praises_a_program_that_finds_nothing() -> None:
    text = Note("n", "the patient was seen again today and has a cough", (Span(43, 48, "SYMPTOM"),))
    assert mistakes.token_f1_with_o([text], [[]]) > 0.8
    assert mistakes.token_f1_with_o([text], [list(text.spans)]) == 1.0


def test_truncation_loses_gold(tokenizer: Any) -> None:
    text = Note("n", "fever and cough and pain", (Span(0, 5, "SYMPTOM"), Span(10, 15, "SYMPTOM"), Span(20, 24, "SYMPTOM")))
    score, lost = mistakes.truncated([text], [[Span(0, 5, "SYMPTOM")]], tokenizer, limit=4)
    assert lost == 2 and (score.correct, score.gold) == (1, 1), "the score is perfect because the rest has gone"


def test_labels_by_position_hit_next_to_their_words(tokenizer: Any) -> None:
    split_first = Note("n", "metformin for cough", (Span(14, 19, "SYMPTOM"),))
    assert mistakes.labels_by_position([split_first], tokenizer) == 0.0
    lucky = Note("m", "pain pain pain", (Span(0, 4, "SYMPTOM"), Span(5, 9, "SYMPTOM"), Span(10, 14, "SYMPTOM")))
    assert 0 < mistakes.labels_by_position([lucky], tokenizer) < 1, "[CLS] still shifts them by one"


def test_cleaning_moves_spans() -> None:
    text = Note("n", "fever, and a cough", (Span(0, 5, "SYMPTOM"), Span(13, 18, "SYMPTOM")))
    assert mistakes.spans_after_cleaning([text], frozenset({"and", "a"})) == 0.5


def make_window(starts: list[float], ends: list[float], offsets: list[tuple[int, int]]) -> Window:
    return Window(np.array(starts, dtype=np.float32), np.array(ends, dtype=np.float32),
                  np.array([o[0] for o in offsets], dtype=np.int32), np.array([o[1] for o in offsets], dtype=np.int32))


def test_two_argmaxes_give_an_end_before_the_start() -> None:
    asked = question("q", "how much", "profit rose today", "rose")
    window = make_window([0, 1, 2, 9], [0, 9, 2, 3], [(-1, -1), (0, 6), (7, 11), (12, 17)])
    text, valid = mistakes.two_argmaxes(asked, [window])
    assert (text, valid) == ("", False)
    best = decode_question([window]).candidates[0]
    assert best.end > best.start


def test_largest_null_silences_an_answer_that_the_smallest_keeps() -> None:
    empty = make_window([9, 0], [9, 0], [(-1, -1), (0, 6)])
    full = make_window([0, 5], [0, 5], [(-1, -1), (7, 11)])
    assert mistakes.largest_null([empty, full]) == 18 and decode_question([empty, full]).null_score == 0


def test_str_find_takes_the_first_occurrence() -> None:
    second = question("q", "how much", "profit 9 revenue 9", "9", occurrence=1)
    first = question("r", "how much", "profit 9 revenue 9", "9")
    assert mistakes.found_elsewhere([first, second]) == 0.5


def test_truncation_loses_answers(tokenizer: Any) -> None:
    asked = question("q", "how much", "the profit of the bank rose", "rose")
    assert mistakes.lost_by_truncation([asked], tokenizer, limit=7) == 1.0
    assert mistakes.lost_by_truncation([asked], tokenizer, limit=64) == 0.0


def test_f1_on_answerable_only_is_silent_about_invented_answers() -> None:
    answerable, empty = question("a", "how much", "profit rose", "rose"), question("b", "who", "profit rose")
    assert mistakes.f1_on_answerable_only([answerable, empty], ["rose", "profit"]) == 1.0
    assert mistakes.f1_on_answerable_only([empty], ["profit"]) == 0.0


def test_over_seeds_gives_means_and_sample_deviations() -> None:
    assert over_seeds([{"f": 0.5}]) == {"f": 0.5}
    assert over_seeds([{"f": 0.4}, {"f": 0.6}]) == pytest.approx({"f": 0.5, "f_sd": 0.02**0.5})
    with pytest.raises(DataError, match="same keys for every seed"):
        over_seeds([{"f": 0.4}, {"g": 0.6}])
    with pytest.raises(DataError, match="at least one seed"):
        over_seeds([])


def test_nothing_else_in_the_package_uses_the_mistakes() -> None:
    from pathlib import Path

    import course_lib

    users = [p.name for p in Path(course_lib.__file__).parent.rglob("*.py") if "import mistakes" in p.read_text(encoding="utf-8")]
    assert users == []


def test_note_helper_is_understood() -> None:
    assert note("x", "pain", SYMPTOM="pain").spans == (Span(0, 4, "SYMPTOM"),)
