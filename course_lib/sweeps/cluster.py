"""Runs side by side on a Ray cluster, one a task (optional extra ``cluster``).

Ray starts a task again when its worker or node dies; the sweep starts one again
when it failed. A task may therefore run twice: its folder appears under its
name in one step, so that there is one result, and never half of one.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import re
import signal
import socket
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from course_lib.errors import ConfigError
from course_lib.sweeps.local import request_for
from course_lib.sweeps.plan import PlannedRun
from course_lib.sweeps.pool import Attempt, attempt_from
from course_lib.sweeps.task import perform

PASSED_ON = re.compile(r"COURSE_\w+|HF_HUB_OFFLINE|OMP_WAIT_POLICY|TOKENIZERS_PARALLELISM")
"""Settings of this shell that the runs need too, wherever they are."""
LOST_AFTER = 120.0
"""Seconds without any node that could take a run, after which the sweep gives up."""
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


class Brief(io.TextIOBase):
    """Where Ray prints while a sweep is at work: the first line of each of its messages, on stderr.

    Ray tells of a node that died on stdout, with the whole trace of the node's crash.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Pass on one line of at most 200 characters, without colours."""
        if plain := re.sub(r"\x1b\[[0-9;]*m", "", text).strip():
            print(plain.splitlines()[0][:200], file=self.stream, flush=True)
        return len(text)


class ClusterPool:
    """Hands runs to a Ray cluster and collects their replies; see ``pool.Pool``."""

    def __init__(self, address: str, out: Path, cpus: int, gpus: int, retries: int, source: Path | None = None) -> None:
        self.out, self.cpus, self.gpus, self.source = out.resolve(), cpus, gpus, source
        self.ray = connect(address)
        self.stdout = redirect_stdout(Brief(sys.stderr))
        self.stdout.__enter__()
        self.tasks: dict[Any, tuple[PlannedRun, float]] = {}
        try:
            self.slots = 2 * self._room()  # a few in reserve, so that no node waits for us
            if not self.slots:
                raise ConfigError(f"cluster {address}: expected a node with {cpus} CPUs and {gpus} GPUs for a run, found none "
                                  f"among {len(self._nodes())} nodes. Lower resources in the sweep file or add such a node.")
        except BaseException:
            self.close()
            raise
        self.task = self.ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries)(perform)
        self.environment = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        self.seen = time.monotonic()

    def start(self, run: PlannedRun) -> None:
        """Submit one run."""
        reference = self.task.remote(request_for(run, self.out, self.source), self.environment)
        self.tasks[reference] = run, time.monotonic()

    def wait(self) -> list[tuple[PlannedRun, Attempt]]:
        """Wait up to a second for a task; return those that have ended. Raises ``ConfigError`` when all nodes stay away."""
        ready, _ = self.ray.wait(list(self.tasks), num_returns=1, timeout=1.0)
        if ready or self._room():
            self.seen = time.monotonic()
        elif time.monotonic() - self.seen > LOST_AFTER:
            raise ConfigError(f"cluster: expected a node that can take a run, found none for {LOST_AFTER:.0f} s. "
                              "Start its nodes again, then the same sweep: finished runs are kept.")
        return [self._ended(reference) for reference in ready]

    def close(self) -> None:
        """Cancel what is still there and leave the cluster."""
        for reference in self.tasks:
            self.ray.cancel(reference, force=True)
        self.tasks.clear()
        self.ray.shutdown()
        self.stdout.__exit__(None, None, None)

    def _ended(self, reference: Any) -> tuple[PlannedRun, Attempt]:
        run, begin = self.tasks.pop(reference)
        try:
            return run, attempt_from(self.ray.get(reference))
        except self.ray.exceptions.RayError as error:  # its worker died more often than max_retries allows
            text = str(error).strip().splitlines()
            return run, Attempt("failed", f"{type(error).__name__}: {text[0] if text else ''}", time.monotonic() - begin)

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _room(self) -> int:
        """How many runs the living nodes carry at once."""
        total = 0
        for node in self._nodes():
            has = node["Resources"]
            by_gpu = [has.get("GPU", 0) // self.gpus] if self.gpus else []
            total += int(min([has.get("CPU", 0) // self.cpus, *by_gpu]))
        return total


def connect(address: str) -> Any:
    """Join the Ray cluster at ``HOST:PORT``; return the ray module.

    Raises ``ConfigError`` within seconds when ray is not installed, nothing
    answers there, or what answers is not Ray.
    """
    host, port = _host_and_port(address)
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("--address: expected the package ray, found it not installed. "
                          'Run: pip install -c constraints.txt -e ".[cluster]"')
    _answers(host, port, address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_gcs_server_request_timeout_seconds", "15")
    import ray

    # Ray looks for this machine's own node under its outer address; one on another loopback address is found by that only.
    own = {"_node_ip_address": host} if host.startswith("127.") and host != "127.0.0.1" else {}
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=f"{host}:{port}", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises many kinds: versions that differ, no node on this machine, a lost connection
        found = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
        raise ConfigError(f"cluster {address}: expected a Ray cluster that this machine is a node of, found {found} "
                          "Start the sweep on one of its nodes, with the same versions of Python and ray.") from error
    signal.signal(signal.SIGTERM, on_term)  # Ray puts its own in place: a polite kill would no longer end the runs
    return ray


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"--address: expected HOST:PORT such as 10.0.0.5:6379, found {address!r}. "
                          "Take the address that ray start printed on the head node.")
    return host, int(port)


def _answers(host: str, port: int, address: str, patience: float = 3.0) -> None:
    """Greet in HTTP/2, which Ray's head speaks; its answer starts with a settings frame (type 4)."""
    start = f"cluster {address}: expected a Ray cluster there, found"
    advice = "Start one (ray start --head) or correct the address; without --address the sweep runs on this machine."
    try:
        with socket.create_connection((host, port), timeout=patience) as link:
            if os.environ.get("RAY_USE_TLS", "0") == "1":
                return
            link.sendall(_HELLO)
            frame = link.recv(9, socket.MSG_WAITALL)
    except TimeoutError:
        raise ConfigError(f"{start} no answer in {patience:.0f} s. {advice}") from None
    except OSError as error:
        raise ConfigError(f"{start} {error.strerror or error}. {advice}") from error
    if len(frame) < 9 or frame[3] != 4:
        raise ConfigError(f"{start} a server of another kind. {advice}")
