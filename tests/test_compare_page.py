"""The page, the table and the sentences of a comparison, and the command that writes them."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from comparison_samples import HASHES, answer_rows, entity_rows, history, save_run
from typer.testing import CliRunner

from course_lib.cli.app import app
from course_lib.comparison import words
from course_lib.comparison.compare import Comparison, PValues, compare
from course_lib.comparison.figures import curve_of
from course_lib.comparison.page import render
from course_lib.comparison.table import COLUMNS, csv_text
from course_lib.evaluation.bootstrap import Interval


def entity_runs(root: Path, runs: int = 4, records: int = 48) -> Path:
    """Half of the runs at each of two learning rates, several seeds."""
    for i in range(runs):
        save_run(
            root, f"run{i:03d}", entity_rows(records, 0.6 + 0.2 * (i % 2), i, per_document=4),
            settings={"seed": i // 2, "learning_rate": 1e-4 * (1 + i % 2)}, started=f"2026-03-01T10:{i % 60:02d}:00+00:00",
            metrics={"test_records": records, "train_seconds": 2.0 + i, "validation_entity_f1": 0.5, "validation_entity_f1_low": 0.25,
                     "validation_entity_f1_high": 0.75, "interval_unit": "document"},
            history=history(3, "validation_entity_f1", 0.6 + 0.1 * (i % 2)),
        )
    return root


class Page(HTMLParser):
    """Collects what a page would fetch, its images' alt texts, headings and rows, and checks that tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.alts: list[str] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.fetched += [str(values[key]) for key in ("src", "href", "srcset", "data", "action") if key in values]
        if tag == "img":
            self.alts.append(str(values.get("alt") or ""))
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "h2":
            self.headings[-1] += data


# ---- page --------------------------------------------------------------------
def test_the_page_holds_everything_and_fetches_nothing(tmp_path: Path) -> None:
    text = render(compare([entity_runs(tmp_path)], resamples=200))
    page = Page(text)
    assert page.open == [] and "http" not in text and "url(" not in text and "<script" not in text
    assert len(page.fetched) == len(page.alts) == 3 and all(src.startswith("data:image/png;base64,") for src in page.fetched)
    assert [alt.split(":")[0] for alt in page.alts[:2]] == ["Difference to run 1 in entity F1, in points", "entity F1 by seed"]
    assert page.alts[2].startswith("Training loss and validation entity F1 by epoch")
    assert page.headings == ["What the data show", "What they do not show", "Runs", "entity F1", "Over seeds", "By type of entity",
                             "Learning curves", "Metrics as saved", "Other inputs", "How it was computed", "The CSV beside this page"]


def test_the_page_shows_the_numbers_of_the_comparison(tmp_path: Path) -> None:
    comparison = compare([entity_runs(tmp_path)], resamples=200)
    rows = Page(render(comparison)).rows
    result = comparison.result(1, "entity_f1")
    own, gain, p = result.own, result.difference, result.p
    assert gain is not None and p is not None and p.holm == pytest.approx(min(1, 3 * p.permutation))
    expected = ["2", "learning_rate 0.0002", f"{comparison.result(1, 'precision').own.value:.3f}",
                f"{comparison.result(1, 'recall').own.value:.3f}", f"{own.value:.3f} [{own.low:.3f}, {own.high:.3f}]",
                f"{words.signed(gain.value)} [{words.range_text(gain)}]", *(f"{x:.4f}" for x in (p.bootstrap, p.permutation, p.holm))]
    assert [cell.replace("seed 0, ", "") for cell in next(r for r in rows if len(r) == 9 and r[0] == "2")] == expected
    assert ["validation_entity_f1", *["0.500 [0.250, 0.750]"] * 4] in rows
    assert ["2", "3", "2.000", "0.667", "0.613", "0.613"] in rows  # 0.7 * (1 - 1/8) after three epochs


def test_equal_comparisons_give_equal_pages(tmp_path: Path) -> None:
    entity_runs(tmp_path)
    assert render(compare([tmp_path], resamples=200)) == render(compare([tmp_path], resamples=200))


def test_values_of_runs_are_text_on_the_page(tmp_path: Path) -> None:
    for i in range(2):
        save_run(tmp_path, f"r{i}", entity_rows(12, 0.7, i), settings={"corpus": f"<script>alert({i})</script>"},
                 metrics={"note": "<b>x</b>"})
    save_run(tmp_path, "f", None, metrics={}, outcome="failed", error="<img src=x>")
    text = render(compare([tmp_path], resamples=100))
    assert "<script" not in text and "<b>" not in text and "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text and "&lt;img src=x&gt;" in text


