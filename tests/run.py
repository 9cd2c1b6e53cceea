"""Run every test in the order that fails fastest; ``make test`` calls this.

Exit code 0 only if each part passed. Parts: static checks and unit tests with
coverage, then notebooks under nbval and papermill.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path.as_posix() for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
# Slow because they run other programs (mypy, the README's example) or read whole corpora.
BESIDE = ["tests/test_package.py", "tests/test_documents.py", "tests/test_bundled_data.py", "tests/test_environment.py"]
PARTS = {
    "static checks, documents, data": [*BESIDE, "--cov=course_lib", "--cov-report="],
    "unit tests": ["tests", "--ignore=tests/notebooks", "--ignore=tests/browser", *(f"--ignore={path}" for path in BESIDE), "--cov=course_lib",
                   "--cov-append", "--cov-report=term:skip-covered", "--cov-fail-under=90"],
    "notebooks, cell by cell (nbval)": ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600", *NOTEBOOKS],
    "notebooks, as reports (papermill)": ["tests/notebooks"],
    # In a process of its own: Playwright's event loop must not meet others. -rs says why tests were skipped.
    "explorers in a browser": ["tests/browser", "--confcutdir=tests/browser", "-rs"],
}


def main() -> int:
    with tempfile.TemporaryDirectory() as progress:  # exercises run as tests leave no trace in the progress of whoever runs them
        return run_parts(progress)


def run_parts(progress: str) -> int:
    environment = dict(
        os.environ, HF_HUB_OFFLINE="1", COURSE_PROFILE="smoke", COURSE_PROGRESS="0", OMP_WAIT_POLICY="PASSIVE",
        TOKENIZERS_PARALLELISM="false", PYTHONHASHSEED="0", COURSE_PROGRESS_DIR=progress,
    )
    failed = []
    for name, arguments in PARTS.items():
        begin = time.perf_counter()
        print(f"== {name}", flush=True)
        code = subprocess.call([sys.executable, "-m", "pytest", "--durations=5", *arguments, *sys.argv[1:]], cwd=ROOT, env=environment)
        print(f"== {name}: {'passed' if code == 0 else f'FAILED (exit {code})'}, {time.perf_counter() - begin:.0f} s", flush=True)
        if code:
            failed.append(name)
    print("all tests passed" if not failed else f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
