"""Silver notes: what the grammar promises, checked on the notes it writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from course_lib.data.note_grammar import SLOT, Grammar
from course_lib.data.records import find_words
from course_lib.data.silver_notes import frame_texts, generate_notes, misspellings, slot_vocabulary
from course_lib.errors import DataError

NOTES = generate_notes(400)
GRAMMAR = Grammar.load()
# Entity words that are none where they stand: a test, an organism, a room, another word with the same letters.
TRAPS = set(
    "blue light/cataract surgery/ct cap/discharge summary/on discharge/at discharge/discharge with/discharge planning/"
    "discharge coordinator/falls alarm/line flushed/malaria film/hiv test/syphilis serology/pain score/iron studies/pd fluid/"
    "the tb nurse/the stroke team/c diff toxin/para 1/pe: awake/red flags/sbp 92/98% ra/sick contacts/sputum".split("/")
)


def own_texts() -> list[str]:
    """All text that is never labelled: frames, plain lists, and what is said about persons."""
    groups: list[Any] = [*GRAMMAR.persons.values(), GRAMMAR.lists, *(theme["lists"] for theme in GRAMMAR.themes.values())]
    return frame_texts() + [word for group in groups for words in group.values() for word in words]


def save_grammar(folder: Path, **changes: Any) -> Path:
    raw = {name: getattr(GRAMMAR, name) for name in Grammar.__dataclass_fields__} | changes
    path = folder / "generator.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_the_same_seed_writes_the_same_notes() -> None:
    assert generate_notes(30) == NOTES[:30]
    assert {note.text for note in generate_notes(30, seed=1)}.isdisjoint(note.text for note in NOTES)


def test_notes_are_silver_and_of_the_size_asked_for() -> None:
    assert [note.id for note in NOTES[:2]] == ["silver-0-00001", "silver-0-00002"]
    assert all(note.silver and note.document == note.id for note in NOTES)
    assert all(25 <= len(note.text.split()) <= 90 for note in NOTES)
    assert {note.kind for note in NOTES} == set(GRAMMAR.frames) - {"any"}
    assert len({note.text for note in NOTES}) == len(NOTES)


def test_spans_are_vocabulary_up_to_the_declared_noise() -> None:
    vocabulary = slot_vocabulary()
    near = {label: {slip.casefold() for form in forms for slip in misspellings(form)} for label, forms in vocabulary.items()}
    surfaces = [(note.surface(span).casefold(), span.label) for note in NOTES for span in note.spans]
    misspelt = [surface for surface, label in surfaces if surface not in vocabulary[label]]
    assert all(surface in vocabulary[label] or surface in near[label] for surface, label in surfaces)
    assert 0.02 < len(misspelt) / len(surfaces) < 0.08


def test_spans_respect_words() -> None:
    for note in NOTES:
        edges = {start for start, _ in note.words or ()}, {end for _, end in note.words or ()}
        assert all(span.start in edges[0] and span.end in edges[1] for span in note.spans), note.id


def test_no_form_twice_in_a_note() -> None:
    for note in NOTES:
        forms = [note.surface(span).casefold() for span in note.spans]
        assert len(set(forms)) == len(forms), note.text


def test_labels_are_shared_out() -> None:
    counts = Counter(span.label for note in NOTES for span in note.spans)
    shares = {label: count / counts.total() for label, count in counts.items()}
    assert set(shares) == {"DISEASE", "MEDICINE", "SYMPTOM"}
    assert 0.25 < shares["DISEASE"] < 0.36 and 0.25 < shares["MEDICINE"] < 0.34 and 0.34 < shares["SYMPTOM"] < 0.45
    assert 6 < counts.total() / len(NOTES) < 10


def test_noise_is_there() -> None:
    texts = [note.text for note in NOTES]
    assert 0.03 < sum(text == text.lower() for text in texts) / len(texts) < 0.2
    assert sum("\n" in text for text in texts) > 100 and sum("\n- " in text for text in texts) > 20
    assert "Fevr" in misspellings("Fever") and "Feever" in misspellings("Fever") and "Fveer" in misspellings("Fever")
    assert not misspellings("COPD") and all(slip[0] == "F" for slip in misspellings("Fever"))


def test_the_grammar_is_broad() -> None:
    vocabulary = slot_vocabulary()
    assert len(vocabulary["DISEASE"]) >= 700 and len(vocabulary["MEDICINE"]) >= 500 and len(vocabulary["SYMPTOM"]) >= 500
    assert len(set(GRAMMAR.all_frames)) == len(GRAMMAR.all_frames) >= 250
    assert all(form == form.strip() and form.isascii() for forms in vocabulary.values() for form in forms)
    shared = vocabulary["DISEASE"] & vocabulary["SYMPTOM"]  # past history here, complaint there
    assert {"constipation", "anxiety", "vertigo"} <= shared and not vocabulary["MEDICINE"] & (vocabulary["DISEASE"] | shared)


def test_no_entity_stands_unlabelled_in_a_frame() -> None:
    slots = [themes for label in GRAMMAR.vocabularies.values() for themes in label.values()]
    forms = {form for themes in slots for some in themes.values() for form in some}
    known = {form if form.isupper() else form.casefold() for form in forms}  # AF is no "af"
    unlabelled = set()
    for text in own_texts():
        words = find_words(text)
        chunks = {text[start:end] for place, (start, _) in enumerate(words) for _, end in words[place : place + 7]}
        if chunks & known or {chunk.casefold() for chunk in chunks} & known:
            unlabelled.add(text)
    assert {text for text in unlabelled if not any(trap in text.casefold() for trap in TRAPS)} == set()


def test_labelled_slots_stand_between_words() -> None:
    for frame in GRAMMAR.all_frames:
        for slot in SLOT.finditer(frame):
            if slot[1].lower() in GRAMMAR.labels:
                around = frame[: slot.start()][-1:] + frame[slot.end() :][:1]
                assert not re.search(r"[\w{}]", around), frame


def test_frame_texts_hold_no_slot() -> None:
    assert len(frame_texts()) > 800
    assert not any("{" in text or SLOT.search(text) for text in frame_texts())


def test_errors_say_what_was_expected_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"expected a JSON file with .*found FileNotFoundError.*git checkout -- data"):
        generate_notes(1, grammar=tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"frames": {}}')
    with pytest.raises(DataError, match="found KeyError: 'sections'"):
        generate_notes(1, grammar=tmp_path / "half.json")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="grammar generator.json: expected"):
        slot_vocabulary()


def test_an_unknown_slot_is_named(tmp_path: Path) -> None:
    path = save_grammar(tmp_path, frames={"any": {"open": ["Takes {drug_longg}."]}})
    with pytest.raises(DataError, match=r"frame 'Takes \{drug_longg\}\.': slot: expected .* found 'drug_longg'.* 'drug_long'"):
        frame_texts(path)


def test_a_grammar_that_runs_dry_says_so(tmp_path: Path) -> None:
    frames = {name: {"open": ["Seen today."]} for name in GRAMMAR.frames}
    with pytest.raises(DataError, match=r"expected a note of 25 to 90 words .* found none"):
        generate_notes(1, grammar=save_grammar(tmp_path, frames=frames))
    frames = {name: {"open": ["K {lab_high_k}, {lab_high_k}, {lab_high_k} on {drug_acute}."]} for name in ("admission", "any")}
    themes = {"heart": GRAMMAR.themes["heart"]}
    with pytest.raises(DataError, match=r"slot 'lab_high_k', theme 'heart': expected a word .* found none of \d"):
        generate_notes(1, grammar=save_grammar(tmp_path, frames=frames, themes=themes))
