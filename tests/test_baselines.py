"""What a model has to beat, on sentences small enough to read."""

from __future__ import annotations

import pytest
from samples import four_notes, note

from course_lib.baselines.ner import DictionaryTagger
from course_lib.baselines.qa import SentenceRule, pick
from course_lib.data.records import Note, Question, Span


def found(tagger: DictionaryTagger, text: str) -> list[tuple[str, str]]:
    n = Note("n", text)
    return [(n.surface(s), s.label) for s in tagger.predict(n)]


def test_known_names_are_found_in_any_case():
    assert found(DictionaryTagger(four_notes()), "HEART FAILURE, Cough; no faile.") == [("HEART FAILURE", "DISEASE"), ("Cough", "SYMPTOM")]


def test_longest_name_wins():
    tagger = DictionaryTagger([note("a", "chest pain", SYMPTOM="chest pain")], {"DISEASE": ["chest"], "SYMPTOM": ["pain"]})
    assert found(tagger, "chest pain") == [("chest pain", "SYMPTOM")]
    assert found(tagger, "pain chest") == [("pain", "SYMPTOM"), ("chest", "DISEASE")]


def test_majority_decides_and_ties_repeat():
    notes = [note(str(i), "fever", **{label: "fever"}) for i, label in enumerate(["SYMPTOM", "DISEASE", "SYMPTOM"])]
    assert found(DictionaryTagger(notes), "fever") == [("fever", "SYMPTOM")]
    assert found(DictionaryTagger(notes[:2]), "fever") == found(DictionaryTagger(notes[1::-1]), "fever") == [("fever", "DISEASE")]


def test_new_medicines_by_stem_and_dose():
    tagger = DictionaryTagger(four_notes())
    assert found(tagger, "ramipril and zyxwv 5 mg") == [("ramipril", "MEDICINE"), ("zyxwv", "MEDICINE")]
    assert found(DictionaryTagger([note("a", "fever", SYMPTOM="fever")]), "ramipril") == []
    assert found(DictionaryTagger([]), "anything") == []


def test_predictions_are_valid_spans():
    spans = DictionaryTagger(four_notes()).predict(four_notes()[3])
    assert spans == [Span(0, 7, "MEDICINE"), Span(12, 25, "DISEASE")]


PASSAGE = "The Alder Fund was launched on 3 March 2021. Revenue rose to $12.5 million because of higher fees. It is run by Mary Stone."


@pytest.mark.parametrize(("question", "answer"), [
    ("When was the fund launched?", "3 March 2021"),
    ("How much was the revenue?", "$12.5 million"),
    ("Why did revenue rise?", "higher fees"),
    ("Who is it run by?", "Mary Stone"),
])
def test_rules_by_question_word(question, answer):
    q = Question("q", question, PASSAGE)
    assert SentenceRule([q]).predict(q) == answer


def test_pick_finds_nothing_where_nothing_is():
    assert pick("When was it?", "no date here") == "" and pick("Who?", "nobody") == "" and pick("Why?", "so it is") == ""


def test_an_answer_is_always_given():
    q = Question("q", "When?", "no date in here at all")
    assert SentenceRule([q]).predict(q) == q.context
