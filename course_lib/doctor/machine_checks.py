"""What is decided about the machine: pure functions from facts to a check.

No function looks at anything, so that machines we do not have are tested too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.doctor.check import Check, ok
from course_lib.locations import SET_UP

OLDEST_PYTHON, TESTED_PYTHON = (3, 11), (3, 11)
LEAST_MEMORY, LEAST_DISK = 3.5, 2.0
"""GiB: what training minilm needs, and what a few runs with their models take."""
LEAST_RATE = 2.0
"""GFLOP/s in fp32: any CPU of the last ten years does more, unless its cores are taken."""
LONGEST_TEMPORARY = 80
"""Bytes: names of sockets end at 103 (macOS) or 107 (Linux), and a kernel's own part takes about 20."""
PROFILES = ("smoke", "cpu", "gpu")


def python_version(version: Sequence[int]) -> Check:
    """Is this Python new enough, and one that the course was tested with?"""
    found = ".".join(map(str, version[:3]))
    if tuple(version[:2]) < OLDEST_PYTHON:
        return Check("python", "failure", found, "3.11 or newer", SET_UP)
    if tuple(version[:2]) != TESTED_PYTHON:
        return Check("python", "warning", found, "3.11, which the pinned versions were tested with", SET_UP)
    return ok("python", found)


def cores(count: int, quota: float | None = None) -> Check:
    """Are there two cores, and may this process use all it sees? ``quota`` is a container's limit."""
    if quota is not None and quota < count:
        threads = max(1, math.floor(quota))
        return Check("cores", "warning", f"{count}, of which a limit leaves {quota:g}", "a limit no smaller than the cores seen",
                     f"course run 02_medical_ner -p threads={threads}",
                     f"More threads than cores wait for each other: give threads={threads} to every run.")
    if count < 2:
        return Check("cores", "warning", str(count), "2 or more, as the stated minutes were measured with",
                     advice="Runs take longer than stated.")
    return ok("cores", str(count))


def memory(total: float, available: float = math.inf) -> Check:
    """Is there enough memory (GiB) for training, and is it free?"""
    if total < LEAST_MEMORY:
        return Check("memory", "failure", f"{total:.1f} GiB", f"{LEAST_MEMORY} GiB or more", "export COURSE_PROFILE=smoke",
                     "Use a machine with more, or profile='smoke'.")
    if available < LEAST_MEMORY:
        return Check("memory", "warning", f"{total:.1f} GiB, {available:.1f} free", f"{LEAST_MEMORY} GiB free",
                     advice="Close other programs first.")
    return ok("memory", f"{total:.1f} GiB" + (f", {available:.1f} free" if math.isfinite(available) else ""))


def disk(free: float) -> Check:
    """Is there enough disk (GiB) where runs are kept?"""
    if free < LEAST_DISK:
        return Check("disk", "failure", f"{free:.1f} GiB", f"{LEAST_DISK} GiB free where runs are kept",
                     "du -sh runs/*/* | sort -h | tail",
                     "Remove old folders under runs/, or set COURSE_RUNS_DIR to another disk.")
    return ok("disk", f"{free:.0f} GiB free where runs are kept")


def run_folder(state: str, reason: str = "", named: bool = False) -> Check:
    """Can runs be written? ``state``: ready, missing (can be made) or refused; ``named``: by COURSE_RUNS_DIR."""
    if state == "refused":
        return Check("runs folder", "failure", reason or "no permission", "a folder that can be written to",
                     'export COURSE_RUNS_DIR="$HOME/course-runs"')
    if state == "missing" and named:
        return Check("runs folder", "warning", "the folder named by COURSE_RUNS_DIR is not there", "one that is there",
                     'mkdir -p "$COURSE_RUNS_DIR"', "The first run makes it; is its name right?", fix="runs folder")
    if state == "missing":
        return ok("runs folder", "not there yet; the first run makes it", fix="runs folder")
    return ok("runs folder", "can be written to")


