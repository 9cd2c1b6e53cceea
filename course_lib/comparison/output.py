"""Where a comparison goes: the page, the table beside it, and plain values for pipelines."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_lib.comparison.compare import Comparison, Result
from course_lib.comparison.table import COLUMNS, csv_text
from course_lib.comparison.words import cautions, summary
from course_lib.errors import ConfigError
from course_lib.files import write_text
from course_lib.manifest import MANIFEST_FILE


def page_path(out: Path | None) -> Path | None:
    """Check where the page shall go, before anything is computed."""
    if out is None:
        return None
    out = out.expanduser()
    if out.suffix != ".html" or out.is_dir():
        raise ConfigError(
            f"--out: expected the name of a page that ends in .html, found {str(out)!r}. The CSV gets the same name."
        )
    if (out.parent / MANIFEST_FILE).exists():
        raise ConfigError(f"--out: expected a place outside the run folders, found run {out.parent.name!r}. What a run left is "
                          "never changed: give another folder.")
    return out


def save(comparison: Comparison, page: Path | None = None) -> tuple[Path, Path]:
    """Write page and table, each under a temporary name first; return their paths.

    Without ``page`` it is ``compare.html`` in the folder that holds the runs, or
    in the current one if they lie in several.
    """
    from course_lib.comparison.page import render

    if page is None:
        folders = {run.folder.path.parent for run in comparison.runs}
        page = (folders.pop() if len(folders) == 1 else Path.cwd()) / "compare.html"
    table = page.with_suffix(".csv")
    _check_ours(table)
    text = render(comparison)
    return write_text(page, text), write_text(table, csv_text(comparison))


def _check_ours(table: Path) -> None:
    """Refuse to write over a table that is not of a comparison: its name was given for the page only."""
    if not table.is_file():
        return
    with table.open(encoding="utf-8", errors="replace") as file:
        head = file.readline(200)
    if not head.startswith(",".join(list(COLUMNS)[:3])):
        raise ConfigError(
            f"compare: expected no file {table.name!r} beside the page, or one of an earlier comparison, found another file. It "
            "would be lost: give --out another name."
        )


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values; a number that is not there is ``None``."""
    aligned = comparison.aligned
    return {
        "notebook": comparison.runs[0].notebook,
        "baseline": comparison.runs[0].id,
        "resamples": comparison.resamples,
        "records": aligned.records if aligned else None,
        "groups": aligned.groups if aligned else None,
        "unit": aligned.unit if aligned else None,
        "runs": [_plain_run(comparison, i) for i in range(len(comparison.runs))],
        "results": [_plain_result(result) for result in comparison.results],
        "seeds": [{"runs": [run + 1 for run in comparison.groups[g.group].runs], "score": g.score, "mean": g.mean,
                   "n": len(g.values), "sd": _number(g.sd)} for g in comparison.group_results],
        "shown": summary(comparison),
        "not_shown": cautions(comparison),
        "left_out": [{"id": name, "why": why} for name, why in comparison.selection.left_out],
    }


def _plain_run(comparison: Comparison, run: int) -> dict[str, Any]:
    settings = {key: comparison.inputs.settings[run].get(key) for key in comparison.inputs.differing}
    return {"run": run + 1, "id": comparison.runs[run].id, "settings": settings}


def _plain_result(result: Result) -> dict[str, Any]:
    value = {"run": result.run + 1, "score": result.score, "slice": result.slice, "count": result.count}
    ends = {"": result.own, "difference_": result.difference}
    for prefix, interval in ends.items():
        if interval is not None:
            value |= {f"{prefix}{name}": _number(getattr(interval, name)) for name in ("value", "low", "high")}
    return value | ({f"p_{name}": p for name, p in asdict(result.p).items()} if result.p else {})


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
