"""The wrong scores of notebooks 02 and 03: each shows its error on a case small enough to count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from samples import LABELS, TAGS, four_notes, note, question

from course_lib.data.ner_features import encode_notes
from course_lib.data.records import Note, Span
from course_lib.errors import DataError
from course_lib.evaluation import mistakes
from course_lib.evaluation.decoding import best_tags
from course_lib.evaluation.ner import entity_counts
from course_lib.evaluation.qa import Decoded, Window, answer_f1, decode_question
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


def test_padding_and_special_tokens_would_be_a_third_of_the_loss(tokenizer: Any) -> None:
    """Rows of 8, 7, 6 and 7 pieces in batches of two: 2 of padding, 8 special tokens, 18 words."""
    features = encode_notes(four_notes(), tokenizer, LABELS)
    assert list(features.dataset["length"]) == [8, 7, 6, 7]
    assert mistakes.trained_as_o(features, tokenizer, batch_size=2) == pytest.approx(10 / 28)
    assert mistakes.trained_as_o(features, tokenizer, batch_size=1) == pytest.approx(8 / 26)


def one_hot(*tags: str) -> np.ndarray:
    return np.eye(len(LABELS.tags), dtype=np.float32)[[TAGS[tag] for tag in tags]]


def test_an_i_without_b_is_two_different_outputs() -> None:
    text = note("n", "heart failure and cough", DISEASE="heart failure", SYMPTOM="cough")
    orphans, lenient, strict = mistakes.free_argmax([text], [one_hot("I-DISEASE", "I-DISEASE", "O", "B-SYMPTOM")], LABELS)
    assert orphans == 1 and lenient == [list(text.spans)] and strict == [[Span(18, 23, "SYMPTOM")]]
    orphans, lenient, strict = mistakes.free_argmax([text], [one_hot("B-DISEASE", "I-SYMPTOM", "I-SYMPTOM", "I-DISEASE")], LABELS)
    assert orphans == 2 and len(lenient[0]) == 3 and strict == [[Span(0, 5, "DISEASE")]]


def test_our_decoder_leaves_no_i_without_b() -> None:
    """Random scores, 60 texts: the free argmax leaves hundreds of them, the decoder none."""
    rng = np.random.default_rng(0)
    texts = [Note(f"n{i}", " ".join(["word"] * 12)) for i in range(60)]
    scores = [rng.dirichlet(np.ones(len(LABELS.tags)), size=12).astype(np.float32) for _ in texts]
    assert mistakes.free_argmax(texts, scores, LABELS)[0] > 100
    decoded = [one_hot(*(LABELS.tags[i] for i in best_tags(p, LABELS))) for p in scores]
    orphans, lenient, strict = mistakes.free_argmax(texts, decoded, LABELS)
    assert orphans == 0 and lenient == strict and sum(map(len, strict)) > 50


def test_sentences_divided_at_random_meet_their_sisters() -> None:
    """Each document has a name of its own in each of its four sentences: by document nothing is known, by sentence much."""
    texts = []
    for i in range(30):
        text = f"name{i} here. name{i} there.\nname{i} again. name{i} gone."
        texts.append(Note(f"d{i}", text, tuple(Span(*m.span(), "DISEASE") for m in re.finditer(r"name\d+", text))))
    siblings, by_sentence, by_document = mistakes.sentence_split(texts, 0.6, 0.2)
    assert siblings > 0.9 and by_sentence > 0.9 and by_document == 0.0
    one_sentence_each = [note(f"d{i}", f"name{i} here.", DISEASE=f"name{i}") for i in range(30)]
    assert mistakes.sentence_split(one_sentence_each, 0.6, 0.2) == (0.0, 0.0, 0.0)


def test_sentences_are_not_cut_through_a_span() -> None:
    text = note("n", "Has St. Elmo fever. No pain.\n\nWell.  ", DISEASE="St. Elmo fever", SYMPTOM="pain")
    parts = mistakes._sentences(text)
    assert "".join(p.text for p in parts) == text.text
    assert [[p.surface(s) for s in p.spans] for p in parts] == [["St. Elmo fever"], ["pain"], []]


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


def test_end_exclusive_loses_the_last_piece() -> None:
    asked = question("q", "how much", "profit rose today", "profit rose")
    window = make_window([0, 9, 0, 0], [0, 0, 9, 0], [(-1, -1), (0, 6), (7, 11), (12, 17)])
    decoded = decode_question([window])
    assert mistakes.end_exclusive(asked, decoded, [window], np.inf) == "profit"
    assert mistakes.end_exclusive(asked, decoded, [window], -100.0) == "", "silence stays silence"
    short = make_window([0, 9, 0, 0], [0, 9, 0, 0], [(-1, -1), (0, 6), (7, 11), (12, 17)])
    assert mistakes.end_exclusive(asked, decode_question([short]), [short], np.inf) == "", "an answer of one piece is gone"
    assert mistakes.end_exclusive(asked, Decoded((), 0.0), [window], np.inf) == ""


def test_a_longer_answer_needs_a_longer_cap(tokenizer: Any) -> None:
    asked = [question("q", "how much", "profit rose by metformin today", "rose by metformin"), question("r", "who", "profit rose", "rose")]
    assert mistakes.longer_than(asked, tokenizer, 4) == 0.5 and mistakes.longer_than(asked, tokenizer, 5) == 0.0
    assert mistakes.longer_than([question("s", "who", "profit rose")], tokenizer, 1) == 0.0
    window = make_window([0, 9, 0, 0], [0, 0, 0, 9], [(-1, -1), (0, 6), (7, 11), (12, 17)])
    best = {cap: decode_question([window], cap).candidates[0] for cap in (2, 3)}
    assert (best[3].start, best[3].end) == (0, 17) and best[2].end - best[2].start < 17


def test_without_the_empty_rule_silence_is_never_right() -> None:
    answerable, empty = question("a", "how much", "profit rose", "rose"), question("b", "who", "profit rose")
    assert mistakes.f1_without_empty_rule([answerable, empty], ["rose", ""]) == 0.5
    assert answer_f1("", []) == 1.0 and answer_f1("", ["rose"]) == 0.0, "ours counts it"


def test_notebooks_choose_on_validation_only() -> None:
    """Thresholds, weights and temperatures; the one exception shows what it would do and says so in its name."""
    choosing = re.compile(r"(?:choose_threshold|choose_prior_weight|fit_temperature)\(\s*(\w+)")
    exception = re.compile(r'"mistake_threshold_on_test_f1": [^\n]*choose_threshold\(test_questions, decoded\)')
    found = []
    for path in sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("0[23]_*.ipynb")):
        code = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code")
        assert re.findall(r"train\(task, model, [^,]+(?:\([^)]*\))?, (?:task\.encode\()?(\w+)", code) in (["validation_notes"], ["validation_features"])
        found += choosing.findall(exception.sub("", code))
    assert len(found) >= 6 and {name for name in found if not name.startswith(("validation_", "on_validation"))} == set()


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
    import course_lib

    users = [p.name for p in Path(course_lib.__file__).parent.rglob("*.py") if "import mistakes" in p.read_text(encoding="utf-8")]
    assert users == []


def test_note_helper_is_understood() -> None:
    assert note("x", "pain", SYMPTOM="pain").spans == (Span(0, 4, "SYMPTOM"),)
