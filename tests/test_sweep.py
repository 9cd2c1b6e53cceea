"""The sweep's own decisions, with a pool that only pretends: what runs, what is tried again, what is reported, who may begin."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from course_lib import runfolder
from course_lib.data import corpora
from course_lib.errors import ConfigError, DataError, OutputError
from course_lib.locations import PROJECT
from course_lib.manifest import notebook_hash
from course_lib.provenance import code_hash
from course_lib.sweeps import sweep as module
from course_lib.sweeps.definition import Definition
from course_lib.sweeps.folders import clear_halves, look, set_aside
from course_lib.sweeps.local import LocalPool
from course_lib.sweeps.lock import NAME as LOCK
from course_lib.sweeps.lock import sole_sweep
from course_lib.sweeps.plan import PlannedRun, planned
from course_lib.sweeps.pool import Attempt
from course_lib.sweeps.progress import Progress, as_data, table
from course_lib.sweeps.sweep import RunReport, exit_code, run_sweep

NER = "02_medical_ner"
FOUR = Definition("sweep.yaml", NER, "smoke", seeds=(0, 1, 2, 3), retries=2, lines={("seeds",): 1})


def leave(folder: Path, outcome: str = "ok", **hashes: object) -> None:
    """Leave what a run leaves, as far as a sweep looks at it."""
    folder.mkdir(parents=True, exist_ok=True)
    now = {"notebook": notebook_hash(PROJECT / "notebooks" / f"{NER}.ipynb"), "code": code_hash(), "corpora": {}}
    (folder / "manifest.json").write_text(
        json.dumps({"id": folder.name, "outcome": outcome, "seconds": 7.5, "hashes": now | hashes}))


@pytest.fixture(autouse=True)
def plain_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read manifests without their schema, which has tests of its own."""

    def read(path: Path) -> Any:
        try:
            return SimpleNamespace(manifest=json.loads((path / "manifest.json").read_text()))
        except (OSError, ValueError) as error:
            raise DataError(str(error)) from error

    monkeypatch.setattr(runfolder, "read", read)


class Pretended:
    """A pool that does what a function says of each attempt: (run, number of the attempt) -> outcome."""

    def __init__(self, out: Path, says: Callable[[PlannedRun, int], str], slots: int = 2) -> None:
        self.out, self.says, self.slots = out, says, slots
        self.started: list[str] = []
        self.inside: list[PlannedRun] = []
        self.most, self.closed = 0, False

    def start(self, run: PlannedRun) -> None:
        self.started.append(run.id)
        self.inside.append(run)
        self.most = max(self.most, len(self.inside))

    def wait(self) -> list[tuple[PlannedRun, Attempt]]:
        run = self.inside.pop(0)
        outcome = self.says(run, self.started.count(run.id))
        if outcome == "interrupt":
            raise KeyboardInterrupt
        if outcome in ("ok", "failed"):
            leave(self.out / run.notebook / run.id, outcome)
        return [(run, Attempt("ok" if outcome == "lie" else outcome, None if outcome == "ok" else "cell 2: it broke\nat the end", 2.0))]

    def close(self) -> None:
        self.closed = True


def swept(out: Path, says: Callable[[PlannedRun, int], str], monkeypatch: pytest.MonkeyPatch, definition: Definition = FOUR,
          **more: Any) -> tuple[list[RunReport], Pretended]:
    pool = Pretended(out, says)
    monkeypatch.setattr(module, "_pool", lambda *_: pool)
    reports = run_sweep(definition, out, **more)
    assert pool.closed
    return reports, pool


def test_every_run_is_executed_once_and_finished_ones_never_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, pool = swept(tmp_path, lambda run, n: "ok", monkeypatch)
    ids = [run.id for run in planned(FOUR)]
    assert pool.started == ids == [r.run.id for r in reports] and pool.most == 2
    assert exit_code(reports) == 0 and not any(r.earlier for r in reports)
    leave(tmp_path / NER / ids[2], "failed")
    reports, pool = swept(tmp_path, lambda run, n: "ok", monkeypatch)
    assert pool.started == [ids[2]], "a failed run of an earlier sweep is executed again, the finished ones are not"
    assert [r.earlier for r in reports] == [True, True, False, True] and reports[0].seconds == 7.5
    assert [r.run.number for r in reports] == [1, 2, 3, 4]


def test_a_failure_is_tried_again_as_often_as_asked_then_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [run.id for run in planned(FOUR)]
    reports, pool = swept(tmp_path, lambda run, n: "failed" if run.id == ids[0] or (run.id == ids[1] and n < 3) else "ok", monkeypatch)
    assert [r.outcome for r in reports] == ["failed", "ok", "ok", "ok"] and [r.attempts for r in reports] == [3, 3, 1, 1]
    assert pool.started.count(ids[0]) == 3 and exit_code(reports) == 1 and reports[0].seconds == 6.0
    assert set(pool.started[:4]) == set(ids), "a failed run waits until the others have had their turn"


