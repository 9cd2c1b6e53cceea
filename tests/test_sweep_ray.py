"""Sweeps on a Ray cluster: one node is killed half-way and nothing is lost; no cluster, and why, is said within seconds."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from sweep_samples import NAME, executions, nodes, threads, tiny_project

from course_lib import execution, runfolder
from course_lib.errors import ConfigError, CourseError
from course_lib.execution import RunResult
from course_lib.sweeps import cluster
from course_lib.sweeps.cluster import Brief, ClusterPool, connect
from course_lib.sweeps.definition import Definition
from course_lib.sweeps.local import request_for
from course_lib.sweeps.plan import planned
from course_lib.sweeps.task import perform

RUNS = 20
DEADLINE = 3600.0
"""Seconds after which the runs are taken to hang; on an idle machine they take less than a minute."""
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason='needs the optional extra: pip install -e ".[cluster]"')


RAY = {
    # As on macOS and Windows: every server of Ray listens on 127.0.0.1 only. Without it some listen on all addresses.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
    # A busy machine is no reason to give a node up.
    "RAY_agent_register_timeout_ms": "300000", "RAY_worker_register_timeout_seconds": "300", "RAY_health_check_timeout_ms": "60000",
}


@contextmanager
def two_nodes(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a cluster of two nodes in a process of its own; give its address and that process. Nothing of it is left afterwards."""
    script = Path(__file__).with_name("ray_cluster.py")
    process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin is not None
    try:
        yield answer(process, "address ").split()[1], process
    finally:
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(120)
        for member in psutil.wait_procs(members(environment), timeout=20)[1]:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait(120)


def members(environment: dict[str, str]) -> list[psutil.Process]:
    """Return the processes of a cluster, wherever they have gone: those that know its folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("RAY_TMPDIR") == environment["RAY_TMPDIR"]:
                found.append(process)
    return found


def listening(environment: dict[str, str]) -> set[str]:
    """Return the addresses that any process of a cluster listens on."""
    found = set()
    for member in members(environment):
        with suppress(psutil.NoSuchProcess):
            found |= {link.laddr.ip.removeprefix("::ffff:") for link in member.net_connections("inet") if link.status == psutil.CONN_LISTEN}
    return found


def answer(process: subprocess.Popen[str], word: str) -> str:
    """Read on until a line begins with ``word``."""
    assert process.stdout is not None
    line = next((line for line in process.stdout if line.startswith(word)), "")
    assert line, "the cluster's process has ended"
    return line


@pytest.fixture
def short_folder() -> Iterator[str]:
    """Where Ray keeps its sockets: their paths have a limit of about a hundred letters."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        yield folder