def test_runs_without_predictions_are_laid_side_by_side(tmp_path: Path) -> None:
    for i in range(2):
        save_run(tmp_path, f"r{i}", None, notebook="01_loss_math", settings={"seed": i}, metrics={"best_pull": 0.5 + i})
    comparison = compare([tmp_path])
    assert words.summary(comparison)[0].startswith("These runs saved no predictions, so nothing can be tested")
    assert ["best_pull", "0.500", "1.500"] in Page(render(comparison)).rows
    assert "metrics.json,best_pull" in csv_text(comparison)


def test_the_table_is_tidy_and_its_columns_are_explained(tmp_path: Path) -> None:
    """One line a run, source, metric and slice; numbers and texts in columns of their own; each column told on the page."""
    comparison = compare([entity_runs(tmp_path)], resamples=200)
    rows = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    keys = [(row["run"], row["source"], row["metric"], row["slice"]) for row in rows]
    assert len(set(keys)) == len(keys) == 4 * (6 + 6)  # F1 on all and 3 types, precision, recall; and six keys of metrics.json
    assert all(float(row["value"]) >= 0 for row in rows if not row["text"])
    assert [row["value"] for row in rows if row["text"] == "document"] == [""] * 4
    told = Page(render(comparison)).rows
    assert COLUMNS and all([name, text] in told for name, text in COLUMNS.items())


def test_answers_have_two_tested_scores_and_kinds_of_questions(tmp_path: Path) -> None:
    for i in range(3):
        save_run(tmp_path, f"r{i}", answer_rows(80, 0.4 + 0.2 * i, i), notebook="03_finance_qa", settings={"epochs": i + 1})
    comparison = compare([tmp_path], resamples=200)
    page, tested = Page(render(comparison)), [r.p for r in comparison.results if r.p is not None]
    assert comparison.tests == len(tested) == 4  # two runs with two scores each: Holm's correction is for all four
    smallest = min(tested, key=lambda p: p.permutation)
    assert smallest.holm == pytest.approx(min(1, 4 * smallest.permutation))
    assert page.headings[3:6] == ["answer F1", "exact match", "By kind of question"]
    slices = {row[0] for row in page.rows if len(row) == 6 and row[1] in ("answer F1", "exact match")}
    assert slices == {"answerable", "unanswerable", "question what", "question how many", "question who", "question which"}


def test_a_slice_in_few_documents_has_no_interval(tmp_path: Path) -> None:
    for i in range(2):
        rows = entity_rows(40, 0.6 + 0.2 * i, i)
        rows[0]["gold"] = [*rows[0]["gold"], [200, 205, "RARE"]]
        save_run(tmp_path, f"r{i}", rows, settings={"epochs": i})
    comparison = compare([tmp_path], resamples=200)
    rare, common = (comparison.result(1, "entity_f1", f"type {t}") for t in ("RARE", "DISEASE"))
    assert rare.count == 1 and rare.own.low != rare.own.low and common.own.low < common.own.high
    assert ["type RARE", "entity F1", "2", "1 gold entities", "0.000", "0.0"] in Page(render(comparison)).rows


# ---- sentences ---------------------------------------------------------------
@pytest.fixture
def two(tmp_path: Path) -> Comparison:
    for i in range(3):
        save_run(tmp_path, f"r{i}", entity_rows(60, 0.7, i, 3), settings={"epochs": 3 + i})
    return compare([tmp_path], resamples=200)


