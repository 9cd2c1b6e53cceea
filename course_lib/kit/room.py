"""``course room``: a folder for a USB stick from which a machine is set up with no network.

Wheels are fetched once, here, by pip, which compares each with the sum that the
index gives; their SHA-256 is then written down, and on the machines of the room
nothing else is accepted. The wheels fit machines like this one only: the same
system, processor and Python.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from course_lib.errors import ConfigError, DataError, OutputError
from course_lib.files import sha256_of, write_folder, write_json, write_text
from course_lib.kit import build, stick
from course_lib.kit.ours import JUNK
from course_lib.kit.wheels import BUILD, direct, exact
from course_lib.locations import PROJECT

ROOM = "course-room"
READ_ME = "READ_ME.txt"
"""May be written into: notes for a room stop no set-up, and are not replaced."""
SUMMED = ("course-student.zip", "requirements.txt", "set_up.py")
PARTS = (READ_ME, *SUMMED, "room.json", "wheels")
NEEDED_GB = 2.0
TEXT = """How to set up a machine from this folder, with no network:

1. Copy this folder to the machine, and hand the stick on.
2. In a terminal, in the copy: python3.11 set_up.py      (on Windows: py -3.11 set_up.py)
   It writes about 2.5 GB into the folder "course" in your home; elsewhere with: --into PLACE
3. After some minutes it ends with "ready" and the command that opens the notebooks.

