"""Which runs are compared, against which, and which are refused with what reason; what differs between them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparison_samples import HASHES, answer_rows, entity_rows, save_run

from course_lib.comparison.compare import Comparison, compare
from course_lib.comparison.differences import inputs_of, label_of, seed_groups
from course_lib.comparison.load import select
from course_lib.errors import ConfigError, CourseError

ROWS = entity_rows(20, 0.7, 1)


def ids(comparison: Comparison) -> list[str]:
    return [run.id for run in comparison.runs]


# ---- selection ---------------------------------------------------------------
def test_a_folder_starts_with_its_first_run(tmp_path: Path) -> None:
    save_run(tmp_path / "02_medical_ner", "late", ROWS, started="2026-03-02T10:00:00+00:00")
    save_run(tmp_path / "02_medical_ner", "early", ROWS, started="2026-03-01T10:00:00+00:00")
    for folder in (tmp_path, tmp_path / "02_medical_ner"):  # one and two levels above the runs
        selection = select([folder])
        assert [run.id for run in selection.runs] == ["early", "late"] and selection.rule == "the run that started first"


def test_named_runs_keep_their_order_and_against_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path))
    a, b, c = (save_run(tmp_path / "02_medical_ner", name, ROWS) for name in "abc")
    assert ids(compare([b, a], resamples=100)) == ["b", "a"]
    assert ids(compare([a, b], against=c, resamples=100)) == ["c", "a", "b"]
    assert ids(compare(["a", "b", str(a)], against="b", resamples=100)) == ["b", "a"]  # by id, and each once


def test_failed_runs_and_drafts_of_a_folder_are_left_out(tmp_path: Path) -> None:
    for name in "ab":
        save_run(tmp_path, name, ROWS)
    save_run(tmp_path, "c", None, metrics={}, outcome="failed", error="cell 3: ValueError: no")
    draft = save_run(tmp_path, "d", ROWS)
    draft.rename(tmp_path / ".d-1234.part")
    (tmp_path / "e-damaged-12ab").mkdir()
    (tmp_path / "e-damaged-12ab" / "manifest.json").write_text("{")
    selection = select([tmp_path])
    assert [run.id for run in selection.runs] == ["a", "b"]
    assert selection.left_out == (("c", "failed: cell 3: ValueError: no"),
                                  ("e-damaged-12ab", "set aside by a sweep: it was no finished run of that name"))
    assert "'f': expected manifest schema 1; found 9" in refused([save_run(tmp_path, "f", ROWS, schema=9).parent])  # not left out


def refused(given: list[Path], **more: object) -> str:
    with pytest.raises(CourseError) as found:
        compare(given, resamples=100, **more)
    return str(found.value)


def test_other_test_sets_are_refused_and_ids_named(tmp_path: Path) -> None:
    a = save_run(tmp_path, "a", ROWS)
    b = save_run(tmp_path, "b", [row for row in ROWS if row["id"] not in ("r0003", "r0005", "r0007", "r0011")])
    message = refused([a, b])
    assert "expected runs on the same test records, found 20 in a and 16 in b: 4 ids only in a (r0003, r0005, r0007)" in message
    assert "same corpus and profile" in message


def test_another_gold_answer_is_another_test_set(tmp_path: Path) -> None:
    a = save_run(tmp_path, "a", ROWS)
    b = save_run(tmp_path, "b", [ROWS[0] | {"gold": []}, *ROWS[1:]])
    assert "1 ids with another gold answer (r0000)" in refused([a, b])


def test_other_documents_are_another_test_set(tmp_path: Path) -> None:
    a = save_run(tmp_path, "a", [row | {"group": "d1"} for row in ROWS])
    b = save_run(tmp_path, "b", [ROWS[0] | {"group": "d2"}, *(row | {"group": "d1"} for row in ROWS[1:])])
    assert "1 ids of another document (group) (r0000)" in refused([a, b])
    assert compare([a, save_run(tmp_path, "c", ROWS)], resamples=100).aligned is not None  # saved before rows had groups


def test_too_few_and_mixed_runs_are_refused(tmp_path: Path) -> None:
    a = save_run(tmp_path / "02_medical_ner", "a", ROWS)
    assert "expected at least two different finished runs, found 1" in refused([a])
    assert "found 1" in refused([a, a])
    save_run(tmp_path / "02_medical_ner", "f", None, metrics={}, outcome="failed", error="x")
    assert "found 1 and 1 that did not finish well" in refused([tmp_path])
    save_run(tmp_path / "03_finance_qa", "q", answer_rows(20, 0.5, 1), notebook="03_finance_qa")
    assert "expected runs of one notebook, found 02_medical_ner (1), 03_finance_qa (1)" in refused([tmp_path])


def test_folders_and_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    a = save_run(tmp_path, "a", ROWS)
    (tmp_path / "photos").mkdir()
    assert "manifest.json" in refused([a, tmp_path / "photos"])
    failed = save_run(tmp_path, "b", None, metrics={}, outcome="failed", error="cell 3")
    assert "'b': expected outcome ok, found failed: cell 3" in refused([a, failed])
    empty = save_run(tmp_path, "c", ROWS, metrics={})
    assert "'c': expected numbers in metrics.json, found none" in refused([a, empty])
    other = save_run(tmp_path, "d", ROWS, schema=7)
    assert "schema 1" in refused([a, other]) and "7" in refused([a, other])
    nested = save_run(tmp_path, "e", ROWS, metrics={"f1": {"a": 1}})
    assert "metrics.json" in refused([a, nested])
    bare = save_run(tmp_path, "g", None)
    assert "expected predictions.jsonl in every run, found none in g" in refused([a, bare])
    assert "expected a run folder or the id of one" in refused([a, Path("nowhere")])


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    a, b = (save_run(tmp_path, name, ROWS) for name in "ab")
    (b / "predictions.jsonl").write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    assert "changed since" in refused([a, b])


@pytest.mark.parametrize("resamples", [99, 100_001])
def test_resamples_have_bounds(tmp_path: Path, resamples: int) -> None:
    with pytest.raises(ConfigError, match=f"expected 100 to 100000, found {resamples}"):
        compare([tmp_path], resamples=resamples)


# ---- what differs ------------------------------------------------------------
def test_settings_that_differ_are_told_from_common_ones(tmp_path: Path) -> None:
    save_run(tmp_path, "a", ROWS, settings={"epochs": 3, "profile": "auto"})
    save_run(tmp_path, "b", ROWS, settings={"epochs": 4, "profile": "cpu"}, precision="bf16", hashes=HASHES | {"code": "e" * 64})
    inputs = inputs_of(select([tmp_path]).runs)
    assert inputs.differing == ["epochs", "precision"]  # profile is the resolved one; output_dir is a place
    assert "output_dir" not in inputs.common and inputs.common["profile"] == "cpu"
    assert inputs.other_differing == ["code"]
    assert label_of(inputs, 1) == "epochs 4, precision bf16, code eeeeeeee"


def test_runs_that_differ_only_in_seed_are_one_group(tmp_path: Path) -> None:
    for name, seed, epochs in (("a", 0, 3), ("b", 1, 3), ("c", 0, 4), ("d", 1, 3)):  # d repeats b
        save_run(tmp_path, name, ROWS, settings={"seed": seed, "epochs": epochs})
    save_run(tmp_path, "e", ROWS, settings={"seed": 2}, hashes=HASHES | {"code": "e" * 64})  # other code: not only the seed
    save_run(tmp_path, "f", ROWS, settings={"seed": 2, "seeds": [2, 3]})  # a mean over seeds is not one more seed
    save_run(tmp_path, "g", ROWS, settings={"seed": 5}, versions={"python": "3.12.1"})
    groups = seed_groups(inputs_of(select([tmp_path]).runs))
    assert [group.runs for group in groups] == [(0, 1, 6), (2,), (4,), (5,)]
    assert groups[0].seeds == ("0", "1", "5") and [group.label for group in groups] == [
        "epochs 3, code bbbbbbbb", "epochs 4, code bbbbbbbb", "epochs 3, code eeeeeeee", "epochs 3, code bbbbbbbb"]


def test_mean_and_spread_over_seeds_by_hand(tmp_path: Path) -> None:
    """Two documents, 1 and 2 of 2 found under two seeds: F1 2/3 and 1, mean 5/6, sd |1 - 2/3| / sqrt 2; the other finds nothing."""
    gold = [[0, 1, "A"]]
    for name, seed, epochs, found in (("a", 0, 3, 1), ("b", 1, 3, 2), ("c", 0, 4, 0)):
        rows = [{"id": str(i), "gold": gold, "predicted": gold if i < found else []} for i in range(2)]
        save_run(tmp_path, name, rows, settings={"seed": seed, "epochs": epochs})
    comparison = compare([tmp_path], resamples=100)
    first, second = (g for g in comparison.group_results if g.score == "entity_f1")
    assert first.values == pytest.approx((2 / 3, 1)) and first.mean == pytest.approx(5 / 6)
    assert first.sd == pytest.approx(1 / 3 / 2**0.5) and first.difference is None
    assert second.sd != second.sd and second.difference is not None and second.difference.value == pytest.approx(-5 / 6)