def temporary_folder(length: int, sockets: bool = True) -> Check:
    """Is the name of the temporary folder (bytes) short enough for a kernel's sockets?"""
    if sockets and length > LONGEST_TEMPORARY:
        return Check("temporary folder", "failure", f"a name of {length} bytes",
                     f"a name of {LONGEST_TEMPORARY} bytes or fewer, as kernels keep sockets in it", "export TMPDIR=/tmp")
    return ok("temporary folder", "can be written to, name short enough for sockets")


def port(problem: str = "") -> Check:
    """Could a port of the loopback address be opened? JupyterLab needs one; ``course run`` needs none."""
    if problem:
        return Check("port", "failure", problem, "a free port of 127.0.0.1", "ip address show lo",
                     "JupyterLab needs one; course run does not.")
    return ok("port", "a port of 127.0.0.1 is free")


def bf16(fp32_rate: float, bf16_rate: float, native: bool) -> Check:
    """Does the CPU multiply bf16 natively, and can the measured rates (GFLOP/s) be believed?"""
    if fp32_rate < LEAST_RATE:
        return Check("bf16", "warning", f"{fp32_rate:.2f}", f"{LEAST_RATE} GFLOP/s or more in fp32",
                     "export OMP_WAIT_POLICY=PASSIVE",
                     "Another program takes the cores: stop it, set the environment variable OMP_WAIT_POLICY=PASSIVE, "
                     "and try again.")
    times = f"{bf16_rate / fp32_rate:.2g} times the rate of fp32"
    return ok("bf16", f"native on this CPU, {times}" if native else f"not native on this CPU ({times}): fp32 is used")


@dataclass(frozen=True)
class Graphics:
    """What nvidia-smi ("absent", "failed", "ok") and torch say of GPUs. ``cuda``: what torch was built for."""

    tool: str = "absent"
    name: str = ""
    driver: str = ""
    cuda: str = ""
    seen: str = ""  # the name that torch gives, if it can use one
    mps: bool = False
    hidden: bool = False  # CUDA_VISIBLE_DEVICES is set


def gpu(facts: Graphics) -> Check:
    """Can torch use the GPU that is there? No GPU is no failure."""
    driver = f", driver {facts.driver}" if facts.driver else ""
    if facts.seen:
        built = f", torch built for CUDA {facts.cuda}" if facts.cuda else ""
        return ok("gpu", f"{facts.seen}{driver}{built}")
    if facts.tool == "failed":
        return Check("gpu", "warning", "nvidia-smi is there but fails", "an answer from the driver", "nvidia-smi",
                     "Without it the profile is cpu.")
    if facts.tool == "ok" and not facts.cuda:
        return Check("gpu", "warning", f"{facts.name}{driver}, but a torch built for the CPU", "a torch built for CUDA",
                     "python -m pip install --force-reinstall -c constraints.txt torch")
    if facts.tool == "ok":
        command, why = ("unset CUDA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES may hide it.") if facts.hidden else (
            "nvidia-smi", "The driver may be too old for this torch.")
        return Check("gpu", "warning", f"{facts.name}{driver}, which torch (CUDA {facts.cuda}) cannot use", "one that it can use",
                     command, why)
    return ok("gpu", "Apple MPS" if facts.mps else "none that torch can use")


def recommended(total_memory: float, has_gpu: bool) -> str:
    """Return the profile that fits: gpu with a usable GPU, cpu with enough memory (GiB), else smoke."""
    return "gpu" if has_gpu else "cpu" if total_memory >= LEAST_MEMORY else "smoke"


def profile(best: str, has_gpu: bool, wanted: str = "", minutes: str = "") -> Check:
    """Name the profile to use; ``wanted`` is what COURSE_PROFILE asks for."""
    if wanted and wanted not in PROFILES:
        return Check("profile", "failure", f"COURSE_PROFILE={wanted}", f"one of {', '.join(PROFILES)}", "unset COURSE_PROFILE")
    if wanted == "gpu" and not has_gpu:
        return Check("profile", "failure", "COURSE_PROFILE=gpu and no GPU that torch can use", f"COURSE_PROFILE={best}",
                     f"export COURSE_PROFILE={best}")
    if wanted and wanted != best:
        return ok("profile", f"COURSE_PROFILE={wanted}; recommended: {best}")
    return ok("profile", f"recommended: {best}{minutes}")
