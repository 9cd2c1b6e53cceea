"""Each measurement in a process of its own: its peak memory and warm-up are nobody else's."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.settings import Job, Settings
from course_lib.errors import CourseError, TrainingError
from course_lib.locations import PROJECT
from course_lib.machine import Plan


def run(settings: Settings, plan: Plan, job: Job) -> dict[str, Any]:
    """Do a job in a new process and return its numbers; a quick look does it in this one."""
    if settings.quick:
        from benchmarks.measure import measure

        with contextlib.redirect_stdout(io.StringIO()):
            return measure(settings, plan, job)
    with tempfile.TemporaryDirectory() as folder:
        order, answer, log = (Path(folder) / name for name in ("job.json", "numbers.json", "log.txt"))
        order.write_text(json.dumps({"settings": asdict(settings), "plan": asdict(plan), "job": asdict(job)}), encoding="utf-8")
        # One GPU for all: Trainer would spread a batch over several, the others would not.
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        environment = os.environ | {"COURSE_PROGRESS": "0", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": gpu}
        with log.open("wb") as output:
            done = subprocess.run([sys.executable, "-m", "benchmarks.child", str(order), str(answer)], cwd=PROJECT,
                                  env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise TrainingError(f"benchmark {job.key}: expected the measuring process to end well, found exit code "
                                f"{done.returncode}. Its last lines:\n{last}\nMend the cause, then type --resume to go on.")
        numbers: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return numbers


def main(order: str, answer: str) -> int:
    """Read a job from one file, do it, write the numbers to another."""
    from benchmarks.measure import measure

    given = json.loads(Path(order).read_text(encoding="utf-8"))
    try:
        numbers = measure(Settings.from_json(given["settings"]), Plan(**given["plan"]), Job(**given["job"]))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    Path(answer).write_text(json.dumps(numbers), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
