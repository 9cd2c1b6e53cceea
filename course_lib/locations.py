"""Where data, notebooks and runs are: found from the checkout, never from the current folder."""

from __future__ import annotations

import os
from pathlib import Path

from course_lib.errors import DataError

PROJECT = Path(__file__).resolve().parents[1]
_CHECKOUT = (PROJECT / "Makefile").is_file()
"""The student edition has no Makefile: advice names what is there."""
SET_UP = "make setup PYTHON=python3.11" if _CHECKOUT else "python3.11 -m venv .venv"
LAB = "make lab" if _CHECKOUT else ".venv/bin/jupyter lab --ServerApp.ip=127.0.0.1 notebooks"


def data_folder() -> Path:
    """Return the folder of the bundled corpora: ``COURSE_DATA_DIR``, else ``data/`` of the checkout."""
    given = os.environ.get("COURSE_DATA_DIR", "")
    folder = Path(given).expanduser() if given else PROJECT / "data"
    if not folder.is_dir():
        raise DataError(
            f"bundled data: expected a folder {'named by COURSE_DATA_DIR' if given else 'data/ beside course_lib/'}, "
            "found none. Install from a checkout (pip install -e .) or set COURSE_DATA_DIR to its data folder."
        )
    return folder


def runs_folder() -> Path:
    """Return where runs go: ``COURSE_RUNS_DIR``, else ``runs/`` of the checkout."""
    given = os.environ.get("COURSE_RUNS_DIR", "")
    return Path(given).expanduser() if given else PROJECT / "runs"


def progress_folder() -> Path:
    """Return where a learner's progress is kept: ``COURSE_PROGRESS_DIR``, else ``work/`` of the checkout."""
    given = os.environ.get("COURSE_PROGRESS_DIR", "")
    return Path(given).expanduser() if given else PROJECT / "work"


def shown(path: Path) -> str:
    """Return a path as it may stand in an output: relative to the checkout, else its name."""
    path = Path(path).resolve()
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else path.name
