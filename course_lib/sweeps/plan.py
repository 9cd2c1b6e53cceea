"""From a definition to its runs, one at a time: parameters, id, and checks of them all.

A run's id is a hash of what it computes (notebook and resolved settings), so
that the same sweep started again finds the runs it has already finished.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from course_lib.arguments import check_request
from course_lib.errors import CourseError
from course_lib.parameters import check, with_profile
from course_lib.sweeps.definition import Definition, resolved_profile

CONFIRM_ABOVE = 200


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: ``parameters`` are handed to the notebook, ``varied`` are those that tell the runs apart."""

    number: int
    id: str
    notebook: str
    profile: str
    parameters: Mapping[str, Any]
    varied: Mapping[str, Any]


def run_id(notebook: str, profile: str, parameters: Mapping[str, Any]) -> str:
    """Return 16 hex digits of SHA-256 over notebook and resolved settings (canonical JSON).

    ``output_dir`` is left out; a value left to the profile and the same value given by hand have one id.
    Raises ``CourseError`` for what ``course run`` refuses too.
    """
    settings = with_profile(notebook, profile, check(notebook, check_request(notebook, parameters, profile)))
    settings.pop("output_dir", None)
    text = json.dumps({"notebook": notebook, "parameters": settings}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def planned(definition: Definition) -> Iterator[PlannedRun]:
    """Yield the runs in the order of the file, seeds fastest; nothing but the current one is kept.

    ``threads`` is ``resources.cpus`` unless given: results depend on it, so it must not depend on the machine.
    Raises ``ConfigError`` with the line of the parameter that a run is refused for.
    """
    profile = resolved_profile(definition)
    for number, (path, varied) in enumerate(_combinations(definition), 1):
        parameters = {**definition.base, **varied}
        if parameters.get("threads") is None:
            parameters["threads"] = definition.cpus
        try:
            identity = run_id(definition.notebook, profile, parameters)
        except CourseError as error:
            place = _culprit(definition, path, str(error))
            raise definition.error(place, f"run {number} of {definition.count} is refused. {error}") from error
        yield PlannedRun(number, identity, definition.notebook, profile, parameters, varied)


def _combinations(d: Definition) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield (place in the file, parameters that vary) of each run."""
    seeds = [{"seed": seed} for seed in d.seeds] or [{}]
    rows: Iterator[tuple[tuple[str, ...], dict[str, Any]]]
    if d.cases:
        rows = ((("list", str(i)), dict(case)) for i, case in enumerate(d.cases))
    elif d.grid:
        rows = ((("grid",), dict(zip(d.grid, values, strict=True))) for values in itertools.product(*d.grid.values()))
    else:
        rows = iter([(("seeds",), {})])
    for (path, row), seed in ((row, seed) for row in rows for seed in seeds):
        yield path, {**row, **seed}


def _culprit(d: Definition, path: tuple[str, ...], message: str) -> tuple[str, ...]:
    """Return the place in the file of the first parameter a message speaks of, else of the run."""
    for word in re.findall(r"\w+", message):
        for place in ((*path, word), ("base", word)):
            if place in d.lines:
                return place
    return path


def check_plan(definition: Definition) -> int:
    """Check every run before the first one starts; return how many there are.

    Raises ``ConfigError`` for a refused run and for two runs that are the same.
    """
    first: dict[str, int] = {}
    for run in planned(definition):
        if twin := first.get(run.id):
            place = "list" if definition.cases else "grid" if definition.grid else "seeds"
            raise definition.error((place,), f"expected runs that differ, found run {run.number} the same as run {twin} "
                                             f"({describe(run.varied)}). Remove the repeated value.")
        first[run.id] = run.number
    return len(first)


def check_values(definition: Definition) -> None:
    """Check each value of a grid in one run that has it: as many checks as values, however large the product."""
    firsts = {name: values[0] for name, values in definition.grid.items()}
    alone = replace(definition, seeds=definition.seeds[:1])
    for name, values in definition.grid.items():
        for value in values:
            one = {other: (first,) for other, first in firsts.items()} | {name: (value,)}
            next(planned(replace(alone, grid=one)))


def describe(values: Mapping[str, Any]) -> str:
    """Return ``epochs=3 seed=1``."""
    return " ".join(f"{name}={value}" for name, value in values.items()) or "no parameter"
