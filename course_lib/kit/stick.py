"""Can the wheels of a stick be installed together, with nothing else? Read from the wheels, before anybody is told so."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from course_lib.errors import DataError
from course_lib.kit.ours import JUNK


@dataclass(frozen=True)
class Wheel:
    """One wheel: its version, and what it says of itself."""

    version: Version
    facts: Message


def wheels_in(folder: Path) -> dict[str, Wheel]:
    """Return the wheels of a folder by canonical name; one that cannot be read is a ``DataError``."""
    found = {}
    for path in sorted(path for path in folder.glob("*.whl") if not path.name.startswith(JUNK)):
        name, version, _, _ = parse_wheel_filename(path.name)
        try:
            with zipfile.ZipFile(path) as wheel:
                inner = next(n for n in wheel.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA"))
                found[str(name)] = Wheel(version, HeaderParser().parsestr(wheel.read(inner).decode("utf-8")))
        except (OSError, ValueError, StopIteration, zipfile.BadZipFile) as error:
            raise DataError(f"wheel {path.name}: expected a wheel with its METADATA, found {type(error).__name__}. "
                            "Make the stick again: course room --out DIR") from error
    return found


def unresolved(folder: Path, wanted: Sequence[str]) -> list[str]:
    """Return what the wheels of a folder need and the folder does not hold, ``wanted`` first; extras included."""
    have, seen, missing = wheels_in(folder), set[tuple[str, str]](), set()
    waiting = [(Requirement(text), "the course") for text in wanted]
    while waiting:
        requirement, by = waiting.pop()
        name = str(canonicalize_name(requirement.name))
        if name not in have or not requirement.specifier.contains(have[name].version, prereleases=True):
            missing.add(f"{requirement}, needed by {by}: not on the stick")
            continue
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            for text in have[name].facts.get_all("Requires-Dist", []):
                more = Requirement(text)
                if more.marker is None or more.marker.evaluate({"extra": extra}):
                    waiting.append((more, name))
    return sorted(missing)


def lowest_python(folder: Path) -> str:
    """Return the lowest Python, as 3.11.5, that every wheel of a folder takes; an empty text if none says."""
    bounds = [Version(part.version) for wheel in wheels_in(folder).values()
              for part in SpecifierSet(wheel.facts.get("Requires-Python") or "") if part.operator == ">="]
    return str(max(bounds)) if bounds else ""
