"""The command line ``course``: its commands, each imported when it is called and not before."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from course_lib.cli.console import end_politely, exit_codes
from course_lib.errors import ConfigError

COMMANDS = {
    "list": ("list_", "Notebooks, their typed parameters, and how long they take."),
    "doctor": ("doctor", "Is everything in place on this machine? What to type if not."),
    "run": ("run", "Execute one notebook with checked parameters."),
    "verify": ("verify", "Execute a run again from its manifest: are the metrics the same?"),
    "sweep": ("sweep", "Execute many runs: a grid, a list, or several seeds."),
    "compare": ("compare", "One page about several runs, with tests of their differences."),
    "show": ("show", "What one run was: parameters, settings, metrics, manifest."),
    "progress": ("progress", "Which exercises are done, here or in a whole room."),
    "build": ("build", "Student and instructor builds, and slides, from one source."),
    "room": ("room", "A USB stick that sets up a workshop's machines offline."),
}
"""Name -> (module under ``course_lib.cli.commands``, one line of help)."""
EPILOG = """\b
Examples:
  course list 02_medical_ner
  course run 02_medical_ner -p corpus=ncbi_disease -p seed=7 --profile cpu
  course sweep sweep.yaml
  course compare runs/02_medical_ner
Each command explains itself: course run --help
"""


class LazyGroup(TyperGroup):
    """Knows every command by name and one line; imports the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command as Typer does, then put the imported one in the place of its stub."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(str(name)), rest


def load(name: str) -> Any:
    """Import one command and return it as Typer runs it; what it returns is the exit code."""
    module_name = f"course_lib.cli.commands.{COMMANDS[name][0]}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        with exit_codes():
            raise ConfigError(f"command {name}: expected the module {module_name}, found none. The student edition leaves "
                              "the workshop's commands out; else install the whole course: pip install -e .") from error
    single = typer.Typer(rich_markup_mode=None, add_completion=False)
    single.command(name, epilog=getattr(module, "EPILOG", None), no_args_is_help=False)(_with_exit_code(module.command))
    return typer.main.get_command(single)


def _with_exit_code(function: Any) -> Any:
    """Wrap a command: errors become exit codes, and so does the number it returns."""
    import functools

    @functools.wraps(function)
    def call(*args: Any, **more: Any) -> None:
        with exit_codes():
            code = function(*args, **more)
        if code:
            raise SystemExit(code)

    return call


def _version(asked: bool) -> None:
    if asked:
        from course_lib import __version__

        print(f"course {__version__}")
        raise typer.Exit


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, add_completion=False, no_args_is_help=True, epilog=EPILOG,
                  pretty_exceptions_enable=False)


@app.callback()
def course(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")) -> None:  # noqa: ARG001
    """Run, verify, sweep and compare the notebooks of this course; learn from it, and teach it.

    Exit codes: 0 ok; 1 a notebook failed or numbers differ; 2 refused, nothing
    was run; 130 interrupted.
    """


for _name, (_module, _help) in COMMANDS.items():
    if (Path(__file__).parent / "commands" / f"{_module}.py").is_file():  # the student edition leaves two of them out
        app.command(_name, help=_help)(lambda: None)


def main() -> None:
    """Entry point of ``course`` and of ``python -m course_lib``."""
    end_politely()
    app(prog_name="course")
