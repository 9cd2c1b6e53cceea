"""Sweeps of a tiny notebook in real processes: six runs, resumed, interrupted, killed at random moments."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from sweep_samples import NAME, executions, threads, tiny_project

from course_lib import runfolder
from course_lib.sweeps.lock import NAME as LOCK

CALM = (100, 101, 102, 103)
"""Seeds of runs that nobody disturbs."""
SIX = f"notebook: {NAME}\nprofile: smoke\ngrid: {{epochs: [1, 2]}}\nseeds: [0, 1, 2]\nresources: {{cpus: 1}}\nretries: 1\n"


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder with blanks in its name that holds the notebook, the sweep file, and the runs."""
    folder = tmp_path / "weekly report"
    folder.mkdir()
    (folder / "sweep.yaml").write_text(SIX)
    return folder, tiny_project(folder)


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "course_lib", "sweep", str(folder / "sweep.yaml"), "--out", str(folder / "runs"), *more]


def sweep(project: tuple[Path, dict[str, str]], *more: str, **settings: str) -> subprocess.CompletedProcess[str]:
    folder, environment = project
    return subprocess.run(command(folder, *more), env=environment | settings, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=1800)


def result(project: tuple[Path, dict[str, str]], **settings: str) -> dict[str, Any]:
    """Run the sweep to its end and return what --json says; nothing else may be on stdout."""
    done = sweep(project, "--json", **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def finished(folder: Path) -> dict[str, dict[str, Any]]:
    """Return metrics by id of every folder under a final name; each must be whole and ok."""
    runs = [path for path in (folder / "runs" / NAME).glob("*") if not path.name.startswith(".")]
    whole = {path.name: runfolder.read(path) for path in runs}
    assert all(run.manifest["outcome"] == "ok" and run.manifest["id"] == name for name, run in whole.items())
    return {name: run.metrics for name, run in whole.items()}


def expect_six(folder: Path) -> None:
    """Six runs, each with the numbers of its own parameters; no half and no lock file's trace of one."""
    scores = sorted(metrics["score"] for metrics in finished(folder).values())
    assert scores == sorted(epochs + seed for epochs in (1, 2) for seed in (0, 1, 2))
    assert not list((folder / "runs" / NAME).glob(".*"))


def test_six_runs_then_none_then_the_one_that_is_missing(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    shown = sweep(project, "--dry-run")
    assert shown.returncode == 0 and shown.stdout.count("to run") == 6 and not (folder / "runs").exists()
    data = result(project, OMP_NUM_THREADS="7")
    expect_six(folder)
    assert threads(folder) == {"1"}, "resources.cpus, whatever the shell says"
    assert (data["finished"], data["failed"], data["earlier"]) == (6, 0, 0) and len(executions(folder)) == 6
    assert {run["id"] for run in data["runs"]} == set(finished(folder))
    manifests = {path.name: runfolder.read(path).manifest for path in (folder / "runs" / NAME).glob("[!.]*")}
    for run in data["runs"]:
        assert manifests[run["id"]]["parameters"] == {**run["parameters"], "profile": "smoke"} and run["parameters"]["threads"] == 1
    gone = folder / "runs" / NAME / data["runs"][4]["id"]
    gone.rename(gone.with_name(f".{gone.name}-0a0a.part"))  # what a killed run would have left
    data = result(project)
    expect_six(folder)
    assert data["earlier"] == 5 and len(executions(folder)) == 7, "finished runs are not run again, a half one is"
    assert sweep(project, "--dry-run").stdout.count("finished") == 6


def test_failures_are_tried_again_reported_and_make_the_exit_code_1(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    (folder / "sweep.yaml").write_text(f"notebook: {NAME}\nprofile: smoke\nlist: [{{epochs: 3}}, {{epochs: 999}}]\nretries: 1\n")
    done = sweep(project)
    assert done.returncode == 1 and executions(folder).count("999 0") == 2 and executions(folder).count("3 0") == 1
    assert "failed, attempt 2 of 2" in done.stderr and "no such luck" in done.stderr
    assert re.search(r"2 runs: 1 finished \(0 before\), 1 not", done.stdout)
    kept = [runfolder.read(path) for path in (folder / "runs" / NAME).glob("*") if path.name[0] != "."]
    assert sorted(run.manifest["outcome"] for run in kept) == ["failed", "ok"]


def test_a_run_that_fails_once_succeeds_in_the_next_sweep(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    (folder / "sweep.yaml").write_text(f"notebook: {NAME}\nprofile: smoke\nlist: [{{epochs: 850}}]\nretries: 0\n")
    assert sweep(project).returncode == 1
    (folder / "runs" / NAME / "luck").write_text("")
    assert sweep(project).returncode == 0 and len(executions(folder)) == 2
    (folder / "runs" / NAME / "luck").unlink()
    assert list(finished(folder).values())[0]["score"] == 850


def test_what_is_refused_leaves_nothing_and_exits_2(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    (folder / "sweep.yaml").write_text(f"notebook: {NAME}\ngrid: {{epoch: [1]}}\n")
    done = sweep(project)
    assert done.returncode == 2 and "line 2, key grid.epoch: " in done.stderr and "Did you mean 'epochs'?" in done.stderr
    thousand = ", ".join(map(str, range(1, 1001)))
    (folder / "sweep.yaml").write_text(f"notebook: {NAME}\ngrid: {{epochs: [{thousand}], max_train_records: [{thousand}]}}\n")
    done = sweep(project)
    assert done.returncode == 2 and "1,000,000" in done.stderr and "--yes" in done.stderr and done.stdout == ""
    shown = sweep(project, "--dry-run")
    assert shown.returncode == 0 and len(shown.stdout.splitlines()) == 201 and "1,000,000 runs" in shown.stdout
    assert asked(project, "n") == 2
    assert not (folder / "runs").exists() and not executions(folder)


def asked(project: tuple[Path, dict[str, str]], answer: str) -> int:
    """Start a sweep on a terminal, which asks for a yes; return its exit code."""
    folder, environment = project
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(folder), env=environment, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    _, errors = process.communicate(timeout=600)
    os.close(ours)
    assert b"sweep.yaml stands for 1,000,000 runs. Start them? [y/N]" in errors, errors
    return process.returncode


def started(project: tuple[Path, dict[str, str]], **settings: str) -> subprocess.Popen[str]:
    folder, environment = project
    return subprocess.Popen(command(folder), env=environment | settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


def wait_for(what: Any, seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_an_interruption_ends_the_runs_and_the_same_command_completes(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    process = started(project, TINY_SECONDS="600")
    wait_for(lambda: executions(folder))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130 and "0 of 6 runs are finished" in errors
    assert not finished(folder)
    assert result(project, TINY_SECONDS="0")["earlier"] == 0
    expect_six(folder)


def test_a_second_sweep_in_the_folder_is_refused(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    process = started(project, TINY_SECONDS="600")
    try:
        wait_for(lambda: executions(folder))
        done = sweep(project)
        assert done.returncode == 2 and f"process {process.pid}, started" in done.stderr and "no other sweep" in done.stderr
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=600)


def test_the_runs_of_a_killed_sweep_notice_and_hold_its_place_until_they_are_over(project: tuple[Path, dict[str, str]]) -> None:
    folder, _ = project
    process = started(project, TINY_SECONDS="600")
    wait_for(lambda: executions(folder))
    process.kill()
    process.communicate()
    with (folder / "runs" / LOCK).open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    data = result(project, TINY_SECONDS="0")  # would be refused after half a minute if they went on
    assert data["earlier"] == 0 and not list((folder / "runs" / NAME).glob(".*"))
    expect_six(folder)


def test_killed_at_twenty_random_moments_nothing_is_lost_or_done_twice(project: tuple[Path, dict[str, str]]) -> None:
    """kill -9, in turn of the sweep alone and of all its processes, at moments from its start to after its first runs."""
    folder, _ = project
    chance, total = random.Random(20), 16
    lasted = seconds_of_a_sweep(project)
    (folder / "sweep.yaml").write_text(f"notebook: {NAME}\nprofile: smoke\nseeds: {list(range(total))}\n")
    before: dict[str, float] = {}
    halves = 0
    for number in range(20):
        process = started(project)
        time.sleep(chance.uniform(0.0, 1.2 * lasted))
        kill(process, everything=number % 2 == 1)
        halves += len(list((folder / "runs" / NAME).glob(".*.part")))
        now = {name: (folder / "runs" / NAME / name / "manifest.json").stat().st_mtime for name in finished(folder)}
        assert now.items() >= before.items(), "a finished run was lost, or run again"
        before = now
    begin = len(executions(folder))
    data = result(project)
    scores = sorted(metrics["score"] for metrics in finished(folder).values())
    assert scores == [1 + seed for seed in [*range(total), *CALM]] and not list((folder / "runs" / NAME).glob(".*"))
    assert halves and data["earlier"] >= len(before) - len(CALM) and len(executions(folder)) - begin == total - data["earlier"]
    print(f"20 kills (a sweep of two runs takes {lasted:.1f} s), {halves} halves seen, {len(before) - len(CALM)} of {total} runs finished "
          f"meanwhile, {len(executions(folder))} executions begun")


def seconds_of_a_sweep(project: tuple[Path, dict[str, str]]) -> float:
    """Measure a sweep of two runs on this machine, now: the second such sweep, with warm caches."""
    for seeds in (CALM[:2], CALM[2:]):
        (project[0] / "sweep.yaml").write_text(f"notebook: {NAME}\nprofile: smoke\nseeds: {list(seeds)}\n")
        begin = time.monotonic()
        result(project)
    return time.monotonic() - begin


def kill(process: subprocess.Popen[str], *, everything: bool) -> None:
    """End a sweep as a lack of memory would, or with its runs and their kernels as a lack of power would."""
    try:
        family = psutil.Process(process.pid).children(recursive=True) if everything else []
    except psutil.NoSuchProcess:
        family = []
    process.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.communicate()