@with_ray
def test_twenty_runs_on_two_nodes_of_which_one_is_killed_half_way(tmp_path: Path, short_folder: str) -> None:
    environment = tiny_project(tmp_path) | RAY | {"TINY_SECONDS": "1.5", "RAY_TMPDIR": short_folder}
    runs = tmp_path / "runs" / NAME
    sweep_file = tmp_path / "sweep.yaml"
    sweep_file.write_text(f"notebook: {NAME}\nprofile: smoke\nseeds: {list(range(RUNS))}\n")

    def finished() -> list[Path]:
        return list(runs.glob("[!.]*"))

    begin = time.monotonic()
    with two_nodes(environment) as (address, nodes_process):
        up = time.monotonic() - begin
        sweep = subprocess.Popen([sys.executable, "-m", "course_lib", "sweep", str(sweep_file), "--out", str(tmp_path / "runs"),
                                  "--address", address, "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            while len(finished()) < RUNS // 2 and sweep.poll() is None:
                assert time.monotonic() - begin < DEADLINE, "the runs do not get on"
                time.sleep(0.1)
            assert sweep.poll() is None, sweep.communicate()[1]
            assert len(nodes(tmp_path)) == 2, "both nodes are at work"
            addresses = listening(environment)
            assert nodes_process.stdin is not None
            nodes_process.stdin.write("kill\n")
            nodes_process.stdin.flush()
            answer(nodes_process, "killed")
            at_kill, killed = len(finished()), time.monotonic() - begin
            output, notes = sweep.communicate(timeout=DEADLINE)
        finally:
            sweep.kill()
        done = time.monotonic() - begin
    print(f"cluster up {up:.0f} s; killed at {killed:.0f} s with {at_kill} finished; all finished at {done:.0f} s; "
          f"{len(executions(tmp_path))} executions begun; down at {time.monotonic() - begin:.0f} s")
    assert not members(environment)
    assert addresses == {"127.0.0.1"}, "nothing listens on other than loopback addresses"
    assert sweep.returncode == 0 and at_kill < RUNS, notes
    data = json.loads(output)  # what Ray says of the dead node is not on stdout, and is short
    assert "Raylet is terminated" in notes and len(notes) < 3000, notes
    assert (data["finished"], data["failed"], len({run["id"] for run in data["runs"]})) == (RUNS, 0, RUNS)
    whole = [runfolder.read(path) for path in finished()]
    assert sorted(run.metrics["score"] for run in whole) == list(range(1, RUNS + 1)), "none lost, none double"
    assert len(list(runs.glob(".*"))) == 0 and len(executions(tmp_path)) >= RUNS
    assert {run.manifest["id"] for run in whole} == {run["id"] for run in data["runs"]}
    assert {run.manifest["parameters"]["threads"] for run in whole} == {1} and threads(tmp_path) == {"1"}


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
def server(greeting: bytes | None, host: str = "127.0.0.1") -> Iterator[str]:
    """Listen on a loopback port, accept one caller and send ``greeting`` (None: say nothing); give the address."""
    with socket.create_server((host, 0)) as listening:
        def serve() -> None:
            link, _ = listening.accept()
            with link:
                link.recv(100)
                if greeting is None:
                    time.sleep(4)
                else:
                    link.sendall(greeting)

        threading.Thread(target=serve, daemon=True).start()
        yield f"{host}:{listening.getsockname()[1]}"


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
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize(("greeting", "found"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a server of another kind"), (b"", "a server of another kind"), (None, "no answer in 3 s")])
def test_a_server_that_is_not_ray_is_told_apart_within_seconds(as_if_installed: None, greeting: bytes | None, found: str) -> None:
    begin = time.monotonic()
    with server(greeting) as address, pytest.raises(ConfigError, match=f"found {found}"):
        connect(address)
    assert time.monotonic() - begin < 60


SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""With such a frame an HTTP/2 server greets, and Ray's head is one."""


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", {}), ("127.0.0.2", {"_node_ip_address": "127.0.0.2"})])
def test_joining_keeps_the_polite_kill_and_finds_nodes_on_loopback(as_if_installed: None, monkeypatch: pytest.MonkeyPatch, host: str,
                                                                  own: dict[str, str]) -> None:
    given: dict[str, Any] = {}

    def init(**more: Any) -> None:
        given.update(more)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray does

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    before = signal.getsignal(signal.SIGTERM)
    with server(SETTINGS, host) as address:
        connect(address)
    assert given == {"address": address, "log_to_driver": False, "logging_level": logging.ERROR} | own
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_cluster_that_does_not_let_us_in_is_one_sentence(as_if_installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**more: Any) -> None:
        raise RuntimeError("Version mismatch: Ray 2.9\nand a page of advice")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    with server(SETTINGS) as address, pytest.raises(ConfigError, match="found RuntimeError: Version mismatch: Ray 2.9 Start the sweep on"):
        connect(address)


def test_settings_and_the_folder_go_with_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker of a cluster begins elsewhere, and with the settings of its node."""
    monkeypatch.setenv("COURSE_CACHE_DIR", "cache")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.chdir(tmp_path)
    pool = pool_on(FakeRay(CPU=2.0), monkeypatch)
    pool.close()
    assert pool.environment["COURSE_CACHE_DIR"] == "cache" and "SECRET_TOKEN" not in pool.environment
    request = request_for(next(planned(Definition("sweep.yaml", "01_loss_math", "smoke", seeds=(0,)))), pool.out)
    monkeypatch.chdir("/")
    seen: list[str] = []
    monkeypatch.setattr(execution, "execute", lambda *_: (seen.append(os.getcwd()), RunResult(tmp_path, "ok", None, 1.0, {}))[1])
    assert perform(request, {})["outcome"] == "ok" and seen == [str(tmp_path)]
    assert perform(request | {"folder": str(tmp_path / "gone")}, {})["outcome"] == "ok" and len(seen) == 2
