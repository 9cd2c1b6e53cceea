"""Published scores beside ours: as printed in their sources, each with a source and a remark."""

from __future__ import annotations

import pytest

from course_lib.evaluation.references import ALONE, CAUTION, REFERENCES, beside, remark


@pytest.mark.parametrize(("corpus", "kind", "model", "points"), [
    ("ncbi_disease", "Disease", "BERT-base, uncased", 85.67),
    ("ncbi_disease", "Disease", "BERT-base, cased", 85.87),
    ("ncbi_disease", "Disease", "BioBERT", 89.13),
    ("ncbi_disease", "Disease", "PubMedBERT", 87.82),
    ("bc5cdr", "Disease", "PubMedBERT", 85.62),
    ("bc5cdr", "Chemical", "PubMedBERT", 93.33),
])
def test_rows_of_the_paper(corpus: str, kind: str, model: str, points: float) -> None:
    (row,) = [r for r in REFERENCES if (r.corpus, r.kind, r.model) == (corpus, kind, model)]
    assert row.f1 == points and "2007.15779, Table 6" in row.source


def test_every_row_has_a_source_a_remark_and_a_place_of_its_own() -> None:
    assert len(REFERENCES) == 35 == len({(r.corpus, r.kind, r.model) for r in REFERENCES})
    assert all(r.source and r.note and 75 < r.f1 < 95 for r in REFERENCES)
    assert {r.corpus for r in REFERENCES} == set(CAUTION)


def test_trained_on_validation_too_is_said() -> None:
    (row,) = [r for r in REFERENCES if r.model == "BioBERT 1.1, its paper"]
    assert "validation" in row.note and "not comparable" in row.note


def test_our_row_stands_where_its_score_belongs() -> None:
    rows = beside("ncbi_disease", {"Disease": 0.86, "Other": 0.99}, "one seed")
    scores = [row["F1, points"] for row in rows]
    assert scores == sorted(scores, reverse=True) and len(rows) == 14  # 13 published ones of this corpus
    (own,) = [row for row in rows if row["model"] == "this run"]
    assert own["F1, points"] == 86.0 and own["remarks"] == "one seed"
    place = rows.index(own)
    assert float(rows[place - 1]["F1, points"]) > 86 > float(rows[place + 1]["F1, points"])  # type: ignore[arg-type]


def test_two_types_are_two_tables_one_after_the_other() -> None:
    rows = beside("bc5cdr", {"Disease": 0.8, "Chemical": 0.9}, "one seed")
    assert [row["type"] for row in rows] == ["Chemical"] * 12 + ["Disease"] * 12
    assert "one type each" in remark("bc5cdr")


def test_corpora_without_published_scores_say_so() -> None:
    assert beside("medical_notes", {"DISEASE": 0.8}, "") == []
    assert "comparable with nobody" in remark("tatqa") and "other questions" in remark("tatqa")
    assert "Nobody else" in remark("medical_notes") and "no published score" in remark("my/own.jsonl")
    assert not set(ALONE) & set(CAUTION)
