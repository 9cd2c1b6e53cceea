"""From notes to encoded features: alignment counted by hand, windows that lose nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from samples import LABELS, TAGS, VOCABULARY, four_notes, long_note, note

from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.ner_features import NerFeatures, align_labels, alignment_rows, encode_notes, word_of_pieces
from course_lib.data.records import Note, Span
from course_lib.errors import DataError

X = IGNORE_INDEX


def encode(notes: list[Note], tokenizer, **more) -> NerFeatures:
    return encode_notes(notes, tokenizer, LABELS, **more)


def test_labels_stand_on_first_pieces(tokenizer):
    """[CLS] patient takes met ##form ##in . [SEP], counted by hand."""
    row = encode([note("n", "Patient takes metformin.", MEDICINE="metformin")], tokenizer).dataset[0]
    assert [VOCABULARY[i] for i in row["input_ids"]] == ["[CLS]", "patient", "takes", "met", "##form", "##in", ".", "[SEP]"]
    assert row["labels"] == [X, 0, 0, TAGS["B-MEDICINE"], X, X, 0, X]
    assert row["words"] == [-1, 0, 1, 2, -1, -1, 3, -1]
    assert row["length"] == 8


def test_continued_entity_has_one_b_and_then_i(tokenizer):
    """heart metformin cough as one entity: B on heart, I on met, nothing on ##form ##in, I on cough."""
    row = encode([note("n", "heart metformin cough", DISEASE="heart metformin cough")], tokenizer).dataset[0]
    b, i = TAGS["B-DISEASE"], TAGS["I-DISEASE"]
    assert row["labels"] == [X, b, i, X, X, i, X]


def test_neighbours_of_one_type_stay_two_entities(tokenizer):
    row = encode([note("n", "cough fever", SYMPTOM="cough|fever")], tokenizer).dataset[0]
    assert row["labels"] == [X, TAGS["B-SYMPTOM"], TAGS["B-SYMPTOM"], X]


def test_every_real_label_is_a_word(notes, tokenizer):
    features = encode(notes, tokenizer)
    assert features.counts == {"notes": 4, "windows": 4, "words": 18, "words_without_pieces": 0, "spans": 6,
                               "spans_not_on_word_edges": 0}
    assert [sum(label != X for label in row["labels"]) for row in features.dataset] == [4, 5, 4, 5]
    begins = Counter(LABELS.tags[label] for row in features.dataset for label in row["labels"] if label > 0)
    assert begins == {"B-DISEASE": 2, "I-DISEASE": 2, "B-MEDICINE": 2, "B-SYMPTOM": 2}


def test_labels_read_back_as_the_gold_spans(notes, tokenizer):
    features = encode(notes, tokenizer)
    for row, source in zip(features.dataset, notes, strict=True):
        tags = [label for label in row["labels"] if label != X]
        assert tuple(LABELS.spans_of(tags, source.words)) == source.spans


def test_pieces_belong_to_the_word_of_their_first_character():
    words = ((0, 3), (4, 9))
    assert word_of_pieces(words, [(0, 0), (0, 2), (2, 3), (4, 6), (6, 9), (0, 0)]) == [-1, 0, 0, 1, 1, -1]
    # Some tokenizers count the space before a word into its first piece.
    assert word_of_pieces(words, [(0, 3), (3, 9)]) == [0, 1]
    assert word_of_pieces((), [(0, 2)]) == [-1]


def test_align_labels_by_hand():
    assert align_labels([-1, 0, 1, 1, 1, 2, -1], [5, 6, 7]) == [X, 5, 6, X, X, 7, X]
    assert align_labels([], []) == []


# ---- windows -----------------------------------------------------------------
def test_long_text_is_cut_into_windows_that_fit(tokenizer):
    features = encode([long_note(120)], tokenizer, max_length=32, overlap=12)
    assert features.counts["windows"] == len(features) > 5
    assert max(features.dataset["length"]) <= 32
    assert set(features.dataset["record"]) == {0}


@pytest.mark.parametrize("seed", range(6))
def test_each_word_is_spoken_for_exactly_once(tokenizer, seed):
    source = long_note(100, seed)
    features = encode([*four_notes(), source], tokenizer, max_length=32, overlap=16)
    spoken = Counter((row["record"], word) for row in features.dataset for word in row["words"] if word >= 0)
    expected = {(number, word) for number, n in enumerate(features.notes) for word in range(len(n.words))}
    assert set(spoken) == expected and set(spoken.values()) == {1}


