"""What ``course run`` costs beside papermill alone: ``python -m benchmarks.overhead``.

Both execute the same notebook in processes of their own, in turns, each round
in the other order; medians are told. The limit is 6 seconds and 5 % of
papermill's time; ``course --help`` has half a second. For an idle machine: about
2 minutes with the defaults.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from course_lib.locations import PROJECT

TINY = "tiny"
NAME = "01_loss_math"  # the name under which the tiny notebook is executed
SECONDS, SHARE, HELP_SECONDS = 6.0, 0.05, 0.5
# The command itself; only the folder in which it looks for notebooks is another.
COURSE = ("import pathlib, sys; from course_lib import execution; execution.PROJECT = pathlib.Path(sys.argv.pop(1)); "
          "from course_lib.cli.app import main; main()")
CELLS = ('profile = "auto"\nseed = 0\noutput_dir = ""\nprecision = "auto"\nthreads = None', "print(seed)",
         "import pathlib\npathlib.Path(output_dir, 'metrics.json').write_text('{\"score\": 1}')")


@dataclass(frozen=True)
class Cost:
    """Seconds of each round, papermill alone and ``course run``."""

    notebook: str
    papermill: list[float]
    course: list[float]

    @property
    def added(self) -> float:
        """Seconds that ``course run`` adds: the difference of the medians."""
        return median(self.course) - median(self.papermill)

    @property
    def allowed(self) -> float:
        return SECONDS + SHARE * median(self.papermill)

    def line(self) -> str:
        bare, ours = told(self.papermill), told(self.course)
        return (f"{self.notebook:22} papermill {bare}   course run {ours}   added {self.added:5.2f} s "
                f"({self.added / median(self.papermill):.1%}), {verdict(self.added, self.allowed)}")


def told(seconds: Sequence[float]) -> str:
    """Return the median and the range in words."""
    return f"{median(seconds):6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def verdict(seconds: float, allowed: float) -> str:
    return f"allowed {allowed:.2f} s: {'ok' if seconds <= allowed else 'TOO MUCH'}"


def timed(command: Sequence[str | Path]) -> float:
    """Run a command to its end; return its seconds. Its failure ends the measurement."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, COURSE_PROGRESS="0"), cwd=PROJECT)
    return time.perf_counter() - begin


def write_tiny(folder: Path) -> Path:
    """Write a notebook of three cells that imports nothing, as ``folder/notebooks/01_loss_math.ipynb``."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell(source, metadata={"tags": ["parameters"]} if source is CELLS[0] else {}) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    file = folder / "notebooks" / f"{NAME}.ipynb"
    file.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata=kernel), file)
    return file


def measure(notebook: str, rounds: int, folder: Path, clock: Callable[[Sequence[str | Path]], float] = timed) -> Cost:
    """Execute a notebook ``rounds`` times each way, in turns."""
    project, name = (folder / "project", NAME) if notebook == TINY else (PROJECT, notebook)
    if notebook == TINY:
        write_tiny(project)
    source = project / "notebooks" / f"{name}.ipynb"
    cost = Cost(notebook, [], [])

    def bare(number: int) -> None:
        own = folder / f"bare-{notebook}-{number}"
        own.mkdir()
        cost.papermill.append(clock([sys.executable, "-m", "papermill", source, own / "out.ipynb", "--no-progress-bar",
                                     "--log-level", "ERROR", "-p", "profile", "smoke", "-p", "output_dir", own]))

    def ours(number: int) -> None:
        cost.course.append(clock([sys.executable, "-c", COURSE, project, "run", name, "--profile", "smoke", "--quiet",
                                  "--out", folder / f"runs-{notebook}-{number}"]))

    for number in range(rounds):
        for way in (bare, ours) if number % 2 == 0 else (ours, bare):
            way(number)
    return cost


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 if every limit is kept, 1 if one is not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("notebooks", nargs="*", default=[TINY, "00_environment_setup"], help="tiny, or names of notebooks")
    parser.add_argument("--rounds", type=int, default=5, help="executions each way (default: 5)")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the seconds as JSON")
    given = parser.parse_args(arguments)
    timed([sys.executable, "-m", "course_lib", "--help"])  # compiles and reads from disk, once
    helps = [timed([sys.executable, "-m", "course_lib", "--help"]) for _ in range(2 * given.rounds)]
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        costs = [measure(notebook, given.rounds, Path(folder).resolve()) for notebook in given.notebooks]
    if given.as_json:
        print(json.dumps({"help": helps, "costs": [asdict(cost) for cost in costs]}, indent=2))
    else:
        print(*(cost.line() for cost in costs), sep="\n")
        print(f"{'course --help':22} {told(helps)}, {verdict(median(helps), HELP_SECONDS)}")
    return int(median(helps) > HELP_SECONDS or any(cost.added > cost.allowed for cost in costs))


if __name__ == "__main__":
    raise SystemExit(main())
