"""What this process stands on: the facts ``begin`` decided and the data that was read since.

They are kept in ``run.json`` beside the results, written anew when something
is added; ``course_lib.execution`` folds them into ``manifest.json``. A run that
papermill or JupyterLab started alone keeps its ``run.json``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.files import sha256_of, write_json

RUN_FILE = "run.json"
_facts: dict[str, Any] = {}
_file: list[Path] = []


def start(folder: Path, facts: Mapping[str, Any]) -> None:
    """Begin the record of a run in ``folder``; what an earlier run of this process read is forgotten."""
    _file[:] = [folder / RUN_FILE]
    _facts.clear()
    _facts.update(facts, corpora={}, checkpoints={})
    update()


def note(kind: str, name: str, digest: str) -> None:
    """Remember that a corpus ("corpora") or "checkpoints" was read; before ``start`` nothing is kept."""
    known = _facts.get(kind)
    if known is not None and known.get(key := short_name(name)) != digest:
        known[key] = digest
        update()


def update() -> None:
    """Write the record, with the most memory used until now."""
    if _file and _file[0].parent.is_dir():
        write_json(_file[0], _facts | {"peak_memory_mib": peak_memory()})


def short_name(name: str) -> str:
    """Return a name as it may stand in a record: of a path, the last part."""
    return Path(name).name or name


def digest_of(paths: Mapping[str, Path]) -> str:
    """Return one SHA-256 over named files, or folders of files: their names and contents, in order."""
    return digest_of_files((f"{part}/{file.relative_to(path).as_posix()}" if path.is_dir() else part, file)
                           for part, path in sorted(paths.items())
                           for file in (sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]))


def digest_of_files(files: Iterable[tuple[str, Path]]) -> str:
    """Return one SHA-256 over (name, file) pairs in the given order."""
    digest = hashlib.sha256()
    for name, file in files:
        digest.update(f"{name}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()


def code_hash() -> str:
    """Return one SHA-256 over the package's own modules: the code that runs here."""
    folder = Path(__file__).resolve().parent
    return digest_of_files((file.relative_to(folder).as_posix(), file) for file in sorted(folder.rglob("*.py")))


def peak_memory() -> int | None:
    """Return the most memory this process has held, in MiB; None where the system does not say."""
    try:  # of this program alone; getrusage counts what the parent held before exec
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
        import sys
    except ImportError:
        return None
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))