@pytest.mark.parametrize("seed", range(6))
def test_no_gold_span_is_lost_to_the_cut(tokenizer, seed):
    """Each gold span stands whole, with all its labels, in at least one window."""
    source = long_note(100, seed)
    features = encode([source], tokenizer, max_length=32, overlap=16)
    found = set()
    for row in features.dataset:
        found |= spans_in_window(row, source, tokenizer)
    assert found >= set(source.spans), f"lost {set(source.spans) - found}"
    assert len(source.spans) > 20


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_span_is_ignored_where_it_is_cut(tokenizer, seed):
    """What a window shows of a span is either the whole span or nothing: no half entities are taught."""
    source = long_note(100, seed)
    for row in encode([source], tokenizer, max_length=32, overlap=16).dataset:
        assert spans_in_window(row, source, tokenizer) <= set(source.spans)


def spans_in_window(row, source: Note, tokenizer) -> set[Span]:
    """Read labels of one window through the offsets of its pieces (found again by text, independently)."""
    pieces = tokenizer(source.text, return_offsets_mapping=True)
    ids, offsets = pieces["input_ids"][1:-1], pieces["offset_mapping"][1:-1]
    own = row["input_ids"][1:-1]
    places = [i for i in range(len(ids)) if ids[i : i + len(own)] == own]
    assert len(places) == 1, "the text repeats itself: choose another seed"
    words = {start: end for start, end in source.words}
    tags, at = [], []
    for (start, _), label in zip(offsets[places[0] :], row["labels"][1:-1], strict=False):
        if label != X:
            tags.append(label)
            at.append((start, words.get(start, start)))
    return set(LABELS.spans_of(tags, at))


def test_span_longer_than_the_overlap_is_refused(tokenizer):
    text = " ".join(["heart"] * 40)
    source = Note("n7", text, (Span(6 * 20, 6 * 36 - 1, "DISEASE"),))  # words 20 to 35; windows hold 0-29 and 22-39
    with pytest.raises(DataError, match=r"note 'n7': expected every span to fit .* overlap of 8 pieces\. Raise overlap"):
        encode([source], tokenizer, max_length=32, overlap=8)
    assert len(encode([source], tokenizer, max_length=64, overlap=8)) == 1  # one window holds all


def test_words_without_pieces_are_counted(tokenizer):
    """A zero-width space is a word to us and nothing to the tokenizer."""
    features = encode([note("n", "no \u200b fever", SYMPTOM="fever")], tokenizer)
    assert features.counts["words"] == 3
    assert features.counts["words_without_pieces"] == 1
    assert [w for w in features.dataset[0]["words"] if w >= 0] == [0, 2]


def test_word_without_pieces_inside_a_span_is_no_reason_to_refuse_a_long_note(tokenizer):
    text = "heart \u200b failure " + " ".join(["today"] * 60)
    source = Note("n8", text, (Span(0, 15, "DISEASE"),))
    features = encode([source], tokenizer, max_length=32, overlap=12)
    assert features.counts["words_without_pieces"] == 1
    assert features.dataset[0]["labels"][1:3] == [TAGS["B-DISEASE"], TAGS["I-DISEASE"]]


def test_span_inside_a_word_is_counted_not_guessed(tokenizer):
    features = encode([Note("n", "metformin daily", (Span(0, 3, "MEDICINE"),))], tokenizer)
    assert features.counts["spans_not_on_word_edges"] == 1
    assert features.dataset[0]["labels"] == [X, 0, X, X, 0, X]


def test_unknown_label_names_the_note_and_the_nearest(tokenizer):
    with pytest.raises(DataError, match="note 'n'.*found 'DISEASES'. Did you mean 'DISEASE'"):
        encode([Note("n", "fever", (Span(0, 5, "DISEASES"),))], tokenizer)


def test_table_on_disk_equals_the_one_in_memory(notes, tokenizer, tmp_path: Path):
    stored = encode(notes, tokenizer, path=tmp_path / "features.arrow")
    assert stored.dataset.to_dict() == encode(notes, tokenizer).dataset.to_dict()
    assert stored.dataset.cache_files


def test_alignment_table_reads_as_the_lesson_says(tokenizer):
    rows = alignment_rows(note("n", "Takes metformin", MEDICINE="metformin"), tokenizer, LabelSet(("MEDICINE",)))
    assert [(r["piece"], r["word"], r["label"], r["tag"]) for r in rows] == [
        ("[CLS]", "", X, "ignored"), ("takes", "Takes", 0, "O"), ("met", "metformin", 1, "B-MEDICINE"),
        ("##form", "metformin", X, "ignored"), ("##in", "metformin", X, "ignored"), ("[SEP]", "", X, "ignored"),
    ]
