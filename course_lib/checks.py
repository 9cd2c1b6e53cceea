"""Is everything in place? Small checks that say ok, or what to type. Used by notebook 00.

Each ``check_...`` returns what it found, in a few words, or raises a
``CourseError`` whose message ends with what to do.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.data import load
from course_lib.errors import CheckpointError, ConfigError, CourseError, OutputError
from course_lib.files import write_text
from course_lib.locations import PROJECT
from course_lib.machine import Machine
from course_lib.models.checkpoints import find, resolve
from course_lib.models.heads import build_model

LEAST_MEMORY, LEAST_DISK = 3.5, 2.0
"""GiB: what training minilm needs, and what a few runs with their models take."""
LEAST_RATE = 2.0
"""GFLOP/s in fp32: any CPU of the last ten years does more, unless its cores are taken."""


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


def pins(project: Path = PROJECT) -> dict[str, str]:
    """Return the pinned versions of ``pyproject.toml``, what the course itself needs only."""
    with (project / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    return dict(line.split("==") for line in lines)


def compare_versions(pinned: Mapping[str, str]) -> list[dict[str, str]]:
    """Return one row per package: pinned, installed (without a build label such as +cpu), ok or differs."""
    rows = []
    for name, version in pinned.items():
        try:
            installed = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            installed = "none"
        rows.append({"package": name, "pinned": version, "installed": installed,
                     "": "ok" if installed == version else "differs"})
    return rows


def check_packages(pinned: Mapping[str, str]) -> str:
    """Are the installed versions those the course was tested with?"""
    differing = [f"{r['package']} {r['installed']} (pinned {r['pinned']})" for r in compare_versions(pinned) if r[""] != "ok"]
    if differing:
        raise ConfigError(
            f"packages: expected the pinned versions, found {', '.join(differing)}. "
            "Type: make setup   (or: pip install -c constraints.txt -e .)"
        )
    return f"{len(pinned)} packages as pinned"


def check_kernel() -> str:
    """Do the packages come from the environment of this very Python?"""
    home = Path(sys.prefix).resolve()
    if not Path(torch.__file__).resolve().is_relative_to(home):
        raise ConfigError(
            "kernel: expected packages from the environment of this kernel, found torch from another place. "
            "Choose the kernel of .venv (menu Kernel), or unset PYTHONPATH, or type: make lab"
        )
    return f"Python {platform.python_version()}, packages from its own environment"


def check_room(machine: Machine, folder: Path) -> str:
    """Are memory and free disk enough for training and for keeping a few runs?"""
    free = shutil.disk_usage(folder).free / 2**30
    if machine.memory < LEAST_MEMORY:
        raise ConfigError(
            f"memory: expected {LEAST_MEMORY} GiB or more, found {machine.memory:.1f}. "
            "Use a machine with more, or profile='smoke'."
        )
    if free < LEAST_DISK:
        raise OutputError(
            f"disk: expected {LEAST_DISK} GiB free where runs are kept, found {free:.1f}. "
            "Remove old folders under runs/, or set COURSE_RUNS_DIR to another disk."
        )
    return f"memory at least {LEAST_MEMORY} GiB, disk at least {LEAST_DISK} GiB free"


def check_probe(machine: Machine) -> str:
    """Can the measured rates be believed? On a very busy machine threads wait for each other."""
    if machine.fp32_rate < LEAST_RATE:
        raise ConfigError(
            f"probe: expected {LEAST_RATE} GFLOP/s or more in fp32, found {machine.fp32_rate:.2f}. Another program "
            "takes the cores: stop it, set the environment variable OMP_WAIT_POLICY=PASSIVE (make lab does), "
            "and restart the kernel."
        )
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
