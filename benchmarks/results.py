"""results.json: every measurement, written at once when it is there, so that nothing measured is lost."""

from __future__ import annotations

import datetime
import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.render import render
from benchmarks.settings import Job, Settings
from benchmarks.summary import summarise
from course_lib.errors import ConfigError
from course_lib.files import write_json, write_text
from course_lib.locations import shown
from course_lib.machine import Machine, Plan

LIBRARIES = ("torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy")
SAME = ("settings", "machine", "versions", "plan", "corpus")


def machine_facts(machine: Machine, plan: Plan) -> dict[str, Any]:
    """Return what matters of the hardware, and nothing that tells which machine it was."""
    return {
        "cores": machine.cores, "memory_gib": round(machine.memory, 1), "capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_bf16_native": machine.cpu_bf16, "gpu": machine.gpu, "gpu_memory_gib": round(machine.gpu_memory, 1),
        "device": plan.device, "system": platform.system(), "architecture": platform.machine(),
    }


def public_name(name: str) -> str:
    """Return a checkpoint's or corpus's name as it may stand in a result: of a path only the last part."""
    return Path(name).name if Path(name).expanduser().exists() else name


class Results:
    """The numbers so far and the two files they are kept in."""

    def __init__(self, folder: Path, settings: Settings, machine: Machine, plan: Plan, corpus: dict[str, Any]) -> None:
        self.json, self.page = folder / "results.json", folder / "RESULTS.md"
        names = {"checkpoint": public_name(settings.checkpoint), "corpus": public_name(settings.corpus)}
        self.values: dict[str, Any] = {
            "settings": json.loads(json.dumps(asdict(settings))) | names, "machine": machine_facts(machine, plan),
            "plan": {"device": plan.device, "precision": plan.precision}, "corpus": corpus,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
            "measurements": {}, "complete": False,
        }

    def resume(self) -> int:
        """Take over the measurements of an earlier call with equal settings; return how many."""
        if not self.json.is_file():
            return 0
        earlier = read(self.json)
        different = [name for name in SAME if earlier.get(name) != self.values[name]]
        if different:
            raise ConfigError(
                f"benchmark --resume: expected {shown(self.json)} to be of the same settings, machine and versions, found other "
                f"{', '.join(different)}. Leave --resume out to begin again."
            )
        self.values["measurements"] = earlier["measurements"]
        return len(self.values["measurements"])

    def add(self, job: Job, numbers: dict[str, Any]) -> None:
        """Keep the numbers of a job and write the file."""
        self.values["measurements"][job.key] = numbers
        self.write()

    def write(self, *, complete: bool = False) -> None:
        """Write results.json, and the page from it."""
        self.values["complete"] = complete
        self.values["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        self.values["summary"] = summarise(self.values["measurements"], self.values["plan"]["precision"])
        write_json(self.json, self.values)
        write_text(self.page, render(self.values))


def read(path: Path) -> dict[str, Any]:
    """Read a results.json."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"benchmark: expected results as JSON in {shown(path)}, found {error}. Type: make bench") from error
    if not isinstance(values, dict) or not {*SAME, "measurements", "date", "complete"} <= set(values):
        raise ConfigError(f"benchmark: expected results written by this command in {shown(path)}, found something else. "
                          "Type: make bench")
    return values


def render_again(folder: Path) -> Path:
    """Write RESULTS.md from results.json and return its path."""
    values = read(folder / "results.json")
    values["summary"] = summarise(values["measurements"], values["plan"]["precision"])
    return write_text(folder / "RESULTS.md", render(values))
