"""What this machine can do, and what follows from it.

``describe`` looks; ``plan_for`` decides. The decision is a pure function of the
description, so that choices for machines we do not have are tested too.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache

import torch

from course_lib.errors import ConfigError, one_of

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Machine:
    """A description of hardware; memory in GiB, rates in GFLOP/s (0 = not measured)."""

    cores: int
    memory: float
    gpu: str = ""
    gpu_memory: float = 0.0
    gpu_bf16: bool = False
    mps: bool = False
    fp32_rate: float = 0.0
    bf16_rate: float = 0.0

    @property
    def cpu_bf16(self) -> bool:
        """Does the CPU multiply bf16 natively? Emulated bf16 is slower than fp32."""
        # A starved fp32 measurement (a busy machine) must not look like fast bf16.
        return self.fp32_rate > 5 and self.bf16_rate > 1.3 * self.fp32_rate


@dataclass(frozen=True)
class Plan:
    """What a run uses: device, precision ("fp32" or "bf16"), rows per batch."""

    device: str
    precision: str
    batch_size: int


def matmul_rate(dtype: torch.dtype, size: int = 512, seconds: float = 0.1) -> float:
    """Measure the CPU's matrix-product rate in GFLOP/s, best of a few tries.

    A product of two ``size`` x ``size`` matrices takes 2 size^3 operations. A
    small size first tells an emulated type (very slow) from a native one.
    """
    a = torch.randn(size, size).to(dtype)
    small = a[:256, :256].contiguous()  # smaller ones would time the waking of threads
    rate = max(_product_rate(small) for _ in range(4))
    if rate < 2:  # emulated: one large product would take seconds
        return rate
    best, end = 0.0, time.perf_counter() + seconds
    while best == 0.0 or time.perf_counter() < end:
        best = max(best, _product_rate(a))
    return best


def _product_rate(a: torch.Tensor) -> float:
    """Time one product of a square matrix with itself: GFLOP/s."""
    begin = time.perf_counter()
    a @ a
    return float(2 * len(a) ** 3 / (time.perf_counter() - begin) / 1e9)


@cache
def describe() -> Machine:
    """Look at this machine once; later calls return the same description."""
    import psutil

    cuda = torch.cuda.is_available()
    properties = torch.cuda.get_device_properties(0) if cuda else None
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=psutil.virtual_memory().total / 2**30,
        gpu=properties.name if properties else "",
        gpu_memory=properties.total_memory / 2**30 if properties else 0.0,
        gpu_bf16=bool(cuda and torch.cuda.is_bf16_supported(including_emulation=False)),
        mps=torch.backends.mps.is_available(),
        fp32_rate=matmul_rate(torch.float32),
        bf16_rate=matmul_rate(torch.bfloat16),
    )


def plan_for(machine: Machine, profile: str, precision: str = "auto", batch_size: int = 16) -> Plan:
    """Decide device, precision and batch size for a resolved profile.

    ``batch_size`` is the profile's; a GPU with less than 8 GiB gets half of it.
    """
    if precision not in PRECISIONS:
        raise ConfigError(one_of("precision", precision, list(PRECISIONS)))
    if profile == "gpu" and not machine.gpu:
        raise ConfigError(
            "profile gpu: expected a CUDA GPU, found none that torch can see. "
            "Use profile='auto' or 'cpu', or check the driver with nvidia-smi."
        )
    if profile == "gpu":
        device, native = "cuda", machine.gpu_bf16
        batch_size = batch_size if machine.gpu_memory >= 8 else max(1, batch_size // 2)
    elif machine.mps and profile == "cpu":
        device, native = "mps", False
    else:
        device, native = "cpu", machine.cpu_bf16
    if precision == "auto":
        precision = "bf16" if native else "fp32"
    return Plan(device, precision, batch_size)


def resolve_profile(profile: str, machine: Machine) -> str:
    """Turn ``auto`` into a profile: ``COURSE_PROFILE`` if set, else gpu with CUDA, else cpu."""
    allowed = ["auto", "smoke", "cpu", "gpu"]
    if profile == "auto":
        profile = os.environ.get("COURSE_PROFILE", "") or ("gpu" if machine.gpu else "cpu")
        if profile not in allowed[1:]:
            raise ConfigError(one_of("environment variable COURSE_PROFILE", profile, allowed[1:]))
    if profile not in allowed:
        raise ConfigError(one_of("profile", profile, allowed))
    return profile
