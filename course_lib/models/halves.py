"""Two halves of a batch at once: how a small model keeps several CPU cores busy.

On two cores, torch divides each single operation between them. In a small
encoder an operation takes a fraction of a millisecond: much of that goes into
waking the second thread, and operations that torch runs on one thread leave
the other idle. So a batch is divided instead: each thread takes every second
row through all operations. Gradients of the halves meet in one sum of two
numbers, which does not depend on their order, so results repeat to the bit.

Measured in ``benchmarks/`` and, on the spot, in notebook 02.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")
R = TypeVar("R")

_OWN = threading.local()


class OwnDropout(nn.Dropout):
    """Dropout (Srivastava et al. 2014) that draws from its thread's own generator where there is one.

    Two threads that shared torch's one generator would draw in an order that
    nobody can repeat.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # the name is torch's
        generator: torch.Generator | None = getattr(_OWN, "generator", None)
        if generator is None or not self.training or self.p == 0:
            return super().forward(input)
        keep = torch.empty_like(input).bernoulli_(1 - self.p, generator=generator)
        return input * keep.div_(1 - self.p)


def with_own_dropout(model: nn.Module) -> nn.Module:
    """Put ``OwnDropout`` in the place of every dropout layer of ``model``, in place."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, OwnDropout(child.p))
    return model


def can_halve(device: str, rows: int, processes: int = 1) -> bool:
    """Does it pay to divide a batch of so many rows? On a CPU with two threads or more, in one process."""
    return device == "cpu" and processes == 1 and rows >= 2 and torch.get_num_threads() >= 2


def every_second_row(batch: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """Divide a batch; rows come sorted by length, so every second one makes halves of equal work."""
    return [{name: tensor[first::2] for name, tensor in batch.items()} for first in range(2)]


def run_halves(function: Callable[[T], R], halves: Sequence[T], *, random: bool) -> list[R]:
    """Return ``function`` of each half, computed at the same time, each on half of the threads.

    With ``random`` the seeds of the halves' generators are drawn from torch's,
    so that one seed fixes everything. After an error or Ctrl-C the other half
    is waited for.
    """
    seeds = torch.randint(2**62, (len(halves),)).tolist() if random else [0] * len(halves)
    pool = _pool(max(1, torch.get_num_threads() // 2))
    futures: list[Future[R]] = [pool.submit(_seeded, function, half, seed) for half, seed in zip(halves, seeds, strict=True)]
    try:
        return [future.result() for future in futures]
    finally:
        wait(futures)


def _seeded(function: Callable[[T], R], half: T, seed: int) -> R:
    _OWN.generator = torch.Generator().manual_seed(seed)
    return function(half)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Two threads that live as long as the process; how many cores torch uses is each thread's own setting."""
    return ThreadPoolExecutor(2, thread_name_prefix="half", initializer=torch.set_num_threads, initargs=(threads,))
