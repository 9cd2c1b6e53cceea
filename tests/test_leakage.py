"""What training saw of the test part."""

from __future__ import annotations

import pytest
from samples import note

from course_lib.data.leakage import SurfaceIndex, audit_notes, find_twins, normalize, word_ngrams

A = "The patient was seen on the ward today with severe chest pain."
NEAR = "The patient was seen on the ward today with severe stomach pain."
OTHER = "Revenue rose by twelve million and the fund paid all of it back to the bank."


def test_normal_form_folds_case_digits_and_signs():
    assert normalize("Took 20mg of Co-codamol, 14/3!") == "took 0mg of co codamol 0 0"
    assert word_ngrams("One two THREE four", 3) == {"one two three", "two three four"}
    assert word_ngrams("one two", 3) == set()


def test_exact_and_near_twins_across_parts():
    parts = {"train": [OTHER, A], "validation": [A.upper().replace(".", "!")], "test": [NEAR, "Something else is written here."]}
    twins = find_twins(parts)
    assert [(t.part_a, t.number_a, t.part_b, t.number_b) for t in twins] == [
        ("train", 1, "validation", 0), ("train", 1, "test", 0), ("validation", 0, "test", 0)]
    assert twins[0].share == 1.0
    assert twins[1].share == pytest.approx(8 / 10)  # 10 three-word runs, two of them hold the changed word


def test_twins_within_a_part_are_no_leak():
    assert find_twins({"train": [A, A], "test": [OTHER]}) == []


def test_threshold():
    parts = {"train": [A], "test": [NEAR]}
    assert len(find_twins(parts, 0.8)) == 1 and find_twins(parts, 0.81) == []


def test_a_text_that_is_everywhere_is_still_found():
    """60 copies of one text are the worst leak of all, not a common phrase."""
    assert find_twins({"train": [A] * 59, "test": [A]})


def test_texts_of_two_words_are_found_too():
    assert find_twins({"train": ["No fever"], "test": ["no fever."]})


def test_audit_of_notes():
    train = [note("a", "the patient has heart failure and severe cough today", DISEASE="heart failure", SYMPTOM="cough")]
    test = [note("b", "the patient has heart failure and severe cough today", DISEASE="heart failure", SYMPTOM="cough"),
            note("c", "Cough again, new fever, old pain", SYMPTOM="Cough|fever|pain")]
    report = audit_notes({"train": train, "test": test, "empty": []})
    assert [(t.number_a, t.number_b) for t in report.exact] == [(0, 0)] and report.near == []
    assert report.seen_mentions == {"test": pytest.approx(3 / 5)}  # heart failure, cough, Cough


def test_surface_index_knows_whole_words_only():
    index = SurfaceIndex(["Chronic heart failure; type-2 diabetes."], longest=3)
    assert "HEART FAILURE" in index and "type 2 diabetes" in index and index.is_seen("heart")
    assert "art fail" not in index and "failure type 2 diabetes" not in index and "" not in index and "diabetes heart" not in index
