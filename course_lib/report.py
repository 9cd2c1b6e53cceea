"""Execute the notebooks through papermill and collect their results on one page.

``python -m course_lib.report`` is what ``make report`` runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from tqdm.std import tqdm

from course_lib.errors import ConfigError, CourseError, one_of
from course_lib.execution import RunRequest, execute_into
from course_lib.files import write_json, write_text
from course_lib.locations import PROJECT, runs_folder, shown
from course_lib.machine import describe, resolve_profile
from course_lib.parameters import NOTEBOOKS
from course_lib.runs import environment


def run_notebook(name: str, folder: Path, parameters: dict[str, Any], *, source: Path | None = None) -> dict[str, Any]:
    """Execute one notebook into ``folder``; return its entry of the summary.

    A failing notebook is kept with papermill's banner and has status "failed".
    """
    result = execute_into(RunRequest(name, parameters, source=source), folder)
    entry = {"name": name, "status": result.outcome, "seconds": round(result.seconds, 1), "metrics": result.metrics,
             "run": shown(result.folder)}
    return entry | ({"error": result.error[:500]} if result.error else {})


def run_all(names: Sequence[str], profile: str, seed: int, out: Path) -> dict[str, Any]:
    """Execute notebooks one after another; a failure does not stop the others."""
    begin, entries = time.perf_counter(), []
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    bar = tqdm(names, file=sys.stdout, disable=not sys.stdout.isatty(), unit="notebook")
    for name in bar:
        bar.set_description(name)
        entry = run_notebook(name, runs_folder() / name / f"{stamp}-report", {"profile": profile, "seed": seed})
        tqdm.write(f"{name}: {entry['status']}, {entry['seconds']:.0f} s {entry.get('error', '')}".rstrip(), file=sys.stdout)
        entries.append(entry)
        summary = {"profile": profile, "seconds": round(time.perf_counter() - begin, 1), "notebooks": entries,
                   "environment": environment()}
        write_report(summary, out)  # after each notebook: Ctrl-C keeps what is done
    return summary


def write_report(summary: dict[str, Any], out: Path) -> Path:
    """Write ``summary.json``, the pages and ``index.html`` into ``out``."""
    for entry in summary["notebooks"]:
        page = (runs_folder() / entry["name"] / Path(entry["run"]).name / "report.html").read_text(encoding="utf-8")
        write_text(out / f"{entry['name']}.html", page)
    write_json(out / "summary.json", summary)
    return write_text(out / "index.html", index_page(summary))


def index_page(summary: dict[str, Any]) -> str:
    """Return the start page: notebooks, metrics with intervals, times, environment."""
    rows = "".join(
        f"<tr><td><a href='{e['name']}.html'>{e['name']}</a></td><td>{e['status']}</td><td>{e['seconds']:.0f}</td>"
        f"<td>{escape(e.get('error', ''))}</td></tr>"
        for e in summary["notebooks"]
    )
    sections = "".join(
        f"<h2>{e['name']}</h2>{_metric_table(e['metrics'])}" for e in summary["notebooks"] if e["metrics"]
    )
    facts = "".join(f"<tr><td>{escape(k)}</td><td>{escape(str(v))}</td></tr>" for k, v in summary["environment"].items())
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<title>Course report</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:56em;margin:2em auto;padding:0 1em;"
        "color:#1a1a1a}table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{border-bottom:1px solid #ccc;padding:.25em .9em;"
        "text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}a{color:#0054a6}</style></head><body>"
        f"<h1>Course report</h1><p>Profile {escape(summary['profile'])}, {summary['seconds']:.0f} s in all. "
        "Models and texts are for teaching: not for clinical or investment use.</p>"
        f"<table><tr><th>notebook</th><th>status</th><th>seconds</th><th></th></tr>{rows}</table>{sections}"
        f"<h2>What produced this</h2><table>{facts}</table></body></html>\n"
    )


def _metric_table(metrics: dict[str, Any]) -> str:
    """One row per metric; ``x``, ``x_low`` and ``x_high`` share a row."""
    rows = []
    for name, value in metrics.items():
        if name.endswith(("_low", "_high")) and name.rsplit("_", 1)[0] in metrics:
            continue
        interval = ""
        if f"{name}_low" in metrics and f"{name}_high" in metrics:
            interval = f"{metrics[name + '_low']:.3f} to {metrics[name + '_high']:.3f}"
        text = f"{value:.3f}" if isinstance(value, float) else escape(str(value))
        rows.append(f"<tr><td>{escape(name)}</td><td class='n'>{text}</td><td class='n'>{interval}</td></tr>")
    return f"<table><tr><th>metric</th><th>value</th><th>95 % interval</th></tr>{''.join(rows)}</table>"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: exit 0 if all notebooks ran, 1 if one failed, 2 for a wrong request, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.report", description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="names such as 02_medical_ner; all if none are given")
    parser.add_argument("--profile", default="auto", help="auto, smoke, cpu or gpu (default: auto)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all notebooks (default: 0)")
    parser.add_argument("--out", type=Path, default=PROJECT / "reports" / "latest", help="where index.html goes")
    given = parser.parse_args(arguments)
    try:
        names = given.notebooks or list(NOTEBOOKS)
        for name in names:
            if name not in NOTEBOOKS:
                raise ConfigError(one_of("notebook", name, list(NOTEBOOKS)))
        summary = run_all(names, resolve_profile(given.profile, describe()), given.seed, given.out)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what was finished before is kept", file=sys.stderr)
        return 130
    print(f"report: {shown(given.out / 'index.html')}")
    return 0 if all(entry["status"] == "ok" for entry in summary["notebooks"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
