"""Which packages a student needs, at which versions: what the pins and the installed packages say."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from course_lib.errors import ConfigError
from course_lib.locations import PROJECT

BUILD = ("setuptools", "pip")
"""Needed to install the course itself without a network, also where Python came without pip."""
HEAD = ("# The packages a student needs, and the versions the course was built with; made by: course build\n"
        "# pip install -r wheels.txt\n")


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(project: Path = PROJECT) -> list[str]:
    """Return the requirements of the course, without those of its tests."""
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["project"]["dependencies"])


def pinned(project: Path = PROJECT) -> dict[str, str]:
    """Return the pinned version of every package in ``constraints.txt``, by canonical name."""
    lines = (project / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("#")[0].strip().split("==") for line in lines if "==" in line.split("#")[0])
    return {canonical(name): version for name, version in pairs}


def needed(project: Path = PROJECT) -> list[str]:
    """Return the names of all packages a student needs, found by following the installed packages."""
    seen: set[tuple[str, str]] = set()  # a package may be met without an extra first, and with one later
    waiting = [Requirement(text) for text in direct(project)]
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            try:
                new = [Requirement(text) for text in metadata.requires(name) or []]
            except metadata.PackageNotFoundError:
                continue
            waiting += [r for r in new if r.marker is None or r.marker.evaluate({"extra": extra})]
    return sorted({name for name, _ in seen})


def exact(project: Path = PROJECT) -> list[str]:
    """Return ``name==version`` of all packages a student needs on a machine like this one.

    Versions are the pinned ones; what has no pin (the CUDA libraries of torch) comes at the version that is installed.
    """
    pins, lines = pinned(project), []
    for name in needed(project):
        if name not in BUILD:
            try:
                lines.append(f"{name}=={pins.get(name) or metadata.version(name).partition('+')[0]}")
            except metadata.PackageNotFoundError as error:
                raise ConfigError(f"wheels: expected {name} to be installed here, found nothing. Type: make setup") from error
    return lines


def wheels_list(project: Path = PROJECT) -> str:
    """Return ``wheels.txt``: name==version, one a line; packages without a pin are left to pip."""
    pins, names = pinned(project), needed(project)
    missing = [name for text in direct(project) if (name := canonical(Requirement(text).name)) not in pins]
    if missing:
        raise ConfigError("constraints.txt: expected a pin of every package of pyproject.toml, "
                          f"found none of {', '.join(missing)}. Add it.")
    return HEAD + "".join(f"{name}=={pins[name]}\n" for name in names if name in pins)
