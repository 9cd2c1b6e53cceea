"""``course list``: the notebooks, their parameters, and the minutes they took."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from course_lib import catalogue
from course_lib.cli.console import print_json
from course_lib.parameters import COMMON, CORPUS_SETTINGS, NOTEBOOKS, PROFILES, Parameter

EPILOG = """\b
Examples:
  course list
  course list 02_medical_ner
  course list --json
"""
WIDTH = 80


def command(
    notebook: Annotated[str | None, typer.Argument(help="One notebook, to be shown in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for pipelines.")] = False,
) -> None:
    """List the notebooks: typed parameters with defaults and help, and minutes by profile.

    With the name of a notebook: every parameter with its value in each profile, what differs for a named corpus,
    and the settings that come with the profile.
    """
    names, times = catalogue.names(notebook), catalogue.measured()
    if as_json:
        print_json({"notebooks": {name: catalogue.as_json(name, times) for name in names},
                    "measured": {"profile": times.profile, "environment": times.environment}})
    else:
        print("\n".join(in_full(notebook, times) if notebook else overview(names, times)))


def overview(names: Sequence[str], times: catalogue.Measured) -> list[str]:
    """Return all notebooks on one page; parameters that all of them share are shown once."""
    lines = []
    for name in names:
        own = {key: value for key, value in NOTEBOOKS[name].items() if COMMON.get(key) != value}
        lines += [f"{name}: {catalogue.title_of(name)}", f"  {_minutes(name, times)}", *_table(own), ""]
    lines += ["Parameters of every notebook", *_table(COMMON), ""]
    lines += ["none stands for the value of the profile.", *_measured_where(times)]
    return [*lines, "course list 02_medical_ner shows one notebook in full."]


def in_full(name: str, times: catalogue.Measured) -> list[str]:
    """Return one notebook: each parameter with limits and values, then the settings of the profiles."""
    lines = [f"{name}: {catalogue.title_of(name)}", f"  {_minutes(name, times)}", *_measured_where(times), "", "Parameters"]
    for parameter in NOTEBOOKS[name].values():
        lines += _parameter(name, parameter)
    columns = PROFILES[name]
    settings = {key for column in columns.values() for key in column} - set(NOTEBOOKS[name])
    if settings:
        lines += ["", "Settings that come with the profile (no parameters)"]
        lines += _grid([["", *columns], *([key, *(shown(columns[p].get(key)) for p in columns)] for key in sorted(settings))])
    return lines + list(_corpora(name, settings))


def _parameter(notebook: str, parameter: Parameter) -> Iterator[str]:
    yield f"  {parameter.name:18}{catalogue.type_of(parameter)}, default {shown(parameter.default)}{_limits(parameter)}"
    yield from _wrapped(parameter.help, 20)
    columns = PROFILES[notebook]
    if any(parameter.name in column for column in columns.values()):
        yield from _wrapped(_values(columns, parameter.name), 20)
    for corpora, own in _by_corpora(notebook):
        if any(parameter.name in column for column in own.values()):
            yield from _wrapped(f"with {corpora}: {_values(own, parameter.name)}", 20)


def _corpora(notebook: str, settings: set[str]) -> Iterator[str]:
    """Show what else differs from the profile for named corpora."""
    for corpora, own in _by_corpora(notebook):
        keys = sorted({key for column in own.values() for key in column} & settings)
        if keys:
            yield ""
            yield from _wrapped(f"With {corpora}", 0)
            yield from _grid([["", *own], *([key, *(shown(own[profile].get(key)) for profile in own)] for key in keys)])


def _by_corpora(notebook: str) -> list[tuple[str, Mapping[str, Mapping[str, Any]]]]:
    """Return the corpora that have settings of their own; those with equal settings together."""
    groups: list[tuple[list[str], Mapping[str, Mapping[str, Any]]]] = []
    for corpus, own in CORPUS_SETTINGS.get(notebook, {}).items():
        for names, other in groups:
            if other == own:
                names.append(corpus)
                break
        else:
            groups.append(([corpus], own))
    return [("corpus=" + " or ".join(names), own) for names, own in groups]


def _values(columns: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return ", ".join(f"{profile} {shown(column[name])}" for profile, column in columns.items() if name in column)


def _limits(parameter: Parameter) -> str:
    if parameter.choices:
        return f"; one of {', '.join(parameter.choices)}"
    low, high = (shown(end) if abs(end) != float("inf") else "" for end in (parameter.low, parameter.high))
    return f"; {low} to {high}" if low and high else f"; {low} or more" if low else ""


def _minutes(name: str, times: catalogue.Measured) -> str:
    values = catalogue.minutes_of(name, times)
    texts = (f"{profile} {'not measured' if value is None else f'{value:.1f}'}" for profile, value in values.items())
    return f"minutes: {', '.join(texts)}"


def _measured_where(times: catalogue.Measured) -> list[str]:
    return list(_wrapped(f"Measured {times.where}.", 0)) if times.profile else []


def _table(parameters: Mapping[str, Parameter]) -> list[str]:
    """Return one parameter a line: name, type, default, help (on lines of its own if long)."""
    lines = []
    for parameter in parameters.values():
        head = f"  {parameter.name:18}{catalogue.type_of(parameter):14}{shown(parameter.default):15}"
        lines += textwrap.wrap(parameter.help, WIDTH, initial_indent=head, subsequent_indent=" " * 49)
    return lines


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"  {row[0]:22}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows]


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)


def shown(value: Any) -> str:
    """Return a value as it is typed after ``-p``: ``none``, ``''``, ``[]``, ``0.0004``."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:g}"
    return "''" if value == "" else str(value)
