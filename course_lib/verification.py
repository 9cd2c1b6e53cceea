"""Execute a run again and say whether it gives the same numbers; if not, which of its inputs changed."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError
from course_lib.execution import Progress, RunRequest, execute_into
from course_lib.runfolder import RunFolder, is_time, read

TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2}
"""Relative difference allowed between kinds of machine, where sums are rounded in another order.

fp32: 1e-4, what losses of a few steps differ by. bf16: 2e-2. A count or a text, and
so every prediction, may differ with it: then the answer is "not the same", and a person decides.
"""
SAME_KIND = ("system", "machine", "cpu", "gpu", "cpu_capability")
"""What makes machines of one kind: on these, with equal threads, precision and device, bits are compared."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of a verification. ``differences`` are lines, ``inputs`` names what changed since the run."""

    same: bool
    rule: str
    differences: tuple[str, ...]
    inputs: tuple[str, ...]
    seconds: float
    error: str | None = None


def verify(run: RunFolder, *, source: Path | None = None, on_progress: Progress | None = None) -> Verdict:
    """Execute ``run`` again from its manifest, in a temporary folder, and compare."""
    old = run.manifest
    if old["outcome"] != "ok":
        raise ConfigError(f"run {old['id']!r}: expected a finished run to verify, found outcome {old['outcome']!r} "
                          f"({old['error']}). Execute it anew with `course run`.")
    if changed := run.changed_files():
        raise ConfigError(f"run {old['id']!r}: expected its files as the run left them, found changes in "
                          f"{', '.join(changed[:5])}. What was changed by hand cannot be verified: restore the folder.")
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        request = RunRequest(old["notebook"], resolved_parameters(old), source=source, keep_model=False)
        result = execute_into(request, Path(folder).resolve() / "again", on_progress=on_progress)
        again = read(result.folder)
        inputs = tuple(changed_inputs(old, again.manifest))
        if result.outcome != "ok":
            return Verdict(False, "the notebook fails now", (str(result.error),), inputs, result.seconds, result.error)
        tolerance = tolerance_for(old, again.manifest)
        lines = compare_metrics(run.metrics, again.metrics, tolerance)
        lines += compare_predictions(run.predictions(), again.predictions(), tolerance)
    rule = "to the bit" if tolerance == 0 else f"within {tolerance:g} (relative), because the kind of machine differs"
    return Verdict(not lines, rule, tuple(lines), inputs, result.seconds)


def resolved_parameters(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters to run again with: as given, with what "auto" and "one per core" were resolved to."""
    fixed = {name: manifest[name] for name in ("profile", "precision", "threads", "seed") if manifest[name] is not None}
    return dict(manifest["parameters"]) | (fixed if manifest["settings"] else {})


def tolerance_for(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """Return 0 (bits are compared) on the same kind of machine, else the tolerance of the wider precision."""
    same = all(old["hardware"][key] == new["hardware"][key] for key in SAME_KIND)
    if same and all(old[key] == new[key] for key in ("threads", "precision", "device")):
        return 0.0
    return max(TOLERANCE.get(m["precision"] or "fp32", 0.0) for m in (old, new))


def changed_inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return a line for each input of a run that is not what it was: notebook, code, weights, data, versions, hardware."""
    before, after = old["hashes"], new["hashes"]
    lines = [f"{name}: other content" for name in ("notebook", "code", "checkpoint") if before[name] != after[name]]
    lines += [f"corpus {name}: " + ("no longer read" if two is None else "newly read" if one is None else "other content")
              for name, one, two in _differing(before["corpora"], after["corpora"])]
    lines += [f"version of {name}: {one} -> {two}" for name, one, two in _differing(old["versions"], new["versions"])]
    lines += [f"hardware, {name}: {one} -> {two}" for name, one, two in _differing(old["hardware"], new["hardware"])
              if name not in ("memory_gib", "cpu_bf16")]  # the one changes no number, the other is a measurement
    lines += [f"setting {name}: {one} -> {two}" for name, one, two in _differing(old["settings"], new["settings"])
              if name not in ("profile", "precision", "threads")]  # given as resolved when run again
    how = ("threads", "precision", "device")
    return lines + [f"{name}: {old[name]} -> {new[name]}" for name in how if old[name] != new[name]]


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (name, old value, new value) of what differs, None for what is missing."""
    return [(name, old.get(name), new.get(name)) for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def compare_metrics(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: float) -> list[str]:
    """Return a line per metric that differs; times are left aside."""
    lines = []
    for key in [*old, *(key for key in new if key not in old)]:
        if is_time(key) or (key in old and key in new and _close(old[key], new[key], tolerance)):
            continue
        lines.append(f"metric {key}: {old.get(key, 'none')} -> {new.get(key, 'none')}")
    return lines


def compare_predictions(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], tolerance: float) -> list[str]:
    """Return a line if predictions differ: how many, and the first three ids. The order of rows counts."""
    if len(old) != len(new):
        return [f"predictions: {len(old)} rows -> {len(new)} rows"]
    if not tolerance and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
        return []
    apart = [str(a["id"]) for a, b in zip(old, new, strict=True) if not _close(a, b, tolerance)]
    return [f"predictions: {len(apart)} of {len(old)} rows differ, first {', '.join(apart[:3])}"] if apart else []


def _close(a: Any, b: Any, tolerance: float) -> bool:
    """Are two JSON values equal, floats within the tolerance?"""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_close(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if tolerance and isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return type(a) is type(b) and bool(a == b)
