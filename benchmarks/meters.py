"""Clocks and memory of the running process."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import torch

STATUS = Path("/proc/self/status")
MIB = 2**20


class Clock:
    """Counts real tokens and the time of training steps.

    A batch is counted when it is put together, a step when it ends; batches are
    used in the order they are made, so the n-th count belongs to the n-th step.
    """

    def __init__(self, padding: int) -> None:
        self.padding = padding
        self.tokens: list[int] = []
        self.positions = 0
        self.start = 0.0
        self.ends: list[float] = []

    def begin(self) -> None:
        """Start, unless started: the first batch is about to be made."""
        self.start = self.start or time.perf_counter()

    def batch(self, input_ids: torch.Tensor) -> None:
        """Count the pieces of a batch that are not padding."""
        self.begin()
        self.tokens.append(int((input_ids != self.padding).sum()))
        self.positions += input_ids.numel()

    def step(self) -> None:
        """Note that an optimizer step ended; wait for a GPU that is still at it."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def result(self, epochs: int, cold: int) -> dict[str, float]:
        """Return speed over all steps, and without the first ``cold`` of them."""
        used = self.tokens[: len(self.ends)]
        seconds = self.ends[-1] - self.start
        before = self.ends[cold - 1] if cold else self.start
        return {
            "tokens": sum(used), "steps": len(self.ends), "seconds_per_epoch": seconds / epochs,
            "tokens_per_second": sum(used) / seconds,
            "warm_tokens_per_second": sum(used[cold:]) / (self.ends[-1] - before),
            "padding_share": 1 - sum(self.tokens) / self.positions,
        }


def status_mib(*fields: str) -> float | None:
    """Return the sum of fields of /proc/self/status in MiB; None where there is no such file (not Linux)."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    return sum(int(values.get(field, "0 kB").split()[0]) for field in fields) / 1024


def peak_mib() -> float:
    """Return the most memory this process ever had resident, in MiB.

    On Linux the kernel's own high-water mark: ``ru_maxrss`` there is handed down
    from the process that started this one, which may have been larger.
    """
    peak = status_mib("VmHWM")
    if peak:
        return peak
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / MIB if sys.platform == "darwin" else used / 1024


def gpu_peak_mib() -> float | None:
    """Return the most memory torch ever held on the GPU, in MiB; None without one."""
    return torch.cuda.max_memory_allocated() / MIB if torch.cuda.is_available() else None


class AnonymousPeak:
    """Samples anonymous memory (the process's own data, not mapped files) while a block runs."""

    def __init__(self, every: float = 0.02) -> None:
        self.every = every
        self.mib: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while True:
            now = status_mib("RssAnon")
            if now is not None:
                self.mib = max(self.mib or 0.0, now)
            if self._stop.wait(self.every):
                return

    def __enter__(self) -> AnonymousPeak:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
