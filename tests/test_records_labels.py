"""Records and labels: what is refused at birth, and tags counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import LABELS, TAGS, note

from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.records import Answer, Note, Question, Span, find_words
from course_lib.errors import CourseError, DataError, one_of


def test_words_by_hand():
    text = "BP 140/90, co-codamol 8mg\u2014No\n pyrexia_x."
    assert [text[s:e] for s, e in find_words(text)] == [
        "BP", "140", "/", "90", ",", "co", "-", "codamol", "8mg", "\u2014", "No", "pyrexia_x", "."]
    assert find_words("  \n") == ()


# Signs that words have trouble with; the whole of Unicode would cost seconds to set up.
SIGNS = "ab\u00e9\u00df\u4e2d0\u00b2_-/.,'\u2019\u00b0\u00b5% \t\n\r\u00a0\u2028\u200b\u0301\U0001f321"


@given(st.text(st.sampled_from(SIGNS), max_size=60))
def test_words_cover_every_visible_character_once(text):
    words = find_words(text)
    assert all(a[1] <= b[0] for a, b in zip(words, words[1:], strict=False))
    assert "".join(text[s:e] for s, e in words) == "".join(text.split())


# ---- notes ---------------------------------------------------------------------
@pytest.mark.parametrize("span", [Span(-1, 3, "D"), Span(3, 3, "D"), Span(4, 2, "D"), Span(0, 6, "D"), Span(5, 6, "D")])
def test_span_outside_the_text(span):
    with pytest.raises(DataError, match=r"note 'n1': expected a span inside the text \(0 to 5\), found .*end exclusive"):
        Note("n1", "fever", (span,))


def test_overlapping_spans():
    with pytest.raises(DataError, match="note 'n1': expected spans that do not overlap, found A 'heart f' and B 'failure'. Keep one"):
        Note("n1", "heart failure", (Span(6, 13, "B"), Span(0, 7, "A")))
    Note("n1", "heart failure", (Span(0, 5, "A"), Span(5, 13, "B")))  # touching is allowed


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_empty_text(text):
    with pytest.raises(DataError, match="note 'n1': expected a text, found an empty one"):
        Note("n1", text)


def test_defaults_of_a_note():
    n = note("n1", "No fever.", SYMPTOM="fever")
    assert n.document == "n1" and n.words == ((0, 2), (3, 8), (8, 9)) and n.surface(n.spans[0]) == "fever"
    assert Note("s1", "x", document="").document == "" and Note("s1", "a b", words=((0, 3),)).words == ((0, 3),)


# ---- questions -----------------------------------------------------------------
@pytest.mark.parametrize("answer", [Answer("bank", 0), Answer("bank", -13), Answer("", 4), Answer("bank.x", 4), Answer("Bank", 4)])
def test_answer_that_is_not_at_its_offset(answer):
    with pytest.raises(DataError, match=r"question 'q1': expected the answer .* at character .* of the passage, found .*Correct answer_start"):
        Question("q1", "Who?", "The bank.", (answer,))


def test_empty_question_and_passage():
    with pytest.raises(DataError, match="expected a question, found an empty text"):
        Question("q1", " ", "The bank.")
    with pytest.raises(DataError, match="expected a passage, found an empty text"):
        Question("q1", "Who?", "")
    assert not Question("q1", "Who?", "The bank.").is_answerable


# ---- labels --------------------------------------------------------------------
def test_tags_and_ids_by_hand():
    assert LABELS.tags == ("O", "B-DISEASE", "I-DISEASE", "B-MEDICINE", "I-MEDICINE", "B-SYMPTOM", "I-SYMPTOM")
    assert LABELS.id2label[0] == "O" and LABELS.label2id["I-SYMPTOM"] == 6
    assert all(LABELS.label2id[LABELS.id2label[i]] == i for i in range(7))
    assert IGNORE_INDEX == -100


def test_label_set_of_notes_and_of_tags(notes):
    assert LabelSet.of(notes) == LABELS
    assert LabelSet.from_tags(LABELS.tags) == LABELS
    with pytest.raises(DataError, match="expected tags in the order O, B-A, I-A, found B-A, O, I-A"):
        LabelSet.from_tags(["B-A", "O", "I-A"])


@pytest.mark.parametrize("types", [(), ("A", "A")])
def test_label_set_without_or_with_repeated_types(types):
    with pytest.raises(DataError, match="one or more different entity types"):
        LabelSet(types)


def test_word_tags_by_hand():
    tags, misfits = LABELS.tag_words(note("n", "Heart failure, cough", DISEASE="Heart failure", SYMPTOM="cough"))
    assert tags == [TAGS["B-DISEASE"], TAGS["I-DISEASE"], 0, TAGS["B-SYMPTOM"]] and misfits == []
    half = Span(0, 3, "DISEASE")
    assert LABELS.tag_words(Note("n", "Heart failure", (half,))) == ([0, 0], [half])


def test_unknown_label():
    with pytest.raises(DataError, match="note 'n': label: expected one of DISEASE, MEDICINE, SYMPTOM; found 'Symptom'"):
        LABELS.tag_words(Note("n", "cough", (Span(0, 5, "Symptom"),)))


@pytest.mark.parametrize(("tags", "spans"), [
    ("O O O", []),
    ("B-DISEASE I-DISEASE O", [Span(0, 3, "DISEASE")]),
    ("B-DISEASE B-DISEASE O", [Span(0, 1, "DISEASE"), Span(2, 3, "DISEASE")]),
    ("O I-DISEASE I-DISEASE", [Span(2, 5, "DISEASE")]),  # lenient, as conlleval
    ("B-DISEASE I-SYMPTOM O", [Span(0, 1, "DISEASE"), Span(2, 3, "SYMPTOM")]),
    ("I-DISEASE O I-DISEASE", [Span(0, 1, "DISEASE"), Span(4, 5, "DISEASE")]),
    ("O O B-SYMPTOM", [Span(4, 5, "SYMPTOM")]),
])
def test_spans_read_from_tags(tags, spans):
    assert LABELS.spans_of([TAGS[t] for t in tags.split()], ((0, 1), (2, 3), (4, 5))) == spans


def test_a_lost_word_is_never_passed_over():
    with pytest.raises(DataError, match=r"one tag per word \(2\), found 1\. A word was lost"):
        LABELS.spans_of([0], ((0, 1), (2, 3)))


@given(st.lists(st.integers(0, 6), max_size=12))
def test_tags_to_spans_and_back(tags):
    """Spans read from any tags give well-formed tags, which give the same spans."""
    text = " ".join("w" * len(tags)) or "w"
    words = find_words(text)[: len(tags)]
    spans = LABELS.spans_of(tags, words)
    again, misfits = LABELS.tag_words(Note("n", text, tuple(spans)))
    assert misfits == [] and LABELS.spans_of(again[: len(tags)], words) == spans
    assert [bool(t) for t in again[: len(tags)]] == [bool(t) for t in tags]


def test_names_with_nearest():
    assert one_of("profile", "cpo", ["cpu", "gpu"]).endswith("Did you mean 'cpu'?")
    assert one_of("profile", "zzz", ["cpu", "gpu"]).endswith("Choose one of these names.")
    assert issubclass(DataError, CourseError)
