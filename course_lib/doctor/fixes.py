"""What ``--fix`` may do: make the runs folder, install the kernel, install pinned packages. Nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.doctor.check import Check
from course_lib.doctor.packages import Package, survey
from course_lib.locations import PROJECT, runs_folder

Runner = Callable[[list[str]], tuple[int, str]]
Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Fix:
    """What a repair did. ``outcome``: done, skipped or failed."""

    name: str
    outcome: str
    text: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def run(command: list[str]) -> tuple[int, str]:
    """Run a program of this Python; return its exit code and the last line of its errors, without places on this machine."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=PROJECT, check=False)
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return done.returncode, without_places(lines[-1] if lines else "")


def without_places(text: str) -> str:
    """Return a text of another program without the folders of this machine that we know of."""
    for folder, name in ((PROJECT, "<course>"), (Path(sys.prefix), "<environment>"), (Path(sys.base_prefix), "<python>"),
                         (Path.home(), "~")):
        if len(str(folder)) > 1:
            text = text.replace(str(folder), name)
    return text


def repair(checks: Sequence[Check], ask: Ask, runner: Runner = run) -> list[Fix]:
    """Mend what can be mended safely; ``ask`` is asked before packages are installed."""
    wanted = {check.fix for check in checks if check.fix}
    fixes = []
    if "runs folder" in wanted:
        fixes.append(_make_runs_folder())
    if "packages" in wanted:
        fixes.append(_install_packages([p for p in survey() if not p.as_pinned], ask, runner))
    if "kernel" in wanted:
        fixes.append(_install_kernel(runner))
    return fixes


def _make_runs_folder() -> Fix:
    try:
        runs_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Fix("runs folder", "failed", error.strerror or type(error).__name__)
    return Fix("runs folder", "done", "made the folder that runs go to")


def _install_kernel(runner: Runner) -> Fix:
    code, last = runner(["-m", "ipykernel", "install", "--sys-prefix", "--name", "python3"])
    if code:
        return Fix("kernel", "failed", f"ipykernel install ended with {code}: {last}")
    return Fix("kernel", "done", "installed the kernel python3 into the environment of this Python")


def _install_packages(wrong: Sequence[Package], ask: Ask, runner: Runner) -> Fix:
    """Install pinned versions with pip, after asking; torch alone may be several GB."""
    pins = [f"{package.name}=={package.pinned}" for package in wrong]
    if not ask(f"Install {', '.join(pins)} with pip into the environment of this Python (may download several GB)?"):
        return Fix("packages", "skipped", f"not installed, because nobody agreed (add --yes): {', '.join(pins)}")
    code, last = runner(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt", *pins])
    if code:
        return Fix("packages", "failed", f"pip ended with {code}: {last}")
    return Fix("packages", "done", f"installed {', '.join(pins)}")