def test_a_refusal_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, pool = swept(tmp_path, lambda run, n: "refused", monkeypatch)
    assert len(pool.started) == 4 and {r.outcome for r in reports} == {"refused"} and exit_code(reports) == 1


def test_the_folder_is_believed_not_the_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, _ = swept(tmp_path, lambda run, n: "lie", monkeypatch)
    assert {r.outcome for r in reports} == {"failed"} and "all nodes share" in str(reports[0].error)

    def dies_after_its_last_step(run: PlannedRun, n: int) -> str:
        leave(tmp_path / run.notebook / run.id)
        return "dead"

    reports, pool = swept(tmp_path, dies_after_its_last_step, monkeypatch)
    assert exit_code(reports) == 0 and len(pool.started) == 4


def test_an_interruption_closes_the_pool_and_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pretended(tmp_path, lambda run, n: "ok" if len(pool.started) < 4 else "interrupt")
    monkeypatch.setattr(module, "_pool", lambda *_: pool)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(FOUR, tmp_path)
    assert pool.closed
    reports, pool = swept(tmp_path, lambda run, n: "ok", monkeypatch)
    assert exit_code(reports) == 0 and sum(r.earlier for r in reports) == 2 and len(pool.started) == 2


def test_half_runs_of_the_sweep_are_cleared_and_others_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [run.id for run in planned(FOUR)]
    halves = [tmp_path / NER / f".{name}-ab12.part" for name in (ids[0], ids[3], "0123456789abcdef")]
    for half in halves:
        leave(half)
    foreign = tmp_path / NER / ids[1]
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    stream = io.StringIO()
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    reports, pool = swept(tmp_path, lambda run, n: "ok", monkeypatch, progress=Progress(stream=stream))
    assert [half.exists() for half in halves] == [False, False, True] and len(pool.started) == 4
    kept = next((tmp_path / NER).glob(f"{ids[1]}-damaged-*"))
    assert (kept / "thesis.txt").read_text() == "mine" and kept.name in stream.getvalue() and look(foreign).outcome == "ok"


def test_finished_runs_whose_inputs_have_changed_are_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.jsonl"
    shutil.copy(PROJECT / "data/medical_notes/test.jsonl", own)
    definition = replace(FOUR, base={"corpus": "own.jsonl", "stages": ["ncbi_disease", "medical_notes"]})
    first, second, third, fourth = (tmp_path / NER / run.id for run in planned(definition))
    read = {"own.jsonl": corpora.digest("own.jsonl"), "ncbi_disease": "0" * 64, "medical_notes": corpora.digest("medical_notes")}
    leave(first, corpora=read)
    leave(second, code="0" * 64, corpora=read)
    leave(third, notebook="0" * 64, corpora=read | {"medical_notes": "0" * 64})
    leave(fourth, code="0" * 64, corpora={})
    stream = io.StringIO()

    def changes() -> list[tuple[str, ...]]:
        reports, pool = swept(tmp_path, lambda run, n: "ok", monkeypatch, definition, progress=Progress(quiet=True, stream=stream))
        assert not pool.started, "finished runs are not run again"
        assert [tuple(run["changed"]) for run in as_data(reports, "runs")["runs"]] == [report.changed for report in reports]
        return [report.changed for report in reports]

    assert changes() == [(), ("the code",), ("the notebook", "corpus medical_notes"), ("the code",)]
    assert "2 finished runs are kept although the code has changed since; for new ones choose another --out" in stream.getvalue()
    with own.open("a") as file:
        file.write("\n")
    assert changes()[0] == ("corpus own.jsonl",)


def test_a_notebook_that_cannot_be_executed_is_refused_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare.ipynb"
    bare.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    for source, what in ((bare, "one cell tagged 'parameters'"), (tmp_path / "none.ipynb", "a file that can be read")):
        with pytest.raises(ConfigError, match=f"expected {what}"):
            run_sweep(FOUR, tmp_path / "runs", source=source)
    assert not (tmp_path / "runs").exists()


def test_a_folder_under_another_name_is_not_this_run(tmp_path: Path) -> None:
    leave(tmp_path / "0000000000000001")
    assert look(tmp_path / "0000000000000001").outcome == "ok" and look(tmp_path / "0000000000000002").outcome == "none"
    (tmp_path / "0000000000000001").rename(tmp_path / "0000000000000002")
    assert look(tmp_path / "0000000000000002").outcome == "damaged"
    assert set_aside(tmp_path / "0000000000000003") is None
    assert clear_halves(tmp_path / "nowhere", {"x"}) == 0