@pytest.mark.parametrize(("low", "high", "p", "holm", "said"), [
    (-0.01, 0.03, 0.3, 0.6, "includes 0 (p = 0.3000, 0.6000 after Holm's correction): the data do not show a difference. Nor do they "
                            "show that the two are equal: every difference in that interval fits these 20 documents."),
    (0.01, 0.03, 1e-5, 2e-5, "leaves out 0 (p < 0.0001, < 0.0001 after Holm's correction): the data show a difference"),
    (0.01, 0.03, 0.001, 0.002, "leaves out 0 (p = 0.0010, 0.0020 after Holm's correction): the data show a difference between these two "
                               "models, on texts like these 20 documents."),
    (0.001, 0.03, 0.03, 0.06, "leaves out 0, but among 2 comparisons some do so by chance: after correction the data do not show a difference"),
    (0.001, 0.03, 0.06, 0.12, "leaves out 0, but the permutation test does not show a difference"),
    (-0.001, 0.03, 0.01, 0.02, "includes 0, but the permutation test does show a difference"),
])
def test_a_finding_says_what_its_numbers_say(two: Comparison, low: float, high: float, p: float, holm: float, said: str) -> None:
    result = replace(two.result(1, "entity_f1"), own=Interval(0.82, 0.8, 0.84), difference=Interval(0.02, low, high, "document"),
                     p=PValues(p, p, holm, holm))
    assert two.aligned is not None
    sentence = words.finding(two, two.aligned.task.scores[0], result)
    assert sentence.startswith("Run 2 (epochs 4) is 2.0 points above run 1 in entity F1 (0.820 against ")
    assert f"The 95 % interval of the difference, {words.signed(low)} to {words.signed(high)} points, {said}" in sentence


def test_equal_answers_and_seeds_have_sentences_of_their_own(tmp_path: Path) -> None:
    save_run(tmp_path, "a", entity_rows(40, 0.7, 1), settings={"seed": 0})
    save_run(tmp_path, "b", entity_rows(40, 0.7, 1), settings={"seed": 0, "epochs": 9})
    save_run(tmp_path, "c", entity_rows(40, 0.5, 2), settings={"seed": 1})
    comparison = compare([tmp_path], resamples=200)
    told = words.summary(comparison)
    assert told[0] == "Run 2 (seed 0, epochs 9) gives the same answers as run 1 on every record: there is nothing to test."
    assert "The two differ only in the seed: what lies between them is noise of training" in told[1]
    assert "over n = 2 seeds" in told[2] and told[3].startswith("Configuration 2 (epochs 9): one seed")
    same = comparison.result(1, "entity_f1").p
    assert same is not None and same.permutation == same.bootstrap == same.holm == 1.0


def test_a_difference_within_the_spread_of_seeds_is_doubted(tmp_path: Path) -> None:
    for name, quality, seed, epochs in (("a", 0.5, 0, 3), ("b", 0.9, 1, 3), ("c", 0.75, 0, 4)):
        save_run(tmp_path, name, entity_rows(200, quality, seed), settings={"seed": seed, "epochs": epochs})
    comparison = compare([tmp_path], resamples=200)
    spread = next(g.sd for g in comparison.group_results if g.score == "entity_f1" and g.group == 0)
    assert f"Seeds alone spread this score by a standard deviation of {100 * spread:.1f} points (n = 2)" in words.summary(comparison)[1]


@pytest.mark.parametrize(("sds", "doubted"), [(2.7, True), (2.9, False)])
def test_two_single_runs_differ_more_than_one_does(two: Comparison, sds: float, doubted: bool) -> None:
    """The standard deviation of a difference of two is √2 that of one, so the limit is 2√2, about 2.83, of it."""
    rows = [replace(g, sd=0.01) if g.score == "entity_f1" else g for g in two.group_results]
    result = replace(two.result(1, "entity_f1"), difference=Interval(0.01 * sds, 0.001, 0.05, "document"))
    told = words.finding(replace(two, group_results=tuple(rows)), two.aligned.task.scores[0], result)  # type: ignore[union-attr]
    assert ("another seed may undo it" in told) is doubted


def test_cautions_name_what_else_differs_and_what_does_not_fit(tmp_path: Path) -> None:
    rows = entity_rows(30, 0.7, 1)
    save_run(tmp_path, "a", rows, metrics={"test_entity_f1": 0.1})
    save_run(tmp_path, "b", rows, hashes=HASHES | {"code": "e" * 64, "checkpoint": "f" * 64}, settings={"checkpoint": "other"})
    text = " ".join(words.cautions(compare([tmp_path], resamples=200)))
    assert "The settings are not all that differs between the runs: code does too." in text  # the checkpoint is a setting here
    assert "metrics.json (the cause is not known): run 1 entity F1 0." in text and "metrics.json 0.100." in text
    assert "single records are resampled" in text and "only 30 records" in text and "with one seed" in text
    assert "say nothing of what another seed would give" in text and "more than one setting" not in text


