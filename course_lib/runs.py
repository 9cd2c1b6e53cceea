"""The first and the last thing a notebook does: begin a run, and leave its results.

``begin`` is the cell after the parameters: it checks them, decides device and
precision, makes the run folder and prints what the run stands on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import math
import os
import platform
import secrets
import shutil
import time
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from course_lib import provenance
from course_lib.arguments import check_pairs
from course_lib.errors import ConfigError, OutputError
from course_lib.files import write_json, write_jsonl, write_text
from course_lib.locations import runs_folder, shown
from course_lib.machine import Machine, Plan, describe, plan_for, resolve_profile
from course_lib.manifest import plain_hardware
from course_lib.parameters import NOTEBOOKS, check, with_profile
from course_lib.seeds import set_seed

SHOWN_PACKAGES = ("torch", "transformers", "datasets", "accelerate")
# Names that IPython puts into every notebook's globals.
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}


@dataclass(frozen=True)
class Run:
    """One execution of a notebook: resolved parameters, the plan, the folder."""

    notebook: str
    parameters: dict[str, Any]
    settings: dict[str, Any]
    profile: str
    plan: Plan
    machine: Machine
    folder: Path
    started: float = field(default_factory=time.perf_counter)

    def __getattr__(self, name: str) -> Any:
        """Resolved settings read as attributes: ``run.epochs``."""
        settings = self.__dict__.get("settings", {})
        if name in settings:
            return settings[name]
        raise AttributeError(f"run: expected one of {', '.join(sorted(settings))}; found {name!r}.")

    def save_metrics(self, metrics: Mapping[str, Any]) -> Path:
        """Write ``metrics.json``: flat, numbers and texts only."""
        shutil.rmtree(self.folder / "resume", ignore_errors=True)  # a run that got here needs no resuming
        bad = {k: v for k, v in metrics.items()
               if not isinstance(v, (int, float, str)) or (isinstance(v, float) and not math.isfinite(v))}
        if bad:
            raise OutputError(f"metrics.json: expected flat numbers and texts, found {bad}. Convert or drop these.")
        provenance.update()
        return write_json(self.folder / "metrics.json", dict(metrics))

    def save_predictions(self, rows: Sequence[Mapping[str, Any]], groups: Sequence[str] | None = None) -> Path:
        """Write ``predictions.jsonl``, one test record a line.

        ``groups`` names what is resampled together (the document of each
        record, or its passage, of which a short hash is kept); ``course
        compare`` reads it from the rows as ``group``.
        """
        if groups is not None and len(groups) != len(rows):
            raise OutputError(f"predictions: expected one group per row ({len(rows)}), found {len(groups)}. Give groups_of the "
                              "same records.")
        names = [{}] * len(rows) if groups is None else [{"group": _short(group)} for group in groups]
        return write_jsonl(self.folder / "predictions.jsonl", [{**row, **name} for row, name in zip(rows, names, strict=True)])

    def save_history(self, history: Any) -> Path:
        """Write ``history.csv`` from a table with one row per epoch."""
        return write_text(self.folder / "history.csv", history.to_csv(index=False))

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.started


def begin(notebook: str, namespace: Mapping[str, Any] | None = None, **values: Any) -> Run:
    """Check a notebook's parameters and start a run.

    In a notebook: ``run = begin("02_medical_ner", globals())``. Every name that
    the cells above defined counts as a parameter, so that a misspelt one is
    refused. In scripts, give the parameters as keywords.
    """
    if any(isinstance(value, Run) for value in (namespace or {}).values()):
        raise ConfigError(
            f"notebook {notebook}: expected a fresh kernel, found one that has begun a run already: what its cells defined "
            "would count as parameters. Restart the kernel (menu Kernel, Restart Kernel and Run All Cells)."
        )
    given = dict(values) | (_parameters_in(namespace) if namespace is not None else {})
    parameters = check(notebook, given)
    machine = describe()
    profile = resolve_profile(parameters["profile"], machine)
    settings = with_profile(notebook, profile, parameters)
    settings["seeds"] = list(settings.get("seeds") or [parameters["seed"]])
    check_pairs(settings)
    plan = plan_for(machine, profile, parameters["precision"], settings.get("batch_size", 16))
    torch.set_num_threads(parameters["threads"] or machine.cores)
    set_seed(parameters["seed"])
    run = Run(notebook, parameters, settings, profile, plan, machine, _make_folder(notebook, parameters["output_dir"]))
    provenance.start(run.folder, _facts(run))
    print(_header(run))
    return run


def _parameters_in(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the literals out of a notebook's globals."""
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON
        and not isinstance(value, types.ModuleType)
        and not inspect.isroutine(value)
        and not inspect.isclass(value)
    }


def _short(group: str) -> str:
    return group if len(group) <= 64 else hashlib.sha256(group.encode()).hexdigest()[:16]


def _make_folder(notebook: str, output_dir: str) -> Path:
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    folder = Path(output_dir).expanduser() if output_dir else runs_folder() / notebook / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.write_text("x", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"output_dir {output_dir or shown(folder)!r}: expected a folder that can be written to, found "
            f"{error.strerror}. Choose another output_dir."
        ) from error
    return folder.resolve()


def environment() -> dict[str, str]:
    """Return versions and hardware, free of names of this machine or user."""
    machine = describe()
    versions = {name: importlib.metadata.version(name) for name in SHOWN_PACKAGES}
    return versions | {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": str(machine.cores),
        "memory_gib": f"{machine.memory:.0f}",
        "gpu": machine.gpu or "none",
        "cpu_bf16": "native" if machine.cpu_bf16 else "not native",
    }


def _facts(run: Run) -> dict[str, Any]:
    """Return what the manifest says of this process: settings as resolved, code, hardware; no folder, no name."""
    hardware = plain_hardware() | {
        "gpu": run.machine.gpu or None, "cpu_bf16": run.machine.cpu_bf16,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    return {
        "notebook": run.notebook, "profile": run.profile, "device": run.plan.device, "precision": run.plan.precision,
        "threads": torch.get_num_threads(), "code": provenance.code_hash(), "hardware": hardware,
        "parameters": {k: v for k, v in run.parameters.items() if k != "output_dir"},
        "settings": {k: run.plan.batch_size if k == "batch_size" else v for k, v in run.settings.items() if k != "output_dir"},
    }


def _header(run: Run) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in SHOWN_PACKAGES)
    changed = {
        k: v for k, v in run.parameters.items() if v != NOTEBOOKS[run.notebook][k].default and k != "output_dir"
    }
    lines = [
        f"Python {platform.python_version()}, {versions}",
        f"profile {run.profile}, device {run.plan.device}, precision {run.plan.precision}, "
        f"{torch.get_num_threads()} threads, seed {run.parameters['seed']}",
        f"parameters changed from their defaults: {changed or 'none'}",
    ]
    if os.environ.get("HF_HUB_OFFLINE"):
        lines.append("offline: the hub is not contacted")
    return "\n".join(lines)
