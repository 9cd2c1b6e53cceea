"""Set up one machine for the course from a USB stick, with no network at all.

    python3.11 set_up.py                 into the folder "course" in your home
    python3.11 set_up.py --into PLACE    into another place

It makes a virtual environment, installs the wheels beside this file (each must
have the SHA-256 that was written down when the stick was made; pip is one of
them), unpacks the course, and runs notebook 00. It needs no network, no
administrator and no pip on the machine.
This file needs Python alone: it is copied to the stick by ``course room``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

STICK = Path(__file__).resolve().parent
NEEDED_GB = 3.0
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1",
            "HF_HUB_OFFLINE": "1", "COURSE_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def problems(stick: Path, into: Path) -> list[str]:
    """Return what keeps this machine from being set up, each with what to do; empty if all is well."""
    found = []
    try:
        room = json.loads((stick / "room.json").read_text(encoding="utf-8"))
        python, platform, sums = room["python"], room["platform"], dict(room["sha256"])
        lowest = tuple(int(part) for part in room["needs_python"].split(".") if part)
    except (OSError, ValueError, KeyError, TypeError):
        return ["stick: expected room.json beside set_up.py, found none that can be read. Copy the whole folder again."]
    here = "{}.{}".format(*sys.version_info[:2])
    if here != python:
        found.append(f"Python: expected {python}, found {here}. Start it with: python{python} set_up.py (Windows: py -{python} "
                     f"set_up.py). If there is no Python {python}, install it first, or ask your instructor for another machine.")
    elif sys.version_info[:3] < lowest:
        full = ".".join(map(str, sys.version_info[:3]))
        found.append(f"Python: expected {room['needs_python']} or later of {python}, found {full}. "
                     "Install a later one, or ask your instructor for another machine.")
    if sysconfig.get_platform() != platform:
        found.append(f"machine: expected {platform}, as the wheels were made for, found {sysconfig.get_platform()}. "
                     "Make a stick on a machine of that kind: course room")
    if into.exists() and any(into.iterdir() if into.is_dir() else [into]):
        done = (into / "set_up.json").is_file()
        found.append(f"folder {into.name}: expected none yet, found " + (
            "one that is set up already. Start it as START.txt there says, or choose another: --into PLACE" if done else
            "one that is in use. If it is left of a set-up that was interrupted, delete it; else choose another: --into PLACE"))
    near = next(p for p in (into, *into.parents) if p.exists() or p.is_symlink())
    if not near.is_dir():
        return [*found, f"folder {into.name}: expected a place below folders, found the file or dead link {near.name} "
                "in the way. Choose another: --into PLACE"]
    free = shutil.disk_usage(near).free / 1e9
    if free < NEEDED_GB:
        found.append(f"disk: expected {NEEDED_GB:.0f} GB free, found {free:.1f} GB. Free some, or choose another: --into PLACE")
    return found + [f"{name}: expected the file this stick was made with, found another or none. Copy the whole folder again."
                    for name, digest in sums.items() if not (stick / name).is_file() or sha256_of(stick / name) != digest]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def steps(stick: Path, into: Path, profile: str) -> list[tuple[str, list[str]]]:
    """Return what is called, in order: (name, command). The course lies in ``into`` by then."""
    python = str(python_of(into / ".venv"))
    own = next(iter(sorted((stick / "wheels").glob("pip-*.whl"))), Path("pip"))  # some systems leave pip out of Python
    pip = [python, str(own / "pip"), "install", "--quiet", "--no-index", "--find-links", str(stick / "wheels")]
    return [
        ("environment", [sys.executable, "-m", "venv", "--without-pip", str(into / ".venv")]),
        ("wheels", [*pip, "--no-compile", "--require-hashes", "-r", str(stick / "requirements.txt")]),
        ("course", [*pip, "--no-deps", "--no-build-isolation", "-e", str(into)]),
        ("notebook 00", [python, "-m", "course_lib", "run", "00_environment_setup", "--profile", profile]),
    ]


def set_up(stick: Path, into: Path, profile: str) -> int:
    """Do all steps; return 0 if notebook 00 ran to its end, 1 if a step failed, 2 if nothing was begun."""
    wrong = problems(stick, into)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    begin, took = time.perf_counter(), {}
    environment = {**os.environ, **NO_INDEX}
    environment.pop("PYTHONPATH", None)
    into.mkdir(parents=True, exist_ok=True)
    unpack(stick / "course-student.zip", into)
    for name, call in steps(stick, into, profile):
        print(f"{name} ..." + (" (one to five minutes, nothing is shown)" if name == "wheels" else ""), flush=True)
        start = time.perf_counter()
        if subprocess.run(call, cwd=into, env=environment, check=False).returncode:
            print(f"{name}: expected it to end well, found the error above. Remove the folder {into.name} and start again; "
                  "if it fails twice, show this text to your instructor.", file=sys.stderr)
            return 1
        took[name] = round(time.perf_counter() - start, 1)
    took["in all"] = round(time.perf_counter() - begin, 1)
    (into / "set_up.json").write_text(json.dumps(took, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(stick / "course-student.zip", into / "course-student.zip")  # where a spoilt notebook is taken from
    call = [str(python_of(into / ".venv")), "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", str(into / "notebooks")]
    command = subprocess.list2cmdline(call) if os.name == "nt" else shlex.join(call)
    text = f"To open the notebooks, type in a terminal:\n\n{command}\n\nThen read START.html, from section 2.\n"
    (into / "START.txt").write_text(text, encoding="utf-8")
    print(f"ready in {took['in all']:.0f} s. Start (it stands in START.txt, too):\n{command}")
    return 0


def unpack(archive: Path, into: Path) -> None:
    """Unpack the course without its top folder."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            parts = Path(entry.filename).parts[1:]
            if entry.is_dir() or not parts or ".." in parts:
                continue
            target = into.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)


def main(arguments: list[str] | None = None) -> int:
    """Command line; exit codes as ``set_up``."""
    parser = argparse.ArgumentParser(prog="set_up.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path.home() / "course"
    parser.add_argument("--into", type=Path, default=home, help="folder of the course (default: course, at home)")
    parser.add_argument("--profile", default="auto", choices=("auto", "smoke", "cpu", "gpu"), help="profile for notebook 00")
    given = parser.parse_args(arguments)
    return set_up(STICK, given.into.expanduser().absolute(), given.profile)


if __name__ == "__main__":
    sys.exit(main())
