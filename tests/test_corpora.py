"""Corpora by name, by folder, by file; and everything that can be wrong with one."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from samples import four_questions, question

from course_lib import locations
from course_lib.data import corpora
from course_lib.data.corpora import load, load_notes, load_questions, stage_questions
from course_lib.data.formats.jsonl import write_notes
from course_lib.data.formats.squad import write_questions
from course_lib.data.records import Note, Question, Span
from course_lib.errors import DataError
from course_lib.files import sha256_of

PARTS = ("train", "validation", "test")


@pytest.fixture
def folder(notes, tmp_path: Path) -> Path:
    """A folder of one's own with 2, 1 and 1 notes."""
    own = tmp_path / "mine"
    for part, records in zip(PARTS, (notes[:2], notes[2:3], notes[3:]), strict=True):
        write_notes(own / f"{part}.jsonl", records)
    return own


@pytest.fixture
def bundle(tmp_path: Path, notes, monkeypatch) -> Path:
    """A data folder laid out as the bundled one."""
    data = tmp_path / "data"
    for part, n, q in zip(PARTS, (notes[:2], notes[2:3], notes[3:]), (four_questions()[:2], four_questions()[2:3], four_questions()[3:]), strict=True):
        write_notes(data / "medical_notes" / f"{part}.jsonl", n)
        write_questions(data / "finance_qa" / f"{part}.json", q)
    lines = [f"{sha256_of(p)}  {p.relative_to(data).as_posix()}\n" for p in sorted(data.rglob("*.json*"))]
    (data / "CHECKSUMS.sha256").write_text("".join(lines) + "\n")
    monkeypatch.setenv("COURSE_DATA_DIR", str(data))
    return data


def test_bundled_corpora_by_name(bundle, notes):
    medical, finance = load("medical_notes"), load("finance_qa")
    assert (medical.task, finance.task) == ("ner", "qa")
    assert [len(records) for records in medical.parts.values()] == [2, 1, 1]
    assert medical.train == notes[:2] and finance.test == four_questions()[3:]
    assert medical.licence == "CC BY 4.0" and "stored" in medical.split


def test_changed_bundled_file_is_noticed(bundle):
    path = bundle / "medical_notes" / "test.jsonl"
    path.write_text(path.read_text().replace("heart", "Heart"))
    with pytest.raises(DataError, match="data/medical_notes/test.jsonl as committed, found other content. Type: git checkout -- data"):
        load("medical_notes")
    assert load("finance_qa").test


def test_missing_bundled_file(bundle):
    (bundle / "finance_qa" / "train.json").unlink()
    with pytest.raises(DataError, match="expected data/finance_qa/train.json, found no such file"):
        load_questions("finance_qa")


def test_missing_list_of_checksums(bundle):
    (bundle / "CHECKSUMS.sha256").unlink()
    with pytest.raises(DataError, match="CHECKSUMS.sha256"):
        load("medical_notes")


def test_missing_data_folder(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="expected a folder named by COURSE_DATA_DIR, found none"):
        load("medical_notes")


def test_corpus_for_the_other_task(bundle, folder):
    with pytest.raises(DataError, match="expected questions, found notes with entity spans. Use it in 02_medical_ner"):
        load_questions("medical_notes")
    with pytest.raises(DataError, match="expected notes with entity spans, found questions. Use it in 03_finance_qa"):
        load_notes("finance_qa")
    with pytest.raises(DataError, match="expected questions"):
        load_questions(str(folder))


def test_unknown_corpus_names_the_nearest():
    with pytest.raises(DataError, match="corpus: expected one of medical_notes, finance_qa, .*found 'medical_note'. Did you mean 'medical_notes'"):
        load("medical_note")


def test_own_folder(folder, notes):
    corpus = load(str(folder))
    assert (corpus.train, corpus.validation, corpus.test) == (notes[:2], notes[2:3], notes[3:])
    assert corpus.licence == "your own"


def test_own_folder_of_questions(tmp_path: Path):
    for part, records in zip(PARTS, (four_questions()[:2], four_questions()[2:3], four_questions()[3:]), strict=True):
        write_questions(tmp_path / f"{part}.json", records)
    assert load(str(tmp_path)).train == four_questions()[:2]


def test_own_folder_that_lacks_a_part(folder):
    (folder / "validation.jsonl").unlink()
    with pytest.raises(DataError, match="corpus folder 'mine': expected train, validation and test .*found test.jsonl, train.jsonl"):
        load(str(folder))
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(DataError, match="found nothing"):
        load(str(folder))


@pytest.mark.parametrize("part", PARTS)
def test_empty_part(folder, part):
    (folder / f"{part}.jsonl").write_text("\n\n")
    with pytest.raises(DataError, match=f"found an empty {part} part"):
        load(str(folder))


