"""Saved predictions become the scores that the notebooks compute, by record and by slice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from comparison_samples import answer_rows, entity_rows, save_run

from course_lib.comparison.align import Aligned, align
from course_lib.comparison.load import select
from course_lib.comparison.scoring import question_word
from course_lib.data.records import Answer, Note, Question, Span
from course_lib.errors import DataError
from course_lib.evaluation.ner import evaluate_entities
from course_lib.evaluation.qa import evaluate_answers


def aligned(root: Path, *rows: list[dict[str, object]], **more: object) -> Aligned:
    for i, own in enumerate(rows):
        save_run(root, f"r{i}", own, settings={"seed": i}, **more)
    found = align(select([root]).runs)
    assert found is not None
    return found


def score(found: Aligned, run: int, key: str, part: str = "all") -> float:
    kind = next(s for s in found.task.scores if s.key == key)
    return float(kind.of(found.sums[run, found.slices.index(part)].sum(axis=0)))


def test_entity_scores_by_hand(tmp_path: Path) -> None:
    """Gold A A B; predicted: one A right, one A with another edge, B as A: 1 of 3 right; A: 2 gold, 3 predicted."""
    rows = [{"id": "x", "gold": [[0, 1, "A"], [2, 3, "A"]], "predicted": [[0, 1, "A"], [2, 4, "A"]]},
            {"id": "y", "gold": [[5, 6, "B"]], "predicted": [[5, 6, "A"], [5, 6, "A"]]}]
    found = aligned(tmp_path, rows, rows)
    assert found.slices == ("all", "type A", "type B")
    assert found.sums[0, :, :, :].sum(axis=1).tolist() == [[1, 3, 3], [1, 3, 2], [0, 0, 1]]
    assert score(found, 0, "entity_f1") == pytest.approx(1 / 3)
    assert score(found, 0, "entity_f1", "type A") == pytest.approx(2 / 5)
    assert (score(found, 0, "precision"), score(found, 0, "recall")) == pytest.approx((1 / 3, 1 / 3))


def test_entity_scores_equal_the_evaluation(tmp_path: Path) -> None:
    rows = entity_rows(50, 0.7, 3)
    text = "x" * 120
    notes = [Note(str(r["id"]), text, tuple(Span(*s) for s in r["gold"]), words=()) for r in rows]
    report = evaluate_entities(notes, [[Span(*s) for s in r["predicted"]] for r in rows], resamples=100)
    found = aligned(tmp_path, rows, rows)
    assert score(found, 0, "entity_f1") == pytest.approx(report.micro.f1, abs=1e-12)
    assert 0.3 < report.micro.f1 < 0.95
    assert {part.removeprefix("type "): score(found, 0, "entity_f1", part) for part in found.slices[1:]} == pytest.approx(
        {label: part.f1 for label, part in report.by_type.items()}, abs=1e-12)


def test_seen_and_unseen_if_the_rows_say(tmp_path: Path) -> None:
    rows = [{"id": "x", "gold": [[0, 1, "A"], [2, 3, "A"]], "gold_seen": [True, False],
             "predicted": [[0, 1, "A"], [4, 5, "A"], [6, 7, "A"]], "predicted_seen": [True, False, False]}]
    found = aligned(tmp_path, rows, rows)
    places = [found.slices.index(name) for name in ("seen in training", "not seen in training")]
    assert found.sums[0, places, 0].tolist() == [[1, 1, 1], [0, 2, 1]]


def test_slices_that_one_run_lacks_are_left_out(tmp_path: Path) -> None:
    rows = [{"id": i, "gold": [], "predicted": [], "kind": f"k{i}"} for i in "ab"]
    both = aligned(tmp_path / "both", rows, rows)
    assert both.slices == ("all", "kind ka", "kind kb") and both.sums.shape[:2] == (2, 3)
    bare = [{k: v for k, v in row.items() if k != "kind"} for row in rows]
    assert aligned(tmp_path / "one", rows, bare).slices == ("all",)


def test_flags_of_seen_must_fit_the_spans(tmp_path: Path) -> None:
    rows = [{"id": "x", "gold": [[0, 1, "A"]], "gold_seen": [True], "predicted": [[0, 1, "A"]], "predicted_seen": []}]
    with pytest.raises(DataError, match="'x': expected one predicted_seen for each of 1 spans, found 0"):
        aligned(tmp_path, rows, rows)


def test_answer_scores_equal_the_evaluation(tmp_path: Path) -> None:
    rows = answer_rows(60, 0.5, 2)
    questions = []
    for row in rows:
        texts = row["gold"]
        context = " ".join(texts) or "nothing"
        questions.append(Question(str(row["id"]), str(row["question"]), context, tuple(Answer(t, context.index(t)) for t in texts)))
    report = evaluate_answers(questions, [str(row["predicted"]) for row in rows], resamples=100)
    found = aligned(tmp_path, rows, rows, notebook="03_finance_qa")
    assert score(found, 0, "f1") == pytest.approx(report.f1.value, abs=1e-12)
    assert score(found, 0, "exact_match") == pytest.approx(report.exact.value, abs=1e-12)
    assert score(found, 0, "f1", "answerable") == pytest.approx(report.answerable_f1, abs=1e-12)
    assert score(found, 0, "exact_match", "unanswerable") == pytest.approx(report.no_answer_accuracy, abs=1e-12)
    assert 0.3 < report.exact.value < report.f1.value < 0.95


def test_questions_are_sliced_by_their_word(tmp_path: Path) -> None:
    found = aligned(tmp_path, answer_rows(8, 0.5, 1), answer_rows(8, 0.5, 2), notebook="03_finance_qa")
    assert found.slices == ("all", "answerable", "unanswerable", "question how many", "question what", "question which", "question who")
    assert found.sums[0, :, :, 2].sum(axis=1).tolist() == [8, 6, 2, 2, 2, 2, 2]
    assert [question_word(q) for q in ("How much was it?", "Was it whatever?", "By how, and when?", "WHO")] == ["how much", "other", "how", "who"]


def test_the_order_of_lines_does_not_matter(tmp_path: Path) -> None:
    rows, mixed = entity_rows(30, 0.7, 1), entity_rows(30, 0.7, 1)
    random.Random(0).shuffle(mixed)
    found = aligned(tmp_path, rows, [row | {"gold": row["gold"][::-1]} for row in mixed])
    assert rows != mixed
    assert (found.sums[0] == found.sums[1]).all() and found.answers[0] == found.answers[1]
    turned = aligned(tmp_path / "turned", rows, [row | {"predicted": row["predicted"][::-1]} for row in rows])
    assert turned.answers[0] == turned.answers[1] != aligned(tmp_path / "b", rows, entity_rows(30, 0.7, 2)).answers[1]


def test_groups_are_documents_where_rows_name_them(tmp_path: Path) -> None:
    with_groups = aligned(tmp_path / "a", entity_rows(12, 0.7, 1, 4), entity_rows(12, 0.6, 2, 4), metrics={"interval_unit": "passage"})
    assert (with_groups.groups, with_groups.unit, with_groups.records) == (3, "passage", 12)
    single = aligned(tmp_path / "b", entity_rows(12, 0.7, 1), entity_rows(12, 0.6, 2))
    assert (single.groups, single.unit) == (12, "record")
    rows = entity_rows(12, 0.7, 1, 4)
    expected = np.zeros((3, 3))
    for number, row in enumerate(rows):
        gold, predicted = ({tuple(s) for s in row[key]} for key in ("gold", "predicted"))
        expected[number // 4] += len(gold & predicted), len(predicted), len(gold)
    assert with_groups.sums[0, 0].tolist() == expected.tolist()


def test_without_predictions_there_is_nothing_to_align(tmp_path: Path) -> None:
    for name in "ab":
        save_run(tmp_path, name, None, notebook="01_loss_math")
    assert align(select([tmp_path]).runs) is None


@pytest.mark.parametrize(("rows", "message"), [
    ([{"id": "x", "gold": [], "predicted": 3}], "'x': expected predicted as a text .* found '3'"),
    ([{"id": "x", "gold": [[1, 2]], "predicted": []}], r"'x': expected gold as a list of \[start, end, label\], found \[\[1, 2\]\]"),
    ([{"id": "x", "gold": "no", "predicted": "yes"}], "'x': expected gold as a list of texts"),
    ([{"id": "x", "gold": [], "predicted": ""}] * 2, "expected every id once, found 2 rows with 1 ids"),
    ([], "expected at least one record in predictions.jsonl, found none"),
])
def test_rows_of_another_kind_are_refused(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        aligned(tmp_path, rows, rows)
