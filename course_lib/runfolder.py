"""Reading a run folder: what a finished run left, checked against the schemas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import DataError, one_of
from course_lib.files import sha256_of
from course_lib.locations import runs_folder
from course_lib.manifest import MANIFEST_FILE, SCHEMA, strict_json, validator
from course_lib.provenance import RUN_FILE

TIMES = ("_seconds", "_per_second")


def is_time(key: str) -> bool:
    """Is a metric a time, or its spread over seeds? Times differ between any two executions and tell nothing of results."""
    return key.removesuffix("_sd") == "seconds" or key.removesuffix("_sd").endswith(TIMES)


@dataclass(frozen=True)
class RunFolder:
    """A finished run. ``metrics`` is empty if the notebook left none (a failed run)."""

    path: Path
    manifest: dict[str, Any]
    metrics: dict[str, Any]

    def predictions(self) -> list[dict[str, Any]]:
        """Read ``predictions.jsonl``; empty if there is none. ``DataError`` if it is not what the run left."""
        rows = []
        for number, line in enumerate(self._text("predictions.jsonl").split("\n"), 1):
            if not line:
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise _wrong(self.path, f"a JSON object in predictions.jsonl line {number}", str(error)) from error
            if not isinstance(row, dict) or not {"id", "gold", "predicted"} <= set(row):
                raise _wrong(self.path, f"id, gold and predicted in predictions.jsonl line {number}", line[:80])
            rows.append(row)
        return rows

    def history(self) -> list[dict[str, Any]]:
        """Read ``history.csv``, one dictionary a row (numbers as floats, empty cells as None); empty if there is none."""
        return [{name: _cell(text) for name, text in row.items() if name}
                for row in csv.DictReader(io.StringIO(self._text("history.csv"), newline=""))]

    def changed_files(self) -> list[str]:
        """Return the files that are missing, or differ from what the run left, by the manifest's checksums."""
        known: Mapping[str, str] = self.manifest["files"]
        return [name for name, digest in known.items()
                if not (self.path / name).is_file() or sha256_of(self.path / name) != digest]

    def _text(self, name: str) -> str:
        return _checked_text(self.path, name, self.manifest)


def read(path: Path) -> RunFolder:
    """Read and validate a run folder. ``DataError`` for one that is not ours, half-written, or of another schema."""
    path = Path(path)
    manifest = _read_manifest(path)
    text = _checked_text(path, "metrics.json", manifest)
    metrics = _parse(path, "metrics.json", text) if text else {}
    _validate(path, "metrics", metrics)
    return RunFolder(path, manifest, metrics)


def find(text: str, root: Path | None = None) -> Path:
    """Return the run folder a person means: a path, or ``<notebook>/<id>`` or ``<id>`` below the runs folder."""
    root = root or runs_folder()
    if Path(text).expanduser().is_dir():
        return Path(text).expanduser()
    if text and (root / text).is_dir():
        return root / text
    below = [p for p in sorted(root.glob("*/*")) if p.is_dir() and not p.name.startswith(".")]
    named = [p for p in below if p.name == text]
    if len(named) > 1:
        raise DataError(f"run {text!r}: expected the id of one run, found it below {', '.join(p.parent.name for p in named)}. "
                        f"Give the notebook too: {named[0].parent.name}/{text}")
    if named:
        return named[0]
    recent = [p.name for p in sorted(below, key=lambda p: p.stat().st_mtime)[-6:]]
    raise DataError("run: expected a run folder or the id of one. " + one_of("run", text, recent or ["none there is yet"]))


def _read_manifest(path: Path) -> dict[str, Any]:
    if path.name.endswith(".part"):
        raise _wrong(path, "a finished run", "a draft (.part) of one that was interrupted or is being written. Run it again")
    file = path / MANIFEST_FILE
    if not file.is_file():
        made = "only run.json, as papermill or JupyterLab leave alone" if (path / RUN_FILE).is_file() else "no such file"
        raise _wrong(path, f"{MANIFEST_FILE}, as `course run` writes it", f"{made if path.is_dir() else 'no such folder'}")
    manifest = _parse(path, MANIFEST_FILE, file.read_text(encoding="utf-8", errors="replace"))
    if manifest.get("schema") != SCHEMA:
        raise _wrong(path, f"manifest schema {SCHEMA}", f"{manifest.get('schema')!r}, of another version of the course")
    _validate(path, "manifest", manifest)
    return manifest


def _parse(path: Path, name: str, text: str) -> dict[str, Any]:
    try:
        value = strict_json(text)
    except ValueError as error:
        raise _wrong(path, f"JSON in {name}", str(error)) from error
    if not isinstance(value, dict):
        raise _wrong(path, f"a JSON object in {name}", str(value)[:80])
    return value


def _validate(path: Path, name: str, value: dict[str, Any]) -> None:
    from fastjsonschema import JsonSchemaException

    try:
        validator(name)(value)
    except JsonSchemaException as error:
        raise _wrong(path, f"{name}.json by its schema (course_lib/schemas)", str(error.message)[:300]) from error


def _checked_text(path: Path, name: str, manifest: Mapping[str, Any]) -> str:
    """Return the text of a file of the run, "" if the run left none; refuse one that was changed since."""
    expected = manifest["files"].get(name)
    if expected is None:
        return ""
    file = path / name
    if not file.is_file():
        raise _wrong(path, f"{name}, which the manifest lists", "no such file")
    if sha256_of(file) != expected:
        raise _wrong(path, f"{name} as the run left it (SHA-256 {expected[:12]}...)", "a file that was changed since")
    return file.read_text(encoding="utf-8")


def _wrong(path: Path, expected: str, found: str) -> DataError:
    return DataError(f"run folder {path.name!r}: expected {expected}; found {found}. Give the folder of a finished run, "
                     "or execute it again with `course run`.")


def _cell(text: str | None) -> Any:
    if text is None or text == "":
        return None
    try:
        return float(text)
    except ValueError:
        return text