def many_notes(documents: int = 60, each: int = 3) -> list[Note]:
    return [Note(f"d{d}-s{s}", "the patient has fever", (Span(16, 21, "SYMPTOM"),), document=f"d{d}")
            for d in range(documents) for s in range(each)]


def test_one_file_is_split_by_document(tmp_path: Path):
    corpus = load_notes(str(write_notes(tmp_path / "mine.jsonl", many_notes())))
    places = defaultdict(set)
    for part, records in corpus.parts.items():
        for record in records:
            places[record.document].add(part)
    assert len(places) == 60 and all(len(parts) == 1 for parts in places.values())
    assert sum(map(len, corpus.parts.values())) == 180
    assert 0.55 < len(corpus.train) / 180 < 0.85
    assert "hash" in corpus.split


def test_new_records_move_no_old_ones(tmp_path: Path):
    small = load_notes(str(write_notes(tmp_path / "a.jsonl", many_notes(40))))
    large = load_notes(str(write_notes(tmp_path / "b.jsonl", many_notes(60)[::-1])))
    for part in PARTS:
        assert {n.id for n in small.parts[part]} <= {n.id for n in large.parts[part]}


def test_one_file_of_questions_keeps_a_passage_together(tmp_path: Path):
    """Without document names the passage is the document."""
    records = [question(f"{p}-{i}", "What rose?", f"Passage {p}: revenue rose.", "revenue") for p in range(40) for i in range(3)]
    corpus = load_questions(str(write_questions(tmp_path / "mine.json", records)))
    parts = [{q.context for q in own} for own in corpus.parts.values()]
    assert not (parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]) and sum(map(len, parts)) == 40


def test_one_file_of_notes_of_unknown_documents(tmp_path: Path):
    """Unknown is not one document: each note stands for itself."""
    records = [Note(f"n{i}", "the patient has fever", document="") for i in range(60)]
    corpus = load_notes(str(write_notes(tmp_path / "mine.jsonl", records)))
    assert all(corpus.parts.values())


def test_one_file_too_small_to_split(tmp_path: Path):
    with pytest.raises(DataError, match="found an empty .* part"):
        load(str(write_notes(tmp_path / "mine.jsonl", many_notes(1))))


