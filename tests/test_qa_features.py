"""From passages and questions to windows: offsets, answers, and what had to be dropped."""

from __future__ import annotations

import pytest
from samples import VOCABULARY, four_questions, question

from course_lib.data.qa_features import answer_tokens, encode_questions
from course_lib.data.records import Answer, Question
from course_lib.errors import DataError

WORDS_60 = " ".join(f"{w} {n}" for n, w in zip(range(10, 40), ["bank", "fund", "profit", "revenue", "today"] * 6, strict=True))


def test_one_window_counted_by_hand(tokenizer):
    """[CLS] who paid ? [SEP] the bank paid 3 . [SEP]"""
    row = encode_questions([question("q", "Who paid?", "The bank paid 3.", "The bank")], tokenizer).dataset[0]
    assert [VOCABULARY[i] for i in row["input_ids"]] == [
        "[CLS]", "who", "paid", "?", "[SEP]", "the", "bank", "paid", "3", ".", "[SEP]"]
    assert row["token_type_ids"] == [0] * 5 + [1] * 6
    assert row["offset_start"] == [-1] * 5 + [0, 4, 9, 14, 15] + [-1]
    assert row["offset_end"] == [-1] * 5 + [3, 8, 13, 15, 16] + [-1]
    assert (row["start_position"], row["end_position"], row["length"]) == (5, 6, 11)  # end inclusive


def test_offsets_cut_the_answer_out_of_the_passage(questions, tokenizer):
    features = encode_questions(questions, tokenizer, max_length=48, overlap=8)
    for row in features.dataset:
        source = questions[row["record"]]
        if source.is_answerable:
            span = row["offset_start"][row["start_position"]], row["offset_end"][row["end_position"]]
            assert source.context[slice(*span)] == source.answers[0].text
        else:
            assert (row["start_position"], row["end_position"]) == (0, 0)


def test_the_annotated_occurrence_is_the_one_that_is_learned(tokenizer):
    """The answer text stands three times in the passage; str.find would give the first."""
    source = question("q", "How much?", "3 million, 3 million and 3 million.", "3 million", occurrence=2)
    row = encode_questions([source], tokenizer).dataset[0]
    assert row["offset_start"][row["start_position"]] == 25


def test_windows_cover_the_passage_and_overlap(tokenizer):
    source = question("q", "What fell?", WORDS_60)
    features = encode_questions([source], tokenizer, max_length=32, overlap=10)
    windows = [[(s, e) for s, e in zip(r["offset_start"], r["offset_end"], strict=True) if s >= 0] for r in features.dataset]
    assert len(windows) > 3 and max(features.dataset["length"]) <= 32
    assert {pair for window in windows for pair in window} == set(windows[0]).union(*windows)
    covered = sorted({pair for window in windows for pair in window})
    assert "".join(source.context[s:e] for s, e in covered) == source.context.replace(" ", "")
    assert all(left[-10:] == right[:10] for left, right in zip(windows, windows[1:], strict=False))


def test_only_windows_with_the_whole_answer_are_labelled(tokenizer):
    source = question("q", "What fell?", WORDS_60, "revenue 23 today 24")
    features = encode_questions([source], tokenizer, max_length=32, overlap=10)
    whole = 0
    for row in features.dataset:
        if row["end_position"]:
            whole += 1
            assert source.context[row["offset_start"][row["start_position"]] : row["offset_end"][row["end_position"]]] == (
                "revenue 23 today 24")
        else:
            assert row["start_position"] == 0
    assert whole >= 1 and features.counts["answers_not_whole_in_any_window"] == 0


def test_answer_longer_than_the_overlap_is_counted(tokenizer):
    source = question("q", "What fell?", WORDS_60, WORDS_60[20:-20].strip())
    features = encode_questions([source], tokenizer, max_length=32, overlap=4)
    assert features.counts["answers_not_whole_in_any_window"] == 1
    assert set(features.dataset["end_position"]) == {0}


