"""Is everything in place? Small checks that say ok, or what to type. Used by notebook 00.

Each ``check_...`` returns what it found, in a few words, or raises a
``CourseError`` whose message ends with what to do. What is decided is decided
by ``course_lib.doctor``; here a warning of the doctor is an error too.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.data import load
from course_lib.doctor import machine_checks, setup_checks
from course_lib.doctor.check import Check
from course_lib.doctor.facts import torch_inside
from course_lib.doctor.machine_checks import LEAST_DISK, LEAST_MEMORY
from course_lib.doctor.packages import compare_versions, pins
from course_lib.errors import CheckpointError, ConfigError, CourseError, OutputError
from course_lib.files import write_text
from course_lib.machine import Machine
from course_lib.models.checkpoints import find, resolve
from course_lib.models.heads import build_model

__all__ = [
    "Result", "check_checkpoint", "check_corpus", "check_encoder", "check_kernel", "check_packages", "check_probe",
    "check_room", "check_run_folder", "compare_versions", "pins", "run_checks",
]


@dataclass(frozen=True)
class Result:
    """The outcome of one check; ``text`` is what was found, or the whole error."""

    name: str
    ok: bool
    text: str


def run_checks(checks: Mapping[str, Callable[[], str]]) -> list[Result]:
    """Run every check, also after one has failed."""
    results = []
    for name, check in checks.items():
        try:
            results.append(Result(name, True, check()))
        except CourseError as error:
            results.append(Result(name, False, str(error)))
    return results


def _accept(check: Check) -> None:
    """Raise what the doctor does not call ok."""
    if check.status != "ok":
        raise ConfigError(check.sentence)


def check_packages(pinned: Mapping[str, str]) -> str:
    """Are the installed versions those the course was tested with?"""
    differing = [f"{r['package']} {r['installed']} (pinned {r['pinned']})" for r in compare_versions(pinned) if r[""] != "ok"]
    if differing:
        raise ConfigError(
            f"packages: expected the pinned versions, found {', '.join(differing)}. "
            "Type: python -m pip install -c constraints.txt -e ."
        )
    return f"{len(pinned)} packages as pinned"


def check_kernel() -> str:
    """Do the packages come from the environment of this very Python?"""
    _accept(setup_checks.home(torch_inside()))
    return f"Python {platform.python_version()}, packages from its own environment"


def check_room(machine: Machine, folder: Path) -> str:
    """Are memory and free disk enough for training and for keeping a few runs?"""
    _accept(machine_checks.memory(machine.memory))
    disk = machine_checks.disk(shutil.disk_usage(folder).free / 2**30)
    if disk.status != "ok":
        raise OutputError(disk.sentence)
    return f"memory at least {LEAST_MEMORY} GiB, disk at least {LEAST_DISK} GiB free"


def check_probe(machine: Machine) -> str:
    """Can the measured rates be believed? On a very busy machine threads wait for each other."""
    _accept(machine_checks.bf16(machine.fp32_rate, machine.bf16_rate, machine.cpu_bf16))
    return "the measured rates are plausible"


def check_run_folder(folder: Path) -> str:
    """Can a file be written to the run folder, read back the same, and removed?"""
    probe = write_text(folder / "check.txt", "course")
    if probe.read_text(encoding="utf-8") != "course":
        raise OutputError("run folder: expected the text that was written, found another. Choose another output_dir.")
    probe.unlink()
    return "written to and read back"


def check_checkpoint(name: str) -> str:
    """Are the weights there, byte for byte as published? For a hub name: what would be fetched."""
    checkpoint = find(name)
    if checkpoint.source == "hub":
        return f"not verified: {checkpoint.megabytes} MB come from the hub at first use, revision {checkpoint.revision[:12]}"
    resolve(name)
    return "SHA-256 as published" if checkpoint.source == "bundled" else "folder complete"


def check_encoder(name: str) -> str:
    """Does the model load and answer with finite numbers? May download a hub name."""
    model = build_model(name, "token-classification", seed=0).eval()
    with torch.inference_mode():
        states = model.base_model(input_ids=torch.tensor([[1, 2, 3]])).last_hidden_state
    if not torch.isfinite(states).all():
        raise CheckpointError(f"checkpoint {name!r}: expected finite hidden states, found others. The weights are damaged.")
    return f"loads; three pieces in, {states.shape[1]} vectors of width {states.shape[2]} out"


def check_corpus(name: str) -> str:
    """Is every part there with its committed checksum, and every record sound?"""
    corpus = load(name)
    sizes = " + ".join(f"{len(part)} {part_name}" for part_name, part in corpus.parts.items())
    return f"{sizes}; licence {corpus.licence}"