def test_checkout_is_found_from_any_folder(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert (locations.data_folder() / "CHECKSUMS.sha256").is_file()


def test_records_of_both_kinds_are_plain(bundle):
    assert isinstance(load("medical_notes").train[0], Note) and isinstance(load("finance_qa").train[0], Question)


# ---- files and folders in other formats -----------------------------------------
IOB = "aspirin\tB-DRUG\nhelps\tO\n\nfever\tI-SYMPTOM\n\n"


def iob_folder(folder: Path, names: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(IOB)
    return folder


@pytest.mark.parametrize("names", [("train.tsv", "devel.tsv", "test.tsv"), ("Train.txt", "dev.conll", "test.iob2"), ("train.bio", "valid.tsv", "test.tsv")])
def test_own_folder_of_tagged_words(tmp_path: Path, names, capsys):
    """Repairs are summed over the parts, and shown without the folder's path."""
    corpus = load_notes(str(iob_folder(tmp_path / "mine", names)))
    assert [len(notes) for notes in corpus.parts.values()] == [2, 2, 2]
    assert [note.surface(span) for note in corpus.test for span in note.spans] == ["aspirin", "fever"]
    assert list(corpus.repairs.values()) == [3]
    out = capsys.readouterr().out
    assert out.startswith("mine: repaired or left out: ") and out.count("\n") == 1 and str(tmp_path) not in out


def test_nothing_is_said_where_nothing_was_repaired(folder, capsys):
    assert load(str(folder)).repairs == {} and capsys.readouterr().out == ""


def test_own_folder_with_two_files_for_a_part(tmp_path: Path, folder):
    iob_folder(folder, ("train.tsv",))
    with pytest.raises(DataError, match="corpus folder 'mine': expected one file a part, all in one format, found train.jsonl, train.tsv, .*Move the others"):
        load(str(folder))
    (folder / "train.jsonl").unlink()
    with pytest.raises(DataError, match="all in one format, found train.tsv, validation.jsonl, test.jsonl \\(conll, jsonl\\)"):
        load(str(folder))
    other = iob_folder(tmp_path / "twice", ("train.tsv", "dev.tsv", "devel.tsv", "test.tsv"))
    with pytest.raises(DataError, match="found train.tsv, dev.tsv, devel.tsv, test.tsv"):
        load(str(other))


def test_other_files_beside_the_parts_are_no_parts(tmp_path: Path):
    own = iob_folder(tmp_path / "mine", ("train.tsv", "dev.tsv", "test.tsv", "train.csv", "README.txt"))
    (own / "test").mkdir()
    assert load(str(own)).task == "ner"


def test_own_file_that_is_broken_names_its_line(tmp_path: Path):
    own = iob_folder(tmp_path / "mine", ("train.tsv", "dev.tsv", "test.tsv"))
    (own / "dev.tsv").write_text("aspirin\tB-DRUG\nhelps\n")
    with pytest.raises(DataError, match="dev.tsv, line 2"):
        load(str(own))


def brat(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"d{number}.txt").write_text("Aspirin helps against fever.\n")
        (folder / f"d{number}.ann").write_text("T1\tDRUG 0 7\tAspirin\nT2\tSYMPTOM 22 27\tfever\n")
    return folder


def test_brat_folders(tmp_path: Path):
    for part, count in (("train", 3), ("dev", 2), ("test", 1)):
        brat(tmp_path / "parts" / part, count)
    corpus = load_notes(str(tmp_path / "parts"))
    assert [len({note.document for note in notes}) for notes in corpus.parts.values()] == [3, 2, 1]
    whole = load(str(brat(tmp_path / "whole", 40)))
    assert len({note.document for part in whole.parts.values() for note in part}) == 40 and "by document" in whole.split


def test_split_by_record_is_said(tmp_path: Path):
    """Sentences of unknown documents may be apart; the corpus says so, and how many."""
    path = tmp_path / "mine.tsv"
    path.write_text(IOB * 30)
    assert "by record, from a hash of its id (70:15:15): the file names no documents for 60 of 60 records, so sentences of one" in load(str(path)).split
    records = [question(f"{p}", "What rose?", f"Passage {p}: revenue rose.", "revenue") for p in range(40)]
    assert "by passage" in load(str(write_questions(tmp_path / "mine.json", records))).split


def test_names_of_public_corpora_are_known():
    with pytest.raises(DataError, match="expected one of medical_notes, finance_qa, ncbi_disease, bc5cdr, tatqa, .*Did you mean 'ncbi_disease'"):
        load("ncbi_diseases")


# ---- splits ---------------------------------------------------------------------
def test_made_split_is_exact_and_depends_on_the_salt_alone():
    documents = [f"d{number}" for number in range(100)]
    split = corpora.make_split(documents, "a")
    assert {part: len(own) for part, own in split.items()} == {"train": 70, "validation": 15, "test": 15}
    assert sorted(sum(split.values(), [])) == sorted(documents)
    assert split == corpora.make_split([*reversed(documents), *documents], "a") != corpora.make_split(documents, "b")


def test_stored_split_with_a_stranger(bundle):
    """A record whose document the split does not name is not dropped in silence."""
    (bundle / "splits").mkdir()
    path = bundle / "splits" / "toy.json"
    path.write_text('{"train": ["a"], "validation": ["b"], "test": ["c"]}')
    listing = bundle / "CHECKSUMS.sha256"
    listing.write_text(listing.read_text().strip() + f"\n{sha256_of(path)}  splits/toy.json\n")
    known = [Note(d, "fever", document=d) for d in "abc"]
    assert corpora._as_stored(known, "toy") == {"train": known[:1], "validation": known[1:2], "test": known[2:]}
    with pytest.raises(DataError, match="record 'd': expected its document in data/splits/toy.json, found no 'd' there. Type: git checkout"):
        corpora._as_stored([*known, Note("d", "fever")], "toy")
    path.write_text("{}")
    with pytest.raises(DataError, match="expected data/splits/toy.json as committed, found other content"):
        corpora._as_stored(known, "toy")


# ---- corpora as stages before another -------------------------------------------
def questions_folder(folder: Path, names: str) -> str:
    """Write one question a part, each on a passage named by a letter."""
    for part, name in zip(PARTS, names, strict=True):
        write_questions(folder / f"{part}.json", [question(f"{folder.name}-{name}", "What was the rate?", f"Passage {name}: the rate was 4%.", "4%")])
    return str(folder)


def test_stage_is_the_training_part_alone(tmp_path):
    target = load_questions(questions_folder(tmp_path / "target", "abc"))
    assert [q.id for q in stage_questions(questions_folder(tmp_path / "early", "xyz"), target)] == ["early-x"]


def test_stage_on_passages_held_out_by_the_target_is_refused(tmp_path):
    target = load_questions(questions_folder(tmp_path / "target", "abc"))
    with pytest.raises(DataError, match="expected questions on passages that .*target' does not hold out, found none. Remove it"):
        stage_questions(questions_folder(tmp_path / "early", "cyz"), target)