def test_progress_is_one_line_a_run_and_quiet_where_nobody_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", "1")

    def text(**more: Any) -> str:
        stream = io.StringIO()
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        swept(out, lambda run, n: "failed" if run.varied["seed"] == 1 else "ok", monkeypatch, progress=Progress(stream=stream, **more))
        return re.sub(r"about \d+ s left", "about ? s left", stream.getvalue())

    lines = text().split("\n")
    assert lines[0] == "4 runs, 0 finished before, 4 to do, 2 at once" and len(lines) == 1 + 3 + 3 + 1, "one run needs three attempts"
    assert sum(line.startswith("finished ") and "seed=" in line and " 2 s " in line for line in lines) == 3
    assert lines[1].endswith("[1/4], about ? s left") and lines[-2].startswith("failed, attempt 3 of 3")
    assert lines[-2].endswith("[4/4]: cell 2: it broke")
    assert text(quiet=True).count("\n") == 1, "only the run that failed for good"
    monkeypatch.delenv("COURSE_PROGRESS")
    assert text().count("\n") == 1, "nobody watches what is not a terminal"
    watched = text(terminal=True)
    assert re.sub(r"[^\n]*\r\x1b\[K", "", watched).split("\n") == lines, "what stays on the screen"
    assert "\x1b[K0 of 4 done, 2 at work\r" in watched and "\x1b[K1 of 4 done, 1 at work, about ? s left\r" in watched


def test_the_table_and_the_data_say_what_became_of_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, _ = swept(tmp_path, lambda run, n: "failed" if run.varied["seed"] == 1 else "ok", monkeypatch)
    text = table(reports)
    assert "seed=0" in text and "failed" in text and "cell 2: it broke" in text
    assert text.endswith("4 runs: 3 finished (0 before), 1 not")
    data = as_data(reports, "runs")
    assert (data["finished"], data["failed"], data["earlier"]) == (3, 1, 0) and json.dumps(data)
    assert data["runs"][1]["folder"] == f"runs/{NER}/{reports[1].run.id}" and data["runs"][1]["attempts"] == 3
    many = [RunReport(r.run, r.outcome, r.error, attempts=1) for r in reports for _ in range(100)]
    assert "and 200 more, all ok" in table(many)


HOLDER = """\
import sys, time
from pathlib import Path
from course_lib.sweeps.lock import sole_sweep
with sole_sweep(Path(sys.argv[1])) as handle:
    import subprocess
    run = subprocess.Popen(["sleep", "600"], pass_fds=[handle]) if len(sys.argv) > 2 else None
    print("held", run and run.pid, flush=True)
    time.sleep(600)
"""


def holder(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    """Start a process that holds the lock; return it and the number of the run it has started, if asked for one."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), *more], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    word, run = process.stdout.readline().split()
    assert word == "held"
    return process, run


def test_a_second_sweep_is_refused_at_once_and_told_who_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = holder(tmp_path)
    try:
        begin = time.monotonic()
        with pytest.raises(OutputError, match=rf"expected no other sweep at work there, found one \(process {first.pid}, started 20\d\d-"):
            swept(tmp_path, lambda run, n: "ok", monkeypatch)
        assert time.monotonic() - begin < 25 and not (tmp_path / NER).exists()
        with sole_sweep(tmp_path / "elsewhere"):
            pass
    finally:
        first.kill()
        first.wait()
    reports, _ = swept(tmp_path, lambda run, n: "ok", monkeypatch)
    assert exit_code(reports) == 0, "the lock of a killed sweep does not block"


def test_the_next_sweep_waits_for_the_runs_of_a_killed_one(tmp_path: Path) -> None:
    first, run = holder(tmp_path, "with a run")
    first.kill()
    first.wait()
    ending = threading.Timer(1.5, os.kill, (int(run), signal.SIGKILL))
    try:
        with pytest.raises(OutputError, match="its last runs are still ending"), sole_sweep(tmp_path, patience=0.2):
            pass
        begin = time.monotonic()
        ending.start()
        with sole_sweep(tmp_path):
            assert time.monotonic() - begin > 1.4
    finally:
        ending.join() if ending.ident else os.kill(int(run), signal.SIGKILL)
    assert (tmp_path / LOCK).exists()


def test_a_lock_that_says_nothing_readable_is_still_a_lock(tmp_path: Path) -> None:
    with sole_sweep(tmp_path):
        (tmp_path / LOCK).write_text("")
        with pytest.raises(OutputError, match="has not said who it is"), sole_sweep(tmp_path, patience=0.2):
            pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="expected one that can be written to"), sole_sweep(tmp_path / "file" / "runs"):
        pass


def test_as_many_runs_at_once_as_cores_and_gpus_carry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.sweeps.local.cores", lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2,5")
    assert [LocalPool(tmp_path, cpus, 0, 0).slots for cpus in (1, 2, 3, 8, 16)] == [8, 4, 2, 1, 1]
    assert [LocalPool(tmp_path, 1, gpus, 0).slots for gpus in (1, 2, 3)] == [3, 1, 1]
    with pytest.raises(ConfigError, match="expected 4 GPUs on this machine, found 3"):
        LocalPool(tmp_path, 1, 4, 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(ConfigError, match="found 0"):
        LocalPool(tmp_path, 1, 1, 0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="found 0"):
        LocalPool(tmp_path, 1, 1, 0)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: A100 (UUID: x)'\necho 'GPU 1: A100 (UUID: y)'\n")
    os.chmod(tmp_path / "nvidia-smi", 0o755)
    assert LocalPool(tmp_path, 1, 2, 0).free_gpus == ["0", "1"]
