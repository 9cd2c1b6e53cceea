"""How long does ``course compare`` take over many runs, and how much memory?

``python -m benchmarks.compare_many`` makes 200 runs of 1,000 predictions each in
a temporary folder, has ``course compare`` read them in a process of its own, and
prints its seconds and its peak resident memory. The target is 30 s and 1 GB. The
runs are made up, their manifests are those that ``course run`` writes. Nothing
else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import OutputError
from course_lib.files import write_json, write_jsonl, write_text
from course_lib.locations import PROJECT
from course_lib.manifest import MANIFEST_FILE, describe_run, origin_of

SECONDS, MIB = 30.0, 1000.0
RATES = (1e-4, 2e-4, 3e-4, 5e-4)
TYPES = ("DISEASE", "MEDICINE", "SYMPTOM")
WORDS = ("profit", "rose", "to", "4.2", "million", "pounds", "after", "the", "board", "closed", "shops", "in", "2024")
Row = dict[str, Any]


def entity_row(number: int, right: float, rng: random.Random) -> Row:
    """Four entities, of which a share of ``right`` is found."""
    gold = [[20 * i, 20 * i + 4 + (number + i) % 9, TYPES[(number + i) % 3]] for i in range(4)]
    found = [span for span in gold if rng.random() < right]
    invented = [[90, 95, "DISEASE"]] if rng.random() > right else []
    return {"id": f"test-{number:04d}", "gold": gold, "predicted": found + invented}


def answer_row(number: int, right: float, rng: random.Random) -> Row:
    """A question, every fourth without an answer, answered right in a share of ``right``, else with words beside it."""
    words = [WORDS[(number + i) % len(WORDS)] for i in range(6)]
    gold = [] if number % 4 == 3 else [" ".join(words)]
    start = rng.randrange(5)
    predicted = (gold or [""])[0] if rng.random() < right else " ".join(words[start : start + 1 + rng.randrange(6)])
    return {"id": f"test-{number:04d}", "gold": gold, "predicted": predicted, "null_margin": round(rng.random(), 4)}


TASKS = {"02_medical_ner": (entity_row, "validation_entity_f1", "test_entity_f1"),
         "03_finance_qa": (answer_row, "validation_f1", "test_f1")}


def make_runs(folder: Path, notebook: str, runs: int, records: int, per_document: int) -> None:
    """Write ``runs`` run folders: four learning rates, each with another seed in every fourth run."""
    origin = origin_of(PROJECT / "notebooks" / f"{notebook}.ipynb")
    for number in range(runs):
        own = folder / f"20260301-{number:06d}-made"
        settings = {"seed": number // len(RATES), "learning_rate": RATES[number % len(RATES)], "epochs": 5, "corpus": "made"}
        _write_results(own, notebook, number, records, per_document)
        facts = {"settings": settings, "code": "0" * 64}
        manifest = describe_run(own, facts, run_id=own.name, notebook=notebook, origin=origin, parameters=settings, error=None,
                                seconds=1.0)
        write_json(own / MANIFEST_FILE, manifest.as_json())


def _write_results(folder: Path, notebook: str, number: int, records: int, per_document: int) -> None:
    row, monitor, test = TASKS[notebook]
    right, rng = 0.70 + 0.03 * (number % len(RATES)), random.Random(number)
    rows = [row(i, right, rng) | {"group": f"d{i // per_document}"} for i in range(records)]
    write_jsonl(folder / "predictions.jsonl", rows)
    write_json(folder / "metrics.json", {test: right, "test_records": records, "interval_unit": "document", "train_seconds": 1.0})
    lines = [f"{epoch},{2 / epoch:.3f},{right - 0.5**epoch:.4f}" for epoch in range(1, 6)]
    write_text(folder / "history.csv", "\n".join([f"epoch,train_loss,{monitor}", *lines]) + "\n")


def measure(folder: Path) -> tuple[float, float]:
    """Run ``course compare`` on a folder; return (seconds, peak resident memory in MiB)."""
    command = [sys.executable, "-m", "course_lib", "compare", str(folder)]
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        child = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
        _, status, used = os.wait4(child.pid, 0)  # the peak of this child alone
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        told = output.read().decode(errors="replace")
    if child.returncode:
        raise OutputError(f"benchmark: expected course compare to end well, found exit code {child.returncode}: {told[-2000:]}")
    return seconds, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KiB elsewhere


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--records", type=int, default=1000, help="test records of each run")
    parser.add_argument("--notebook", choices=list(TASKS), nargs="*", default=list(TASKS))
    parser.add_argument("--per-document", type=int, default=1, help="records of a document; 1 is the slowest case")
    given = parser.parse_args(argv)
    missed = False
    for notebook in given.notebook:
        with tempfile.TemporaryDirectory() as folder:
            make_runs(Path(folder), notebook, given.runs, given.records, given.per_document)
            seconds, mib = measure(Path(folder))
        missed |= seconds > SECONDS or mib > MIB
        print(f"{notebook}: course compare of {given.runs} runs of {given.records} predictions took {seconds:.1f} s and "
              f"{mib:.0f} MiB (target {SECONDS:.0f} s, {MIB:.0f} MiB)")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
