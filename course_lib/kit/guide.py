"""The instructor's page: timetables, and by notebook minutes, notes, exercises, expected figures, common errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from course_lib import catalogue
from course_lib.kit.cells import figures, notes_by_section, read
from course_lib.kit.minutes import Minutes, all_minutes
from course_lib.kit.page import page, table
from course_lib.kit.plan import WORKSHOPS, clock, schedule
from course_lib.locations import PROJECT
from course_lib.reporting.export import markdown_to_html

_ERRORS = Path(__file__).resolve().parent / "pages" / "common_errors.md"
_WHOLE_TIMES = "td:first-child{white-space:nowrap}</style>"
"""Times, ids and names of metrics stand in the first column, and never break."""
_CHECKLIST = """
- *A week before.* Ask: which system, which Python, are USB sticks allowed, may `python` run at all? Make a stick with
  `course room` on a machine of that kind, and set one of *their* laptops up with it.
- *The evening before.* `course room --check` for every stick; three sticks for twenty laptops. Open this page and the slides on
  the machine that stands in front.
- *During.* Choose a folder that all can write to, or a mail address. At each break learners type
  `.venv/bin/course progress --hand-in "THEIR NAME"` (with `--to FOLDER` where there is a shared one; START.html tells them). Then
  `course progress --collect FOLDER` says in its first lines where the room is and who is stuck;
  below, which wrong answers to talk about.
- *After.* Give away the solutions, and `course-student.zip` to those who worked on a machine that is not theirs.
"""


def guide(project: Path = PROJECT) -> str:
    """Return the instructor's start page, whole and without a network."""
    minutes, where = all_minutes(project), catalogue.measured(project).where
    errors = common_errors()
    metrics = expected(project)
    parts = ["<h1>For the instructor</h1>", _contents(minutes, project), _timetables(minutes),
             f"<h2>Before, during, after</h2>{markdown_to_html(_CHECKLIST)}",
             f"<h2>Before the first notebook</h2>{markdown_to_html(errors[''])}"]
    for m in minutes:
        notebook = read(m.notebook, project)
        parts += [f"<h2 id='n{m.number}'>{m.number} · {escape(m.title)}</h2>", _minutes(m, where), _notes(notebook),
                  _exercises(m.number, _solutions(m.notebook, project)), "<h3>Common errors, and what to say</h3>",
                  markdown_to_html(errors.get(m.number, "None collected yet.")),
                  _figures(notebook, metrics.get(m.notebook, {}), where)]
    return page("For the instructor", "\n".join(parts)).replace("</style>", _WHOLE_TIMES, 1)


