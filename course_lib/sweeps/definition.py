"""What a sweep file says: read, checked key by key, never expanded here.

Every mistake is a ``ConfigError`` with file, line, key and what is expected.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError, one_of
from course_lib.parameters import NOTEBOOKS
from course_lib.sweeps.yaml_lines import Entry, read_yaml

KEYS = ("notebook", "profile", "base", "grid", "list", "seeds", "resources", "retries")
PROFILES = ("auto", "smoke", "cpu", "gpu")
ELSEWHERE = {
    "output_dir": "each run of a sweep has its own folder: use --out for the folder of all runs",
    "profile": "one sweep has one profile: write it as a key of its own at the top level",
}


@dataclass(frozen=True)
class Definition:
    """A sweep as written. ``grid`` holds the values by name, ``cases`` one dict of parameters each.

    ``lines`` gives the line of a parameter by its path: ``("grid", "epochs")``, ``("list", "3", "epochs")``.
    ``cpus`` and ``gpus`` are counts per run; ``retries`` is how often a failed run is tried again.
    """

    file: str
    notebook: str
    profile: str = "auto"
    base: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    cases: tuple[Mapping[str, Any], ...] = ()
    seeds: tuple[int, ...] = ()
    cpus: int = 1
    gpus: int = 0
    retries: int = 2
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many runs these are: a product of lengths, nothing is expanded."""
        return math.prod(map(len, self.grid.values())) * max(1, len(self.cases)) * max(1, len(self.seeds))

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the parameters that the runs differ in, in the order of the file."""
        names = [*self.grid, *(name for case in self.cases for name in case), *(["seed"] if self.seeds else [])]
        return tuple(dict.fromkeys(names))

    def error(self, path: tuple[str, ...], text: str) -> ConfigError:
        """Return an error with file, line and key in front."""
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 1)
        return ConfigError(f"{self.file}, line {line}, key {'.'.join(path)}: {text}")


def read_definition(path: Path) -> Definition:
    """Read ``sweep.yaml``; raise ``ConfigError`` at the first mistake."""
    root = read_yaml(path)
    top = _mapping(root, "keys such as notebook and grid")
    for name, entry in top.items():
        if name not in KEYS:
            raise entry.error(one_of("key", name, list(KEYS)))
    if "notebook" not in top:
        raise root.error("expected a key notebook, found none. Write for example: notebook: 02_medical_ner")
    notebook = _choice(top["notebook"], "notebook", list(NOTEBOOKS))
    table = list(NOTEBOOKS[notebook])
    resources = _resources(top.get("resources"))
    cases = _cases(top.get("list"), table)
    definition = Definition(
        file=path.name, notebook=notebook,
        profile=_choice(top["profile"], "profile", list(PROFILES)) if "profile" in top else "auto",
        base=_parameters(top.get("base"), table), grid=_grid(top.get("grid"), table), cases=cases,
        seeds=_seeds(top.get("seeds")), cpus=resources["cpus"], gpus=resources["gpus"],
        retries=_count(top["retries"], 0, 100) if "retries" in top else 2, lines=dict(_lines(top)),
    )
    _check_together(definition, root)
    return definition


def _lines(top: Mapping[str, Entry]) -> Any:
    """Yield (path, line) of every key that an error may name."""
    for name, entry in top.items():
        yield (name,), entry.line
        children = entry.value.items() if isinstance(entry.value, dict) else (
            ((str(i), e) for i, e in enumerate(entry.value)) if isinstance(entry.value, list) else ())
        for child, sub in children:
            yield (name, child), sub.line
            for leaf, last in sub.value.items() if isinstance(sub.value, dict) else ():
                yield (name, child, leaf), last.line


def _check_together(d: Definition, root: Entry) -> None:
    """Refuse keys that are fine alone and wrong together."""
    if d.grid and d.cases:
        raise d.error(("list",), f"expected grid or list, found both (grid on line {d.lines[('grid',)]}). "
                                 "Keep one; seeds multiplies either.")
    if not (d.grid or d.cases or d.seeds):
        raise root.error("expected one of grid, list, seeds, found none. For a single run use course run.")
    for name in d.grid:
        if name in d.base:
            raise d.error(("grid", name), f"expected each parameter once, found it in base too (line {d.lines[('base', name)]}). "
                                          "Remove one.")
    if d.seeds:
        places = [("base", "seed"), ("grid", "seed"), *(("list", str(i), "seed") for i in range(len(d.cases)))]
        for place in places:
            if place in d.lines:
                raise d.error(place, f"expected the seed in one place, found seeds too (line {d.lines[('seeds',)]}). Remove one.")
    if d.profile == "gpu" and not d.gpus:
        raise d.error(("profile",), "expected resources with gpus of at least 1 beside profile gpu, found 0. "
                                    "Write: resources: {cpus: 1, gpus: 1}")
    for place, value in _threads(d):
        if isinstance(value, int) and value > d.cpus:
            raise d.error(place, f"expected at most as many threads as resources.cpus ({d.cpus}), found {value}. "
                                 f"Write: resources: {{cpus: {value}}}")


def _threads(d: Definition) -> Any:
    yield ("base", "threads"), d.base.get("threads")
    yield from ((("grid", "threads"), value) for value in d.grid.get("threads", ()))
    yield from ((("list", str(i), "threads"), case.get("threads")) for i, case in enumerate(d.cases))


def _mapping(entry: Entry, expected: str) -> dict[str, Entry]:
    if not isinstance(entry.value, dict):
        raise entry.error(f"expected {expected}, found {_named(entry.plain())}. Write: name: value")
    return entry.value


def _items(entry: Entry, expected: str) -> list[Entry]:
    if not isinstance(entry.value, list):
        raise entry.error(f"expected {expected}, found {_named(entry.plain())}. Write it in brackets: [a, b]")
    if not entry.value:
        raise entry.error(f"expected {expected}, found an empty list. Add a value or remove the key.")
    return entry.value


def _named(value: Any) -> str:
    return "nothing" if value is None else f"{str(value)[:80]!r} ({type(value).__name__})"


def _choice(entry: Entry, name: str, allowed: list[str]) -> str:
    if entry.value not in allowed if isinstance(entry.value, str) else True:
        raise entry.error(one_of(name, entry.plain(), allowed))
    return str(entry.value)


def _count(entry: Entry, low: int, high: int) -> int:
    if not isinstance(entry.value, int) or isinstance(entry.value, bool) or not low <= entry.value <= high:
        raise entry.error(f"expected a whole number from {low} to {high}, found {_named(entry.plain())}. Correct it.")
    return entry.value


def _resources(entry: Entry | None) -> dict[str, int]:
    found = {"cpus": 1, "gpus": 0}
    for name, value in _mapping(entry, "resources such as {cpus: 1, gpus: 0}").items() if entry else ():
        if name not in found:
            raise value.error(one_of("resource", name, list(found)))
        found[name] = _count(value, 1 if name == "cpus" else 0, 1024)
    return found


def _parameters(entry: Entry | None, table: list[str]) -> dict[str, Any]:
    if entry is None:
        return {}
    values = _mapping(entry, "parameters and their values")
    for name, value in values.items():
        _known(name, value, table)
    return {name: value.plain() for name, value in values.items()}


def _known(name: str, entry: Entry, table: list[str]) -> None:
    if name in ELSEWHERE:
        raise entry.error(f"expected other parameters than {name} here: {ELSEWHERE[name]}.")
    if name not in table:
        raise entry.error(one_of("parameter", name, [n for n in table if n not in ELSEWHERE]))


def _grid(entry: Entry | None, table: list[str]) -> dict[str, tuple[Any, ...]]:
    grid = {}
    for name, values in _mapping(entry, "parameters with lists of values").items() if entry else ():
        _known(name, values, table)
        grid[name] = tuple(item.plain() for item in _items(values, "a list of values"))
    if entry and not grid:
        raise entry.error("expected parameters with lists of values, found none. Add one or remove the key.")
    return grid


def _cases(entry: Entry | None, table: list[str]) -> tuple[dict[str, Any], ...]:
    return tuple(_parameters(item, table) for item in _items(entry, "a list of parameter sets")) if entry else ()


def _seeds(entry: Entry | None) -> tuple[int, ...]:
    return tuple(_count(item, 0, 2**32 - 1) for item in _items(entry, "a list of whole numbers")) if entry else ()


def resolved_profile(definition: Definition) -> str:
    """Turn ``auto`` into a profile by what is written, not by the machine that happens to plan the sweep.

    ``COURSE_PROFILE`` if set; else gpu where each run asks for GPUs, else cpu.
    """
    if definition.profile != "auto":
        return definition.profile
    profile = os.environ.get("COURSE_PROFILE", "") or ("gpu" if definition.gpus else "cpu")
    if profile not in PROFILES[1:]:
        raise ConfigError(one_of("environment variable COURSE_PROFILE", profile, list(PROFILES[1:])))
    if profile == "gpu" and not definition.gpus:
        raise ConfigError("environment variable COURSE_PROFILE: expected resources with gpus of at least 1 in the sweep file "
                          "beside gpu, found 0. Write: resources: {cpus: 1, gpus: 1}")
    return profile
