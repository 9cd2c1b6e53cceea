"""Findings as aligned lines for people and as JSON for programs. Words carry the meaning, not colours."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from course_lib.doctor.check import Check, exit_code
from course_lib.doctor.fixes import Fix

WORDS = {"ok": "ok", "warning": "warn", "failure": "FAIL"}


def as_lines(checks: Sequence[Check], fixes: Sequence[Fix] = (), width: int = 80) -> list[str]:
    """Return the page: what was mended, one line a check with what to do below, and a sum."""
    lines = [line for fix in fixes for line in _wrapped(f"{fix.outcome:8}", f"{fix.name}: {fix.text}", width)]
    if fixes:
        lines.append("")
    column = max(len(check.name) for check in checks) + 2
    for check in checks:
        head, pad = f"{WORDS[check.status]:6}{check.name:{column}}", " " * (6 + column)
        lines += _wrapped(head, check.found, width)
        if check.expected and check.status != "ok":
            lines += _wrapped(pad, f"expected {check.expected}", width)
        if check.advice and check.status != "ok":
            lines += _wrapped(pad, check.advice, width)
        if check.command:  # never wrapped: it is to be pasted
            lines.append(f"{pad}type: {check.command}")
    return [*lines, "", *_sum(checks)]


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, len(head) + 30), initial_indent=head, subsequent_indent=" " * len(head),
                         break_long_words=False, break_on_hyphens=False) or [head.rstrip()]


def _sum(checks: Sequence[Check]) -> list[str]:
    counts = Counter(check.status for check in checks)
    warnings, failures = counts["warning"], counts["failure"]
    lines = [f"{len(checks)} checks: {counts['ok']} ok, {warnings} warning{'s' * (warnings != 1)}, "
             f"{failures} failure{'s' * (failures != 1)}."]
    if any(check.command for check in checks):
        lines.append("Type the commands in the folder of the course.")
    return lines


def as_json(checks: Sequence[Check], fixes: Sequence[Fix] = ()) -> dict[str, Any]:
    """Return the same for programs."""
    rows = [{key: value for key, value in asdict(check).items() if key != "fix"} for check in checks]
    return {"schema": 1, "exit_code": exit_code(checks), "checks": rows, "fixes": [fix.as_json() for fix in fixes]}
