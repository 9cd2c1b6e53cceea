"""Runs side by side on this machine: a process each, as many as the cores carry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from course_lib.errors import ConfigError
from course_lib.sweeps.plan import PlannedRun
from course_lib.sweeps.pool import Attempt, attempt_from
from course_lib.sweeps.task import GRACE


@dataclass(frozen=True)
class _Child:
    run: PlannedRun
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    gpus: tuple[str, ...]
    begin: float


class LocalPool:
    """Executes runs in processes: ``cores // cpus`` at once (at least one), fewer where GPUs are fewer.

    ``lock`` is the sweep's lock, which each process holds too. ``source`` replaces the notebook's file.
    """

    def __init__(self, out: Path, cpus: int, gpus: int, lock: int, source: Path | None = None) -> None:
        self.out, self.cpus, self.gpus, self.lock, self.source = out.resolve(), cpus, gpus, lock, source
        self.slots = max(1, cores() // cpus)
        self.free_gpus = visible_gpus() if gpus else []
        if gpus:
            if len(self.free_gpus) < gpus:
                raise ConfigError(f"resources: expected {gpus} GPUs on this machine, found {len(self.free_gpus)}. "
                                  "Lower resources.gpus, check nvidia-smi, or use a cluster (--address).")
            self.slots = min(self.slots, len(self.free_gpus) // gpus)
        self.children: list[_Child] = []

    def start(self, run: PlannedRun) -> None:
        """Start a process for one run."""
        gpus, self.free_gpus = tuple(self.free_gpus[:self.gpus]), self.free_gpus[self.gpus:]
        environment = os.environ | {"OMP_NUM_THREADS": str(self.cpus), "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        errors = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.sweeps.task"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env=environment, pass_fds=[self.lock], start_new_session=True,  # Ctrl-C reaches the sweep, which ends its runs
        )
        self.children.append(_Child(run, process, errors, gpus, time.monotonic()))
        try:
            _pipe(process.stdin).write(json.dumps(request_for(run, self.out, self.source)).encode() + b"\n")
            _pipe(process.stdin).flush()
        except BrokenPipeError:  # it died at once: wait() will say so
            pass

    def wait(self) -> list[tuple[PlannedRun, Attempt]]:
        """Wait a tenth of a second; return the runs whose processes have ended."""
        time.sleep(0.1)
        ended = [child for child in self.children if child.process.poll() is not None]
        for child in ended:
            self.children.remove(child)
            self.free_gpus.extend(child.gpus)
        return [(child.run, _attempt(child)) for child in ended]

    def close(self) -> None:
        """Interrupt all runs; kill those that have not ended after a while."""
        for child in self.children:
            _pipe(child.process.stdin).close()
        end = time.monotonic() + GRACE + 2
        try:
            for child in self.children:
                child.process.wait(max(0.1, end - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # out of time, or a second Ctrl-C
            pass
        for child in self.children:
            if child.process.poll() is None:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
            _release(child)
        self.children.clear()


def _attempt(child: _Child) -> Attempt:
    """Return what an ended process replied, or the last lines of its errors."""
    reply = _pipe(child.process.stdout).read()
    child.errors.seek(0)
    lines = child.errors.read().decode("utf-8", "replace").strip().splitlines()[-3:]
    _release(child)
    try:
        return attempt_from(json.loads(reply))
    except ValueError:
        code = child.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return Attempt("failed", f"its process {how}. {' | '.join(lines)}".strip(), time.monotonic() - child.begin)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream that was asked for as a pipe: it is there, which its type does not know."""
    return cast("IO[bytes]", stream)


def _release(child: _Child) -> None:
    for stream in (child.process.stdin, child.process.stdout, child.errors):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                pass


def request_for(run: PlannedRun, out: Path, source: Path | None = None) -> dict[str, Any]:
    """Return a run as plain data, for a process or a task elsewhere."""
    return {"id": run.id, "notebook": run.notebook, "profile": run.profile, "parameters": dict(run.parameters),
            "out": str(out), "source": str(source) if source else None, "folder": os.getcwd()}


def cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Return the GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    if (given := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in given.split(",") if name.strip() and name.strip() != "-1"]
    try:
        found = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(i) for i, _ in enumerate(line for line in found.splitlines() if line.startswith("GPU "))]
