"""The data of a figure as tables, for those who cannot see it or want the numbers: read from the figure itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

MOST_ROWS = 12
"""A longer series is thinned to so many points, first and last among them."""
_LINES = {"-": "solid line", "--": "dashed line", "-.": "dash-dotted line", ":": "dotted line"}
_MARKERS = {"o": "circles", "s": "squares", "^": "triangles", "D": "diamonds", "v": "triangles pointing down",
            "P": "thick plus signs", "X": "thick crosses",
            "+": "plus signs", "x": "crosses", "|": "upright strokes", ".": "points"}
Table = tuple[str, list[str], list[list[str]]]
"""Caption, heads, rows."""


def twin(figure: Figure) -> str:
    """Return all data of a figure as HTML tables that unfold; empty if there is nothing to tell."""
    tables = [table for axis in figure.axes for table in _tables(axis)]
    if not tables:
        return ""
    body = "".join(_html(*table) for table in tables)
    return f'<details class="twin"><summary>The data of this figure as a table</summary>{body}</details>'


def look(line: Line2D) -> str:
    """Return a line's dash and marker in words; two series of one figure must not look alike."""
    style = line.get_linestyle()
    pattern = line._dash_pattern if hasattr(line, "_dash_pattern") else (0, None)
    own = "" if style in ("None", "", " ") else _LINES.get(str(style), "broken line")
    if own == "dashed line" and pattern[1] is not None and len(pattern[1]):
        gap = pattern[1][1] / max(pattern[1][0], 1e-9)
        own = "dashed line" if 0.3 < gap < 0.9 else "line of long dashes" if gap <= 0.3 else "line of short dots"
    marker = _MARKERS.get(str(line.get_marker()), "")
    return ", ".join(part for part in (own, marker) if part) or "nothing drawn"


def _tables(axis: Axes) -> Iterator[Table]:
    where = axis.get_title() or ""
    bars = [c for c in axis.containers if isinstance(c, BarContainer)]
    spans = [c for c in axis.containers if isinstance(c, ErrorbarContainer)]
    taken = {id(part) for c in spans for part in (c.lines[0], *c.lines[1])}
    shown = [line for line in axis.lines if id(line) not in taken and len(_xy(line)[0]) and line.get_visible()]
    lines = [line for line in shown if line.get_transform() == axis.transData]
    if lines:
        yield _of_lines(axis, lines, where)
    if len(lines) < len(shown):
        yield _of_borders(axis, [line for line in shown if line not in lines], where)
    if spans:
        yield _of_spans(axis, spans, where)
    for container in bars:
        yield _of_bars(axis, container, where)
    steps = [patch for patch in axis.patches if isinstance(patch, Polygon) and not str(patch.get_label()).startswith("_")]
    if steps:
        yield _of_steps(axis, steps, where)
    for image in axis.images:
        yield _of_image(axis, np.asarray(image.get_array(), dtype=float), where)


def _xy(line: Line2D) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, y = (np.atleast_1d(np.asarray(values, dtype=float)) for values in line.get_data())
    return x, y


def _of_lines(axis: Axes, lines: Sequence[Line2D], where: str) -> Table:
    """One column a series where all have the same x; else one row a point."""
    names = [_name(line.get_label(), i) for i, line in enumerate(lines)]
    if len(lines) == 1 and names == ["series 1"]:
        names = [axis.get_ylabel() or "y"]
    heads = [f"{name} ({look(line)})" for name, line in zip(names, lines, strict=True)]
    xs = [_xy(line)[0] for line in lines]
    if all(np.array_equal(x, xs[0]) for x in xs):
        rows = [[_number(xs[0][i]), *(_number(_xy(line)[1][i]) for line in lines)] for i in _thinned(len(xs[0]))]
        return where, [axis.get_xlabel() or "x", *heads], rows
    rows = [[head, _number(x), _number(y)] for head, line in zip(heads, lines, strict=True)
            for x, y in ((_xy(line)[0][i], _xy(line)[1][i]) for i in _thinned(len(_xy(line)[0])))]
    return where, ["series", axis.get_xlabel() or "x", axis.get_ylabel() or "y"], rows


def _of_borders(axis: Axes, lines: Sequence[Line2D], where: str) -> Table:
    """Straight lines across the whole picture: where they stand."""
    rows = []
    for i, line in enumerate(lines):
        x, y = _xy(line)
        side, at = (axis.get_ylabel() or "y", y[0]) if y[0] == y[-1] else (axis.get_xlabel() or "x", x[0])
        rows.append([_name(line.get_label(), i).replace("series", "border"), look(line), f"{side} = {_number(at)}"])
    return where, ["straight line", "drawn as", "where"], rows


def _of_spans(axis: Axes, spans: Sequence[ErrorbarContainer], where: str) -> Table:
    ticks = _ticks(axis, "y")
    rows = []
    for i, span in enumerate(spans):
        x, y = _xy(span.lines[0])
        ends = np.concatenate([np.asarray(s)[:, 0] for s in span.lines[2][0].get_segments()])
        rows.append([ticks.get(float(y[0]), _name(span.get_label(), i)), _number(x[0]), _number(ends.min()), _number(ends.max())])
    return where, ["", axis.get_xlabel() or "value", "from", "to"], rows


def _of_bars(axis: Axes, bars: BarContainer, where: str) -> Table:
    flat = bars.orientation == "horizontal"
    ticks = _ticks(axis, "y" if flat else "x")
    rows = []
    for i, patch in enumerate(bars.patches):
        centre = patch.get_y() + patch.get_height() / 2 if flat else patch.get_x() + patch.get_width() / 2
        rows.append([ticks.get(round(float(centre), 6), str(i + 1)), _number(patch.get_width() if flat else patch.get_height())])
    return where, ["", (axis.get_xlabel() if flat else axis.get_ylabel()) or "value"], rows


def _of_steps(axis: Axes, steps: Sequence[Polygon], where: str) -> Table:
    """A histogram drawn as an outline: one row a bin that holds something."""
    rows = []
    for patch in steps:
        corners = np.asarray(patch.get_xy())
        pairs = zip(corners, corners[1:], strict=False)
        tops = sorted({(a[0], b[0], a[1]) for a, b in pairs if b[0] > a[0] and a[1] == b[1] and a[1] > 0})
        rows += [[str(patch.get_label()), f"{_number(low)} to {_number(high)}", _number(top)] for low, high, top in tops]
    return where, ["group", axis.get_xlabel() or "value", axis.get_ylabel() or "count"], rows


def _of_image(axis: Axes, values: np.ndarray[Any, Any], where: str) -> Table:
    across, down = _ticks(axis, "x"), _ticks(axis, "y")
    heads = [across.get(float(i), str(i + 1)) for i in range(min(values.shape[1], MOST_ROWS))]
    rows = [[down.get(float(i), str(i + 1)), *map(_number, row[:MOST_ROWS])] for i, row in enumerate(values[:MOST_ROWS])]
    return where, ["", *heads], rows


def _ticks(axis: Axes, which: str) -> dict[float, str]:
    side = axis.xaxis if which == "x" else axis.yaxis
    texts = [label.get_text() for label in side.get_ticklabels()]
    return {round(float(at), 6): text for at, text in zip(side.get_ticklocs(), texts, strict=False) if text}


def _thinned(count: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, MOST_ROWS))})


def _name(label: object, number: int) -> str:
    text = str(label)
    return f"series {number + 1}" if not text or text.startswith("_") else text


def _number(value: float) -> str:
    return f"{float(value):.4g}"


def _html(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
