"""A notebook of three cells that is done in a second, and processes that know it.

Other processes (the sweep, its runs, the workers of a cluster) learn of it by
``sitecustomize.py`` in a folder on their ``PYTHONPATH``.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NAME = "90_tiny"
PARAMETERS = """\
epochs = 1
learning_rate = 1e-3
seed = 0
profile = "smoke"
output_dir = ""
threads = None
"""
WORK = """\
import json, os, pathlib, time
folder = pathlib.Path(output_dir)
with open(os.environ["TINY_LOG"], "a") as file:
    file.write(f"{epochs} {seed} {os.environ['OMP_NUM_THREADS']} {os.environ.get('RAY_RAYLET_PID', '')}\\n")
time.sleep(float(os.environ.get("TINY_SECONDS", "0")))
assert epochs < 900, "no such luck"
assert epochs < 800 or (folder.parent / "luck").exists(), "no luck yet"
"""
END = """\
(folder / "metrics.json").write_text(json.dumps({"score": epochs + seed}))
"""
SITE = f"""\
from pathlib import Path
from functools import partial
import course_lib.sweeps.sweep as sweep
from course_lib.parameters import NOTEBOOKS, PROFILES, TRAINING
NOTEBOOKS[{NAME!r}] = dict(TRAINING)
PROFILES[{NAME!r}] = {{profile: {{"epochs": 1}} for profile in ("smoke", "cpu", "gpu")}}
sweep.run_sweep = partial(sweep.run_sweep, source=Path(__file__).with_name("{NAME}.ipynb"))
"""


def tiny_project(folder: Path) -> dict[str, str]:
    """Write the notebook and its introduction into ``folder``; return an environment that knows them.

    Every execution of the second cell adds a line to the file ``TINY_LOG`` names.
    """
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    book.cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
                  nbformat.v4.new_code_cell(WORK), nbformat.v4.new_code_cell(END)]
    nbformat.write(book, folder / f"{NAME}.ipynb")
    (folder / "sitecustomize.py").write_text(SITE)
    path = os.pathsep.join([str(folder), str(ROOT)])
    return dict(os.environ, PYTHONPATH=path, TINY_LOG=str(folder / "log.txt"), OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1",
                COURSE_PROGRESS="1")


def executions(folder: Path) -> list[str]:
    """Return ``epochs seed`` of each execution, in order."""
    return [" ".join(line.split()[:2]) for line in _log(folder)]


def nodes(folder: Path) -> set[str]:
    """Return the nodes of a cluster that executions were begun on (the process ids of their raylets)."""
    return {line.split()[3] for line in _log(folder)}


def threads(folder: Path) -> set[str]:
    """Return the settings of ``OMP_NUM_THREADS`` that executions saw."""
    return {line.split()[2] for line in _log(folder)}


def _log(folder: Path) -> list[str]:
    log = folder / "log.txt"
    return log.read_text().splitlines() if log.exists() else []
