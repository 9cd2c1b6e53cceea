"""The notebooks as a list: titles, parameters, values by profile, measured minutes. Imports nothing heavy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError, one_of
from course_lib.locations import PROJECT
from course_lib.parameters import CORPUS_SETTINGS, NOTEBOOKS, PROFILES, Parameter


@dataclass(frozen=True)
class Measured:
    """Minutes by notebook, the profile they were measured with, and a few facts of that machine."""

    profile: str = ""
    minutes: dict[str, float] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The machine of the measurement, in a few words."""
        facts = self.environment
        gpu = facts.get("gpu", "none")
        return f"on {facts.get('cores', '?')} cores, {'no GPU' if gpu == 'none' else gpu}, torch {facts.get('torch', '?')}"


def measured(project: Path = PROJECT) -> Measured:
    """Return the times of the committed runs (``notebooks/summary.json``); empty if there are none."""
    try:
        summary = json.loads((project / "notebooks" / "summary.json").read_text(encoding="utf-8"))
        minutes = {entry["name"]: entry["seconds"] / 60 for entry in summary["notebooks"] if entry["status"] == "ok"}
        return Measured(summary["profile"], minutes, summary["environment"])
    except (OSError, ValueError, KeyError, TypeError):
        return Measured()


def title_of(notebook: str, project: Path = PROJECT) -> str:
    """Return a notebook's first heading without its number; its name if it cannot be read."""
    try:
        cells = json.loads((project / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        heading = "".join(cells[0]["source"]).splitlines()[0]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return notebook
    number, dot, title = heading.lstrip("# ").partition("·")
    return (title if dot else number).strip() or notebook


def minutes_of(notebook: str, times: Measured) -> dict[str, float | None]:
    """Return a notebook's minutes by profile; ``None`` where nobody measured."""
    return {profile: times.minutes.get(notebook) if profile == times.profile else None for profile in PROFILES[notebook]}


def names(chosen: str | None = None) -> list[str]:
    """Return all notebooks, or the chosen one; an unknown name is a ``ConfigError``."""
    if chosen is not None and chosen not in NOTEBOOKS:
        raise ConfigError(one_of("notebook", chosen, list(NOTEBOOKS)))
    return [chosen] if chosen else list(NOTEBOOKS)


def type_of(parameter: Parameter) -> str:
    """Return a parameter's type in words: ``int or none``, ``list of str``."""
    kind = f"list of {parameter.item.__name__}" if parameter.kind is list else parameter.kind.__name__
    return kind + (" or none" if parameter.optional else "")


def as_json(notebook: str, times: Measured) -> dict[str, Any]:
    """Return all that is known of a notebook, as JSON can hold it."""
    minutes = minutes_of(notebook, times)
    return {
        "title": title_of(notebook),
        "minutes": {profile: None if value is None else round(value, 1) for profile, value in minutes.items()},
        "parameters": {name: _parameter(parameter) for name, parameter in NOTEBOOKS[notebook].items()},
        "profiles": PROFILES[notebook],
        "corpora": CORPUS_SETTINGS.get(notebook, {}),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    finite: Mapping[str, float | None] = {
        "low": parameter.low if math.isfinite(parameter.low) else None,
        "high": parameter.high if math.isfinite(parameter.high) else None,
    }
    return {"type": type_of(parameter), "default": parameter.default, "help": parameter.help,
            "choices": list(parameter.choices), **finite}