def common_errors() -> dict[str, str]:
    """Return the collected errors by the number of the notebook; those before the first under the empty name."""
    _, *parts = re.split(r"^## (.+)$", _ERRORS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name if name.isdigit() else "": text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def expected(project: Path = PROJECT) -> dict[str, Mapping[str, Any]]:
    """Return the metrics of the committed runs, by notebook."""
    summary = json.loads((project / "notebooks" / "summary.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry["metrics"] for entry in summary["notebooks"]}


def _contents(minutes: list[Minutes], project: Path) -> str:
    def links(name: str) -> str:
        places = [("to read", f"read/{name}.html"), ("notebook", f"notebooks/{name}.ipynb"), ("slides", f"slides/{name}.html")]
        if solved := _solutions(name, project):
            places += [("solutions to read", solved), ("solutions", f"notebooks/solutions/{name}.ipynb")]
        return ", ".join(f"<a href='{address}'>{text}</a>" for text, address in places)

    rows = "".join(f"<li><a href='#n{m.number}'>{m.number} · {escape(m.title)}</a>: {links(m.notebook)}</li>"
                   for m in minutes)
    return ("<p>To run these notebooks, unpack <code>course-student.zip</code>; here they are for reading.</p>"
            f"<ul>{rows}</ul><p><code>course-student.zip</code> is what learners get: no outputs, no solutions, none of this "
            "page. In the slides <kbd>S</kbd> opens the speaker's view with your notes. Words: "
            "<a href='notebooks/GLOSSARY.md'>glossary</a>.</p>")


def _solutions(name: str, project: Path) -> str:
    """Return the address of the page with the solutions to a notebook, empty where the checkout has none."""
    there = (project / "notebooks" / "solutions" / f"{name}.ipynb").is_file()
    return f"read/solutions-{name}.html" if there else ""


def _anchor(heading: str) -> str:
    """Return the anchor that nbconvert gives to a heading."""
    return escape(quote(heading.replace(" ", "-"), safe="?/:@!$&'()*+,;="), quote=True)


def _timetables(minutes: list[Minutes]) -> str:
    made = ["<h2>Timetables</h2>"]
    for workshop in WORKSHOPS:
        for number, day in enumerate(workshop.days, 1):
            title = workshop.title + (f", day {number}" if len(workshop.days) > 1 else "")
            slots = schedule(day, minutes)
            rows = [[f"{clock(s.begin)}–{clock(s.end)}", s.end - s.begin, s.what.replace("`", "")] for s in slots]
            made.append(table(["time", "minutes", "what"], rows, title, numbers=(1,)))
    return "".join(made)


def _minutes(m: Minutes, where: str) -> str:
    run = ", ".join(f"{profile} {'not measured' if value is None else f'{value:.1f}'}" for profile, value in m.run.items())
    return (f"<p>Minutes: run {run}; reading {m.reading:.0f} ({m.words} words); exercises {m.exercising}. "
            f"Runs were measured {escape(where)}.</p>")


def _notes(notebook: dict[str, Any]) -> str:
    notes = notes_by_section(notebook)
    if not notes:
        return ""
    said = "".join(f"<div class='say'><strong>{escape(section)}</strong>{markdown_to_html(text)}</div>"
                   for section, text in notes)
    return f"<h3>Speaker notes</h3>{said}"


def _exercises(number: str, solutions: str) -> str:
    """List the exercises of a notebook, and below the hints to each, with the way to its solution."""
    from course_lib.exercises.model import KINDS
    from course_lib.exercises.model import catalogue as exercises

    own = [e for e in exercises().values() if e.notebook == number]
    if not own:
        return ""
    rows = [[e.id, e.title, KINDS[e.kind], e.minutes, e.trains] for e in own]
    hints = []
    for e in own:
        way = f" (<a href='{solutions}#{_anchor(f'{e.id} · {e.title}')}'>solution</a>)" if solutions else ""
        given = "".join(f"<li>{markdown_to_html(text)}</li>" for text in e.hints)
        hints.append(f"<h4>{e.id} · {escape(e.title)}{way}</h4><ol>{given}</ol>")
    return ("<h3>Exercises</h3>" + table(["id", "title", "kind", "minutes", "trains"], rows, numbers=(3,))
            + f"<details><summary>What <code>hint</code> says: the hints, in order</summary>{''.join(hints)}</details>")


def _figures(notebook: dict[str, Any], metrics: Mapping[str, Any], where: str) -> str:
    """Show the numbers and the pictures of the committed run."""
    rows = []
    for name, value in metrics.items():
        if name.endswith(("_low", "_high")) and name.rsplit("_", 1)[0] in metrics:
            continue
        span = f"{metrics[name + '_low']:.3f} to {metrics[name + '_high']:.3f}" if f"{name}_low" in metrics else ""
        rows.append([name, f"{value:.3f}" if isinstance(value, float) else value, span])
    caption = f"One run with seed 0, {where}; other machines differ in the last digits, times by much more"
    numbers = table(["metric", "value", "95 % interval"], rows, caption, numbers=(1, 2))
    pictures = "".join(f"<figure><img alt=\"{alt}\" src=\"{image}\"><figcaption>{alt}</figcaption></figure>"
                       for alt, image in figures(notebook))
    return ("<h3>Expected figures</h3><details><summary>Numbers and pictures of the committed run</summary>"
            f"{numbers}{pictures}</details>")
