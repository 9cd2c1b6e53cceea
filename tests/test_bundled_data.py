"""The bundled corpora are what their cards say: sizes, spans, splits, variety."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from course_lib.data import load_notes, load_questions
from course_lib.data.leakage import SurfaceIndex, audit_notes, find_twins, normalize, word_ngrams
from course_lib.data.records import Note, Question, find_words
from course_lib.data.silver_notes import frame_texts as note_frames
from course_lib.data.silver_notes import slot_vocabulary
from course_lib.data.silver_questions import frame_texts as question_frames

NOTES = load_notes("medical_notes")
QUESTIONS = load_questions("finance_qa")
ALL_NOTES = [note for part in NOTES.parts.values() for note in part]
ALL_QUESTIONS = [question for part in QUESTIONS.parts.values() for question in part]
PASSAGES = {part: list(dict.fromkeys(q.context for q in questions)) for part, questions in QUESTIONS.parts.items()}
STOP_WORDS = frozenset(
    "a an the of in on at to for from by with and or as is are was were be been being do does did has have had will "
    "would can could may might must shall should what which who whom whose when where why how much many than that this "
    "these those it its their there if into over under after before about any not no per up out during between until "
    "within".split()
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"\S.*?(?:[.?!](?=\s)|\n|$)", text, re.DOTALL):
        yield match.start(), match.end()


def share_of_repeated_ngrams(texts: Iterable[str], size: int) -> float:
    """Share of different n-grams that occur in more than one text."""
    places: Counter[str] = Counter()
    for text in texts:
        places.update(word_ngrams(text, size))
    return sum(count > 1 for count in places.values()) / len(places)


def skeletons(note: Note) -> list[str]:
    result = []
    for start, end in sentences(note.text):
        words = []
        for word_start, word_end in find_words(note.text):
            if start <= word_start < end:
                span = next((s for s in note.spans if s.start < word_end and word_start < s.end), None)
                if span is None:
                    words.append(note.text[word_start:word_end])
                elif span.start >= word_start:
                    words.append("SPAN")
        result.append(normalize(" ".join(words)))
    return result


# ---- medical notes --------------------------------------------------------------
def test_notes_counts() -> None:
    assert len(ALL_NOTES) >= 300
    assert sum(len(note.spans) for note in ALL_NOTES) >= 2000
    assert len({note.surface(span).casefold() for note in ALL_NOTES for span in note.spans}) >= 600
    assert {span.label for note in ALL_NOTES for span in note.spans} == {"DISEASE", "MEDICINE", "SYMPTOM"}
    assert {note.kind for note in ALL_NOTES} == {"admission", "progress", "discharge", "referral", "telephone", "nursing"}
    assert all(25 <= len(note.text.split()) <= 120 for note in ALL_NOTES)


def test_notes_split_is_60_15_25_by_document() -> None:
    sizes = np.array([len(NOTES.train), len(NOTES.validation), len(NOTES.test)])
    assert np.allclose(sizes / sizes.sum(), [0.60, 0.15, 0.25], atol=0.01)
    assert len({note.document for note in ALL_NOTES}) == len(ALL_NOTES)


def test_spans_respect_words_and_edges() -> None:
    for note in ALL_NOTES:
        starts, ends = {s for s, _ in note.words or ()}, {e for _, e in note.words or ()}
        for span in note.spans:
            surface = note.surface(span)
            assert span.start in starts and span.end in ends, (note.id, surface)
            assert surface == surface.strip(" .,;:\n"), (note.id, surface)


def test_notes_are_not_filled_into_frames() -> None:
    assert share_of_repeated_ngrams([note.text for note in ALL_NOTES], 6) < 0.05
    counts = Counter(skeleton for note in ALL_NOTES for skeleton in skeletons(note))
    repeated = sum(count for count in counts.values() if count > 1)
    assert repeated / sum(counts.values()) < 0.03, [s for s, c in counts.most_common(8) if c > 1]


def test_the_same_word_is_symptom_here_and_disease_there() -> None:
    labels = defaultdict(set)
    for note in ALL_NOTES:
        for span in note.spans:
            labels[note.surface(span).casefold()].add(span.label)
    assert sum({"SYMPTOM", "DISEASE"} <= kinds for kinds in labels.values()) >= 8


def test_no_test_note_has_a_twin() -> None:
    report = audit_notes(NOTES.parts)
    assert not report.exact and not report.near
    assert 0.4 < report.seen_mentions["test"] < 0.9  # neither trivial nor hopeless


def test_test_notes_do_not_repeat_generator_frames() -> None:
    frames = set().union(*(word_ngrams(frame, 4) for frame in note_frames()))
    grams = set().union(*(word_ngrams(note.text, 4) for note in NOTES.test))
    assert len(frames) > 500 and len(grams & frames) / len(grams) < 0.05


def test_generator_vocabulary_holds_no_form_of_held_out_notes_only() -> None:
    vocabulary = {form for forms in slot_vocabulary().values() for form in forms}
    index = {note.surface(span).casefold() for note in NOTES.train for span in note.spans}
    held_out = {note.surface(s).casefold() for note in [*NOTES.validation, *NOTES.test] for s in note.spans}
    assert not vocabulary & (held_out - index)


# ---- finance questions -----------------------------------------------------------
def test_question_counts() -> None:
    assert sum(map(len, PASSAGES.values())) >= 120
    assert len(ALL_QUESTIONS) >= 600
    assert np.mean([not q.is_answerable for q in ALL_QUESTIONS]) >= 0.15
    assert all(80 <= len(text.split()) <= 250 for texts in PASSAGES.values() for text in texts)
    assert {q.kind for q in ALL_QUESTIONS} == {"earnings", "notes_to_accounts", "product_terms", "faq", "risk", "fund_factsheet"}


def test_questions_split_is_60_15_25_by_document() -> None:
    sizes = np.array([len(PASSAGES[part]) for part in ("train", "validation", "test")])
    assert np.allclose(sizes / sizes.sum(), [0.60, 0.15, 0.25], atol=0.02)
    documents = [{q.document for q in part} for part in QUESTIONS.parts.values()]
    assert not documents[0] & documents[1] and not documents[0] & documents[2] and not documents[1] & documents[2]
    titles = [{q.title for q in part} for part in QUESTIONS.parts.values()]
    assert not titles[0] & titles[2] and not titles[1] & titles[2]


def test_passages_are_not_filled_into_frames() -> None:
    texts = [text for part in PASSAGES.values() for text in part]
    assert share_of_repeated_ngrams(texts, 6) < 0.05
    counts = Counter(normalize(text[s:e]) for text in texts for s, e in sentences(text))
    assert sum(c for c in counts.values() if c > 1) / sum(counts.values()) < 0.03
    assert not find_twins(PASSAGES)


def test_test_passages_do_not_repeat_generator_frames() -> None:
    frames = set().union(*(word_ngrams(frame, 4) for frame in question_frames()))
    grams = set().union(*(word_ngrams(text, 4) for text in PASSAGES["test"]))
    assert len(frames) > 500 and len(grams & frames) / len(grams) < 0.05


def content_words(text: str) -> set[str]:
    return set(normalize(text).split()) - STOP_WORDS


def answer_sentence(question: Question) -> str:
    start = question.answers[0].start
    return next(question.context[s:e] for s, e in sentences(question.context) if s <= start < e)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_questions_are_paraphrased(part: str) -> None:
    shares = [
        len(own & content_words(answer_sentence(q))) / len(own)
        for q in QUESTIONS.parts[part] if q.is_answerable and (own := content_words(q.question))
    ]
    assert len(shares) > 50 and np.mean(shares) < 0.5


def test_question_texts_are_their_own() -> None:
    counts = Counter(normalize(q.question) for q in ALL_QUESTIONS)
    assert sum(c - 1 for c in counts.values()) / len(ALL_QUESTIONS) < 0.02


# ---- the check can fail ----------------------------------------------------------
def test_the_variety_checks_can_fail() -> None:
    frame = "Patient number {} was seen today and started on treatment."
    assert share_of_repeated_ngrams([frame.format(i) for i in range(9)], 6) > 0.5
    assert find_twins({"train": [frame.format(1)], "test": [frame.format(2)]})
    assert SurfaceIndex(["had a fall"]).is_seen("a FALL") and not SurfaceIndex(["had a fall"]).is_seen("fall a")
