"""Sweeps on a Ray cluster: one node is killed half-way and nothing is lost; no cluster, and why, is said within seconds."""

from __future__ import annotations

import importlib.util
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sweep_samples import NAME, executions, nodes, tiny_project

from course_lib import runfolder
from course_lib.errors import ConfigError, CourseError
from course_lib.sweeps import cluster
from course_lib.sweeps.cluster import Brief, ClusterPool, connect
from course_lib.sweeps.definition import Definition
from course_lib.sweeps.plan import planned

RUNS = 20
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason='needs the optional extra: pip install -e ".[cluster]"')


@contextmanager
def two_nodes(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a cluster of two nodes in a process of its own; give its address and that process."""
    script = Path(__file__).with_name("ray_cluster.py")
    process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin is not None
    try:
        yield answer(process, "address ").split()[1], process
    finally:
        process.stdin.close()
        process.wait(120)


def answer(process: subprocess.Popen[str], word: str) -> str:
    """Read on until a line begins with ``word``."""
    assert process.stdout is not None
    line = next((line for line in process.stdout if line.startswith(word)), "")
    assert line, "the cluster's process has ended"
    return line


@with_ray
def test_twenty_runs_on_two_nodes_of_which_one_is_killed_half_way(tmp_path: Path) -> None:
    environment = tiny_project(tmp_path) | {"TINY_SECONDS": "1.5"}
    runs = tmp_path / "runs" / NAME
    sweep_file = tmp_path / "sweep.yaml"
    sweep_file.write_text(f"notebook: {NAME}\nprofile: smoke\nseeds: {list(range(RUNS))}\n")

    def finished() -> list[Path]:
        return [path for path in runs.glob("*") if not path.name.startswith(".")]

    begin = time.monotonic()
    with two_nodes(environment) as (address, nodes_process):
        up = time.monotonic() - begin
        sweep = subprocess.Popen([sys.executable, "-m", "course_lib", "sweep", str(sweep_file), "--out", str(tmp_path / "runs"),
                                  "--address", address, "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(finished()) < RUNS // 2 and sweep.poll() is None:
            time.sleep(0.1)
        assert nodes_process.stdin is not None and len(nodes(tmp_path)) == 2, "both nodes are at work"
        nodes_process.stdin.write("kill\n")
        nodes_process.stdin.flush()
        answer(nodes_process, "killed")
        at_kill, killed = len(finished()), time.monotonic() - begin
        output, notes = sweep.communicate(timeout=900)
        done = time.monotonic() - begin
    print(f"cluster up {up:.0f} s; killed at {killed:.0f} s with {at_kill} finished; all finished at {done:.0f} s; "
          f"{len(executions(tmp_path))} executions begun")
    assert sweep.returncode == 0 and at_kill < RUNS, notes
    data = json.loads(output)  # what Ray says of the dead node is not on stdout, and is short
    assert "Raylet is terminated" in notes and len(notes) < 3000, notes
    assert (data["finished"], data["failed"], len({run["id"] for run in data["runs"]})) == (RUNS, 0, RUNS)
    whole = [runfolder.read(path) for path in finished()]
    assert sorted(run.metrics["score"] for run in whole) == list(range(1, RUNS + 1)), "none lost, none double"
    assert len(list(runs.glob(".*"))) == 0 and len(executions(tmp_path)) >= RUNS
    assert {run.manifest["id"] for run in whole} == {run["id"] for run in data["runs"]}


class FakeRay:
    """As much of the ray module as a pool uses; every task dies with its node."""

    def __init__(self, **resources: int) -> None:
        self.exceptions = SimpleNamespace(RayError=RuntimeError)
        self.alive = [{"Alive": True, "Resources": resources}, {"Alive": False, "Resources": {"CPU": 100.0}}]
        self.options: dict[str, int] = {}
        self.submitted = self.left = 0
        self.cancelled: list[int] = []

    def nodes(self) -> list[dict[str, Any]]:
        return self.alive

    def remote(self, **options: int) -> Any:
        self.options = options

        def submit(*_: Any) -> int:
            self.submitted += 1
            return self.submitted

        return lambda function: SimpleNamespace(remote=submit)

    def wait(self, references: list[int], num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        ready = [reference for reference in references if reference == 1]
        return ready, references

    def get(self, reference: int) -> Any:
        raise RuntimeError("Task failed: its node died.\nAnd much more.")

    def cancel(self, reference: int, force: bool) -> None:
        self.cancelled.append(reference)

    def shutdown(self) -> None:
        self.left += 1


def pool_on(ray: FakeRay, monkeypatch: pytest.MonkeyPatch, cpus: int = 2, gpus: int = 0) -> ClusterPool:
    monkeypatch.setattr(cluster, "connect", lambda address: ray)
    return ClusterPool("10.0.0.5:6379", Path("runs"), cpus, gpus, retries=3)


def test_a_pool_fills_living_nodes_and_reports_tasks_that_died_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    ray, stdout = FakeRay(CPU=5.0), sys.stdout
    pool = pool_on(ray, monkeypatch)
    assert pool.slots == 4, "two runs of two CPUs each, and as many in reserve"
    assert ray.options == {"num_cpus": 2, "num_gpus": 0, "max_retries": 3}
    first, second = islice(planned(Definition("sweep.yaml", "01_loss_math", "smoke", seeds=(0, 1))), 2)
    pool.start(first)
    pool.start(second)
    (run, attempt), = pool.wait()
    assert run is first and (attempt.outcome, attempt.error) == ("failed", "RuntimeError: Task failed: its node died.")
    assert pool.wait() == []
    monkeypatch.setattr(cluster, "LOST_AFTER", -1.0)
    assert pool.wait() == [], "a node that could take a run is there"
    ray.alive[0]["Alive"] = False
    with pytest.raises(CourseError, match="expected a node that can take a run, found none"):
        pool.wait()
    pool.close()
    assert ray.cancelled == [2] and ray.left == 1 and sys.stdout is stdout


def test_runs_that_no_node_can_carry_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_on(FakeRay(CPU=8.0, GPU=2.0), monkeypatch, cpus=1, gpus=1)
    pool.close()
    assert pool.slots == 4
    for cpus, gpus in ((9, 0), (1, 3)):
        ray = FakeRay(CPU=8.0, GPU=2.0)
        with pytest.raises(ConfigError, match=f"expected a node with {cpus} CPUs and {gpus} GPUs for a run, found none among 1 nodes"):
            pool_on(ray, monkeypatch, cpus, gpus)
        assert ray.left == 1


def test_what_ray_prints_is_cut_to_a_line_on_stderr() -> None:
    stream = io.StringIO()
    print("\x1b[33m(raylet)\x1b[0m Raylet is terminated. " + "x" * 300 + "\n trace\n trace", file=Brief(stream))
    assert stream.getvalue().startswith("(raylet) Raylet is terminated. xxx") and len(stream.getvalue()) == 201


@pytest.fixture
def as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: object())


@contextmanager
def server(greeting: bytes | None) -> Iterator[str]:
    """Listen on a loopback port, accept one caller and send ``greeting`` (None: say nothing); give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def serve() -> None:
            link, _ = listening.accept()
            with link:
                link.recv(100)
                if greeting is None:
                    time.sleep(4)
                else:
                    link.sendall(greeting)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("address", ["10.0.0.5", ":6379", "host:port", "host:0", "host:70000", "ray://host:10001", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        connect(address)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not installed\. Run: pip install .*\[cluster\]"):
        connect("127.0.0.1:6379")


def test_nobody_at_the_address_is_said_within_seconds(as_if_installed: None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    begin = time.monotonic()
    with pytest.raises(ConfigError, match="Connection refused.*ray start --head"):
        connect(address)
    with pytest.raises(ConfigError, match="expected a Ray cluster there"):
        connect("no-such-host.invalid:6379")
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(("greeting", "found"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a server of another kind"), (b"", "a server of another kind"), (None, "no answer in 3 s")])
def test_a_server_that_is_not_ray_is_told_apart_within_seconds(as_if_installed: None, greeting: bytes | None, found: str) -> None:
    begin = time.monotonic()
    with server(greeting) as address, pytest.raises(ConfigError, match=f"found {found}"):
        connect(address)
    assert time.monotonic() - begin < 8
