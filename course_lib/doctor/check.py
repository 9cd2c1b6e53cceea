"""One finding of the doctor, and how findings become text and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from course_lib.errors import ConfigError

STATUSES = ("ok", "warning", "failure")
REINSTALL = "python -m pip install --force-reinstall -c constraints.txt -e ."


@dataclass(frozen=True)
class Check:
    """What was looked at and found. ``failure`` means that something of the course will fail.

    ``command`` is for a shell in the folder of the course; ``advice`` is what no
    command can do; ``fix`` names the safe repair that ``--fix`` knows, if any.
    """

    name: str
    status: str
    found: str
    expected: str = ""
    command: str = ""
    advice: str = ""
    fix: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ConfigError(f"check {self.name}: expected a status of {', '.join(STATUSES)}, found {self.status!r}.")
        if self.status != "ok" and not self.expected:
            raise ConfigError(f"check {self.name}: expected to hear what was expected, found nothing.")
        if self.status == "failure" and not self.command:
            raise ConfigError(f"check {self.name}: expected a command to paste with a failure, found none.")

    @property
    def sentence(self) -> str:
        """The finding as an error message: expected, found, what to do."""
        parts = [f"{self.name}: expected {self.expected}, found {self.found}.", self.advice,
                 f"Type: {self.command}" if self.command else ""]
        return " ".join(part for part in parts if part)


def ok(name: str, found: str, fix: str = "") -> Check:
    """Return a check with nothing to mend."""
    return Check(name, "ok", found, fix=fix)


def guarded(name: str, look: Callable[[], Check | Sequence[Check]], command: str = REINSTALL) -> list[Check]:
    """Run a check that needs packages or files which may be missing or broken; the others go on.

    A missing package is a warning here: the check of the packages reports it.
    """
    try:
        found = look()
    except ModuleNotFoundError as error:
        package = (error.name or "unknown").split(".")[0]
        return [Check(name, "warning", f"not checked: the package {package} is missing", f"the package {package}", REINSTALL)]
    except (ImportError, OSError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
        return [Check(name, "failure", f"a package or a file that cannot be loaded ({reason})", "one that can", command)]
    return [found] if isinstance(found, Check) else list(found)


def exit_code(checks: Sequence[Check]) -> int:
    """0: all well, or warnings only. 1: something of the course will fail."""
    return int(any(check.status == "failure" for check in checks))


def with_python(checks: Sequence[Check], python: str) -> list[Check]:
    """Let commands that start with ``python`` name the interpreter that was looked at."""
    return [replace(c, command=python + c.command.removeprefix("python")) if c.command.startswith("python ") else c
            for c in checks]
