"""The same numbers or not, to the bit or within the tolerance, and which input changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import books
import pytest
from books import FAKE, METRICS, add_fake, results, write_book
from typer.testing import CliRunner

from course_lib import manifest, verification
from course_lib.cli.app import app
from course_lib.engine import Failure
from course_lib.errors import ConfigError
from course_lib.execution import RunRequest, execute
from course_lib.runfolder import RunFolder, read
from course_lib.verification import (
    changed_inputs,
    compare_metrics,
    compare_predictions,
    resolved_parameters,
    tolerance_for,
    verify,
)

fake, no_kernel = books.fake, books.no_kernel


@pytest.fixture
def run(no_kernel: Callable[..., None], fake: Path, tmp_path: Path) -> RunFolder:
    return read(execute(RunRequest(FAKE, {"seed": 3}, source=fake, run_id="first"), tmp_path / "runs").folder)


def test_the_same(run: RunFolder, fake: Path):
    verdict = verify(run, source=fake)
    assert verdict.same and verdict.rule == "to the bit" and verdict.differences == verdict.inputs == ()
    assert sorted(p.name for p in run.path.parent.iterdir()) == ["first"], "the second execution leaves nothing"


def test_the_same_in_two_processes(tmp_path: Path):
    """With kernels: a run from nothing but its manifest."""
    with pytest.MonkeyPatch.context() as patch:
        add_fake(patch)
        book = write_book(tmp_path / "b.ipynb", METRICS)
        folder = execute(RunRequest(FAKE, {"seed": 3, "text": "it's {x}"}, source=book), tmp_path / "runs").folder
        verdict = verify(read(folder), source=book)
    assert verdict.same and not verdict.differences


def test_times_do_not_count(run: RunFolder, fake: Path, no_kernel):
    no_kernel(lambda folder, parameters: results(folder, parameters, total_seconds=9.0, rows_per_second=3))
    assert verify(run, source=fake).same


def test_other_numbers_are_listed(run: RunFolder, fake: Path, no_kernel):
    def other(folder: Path, parameters: dict[str, Any]) -> None:
        results(folder, parameters, score=3 / 7 + 1e-12, new=1)
        rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
        rows[2]["predicted"], rows[4]["margin"] = [], 1.3333
        (folder / "predictions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    no_kernel(other)
    verdict = verify(run, source=fake)
    assert not verdict.same and verdict.inputs == ()
    assert verdict.differences == (f"metric score: {3 / 7} -> {3 / 7 + 1e-12}", "metric new: none -> 1",
                                   "predictions: 2 of 5 rows differ, first 2, 4")


@pytest.mark.parametrize(("factor", "same"), [(1 + 1e-6, True), (1.001, False)])
def test_on_another_kind_of_machine_within_the_tolerance(run: RunFolder, fake: Path, no_kernel, monkeypatch, factor, same):
    no_kernel(lambda folder, parameters: results(folder, parameters, score=3 / 7 * factor))
    here = manifest.plain_hardware()
    monkeypatch.setattr(manifest, "plain_hardware", lambda: here | {"cpu": "Another 9000"})
    verdict = verify(run, source=fake)
    assert verdict.same == same and verdict.rule == "within 0.0001 (relative), because the kind of machine differs"
    assert verdict.inputs == (f"hardware, cpu: {here['cpu']} -> Another 9000",)


def test_a_notebook_that_fails_now(run: RunFolder, fake: Path, no_kernel):
    no_kernel(lambda *_: Failure("cell 2: ValueError: x"))
    verdict = verify(run, source=fake)
    assert not verdict.same and verdict.rule == "the notebook fails now" and verdict.error == "cell 2: ValueError: x"


def test_changed_notebook_and_code_are_named(run: RunFolder, fake: Path, monkeypatch):
    write_book(fake, METRICS, "'changed'")
    monkeypatch.setattr(manifest, "code_hash", lambda: "0" * 64)
    assert verify(run, source=fake).inputs == ("notebook: other content", "code: other content")


def test_only_finished_and_unchanged_runs(run: RunFolder, fake: Path, no_kernel, tmp_path: Path):
    (run.path / "history.csv").write_text("")
    (run.path / "predictions.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match="found changes in predictions.jsonl"):
        verify(run, source=fake)
    no_kernel(lambda *_: Failure("cell 2: x"))
    failed = read(execute(RunRequest(FAKE, source=fake), tmp_path / "runs").folder)
    with pytest.raises(ConfigError, match=r"expected a finished run to verify, found outcome 'failed' \(cell 2: x\)"):
        verify(failed, source=fake)


# ---- the rules ------------------------------------------------------------------------
BASE: dict[str, Any] = {
    "parameters": {"seed": 3}, "settings": {"seed": 3, "epochs": 2, "threads": None, "precision": "auto"}, "profile": "cpu", "seed": 3,
    "precision": "bf16", "threads": 2, "device": "cpu", "versions": {"torch": "2.13.0", "python": "3.11.7"},
    "hashes": {"notebook": "n", "code": "c", "checkpoint": "w", "corpora": {"a": "1", "b": "2"}},
    "hardware": {"system": "Linux", "machine": "x86_64", "cpu": "X", "cores": 2, "memory_gib": 8, "gpu": None,
                 "cpu_bf16": True, "cpu_capability": "AVX512"},
}


def changed(**parts: Any) -> dict[str, Any]:
    return {key: value | parts[key] if isinstance(value, dict) and key in parts else parts.get(key, value) for key, value in BASE.items()}


@pytest.mark.parametrize(("new", "tolerance"), [
    ({}, 0.0), ({"hardware": {"cores": 64, "memory_gib": 1, "cpu_bf16": False}}, 0.0), ({"hardware": {"cpu": "Y"}}, 2e-2),
    ({"hardware": {"cpu_capability": "AVX2"}}, 2e-2), ({"threads": 1}, 2e-2), ({"precision": "fp32"}, 2e-2), ({"device": "cuda"}, 2e-2),
])
def test_bits_are_compared_on_the_same_kind_of_machine_only(new, tolerance):
    assert tolerance_for(BASE, changed(**new)) == tolerance
    assert tolerance_for(changed(precision="fp32"), changed(precision="fp32", threads=1)) == 1e-4


@pytest.mark.parametrize(("new", "lines"), [
    ({}, []), ({"hardware": {"memory_gib": 1, "cpu_bf16": False}}, []),
    ({"hashes": {"checkpoint": "v"}}, ["checkpoint: other content"]),
    ({"hashes": {"corpora": {"a": "1", "b": "3", "c": "4"}}}, ["corpus b: other content", "corpus c: newly read"]),
    ({"hashes": {"corpora": {"a": "1"}}}, ["corpus b: no longer read"]),
    ({"versions": {"torch": "2.14.0"}}, ["version of torch: 2.13.0 -> 2.14.0"]),
    ({"hardware": {"cores": 4}}, ["hardware, cores: 2 -> 4"]),
    ({"settings": {"epochs": 3, "threads": 2, "precision": "bf16"}}, ["setting epochs: 2 -> 3"]),
    ({"threads": 1}, ["threads: 2 -> 1"]),
])
def test_changed_inputs(new, lines):
    assert changed_inputs(BASE, changed(**new)) == lines


def test_a_run_is_repeated_with_what_auto_meant():
    assert resolved_parameters(BASE) == {"seed": 3, "profile": "cpu", "precision": "bf16", "threads": 2}
    assert resolved_parameters(changed() | {"settings": {}}) == {"seed": 3}, "begin was not reached: nothing is known"


@pytest.mark.parametrize(("a", "b", "tolerance", "same"), [
    (0.5, 0.5, 0.0, True), (0.5, 0.5 + 1e-9, 0.0, False), (0.5, 0.5 + 1e-9, 1e-4, True), (0.5, 0.501, 1e-4, False),
    (0.0, 5e-5, 1e-4, True), (3, 3, 0.0, True), (3, 4, 0.5, False), (3, 3.0, 0.0, False), ("x", "y", 1.0, False), (1, True, 0.0, False),
])
def test_metrics_are_close(a, b, tolerance, same):
    assert (compare_metrics({"m": a}, {"m": b}, tolerance) == []) == same
    row = {"id": "r", "gold": [], "predicted": a}
    assert (compare_predictions([row], [row | {"predicted": b}], tolerance) == []) == same


def test_rows_that_are_missing():
    assert compare_predictions([{"id": 1}], [], 0.0) == ["predictions: 1 rows -> 0 rows"]
    assert compare_metrics({"gone": 1, "a_seconds": 1, "a_per_second_sd": 1}, {}, 1.0) == ["metric gone: 1 -> none"]


# ---- the command ------------------------------------------------------------------------
def test_course_verify(run: RunFolder, fake: Path, no_kernel):
    arguments = ["verify", str(run.path), "--source", str(fake), "--quiet"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and "run first: the same (to the bit)" in done.stdout and "changed since: none" in done.stdout
    no_kernel(lambda folder, parameters: results(folder, parameters, score=9))
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1 and "NOT the same" in done.stdout and f"metric score: {3 / 7} -> 9" in done.stdout
    assert "No input changed" in done.stderr
    done = CliRunner().invoke(app, [*arguments, "--json"])
    verdict = json.loads(done.stdout)
    assert done.exit_code == 1 and verdict["same"] is False and verdict["run"] == "first"
    done = CliRunner().invoke(app, ["verify", "nothing"])
    assert done.exit_code == 2 and "expected a run folder" in done.stderr and done.stdout == ""
    assert verification.TOLERANCE == {"fp32": 1e-4, "bf16": 2e-2}, "as --help and the README say"
