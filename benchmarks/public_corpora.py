"""The notebooks on public corpora: run them, keep their metrics, write one table.

``python -m benchmarks.public_corpora`` runs notebooks 02 and 03 with the
parameters in ``RUNS`` through the same runner as ``make report`` and writes
``benchmarks/public_corpora.json`` and ``PUBLIC_CORPORA.md`` beside it; names
select runs, ``--render`` only writes the table again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError, OutputError, one_of
from course_lib.files import write_json, write_text
from course_lib.report import run_notebook
from course_lib.runs import environment

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "public_corpora.json", HERE / "PUBLIC_CORPORA.md"
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "ncbi_disease": ("02_medical_ner", {"corpus": "ncbi_disease", "seeds": [0, 1, 2]}),
    "bc5cdr": ("02_medical_ner", {"corpus": "bc5cdr", "seeds": [0, 1, 2]}),
    "tatqa": ("03_finance_qa", {"corpus": "tatqa", "stages": ["xquad", "finance_qa"]}),
    "tatqa_without_xquad": ("03_finance_qa", {"corpus": "tatqa", "stages": ["finance_qa"], "silver_records": 2000}),
    "tatqa_alone": ("03_finance_qa", {"corpus": "tatqa"}),
    "tatqa_relevant": ("03_finance_qa", {"corpus": "tatqa_relevant", "stages": ["xquad", "finance_qa"]}),
    "tatqa_relevant_without_xquad": ("03_finance_qa", {"corpus": "tatqa_relevant", "stages": ["finance_qa"],
                                                         "silver_records": 2000}),
}
"""Runs by name: a notebook and its parameters; everything else is the profile's."""


def run(name: str, profile: str = "auto", threads: int | None = None) -> dict[str, Any]:
    """Execute one run and return its parameters and metrics; a failed notebook is an ``OutputError``."""
    if name not in RUNS:
        raise ConfigError(one_of("run", name, list(RUNS)))
    notebook, parameters = RUNS[name]
    parameters = parameters | ({"threads": threads} if threads else {})
    with tempfile.TemporaryDirectory() as folder:
        entry = run_notebook(notebook, Path(folder) / "run", {**parameters, "profile": profile})
    if entry["status"] != "ok":
        raise OutputError(f"run {name}: expected a run without errors, found {entry.get('error')}. Mend it first.")
    return {"notebook": notebook, "parameters": parameters, "seconds": entry["seconds"], "metrics": entry["metrics"],
            "date": datetime.now(UTC).date().isoformat(), "environment": environment()}


def score_of(metrics: Mapping[str, Any], key: str) -> str:
    """Return a score with its interval and, with several seeds, their standard deviation."""
    text = f"{metrics[key]:.3f} ({metrics[key + '_low']:.3f} to {metrics[key + '_high']:.3f})"
    return text + (f", sd over seeds {metrics[key + '_sd']:.3f}" if f"{key}_sd" in metrics else "")


def render(results: Mapping[str, Any]) -> str:
    """Return the table as Markdown."""
    lines = [
        "# The notebooks on public corpora", "",
        "Written by `python -m benchmarks.public_corpora`. Scores are on test parts, with 95 % intervals by resampling documents",
        "where the corpus names them, else sentences (then too narrow: sentences of one abstract belong together). Settings were",
        "chosen on validation parts; what `benchmarks.choose_settings` tried is in `settings.jsonl`, earlier trials by hand were",
        "not kept. With several seeds, score and interval ends are means. Seconds are wall time, other work on the machine",
        "included; for speed see `RESULTS.md`.", "",
        "| run | score | exact match | unseen mentions | seeds | threads | training s a seed | tokens/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in results.items():
        m = entry["metrics"]
        entity = "test_entity_f1" in m
        unseen, given = f"{m['test_entity_f1_unseen']:.3f}" if entity else "", entry["parameters"]
        lines.append(
            f"| {name} | {'entity' if entity else 'answer'} F1 {score_of(m, 'test_entity_f1' if entity else 'test_f1')} | "
            f"{'' if entity else score_of(m, 'test_exact_match')} | {unseen} | "
            f"{len(given.get('seeds', [0]))} | {given.get('threads', 'all')} | {m['train_seconds']:.0f} | "
            f"{m['tokens_per_second']:,.0f} |"
        )
    lines += ["", "`tatqa` is our own split of the published test part of TAT-QA, text spans only: comparable with nobody. The",
              "passage is all paragraphs of the excerpt; `tatqa_relevant` shows only the paragraph that the annotators named, an",
              "easier task.", ""]
    for name, entry in results.items():
        facts = entry["environment"]
        lines.append(f"- {name}: {entry['date']}, {facts['cores']} cores, GPU {facts['gpu']}, bf16 {facts['cpu_bf16']}, "
                     f"torch {facts['torch']}")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.public_corpora", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", help=f"any of: {', '.join(RUNS)}; all that can be had if none is given")
    parser.add_argument("--profile", default="auto", help="auto, smoke, cpu or gpu")
    parser.add_argument("--threads", type=int, help="CPU threads of each run; all cores without it")
    parser.add_argument("--render", action="store_true", help="only write the table again")
    given = parser.parse_args(arguments)
    for name in [] if given.render else given.runs or list(RUNS):
        entry = run(name, given.profile, given.threads)
        # After each run, so that Ctrl-C loses only one; read again, as another process may have added a run.
        write_json(RESULTS, kept_results() | {name: entry})
        print(f"{name}: {entry['seconds']:.0f} s", flush=True)
    write_text(TABLE, render(kept_results()))
    return 0


def kept_results() -> dict[str, Any]:
    """Return the runs that were kept so far."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.is_file() else {}


if __name__ == "__main__":
    raise SystemExit(main())
