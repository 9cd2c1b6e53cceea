"""``course compare``: one page about several runs, with tests of their differences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\\b
Examples:
  course compare runs/02_medical_ner
  course compare 20260301-101500-1a2b 20260301-113000-9f3c
  course compare runs/02_medical_ner --against 20260301-101500-1a2b --out reports/weekly.html
"""


def command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, ids of runs, or a folder of runs.")],
    against: Annotated[str | None, typer.Option(metavar="RUN", help="The baseline; default the first run.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="The page; the CSV goes beside it. Default "
                                                                       "compare.html beside the runs, or here.")] = None,
    resamples: Annotated[int, typer.Option(help="Resamples of intervals and tests.")] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
) -> None:
    """Compare runs of one notebook on their saved predictions; nothing is executed.

    Writes a self-contained HTML page and a CSV (one line a run and metric; the
    page explains its columns): what differs in settings, scores with intervals,
    paired bootstrap and permutation tests against the baseline with Holm's
    correction, spread over seeds, scores by type, learning curves, and in words
    what the data do and do not show.

    Refused, with the reason: fewer than two runs, other notebooks, other test
    records, failed runs, folders that no run left. Failed runs inside a folder
    of runs are left out and named.
    """
    from course_lib.cli.console import nearby, print_json
    from course_lib.comparison.compare import compare
    from course_lib.comparison.output import page_path, plain, save
    from course_lib.comparison.words import cautions, summary

    page = page_path(out)
    comparison = compare(runs, against, resamples)
    page, table = save(comparison, page)
    if as_json:
        print_json(plain(comparison) | {"page": str(page), "table": str(table)})
        return
    for title, sentences in (("What the data show", summary(comparison)), ("What they do not show", cautions(comparison))):
        print(f"{title}\n" + "".join(f"- {sentence}\n" for sentence in sentences))
    print(f"page:  {nearby(page)}\ntable: {nearby(table)}")
