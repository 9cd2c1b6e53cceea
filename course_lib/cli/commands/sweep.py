"""``course sweep``: many runs of one notebook, side by side, resumable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from course_lib.sweeps.definition import Definition
    from course_lib.sweeps.sweep import RunReport

EPILOG = """\b
A sweep file (3 learning rates x 2 seeds = 6 runs):
  notebook: 02_medical_ner
  profile: cpu
  base: {epochs: 3}
  grid: {learning_rate: [1e-4, 3e-4, 1e-3]}
  seeds: [0, 1]
  resources: {cpus: 1, gpus: 0}
  retries: 2

\b
In place of grid, list gives whole sets of parameters:
  list: [{epochs: 3}, {epochs: 5, corpus: ncbi_disease}]

\b
Examples:
  course sweep sweep.yaml --dry-run
  course sweep sweep.yaml --out runs
  course sweep sweep.yaml --address 10.0.0.5:6379

After an interruption, or when runs have failed, give the same command again: finished runs are kept.
Exit codes: 0 every run is finished; 1 some failed; 2 refused, nothing was run; 130 interrupted.
"""


def command(
    file: Annotated[Path, typer.Argument(help="The sweep: notebook, and grid, list or seeds.", metavar="SWEEP.yaml")],
    out: Annotated[Path | None, typer.Option(help="Folder of the runs; default runs/ (or COURSE_RUNS_DIR).")] = None,
    address: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A Ray cluster; default this machine's cores.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start more than 200 runs without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the runs, start none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only failures and the summary.")] = False,
) -> int:
    """Execute a notebook over a grid, a list or seeds of parameters; finished runs are kept, half ones run again."""
    return _sweep(file, out, address, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet or as_json)


def _sweep(file: Path, out: Path | None, address: str | None, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool) -> int:
    from course_lib.locations import runs_folder
    from course_lib.sweeps.definition import read_definition
    from course_lib.sweeps.plan import check_values
    from course_lib.sweeps.progress import Progress
    from course_lib.sweeps.sweep import exit_code, run_sweep

    definition = read_definition(file)
    check_values(definition)
    folder = out or runs_folder()
    if dry_run:
        return _dry_run(definition, folder, yes=yes, as_json=as_json)
    _confirm(definition, yes=yes)
    progress = Progress(quiet=quiet)
    try:
        reports = run_sweep(definition, folder, address=address, progress=progress)
    except KeyboardInterrupt:
        progress.note(f"interrupted: {progress.done} of {progress.total} runs are finished; the same command completes the sweep")
        raise
    _print(reports, definition, folder, as_json=as_json)
    return exit_code(reports)


def _confirm(definition: Definition, *, yes: bool) -> None:
    """Ask before very many runs; without a terminal, demand ``--yes``."""
    from course_lib.errors import ConfigError
    from course_lib.sweeps.plan import CONFIRM_ABOVE

    if definition.count <= CONFIRM_ABOVE or yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{definition.file}: expected at most {CONFIRM_ABOVE} runs without being asked, found "
                          f"{definition.count:,}. Shorten the grid, or say --yes.")
    if not typer.confirm(f"{definition.file} stands for {definition.count:,} runs. Start them?", err=True):
        raise ConfigError(f"{definition.file}: expected a yes to {definition.count:,} runs, found no. Nothing was started.")


def _print(reports: list[RunReport], definition: Definition, folder: Path, *, as_json: bool) -> None:
    from course_lib.cli.console import nearby, print_json
    from course_lib.sweeps.progress import as_data, table

    if as_json:
        print_json(as_data(reports, str(folder)))
    else:
        print(table(reports))
        print(f"next: course compare {nearby(folder / definition.notebook)}")


def _dry_run(definition: Definition, folder: Path, *, yes: bool, as_json: bool) -> int:
    """Print the runs and what their folders say; of more than 200 only the first, unless ``--yes``."""
    from itertools import islice

    from course_lib.cli.console import print_json
    from course_lib.sweeps.folders import look
    from course_lib.sweeps.plan import CONFIRM_ABOVE, check_plan, describe, planned

    large = definition.count > CONFIRM_ABOVE and not yes
    if not large:
        check_plan(definition)
    rows = []
    for run in islice(planned(definition), CONFIRM_ABOVE if large else None):
        found = look(folder / run.notebook / run.id).outcome
        state = {"ok": "finished", "none": "to run"}.get(found, f"to run again ({found})")
        if as_json:
            rows.append({"id": run.id, "parameters": dict(run.parameters), "profile": run.profile, "state": state})
        else:
            print(f"{run.id}  {state}  {describe(run.varied)}")
    if as_json:
        print_json({"count": definition.count, "runs": rows})
    else:
        more = f" (the first {CONFIRM_ABOVE} shown; --yes shows and checks all)" if large else ""
        print(f"{definition.count:,} runs of {definition.notebook}{more}")
    return 0
