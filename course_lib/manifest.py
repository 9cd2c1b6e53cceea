"""The manifest of a run: what produced it, in one flat-enough JSON object.

It names no machine, no user and no folder of this machine; the one exception is
a parameter that was typed as a path, kept because the run could not be
repeated without it. Its schema is ``schemas/manifest.schema.json``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.drafts import OWNER_FILE
from course_lib.files import sha256_of
from course_lib.locations import PROJECT
from course_lib.provenance import RUN_FILE, code_hash

SCHEMA = 1
MANIFEST_FILE = "manifest.json"
SCHEMAS = Path(__file__).resolve().parent / "schemas"


@dataclass(frozen=True)
class Manifest:
    """One finished execution. The fields are those of the schema; ``seconds`` is wall time, memory is in MiB."""

    id: str
    notebook: str
    parameters: dict[str, Any]
    settings: dict[str, Any]
    profile: str | None
    seed: int | None
    outcome: str
    error: str | None
    started: str
    seconds: float
    peak_memory_mib: int | None
    hashes: dict[str, Any]
    git: dict[str, Any] | None
    versions: dict[str, str]
    hardware: dict[str, Any]
    threads: int | None
    precision: str | None
    device: str | None
    files: dict[str, str]
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Origin:
    """What a run starts from, looked at before its first cell: files may be edited, and commits made, while it runs."""

    notebook: str
    git: dict[str, Any] | None
    started: datetime


def origin_of(source: Path) -> Origin:
    """Return what a run of the notebook ``source`` starts from now."""
    return Origin(notebook_hash(source), git_state(), datetime.now(UTC))


def describe_run(
    folder: Path, facts: Mapping[str, Any], *, run_id: str, notebook: str, origin: Origin, parameters: Mapping[str, Any],
    error: str | None, seconds: float,
) -> Manifest:
    """Return the manifest of what lies in ``folder``; ``facts`` are those ``begin`` wrote, empty if it was not reached."""
    settings = facts.get("settings", {})
    checkpoints = facts.get("checkpoints", {})
    checkpoint = checkpoints.get(Path(str(settings.get("checkpoint", ""))).name)
    return Manifest(
        id=run_id, notebook=notebook, parameters=dict(parameters), settings=settings, profile=facts.get("profile"),
        seed=settings.get("seed", parameters.get("seed")), outcome="failed" if error else "ok", error=error,
        started=origin.started.isoformat(timespec="seconds"), seconds=round(seconds, 2),
        peak_memory_mib=facts.get("peak_memory_mib"),
        hashes={"notebook": origin.notebook, "code": facts.get("code") or code_hash(), "checkpoint": checkpoint,
                "corpora": facts.get("corpora", {})},
        git=origin.git, versions=versions(), hardware=facts.get("hardware") or plain_hardware(),
        threads=facts.get("threads"), precision=facts.get("precision"), device=facts.get("device"),
        files=file_hashes(folder),
    )


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what ``begin`` wrote; empty if the notebook did not come so far."""
    try:
        facts = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def notebook_hash(source: Path) -> str:
    """Return the SHA-256 of what a notebook executes and says: kinds, tags and sources of its cells, not its outputs."""
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    parts = [[cell["cell_type"], sorted(cell["metadata"].get("tags", [])), "".join(cell["source"])] for cell in cells]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a run folder but the manifest itself, by its path below the folder."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: sha256_of(path) for name, path in files.items() if name not in (MANIFEST_FILE, OWNER_FILE)}


def git_state() -> dict[str, Any] | None:
    """Return the commit of the checkout and whether files differ from it; None without git."""

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(PROJECT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


@cache
def versions() -> dict[str, str]:
    """Return the installed versions of Python and of the packages the course needs."""
    try:
        lines = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    except (OSError, ValueError, KeyError):
        lines = ["torch", "transformers", "datasets", "accelerate"]
    found = {"python": platform.python_version()}
    for name in (line.split("==")[0] for line in lines):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def plain_hardware() -> dict[str, Any]:
    """Return what can be said of this machine without torch; ``begin`` adds GPU and bf16."""
    import os

    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"system": platform.system(), "machine": platform.machine(), "cpu": cpu_model(), "cores": cores,
            "memory_gib": round(psutil.virtual_memory().total / 2**30), "gpu": None, "cpu_bf16": None, "cpu_capability": None}


def cpu_model() -> str | None:
    """Return the model of the processor: other models may round sums in another order."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return text.split("model name")[1].split(":", 1)[1].split("\n", 1)[0].strip()
    except (OSError, IndexError):
        return platform.processor() or None


def strict_json(text: str) -> Any:
    """Read JSON as others read it: NaN and infinities, which Python's reader accepts, are a ``ValueError``."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number of JSON")

    return json.loads(text, parse_constant=refuse)


@cache
def validator(name: str) -> Any:
    """Return a function that checks JSON against ``schemas/<name>.schema.json``; compiled once a process.

    fastjsonschema, not jsonschema: importing the latter takes seconds where
    ``rfc3987-syntax`` is installed, as it is beside JupyterLab.
    """
    import fastjsonschema

    return fastjsonschema.compile(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))
