"""``python -m benchmarks``: measure, keep the numbers, write the page."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.child import run
from benchmarks.examples import load_slice, with_available_corpus
from benchmarks.results import Results, public_name, render_again
from benchmarks.settings import PARTS, Job, Settings, jobs_of, quick_settings
from course_lib.errors import ConfigError, CourseError, one_of
from course_lib.locations import PROJECT, runs_folder, shown
from course_lib.machine import Plan, describe, plan_for, resolve_profile

NUMBERS = {
    "records": "training sentences, from the first", "rounds": "rounds of the timing; each runs every contender once",
    "epochs": "epochs of a timed training", "seeds": "seeds of the comparison of scores",
    "f1_epochs": "epochs of that comparison",
}


def parser() -> argparse.ArgumentParser:
    """Return the command line; numbers left out keep the defaults of ``Settings``."""
    default = Settings()
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for name, meaning in NUMBERS.items():
        made.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"{meaning} (default {getattr(default, name)})")
    made.add_argument("--average", type=float, help=f"decay of ours' average of weights, 0 for none (default {default.average})")
    made.add_argument("--corpus", help=f"named corpus (default {default.corpus})")
    made.add_argument("--checkpoint", help=f"pretrained weights (default {default.checkpoint})")
    made.add_argument("--only", default=",".join(PARTS), help=f"parts to measure, of {','.join(PARTS)} (default: all)")
    made.add_argument("--output", type=Path, help="folder of results.json and RESULTS.md (default benchmarks/)")
    made.add_argument("--resume", action="store_true", help="keep what results.json holds and measure what is missing")
    made.add_argument("--render", action="store_true", help="only write RESULTS.md again from results.json")
    made.add_argument("--quick", action="store_true", help="tiny sizes, one process, into runs/: does every part run?")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    given = parser().parse_args(arguments)
    folder = given.output or (runs_folder() / "benchmark-quick" if given.quick else PROJECT / "benchmarks")
    try:
        if given.render:
            print(f"written: {shown(render_again(folder))}")
            return 0
        parts = tuple(part.strip() for part in given.only.split(","))
        names = (*NUMBERS, "average", "corpus", "checkpoint")
        changes = {name: value for name in names if (value := getattr(given, name)) is not None}
        return bench(folder, quick_settings(**changes) if given.quick else Settings(**changes), parts, resume=given.resume)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2


def bench(folder: Path, settings: Settings, parts: tuple[str, ...], *, resume: bool = False,
          runner: Callable[[Settings, Plan, Job], dict[str, Any]] = run) -> int:
    """Measure ``parts`` and write the results; Ctrl-C keeps what is there (exit code 130)."""
    for part in parts:
        if part not in PARTS:
            raise ConfigError(one_of("benchmark --only", part, list(PARTS)))
    results, settings, plan = prepare(folder, settings)
    jobs = jobs_of(settings, parts)
    if resume:
        print(f"benchmark: {results.resume()} earlier measurements kept", flush=True)
    elif results.json.is_file():
        print(f"benchmark: {shown(results.json)} will be replaced (--resume keeps what it holds)", flush=True)
    missing = [job for job in jobs if job.key not in results.values["measurements"]]
    began = time.perf_counter()
    try:
        for number, job in enumerate(missing, start=1):
            numbers = runner(settings, plan, job)
            results.add(job, numbers)
            minutes = (time.perf_counter() - began) / 60
            print(f"[{number}/{len(missing)}, {minutes:.1f} min] {job.key}: {line_of(job, numbers)}", flush=True)
    except KeyboardInterrupt:
        print(f"\ninterrupted: what was measured is kept in {shown(results.json)}; --resume goes on", file=sys.stderr)
        return 130
    results.write(complete=all(job.key in results.values["measurements"] for job in jobs_of(settings)))
    print(f"written: {shown(results.json)}, {shown(results.page)}")
    return 0


def prepare(folder: Path, settings: Settings) -> tuple[Results, Settings, Plan]:
    """Look at machine and corpus; return empty results, settings with the corpus that is there, and the plan."""
    machine = describe()
    plan = plan_for(machine, resolve_profile("auto", machine) if machine.gpu else "cpu", batch_size=settings.batch_size)
    settings, remark = with_available_corpus(settings)
    data = load_slice(settings)
    corpus = {"name": public_name(settings.corpus), "remark": remark, "licence": data.licence, "training": len(data.training),
              "validation": len(data.validation)}
    return Results(folder, settings, machine, plan, corpus), settings, plan


def line_of(job: Job, numbers: dict[str, Any]) -> str:
    """Return the figures of a measurement in a few words."""
    if job.part in ("training", "f1"):
        score = f", F1 {numbers['entity_f1']:.3f}" if "entity_f1" in numbers else ""
        return f"{numbers['tokens_per_second']:,.0f} tokens/s, {numbers['seconds_per_epoch']:.1f} s an epoch{score}"
    if job.part == "rates":
        return ", ".join(f"{kind} {max(sizes.values()):,.4g} GFLOP/s" for kind, sizes in numbers.items())
    if job.part == "inference":
        return ", ".join(f"batch {row['batch_size']}: {row['sentences_per_second']:,.0f} sentences/s" for row in numbers["rows"])
    return f"peak {numbers['peak_mib']:,.0f} MiB, {numbers['encode_seconds'] + numbers['batch_seconds']:.0f} s"


if __name__ == "__main__":
    raise SystemExit(main())
