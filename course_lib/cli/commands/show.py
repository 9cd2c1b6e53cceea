"""``course show``: what one run was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.cli.console import OK, print_json

EPILOG = """\b
Examples:
  course show runs/02_medical_ner/20260301-120000-1a2b
  course show 20260301-120000-1a2b --json
"""


def command(
    run: Annotated[str, typer.Argument(help="A run folder, or the id of a run below the runs folder.")],
    out: Annotated[Path | None, typer.Option(help="Folder of run folders, as given to course run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON on stdout.")] = False,
) -> int:
    """Show a run: its parameters, the settings that differ from defaults, metrics, and what produced it."""
    from course_lib.runfolder import find, read

    folder = read(find(run, out))
    changed = folder.changed_files()
    if as_json:
        print_json({"manifest": folder.manifest, "metrics": folder.metrics, "differing_settings": differing(folder.manifest),
                    "changed_files": changed})
    else:
        print("\n".join(text_of(folder.manifest, folder.metrics, changed)))
    return OK


def text_of(manifest: Mapping[str, Any], metrics: Mapping[str, Any], changed: list[str]) -> list[str]:
    """Return the lines about a run."""
    m = manifest
    lines = [f"{m['notebook']}, run {m['id']}: {m['outcome']}", *([f"  {m['error']}"] if m["error"] else []), ""]
    lines += _block("parameters as given", m["parameters"] or {"": "none: all defaults"})
    lines += _block("settings that differ from the defaults", differing(m) or {"": "none"})
    lines += _block("metrics", {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in metrics.items()} or {"": "none"})
    facts = {k: m[k] for k in ("started", "seconds", "profile", "device", "precision", "threads", "seed", "peak_memory_mib")}
    git = m["git"] or {}
    facts["git"] = f"{git['commit'][:12]}{', with changes' if git['dirty'] else ''}" if git else "none"
    lines += _block("how it ran", facts) + _block("hardware", m["hardware"]) + _block("versions", m["versions"])
    hashes = {k: v for k, v in m["hashes"].items() if k != "corpora"}
    hashes |= {f"corpus {k}": v for k, v in m["hashes"]["corpora"].items()}
    lines += _block("SHA-256 of the inputs", hashes)
    lines += _block("files", {name: "CHANGED since the run" if name in changed else "as the run left it" for name in m["files"]})
    return lines[:-1]


def differing(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resolved settings that are not what the notebook's defaults give with the run's profile."""
    from course_lib.errors import CourseError
    from course_lib.parameters import check, with_profile

    settings, notebook = manifest["settings"], manifest["notebook"]
    if not settings:
        return {}
    try:
        plain = with_profile(notebook, manifest["profile"], check(notebook, {}))
    except (CourseError, KeyError):  # a notebook this version does not know
        return dict(settings)
    plain["seeds"] = plain.get("seeds") or [settings.get("seed")]
    return {name: value for name, value in settings.items() if name not in plain or plain[name] != value}


def _block(title: str, values: Mapping[str, Any]) -> list[str]:
    width = max(len(name) for name in values)
    return [title, *(f"  {name:{width}}  {_plain(value)}".rstrip() for name, value in values.items()), ""]


def _plain(value: Any) -> Any:
    """Return a value as one line that moves no cursor: texts with line ends or control characters are quoted."""
    if value is None:
        return "none"
    return value if not isinstance(value, str) or value.isprintable() else json.dumps(value, ensure_ascii=True)