The wheels fit {platform} with Python {python} only.
"""


@dataclass(frozen=True)
class Wheels:
    """What was fetched: files by their requirement line, and their size in bytes."""

    lines: tuple[str, ...]
    size: int


def make(out: Path, *, found_in: Path | None = None, requirements: Sequence[str] | None = None, project: Path = PROJECT) -> Path:
    """Write ``out/course-room``; return it.

    ``found_in`` is a folder of wheels to take instead of asking the index;
    ``requirements`` replaces the exact list of the course's packages, for a test.
    """
    folder = build.usable(out, project) / ROOM
    if folder.is_symlink() or folder.exists() and (not (folder / "room.json").is_file() or foreign(folder) or _annotated(folder)):
        raise OutputError(f"output: expected no folder {ROOM}, or one that holds what course room made and nothing else, "
                          "found another. Move it away, or choose another --out; nothing was changed.")
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free / 1e9
    if free < NEEDED_GB:
        raise OutputError(f"disk: expected {NEEDED_GB:.0f} GB free for the wheels, found {free:.1f} GB. "
                          "Free some, or choose another --out.")
    with write_folder(folder) as draft:
        if requirements is None:
            fetch(draft / "wheels", exact(project), found_in, project, alone=True)
        fetch(draft / "wheels", requirements or build_requirements(project), found_in, project)
        wheels = written_down(draft / "wheels")
        if missing := stick.unresolved(draft / "wheels", requirements or direct(project)):
            raise DataError(f"wheels: expected all that the course needs, found none of {'; '.join(missing[:5])}. "
                            "Installed here is another build than the index gives (torch with or without CUDA?): make the stick "
                            "in an environment that make setup prepared from the same index.")
        write_text(draft / "requirements.txt", "\n".join(wheels.lines) + "\n")
        build.fill_student(draft / build.STUDENT, project)
        archive = build.packed(draft / build.STUDENT)
        shutil.rmtree(draft / build.STUDENT)
        shutil.copyfile(Path(__file__).with_name("set_up.py"), draft / "set_up.py")
        fits = {"python": "{}.{}".format(*sys.version_info[:2]), "platform": sysconfig.get_platform()}
        read_me = write_text(draft / READ_ME, TEXT.format(**fits))
        # Used before pip looks at sums:
        first = [archive, *(draft / name for name in SUMMED if name != archive.name), *(draft / "wheels").glob("pip-*.whl")]
        facts = {"schema": 1, **fits, "read_me": sha256_of(read_me),
                 "needs_python": stick.lowest_python(draft / "wheels"),
                 "requirements": list(requirements or direct(project)), "wheels": len(wheels.lines), "bytes": wheels.size,
                 "sha256": {path.relative_to(draft).as_posix(): sha256_of(path) for path in first}}
        write_json(draft / "room.json", facts | {"facts": _sum_of(facts)})
    return folder


def build_requirements(project: Path = PROJECT) -> list[str]:
    """Return what installing the course itself needs, since its build may fetch nothing in the room."""
    import tomllib

    wanted = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    return [*wanted, *(name for name in BUILD if not any(text.startswith(name) for text in wanted))]


def fetch(
    folder: Path, requirements: Sequence[str], found_in: Path | None, project: Path = PROJECT, *, alone: bool = False
) -> None:
    """Let pip fetch wheels, never sources, at the pinned versions; ``alone``: these packages, not what they need."""
    where = ["--no-index", "--find-links", str(found_in)] if found_in else []
    where += ["--no-deps"] if alone else []
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
            "-c", str(project / "constraints.txt"), "-d", str(folder), *where, *requirements]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.splitlines() or ["no message"]
        first = next((line for line in said if line.startswith("ERROR")), said[-1])[:300]
        raise DataError(f"wheels: expected pip to fetch {len(requirements)} packages, found: {first} "
                        "Prepare the stick where an index can be reached, or give a folder of wheels: --wheels DIR")


def written_down(folder: Path) -> Wheels:
    """Return a requirement line with SHA-256 for each wheel of a folder."""
    lines, size = [], 0
    for path in sorted(p for p in (folder.iterdir() if folder.is_dir() else []) if not p.name.startswith(JUNK)):
        try:
            name, version, _, _ = parse_wheel_filename(path.name if path.is_file() else f"{path.name}/")
        except InvalidWheelFilename as error:
            raise DataError(f"wheels: expected wheels alone, found {path.name}. Remove it, or name a clean folder.") from error
        lines.append(f"{name}=={version} --hash=sha256:{sha256_of(path)}")
        size += path.stat().st_size
    if not lines:
        raise DataError("wheels: expected at least one wheel, found none. Look at the pins in constraints.txt.")
    return Wheels(tuple(lines), size)


def inspect(folder: Path) -> list[str]:
    """Return what is wrong with a stick: missing, changed or foreign files; empty if it is as it was made."""
    try:
        facts: dict[str, Any] = json.loads((folder / "room.json").read_text(encoding="utf-8"))
        listed = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        wanted = dict(line.split(" --hash=sha256:") for line in listed)
        sums, wants = dict(facts["sha256"]), list(facts["requirements"])
        _ = [facts[key] for key in ("wheels", "bytes", "platform", "python", "needs_python")]
        sums |= {name: sums.get(name, "") for name in SUMMED}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"stick {folder.name!r}: expected a folder made by course room, found {type(error).__name__}. "
                          "Make it again: course room --out DIR") from error
    lines = written_down(folder / "wheels").lines
    found = {line.split(" --hash=")[0]: line.rsplit(":", 1)[1] for line in lines}
    wrong = [f"{name}: not on the stick" for name in wanted.keys() - found.keys()]
    wrong += [f"{name}: not on the list" for name in found.keys() - wanted.keys()]
    wrong += [f"{name}: changed since the stick was made" for name in found.keys() & wanted.keys() if found[name] != wanted[name]]
    wrong += [f"{name}: missing or changed" for name, digest in sums.items()
              if not (folder / name).is_file() or sha256_of(folder / name) != digest]
    wrong += [] if (folder / READ_ME).is_file() else [f"{READ_ME}: missing"]
    wrong += ["room.json: changed"] if facts.pop("facts", "") != _sum_of(facts) else []
    wrong += [f"{name}: not of this stick" for name in foreign(folder) if not name.endswith(".whl")]  # wheels: above
    wrong += ["wheels: one package stands there twice"] if len(found) < len(lines) else []
    return sorted(wrong) or stick.unresolved(folder / "wheels", wants)


def _sum_of(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8")).hexdigest()


def foreign(folder: Path) -> list[str]:
    """Return what neither a build nor a desktop puts into a stick's folder; wheels of no listed package are among it."""
    own = [path.name for path in folder.iterdir() if path.name not in PARTS]
    listed = (folder / "requirements.txt").read_bytes() if (folder / "requirements.txt").is_file() else b""
    packages = {line.partition(b"==")[0].decode("utf-8", "replace") for line in listed.splitlines()}
    for path in (folder / "wheels").iterdir() if (folder / "wheels").is_dir() else ():
        package = canonicalize_name(path.name.partition("-")[0])
        own += [f"wheels/{path.name}"] if path.suffix != ".whl" or packages and package not in packages else []
    return sorted(name for name in own if not name.rpartition("/")[2].startswith(JUNK))


def _annotated(folder: Path) -> bool:
    """Has somebody written into the read-me of a stick?"""
    try:
        own = sha256_of(folder / READ_ME)
        return bool(json.loads((folder / "room.json").read_text(encoding="utf-8")).get("read_me", own) != own)
    except (OSError, ValueError, AttributeError):  # a damaged stick may be made again
        return False


def told(folder: Path) -> Iterable[str]:
    """Yield what to know about a stick, for a person."""
    facts = json.loads((folder / "room.json").read_text(encoding="utf-8"))
    yield f"{facts['wheels']} wheels, {facts['bytes'] / 1e6:.0f} MB, for {facts['platform']} with Python {facts['python']}"
    yield "on each machine: python3.11 set_up.py (about 2.5 GB of its disk; no network, no administrator)"