def test_what_resampling_says_of_seeds_stands_on_every_page(tmp_path: Path) -> None:
    for name, seed, epochs in (("a", 0, 3), ("b", 1, 3), ("c", 1, 4)):
        save_run(tmp_path, name, entity_rows(20, 0.7, seed), settings={"seed": seed, "epochs": epochs})
    text = " ".join(words.cautions(compare([tmp_path], resamples=100)))
    assert "say nothing of what another seed would give. 1 of 2 configurations have one seed only. A standard deviation over 2" in text
    assert "Run 3 differs from run 1 in more than one setting" in text  # seed and epochs


def test_runs_that_were_left_out_are_told(tmp_path: Path) -> None:
    for i in range(2):
        save_run(tmp_path, f"r{i}", entity_rows(12, 0.7, i), settings={"epochs": i})
    save_run(tmp_path, "f", None, metrics={}, outcome="failed", error="loss is nan")
    comparison = compare([tmp_path], resamples=100)
    assert any(s.startswith("1 run of the folder is left out, not having finished well (f)") for s in words.cautions(comparison))
    assert ["f", "failed: loss is nan"] in Page(render(comparison)).rows


def test_no_sentence_says_that_there_is_no_difference(tmp_path: Path) -> None:
    for runs, records in ((2, 8), (5, 30), (16, 24)):
        comparison = compare([entity_runs(tmp_path / f"{runs}", runs, records)], resamples=200)
        text = " ".join(words.summary(comparison) + words.cautions(comparison)).lower()
        assert re.search("do(es)? not show a difference", text)
        assert not re.search(r"no (significant )?difference|not (significantly )?differ|are (the same|equivalent)|insignificant", text)


def test_a_test_that_cannot_show_anything_says_so(tmp_path: Path) -> None:
    """Five documents: 2 of 32 exchanges are the least, 0.0625; 15 runs with 101 patterns: 15/101 is the least."""
    for i in range(2):
        save_run(tmp_path / "few", f"r{i}", entity_rows(5, 0.2 + 0.8 * i, i), settings={"epochs": i})
    assert any("is 0.062, so after correction for 1 comparison none can be below 0.05: take a larger test set." in s
               for s in words.cautions(compare([tmp_path / "few"], resamples=200)))
    many = compare([entity_runs(tmp_path / "many", 16, 120)], resamples=100)
    assert any("is 0.0099, so after correction for 15 comparisons none" in s and "more --resamples" in s for s in words.cautions(many))
    assert not any("smallest p-value" in s for s in words.cautions(compare([tmp_path / "many"], resamples=1000)))


def test_small_p_values_are_not_zero() -> None:
    assert [words.p_text(p) for p in (1.0, 0.0123, 1 / 10001)] == ["1.0000", "0.0123", "< 0.0001"]


def test_many_runs_are_told_in_one_sentence(tmp_path: Path) -> None:
    comparison = compare([entity_runs(tmp_path, 16, 24)], resamples=200)
    told = words.summary(comparison)
    assert re.match(r"In entity F1, of 15 runs compared with run 1, (none is|1 is|\d+ are) above it and ", told[0])
    best = max(comparison.results[1:16], key=lambda r: r.own.value)
    assert best.score == "entity_f1" and told[1].startswith(f"The highest of them: Run {best.run + 1} (")


# ---- table and command -------------------------------------------------------
def test_forty_runs_in_one_table(tmp_path: Path) -> None:
    """Also: no run is lost, and every p-value is corrected for all 39 comparisons."""
    comparison = compare([entity_runs(tmp_path, 40, 60)], resamples=500)
    rows = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    assert list(rows[0]) == [*COLUMNS, "setting:seed", "setting:learning_rate"]
    tested = [row for row in rows if row["p_permutation"]]
    assert len(tested) == 39 and {row["run"] for row in rows} == {str(i + 1) for i in range(40)}
    assert sum(row["source"] == "predictions" for row in rows) == 40 * (4 + 2)  # F1 on all and 3 types, precision, recall
    smallest = min(tested, key=lambda row: float(row["p_permutation"]))
    assert float(smallest["p_permutation_holm"]) == pytest.approx(min(1.0, 39 * float(smallest["p_permutation"])))
    assert {row["configuration"] for row in rows} == {"1", "2"}
    page = Page(render(comparison))
    assert page.open == []
    assert sum(len(row) == 9 for row in page.rows) == 41  # a head and every run


