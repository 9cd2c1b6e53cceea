"""One visit to the doctor: mend if asked to, look, say what was found."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys

from course_lib.doctor.check import exit_code
from course_lib.doctor.examine import examine, light_steps
from course_lib.doctor.fixes import repair
from course_lib.doctor.text import as_json, as_lines
from course_lib.errors import ConfigError


def visit(*, fix: bool = False, yes: bool = False, as_data: bool = False) -> int:
    """Print the findings on stdout; return 0 if nothing will fail (warnings count as well), else 1.

    With ``fix`` the repairs come first, before anything heavy is loaded, and
    the findings are those after them. ``yes`` without ``fix`` is refused.
    """
    if yes and not fix:
        raise ConfigError("course doctor: expected --yes together with --fix, found it alone. Type: course doctor --fix --yes")
    with contextlib.redirect_stdout(sys.stderr):  # whatever libraries print, stdout is ours
        fixes = repair(examine(light_steps()), (lambda _question: True) if yes else ask) if fix else []
        checks = examine()
    if as_data:
        print(json.dumps(as_json(checks, fixes), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        if fix and not fixes:
            print("nothing that --fix could mend")
        print("\n".join(as_lines(checks, fixes, min(shutil.get_terminal_size().columns, 100))))
    return exit_code(checks)


def ask(question: str) -> bool:
    """Ask on a terminal; without one the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
