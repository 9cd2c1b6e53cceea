"""Installed packages beside the pinned ones; needs nothing but the standard library."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.locations import PROJECT


@dataclass(frozen=True)
class Package:
    """A pinned package; ``installed`` is empty if it is missing. ``direct``: the course itself asks for it."""

    name: str
    pinned: str
    installed: str
    direct: bool = True

    @property
    def as_pinned(self) -> bool:
        return self.installed == self.pinned

    @property
    def breaks(self) -> bool:
        """Will the course fail with it? So we take it of a missing one, and of a direct one of another series."""
        return not self.installed or (self.direct and series(self.installed) != series(self.pinned))


def series(version: str) -> str:
    """Return the part of a version that promises compatibility: up to its first number that is not 0.

    >>> series("2.13.0"), series("0.29.2")
    ('2', '0.29')
    """
    match = re.match(r"(?:0\.)*\d+", version)
    return match.group() if match else version


def normal(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(project: Path = PROJECT) -> dict[str, str]:
    """Return the pinned versions of ``pyproject.toml``, what the course itself needs only."""
    import tomllib

    with (project / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    return dict(line.split("==") for line in lines)


def constraints(project: Path = PROJECT) -> dict[str, str]:
    """Return the versions of ``constraints.txt``: every package the course was built with."""
    lines = (line.split("#")[0].strip() for line in (project / "constraints.txt").read_text(encoding="utf-8").splitlines())
    return dict(line.split("==") for line in lines if line)


def installed_version(name: str) -> str:
    """Return the installed version without a build label such as +cpu; empty if there is none."""
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def compare_versions(pinned: Mapping[str, str]) -> list[dict[str, str]]:
    """Return one row per package: pinned, installed (without a build label such as +cpu), ok or differs."""
    found = {name: installed_version(name) for name in pinned}
    return [{"package": name, "pinned": version, "installed": found[name] or "none",
             "": "ok" if found[name] == version else "differs"} for name, version in pinned.items()]


def survey(project: Path = PROJECT) -> list[Package]:
    """Return the packages that the course needs, directly or not, and every other pinned one that is installed."""
    direct, pinned = pins(project), constraints(project)
    known = {normal(name): name for name in pinned}
    needed, queue = set(map(normal, direct)), list(direct)
    while queue:
        for name in map(normal, requirements(queue.pop())):
            if name not in needed:
                needed.add(name)
                queue.append(name)
    own = set(map(normal, direct))
    found = [Package(name, pinned[name], installed_version(name), key in own) for key, name in sorted(known.items())]
    return [package for package in found if package.installed or normal(package.name) in needed]


def requirements(name: str) -> Iterator[str]:
    """Give the names of what an installed package needs here; extras are left out."""
    try:
        texts = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    from packaging.requirements import Requirement

    for requirement in map(Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name