def test_the_command_writes_page_and_table(tmp_path: Path) -> None:
    entity_runs(tmp_path / "my runs")
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "my runs"), "--resamples", "200"])
    assert result.exit_code == 0, result.output
    assert "What the data show" in result.stdout and "compare.html" in result.stdout
    assert (tmp_path / "my runs" / "compare.html").read_text(encoding="utf-8").endswith("</html>\n")
    assert (tmp_path / "my runs" / "compare.csv").read_text(encoding="utf-8").startswith("run,id,")


def test_the_command_prints_json_alone(tmp_path: Path) -> None:
    entity_runs(tmp_path)
    out = tmp_path / "weekly" / "page.html"
    result = CliRunner().invoke(app, ["compare", str(tmp_path), "--against", str(tmp_path / "run001"), "--out", str(out), "--resamples",
                                      "200", "--json"])
    value = json.loads(result.stdout)
    assert value["baseline"] == "run001" and value["page"] == str(out) and (tmp_path / "weekly" / "page.csv").is_file()
    assert value["groups"] == 12 and len(value["runs"]) == 4 and value["results"][0]["value"] > 0
    assert [row["n"] for row in value["seeds"] if row["score"] == "entity_f1"] == [2, 2]


def test_nothing_of_anybody_else_is_written_over(tmp_path: Path) -> None:
    entity_runs(tmp_path / "runs", 2)
    inside = CliRunner().invoke(app, ["compare", str(tmp_path / "runs"), "--out", str(tmp_path / "runs" / "run000" / "report.html")])
    assert inside.exit_code == 2 and "expected a place outside the run folders, found run 'run000'" in inside.stderr
    (tmp_path / "sales.csv").write_text("month,sum\n1,2\n")
    command = ["compare", str(tmp_path / "runs"), "--resamples", "100", "--out"]
    other = CliRunner().invoke(app, [*command, str(tmp_path / "sales.html")])
    assert other.exit_code == 2 and "expected no file 'sales.csv' beside the page" in other.stderr
    assert (tmp_path / "sales.csv").read_text() == "month,sum\n1,2\n" and not (tmp_path / "sales.html").exists()
    for _ in range(2):  # its own table is written anew every week
        assert CliRunner().invoke(app, [*command, str(tmp_path / "weekly.html")]).exit_code == 0


def test_runs_of_several_folders_are_compared_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = entity_rows(12, 0.7, 1)
    a, b = save_run(tmp_path / "x", "a", rows), save_run(tmp_path / "y", "b", rows, settings={"epochs": 9})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert CliRunner().invoke(app, ["compare", str(a), str(b), "--resamples", "100"]).exit_code == 0
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["compare.csv", "compare.html"]


@pytest.mark.parametrize("name", ["page.pdf", "page"])
def test_refusals_exit_with_two_and_write_nothing(tmp_path: Path, name: str) -> None:
    entity_runs(tmp_path / "runs")
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "runs"), "--out", str(tmp_path / name)])
    assert result.exit_code == 2 and "expected the name of a page that ends in .html" in result.stderr
    assert CliRunner().invoke(app, ["compare", str(tmp_path / "runs" / "run000")]).exit_code == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]


def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    entity_runs(tmp_path / "runs", 2)
    (tmp_path / "file").write_text("x")
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "runs"), "--resamples", "100", "--out", str(tmp_path / "file" / "p.html")])
    assert result.exit_code == 2 and "expected a folder that can be written to" in result.stderr


def test_the_command_imports_nothing_heavy_before_it_is_called() -> None:
    code = ("import sys, course_lib.cli.commands.compare, course_lib.comparison; "
            "print([m for m in ('numpy', 'matplotlib', 'torch', 'course_lib.evaluation') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_curve_takes_the_monitored_column_or_the_first(tmp_path: Path) -> None:
    text = "epoch,train_loss,validation_precision,validation_entity_f1\n1,2.0,0.1,0.2\n2,1.0,,0.4\n"
    for i in range(2):
        save_run(tmp_path, f"r{i}", None, notebook="x", history=text)
    run = compare([tmp_path]).runs[0]
    assert curve_of(run, "validation_entity_f1") == ([2.0, 1.0], [0.2, 0.4])
    losses, scores = curve_of(run, "validation_f1")
    assert losses == [2.0, 1.0] and scores[0] == 0.1 and scores[1] != scores[1]  # an empty cell is a gap
