"""What differs between runs: parameters, other inputs, and seeds alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from course_lib.comparison.load import LoadedRun

SEED_KEYS = ("seed", "seeds")
PLACES = ("output_dir",)
HASHES = ("notebook", "code", "checkpoint")
DATA_SETTINGS = ("corpus", "stages", "silver_records", "max_train_records")
"""Settings that may change which corpora are read."""
RESOLVED = ("profile", "precision", "threads", "device")
"""Facts of the manifest that replace the setting of the same name, which may read "auto"."""


@dataclass(frozen=True)
class Inputs:
    """What produced the runs: one mapping per run for settings and one for everything else."""

    settings: tuple[Mapping[str, Any], ...]
    others: tuple[Mapping[str, Any], ...]

    @cached_property
    def differing(self) -> list[str]:
        """Names of settings that are not the same in all runs."""
        return _differing(self.settings)

    @cached_property
    def common(self) -> dict[str, Any]:
        """Settings that all runs share."""
        return {key: value for key, value in self.settings[0].items() if key not in set(self.differing)}

    @cached_property
    def other_differing(self) -> list[str]:
        """Names of hashes, versions and hardware that are not the same in all runs."""
        return _differing(self.others)

    @cached_property
    def unexplained(self) -> list[str]:
        """``other_differing`` without the hashes that follow from a setting that differs."""
        settings, keys = set(self.differing), self.other_differing
        if "checkpoint" in settings:
            keys = [key for key in keys if key != "checkpoint"]
        if settings & set(DATA_SETTINGS):
            keys = [key for key in keys if not key.startswith("corpora ")]
        return keys


@dataclass(frozen=True)
class SeedGroup:
    """Runs that differ in nothing but the seed; ``runs`` are their numbers, counted from 0."""

    runs: tuple[int, ...]
    seeds: tuple[str, ...]
    label: str


def inputs_of(runs: Sequence[LoadedRun]) -> Inputs:
    """Collect the inputs of each run from its manifest."""
    return Inputs(tuple(_settings(run.manifest) for run in runs), tuple(_others(run.manifest) for run in runs))


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(manifest.get("settings") or manifest.get("parameters") or {})
    settings |= {key: manifest[key] for key in RESOLVED if manifest.get(key) is not None}
    if "seed" not in settings and manifest.get("seed") is not None:
        settings["seed"] = manifest["seed"]
    if settings.get("seeds") in ([], [settings.get("seed")]):
        settings.pop("seeds")
    return {key: value for key, value in settings.items() if key not in PLACES}


def _others(manifest: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part, name in (("hashes", "{}"), ("versions", "version of {}"), ("hardware", "{}")):
        for key, value in (manifest.get(part) or {}).items():
            flat |= {f"{key} {k}": v for k, v in value.items()} if isinstance(value, Mapping) else {name.format(key): value}
    return flat


def _differing(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return [key for key in keys if len({shown_value(row.get(key)) for row in rows}) > 1]


def shown_value(value: Any) -> str:
    """Return a setting as text: JSON, with plain words unquoted."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def label_of(inputs: Inputs, run: int, *, seed: bool = True) -> str:
    """Describe a run by its settings that differ, and code, weights and data that do: ``epochs 3, seed 7``; shortened."""
    keys = [key for key in inputs.differing if seed or key not in SEED_KEYS]
    parts = [f"{key} {shown_value(inputs.settings[run].get(key))}" for key in keys]
    parts += [f"{key} {str(inputs.others[run].get(key))[:8]}" for key in inputs.unexplained if _is_hash(key)]
    text = ", ".join(parts)
    return text if len(text) <= 60 else text[:57] + "..."


def seed_groups(inputs: Inputs) -> list[SeedGroup]:
    """Put runs together that differ only in the seed, in the order of their first run.

    Hashes count (other code or other data is another configuration), versions
    and hardware do not. A second run with a seed of its group is a repetition: it is left out.
    """
    members: dict[str, list[int]] = {}
    for number, settings in enumerate(inputs.settings):
        members.setdefault(_key(settings, inputs.others[number]), []).append(number)
    groups = []
    for numbers in members.values():
        by_seed: dict[str, int] = {}
        for number in numbers:
            by_seed.setdefault(_seed(inputs.settings[number]), number)
        groups.append(SeedGroup(tuple(by_seed.values()), tuple(by_seed), label_of(inputs, numbers[0], seed=False)))
    return groups


def _seed(settings: Mapping[str, Any]) -> str:
    return shown_value(settings.get("seeds", settings.get("seed")))


def _is_hash(key: str) -> bool:
    return key in HASHES or key.startswith("corpora ")


def _key(settings: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in settings.items() if key not in SEED_KEYS}
    several = len(settings.get("seeds") or []) or 1  # a mean over seeds is not one more seed
    hashes = {key: value for key, value in others.items() if _is_hash(key)}
    return json.dumps([kept, several, hashes], sort_keys=True, default=str)