def test_dropped_windows_are_counted(tokenizer):
    sources = [question("q1", "What fell?", WORDS_60, "bank 10"), question("q2", "What fell?", WORDS_60)]
    everything = encode_questions(sources, tokenizer, max_length=32, overlap=4)
    kept = encode_questions(sources, tokenizer, max_length=32, overlap=4, empty_windows=1)
    per_question = everything.dataset["record"].count(0)
    assert everything.counts["windows_dropped"] == 0
    assert kept.dataset["record"].count(0) == 2  # the one with the answer, and one without
    assert kept.dataset["record"].count(1) == 1  # no window has an answer: one of them stays
    assert kept.counts["windows_dropped"] == (per_question - 2) + (per_question - 1)
    assert kept.counts["windows"] + kept.counts["windows_dropped"] == everything.counts["windows"] == len(everything)


def test_which_empty_window_stays_depends_on_the_id_alone(tokenizer):
    """Always the first would teach that passages have no answer at the front."""
    def kept(name: str) -> int:
        row = encode_questions([question(name, "What fell?", WORDS_60)], tokenizer, max_length=32, overlap=4, empty_windows=1).dataset[0]
        return next(start for start in row["offset_start"] if start >= 0)

    assert [kept(f"q{i}") for i in range(12)] == [kept(f"q{i}") for i in range(12)]
    assert len({kept(f"q{i}") for i in range(12)}) > 1


def test_at_least_one_window_stays(tokenizer):
    source = question("q", "What fell?", WORDS_60, WORDS_60[20:-20].strip())
    assert len(encode_questions([source], tokenizer, max_length=32, overlap=4, empty_windows=0)) == 1


def test_question_that_leaves_no_room_is_refused(tokenizer):
    source = question("q9", "who " * 30, "The bank paid.")
    with pytest.raises(DataError, match=r"question 'q9': .* 32 pieces \(overlap 8\), found one of 32 pieces\. Shorten"):
        encode_questions([source], tokenizer, max_length=32, overlap=8)


def test_windows_move_on_at_the_tightest_question_allowed(tokenizer):
    """max_length 16, overlap 8: a question of 5 pieces with its specials leaves 10 for the passage."""
    features = encode_questions([question("q", "who paid today", WORDS_60)], tokenizer, max_length=16, overlap=8)
    starts = [next(s for s in row["offset_start"] if s >= 0) for row in features.dataset]
    assert starts == sorted(set(starts))


def test_answer_tokens_by_hand():
    q = Question("q", "x?", "ab cd ef", (Answer("cd", 3),))
    assert answer_tokens(q, [-1, 0, 3, 6, -1], [-1, 2, 5, 8, -1]) == (2, 2)
    assert answer_tokens(q, [-1, 6, -1], [-1, 8, -1]) == (0, 0)
    assert answer_tokens(q, [-1, -1], [-1, -1]) == (0, 0)
    two = Question("q", "x?", "ab cd ef", (Answer("zz"[:0] or "ef", 6), Answer("ab", 0)))
    assert answer_tokens(two, [-1, 0, 3, -1], [-1, 2, 5, -1]) == (1, 1)  # the first that is whole in this window


def test_record_numbers_go_on_over_chunks(tokenizer, monkeypatch):
    many = [question(f"q{i}", "Who paid?", "The bank paid.", "The bank") for i in range(7)]
    import course_lib.data.qa_features as module
    whole = module.in_chunks
    monkeypatch.setattr(module, "in_chunks", lambda items, _size: whole(items, 3))
    assert encode_questions(many, tokenizer).dataset["record"] == list(range(7))


def test_counts_start_with_the_questions(tokenizer):
    assert encode_questions(four_questions(), tokenizer).counts == {
        "questions": 4, "windows": 4, "windows_dropped": 0, "answers_not_whole_in_any_window": 0}
