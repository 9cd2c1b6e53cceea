"""Text with its entities or answers marked, and small tables, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import HTML

from course_lib.data.records import Span

# Pale enough for black text (contrast above 7:1), each with its own underline too.
_MARKS = (("#cfe8f7", "solid"), ("#ffe0c2", "dashed"), ("#cdeee0", "double"), ("#f3d9e6", "dotted"))


def marked_text(text: str, spans: Sequence[Span], caption: str = "") -> HTML:
    """Return a text with spans highlighted and their labels beside them (not colour alone).

    Where spans overlap, the first has the characters they share: none is shown twice.
    """
    labels = sorted({span.label for span in spans})
    parts, position = [], 0
    for span in sorted(spans):
        background, line = _MARKS[labels.index(span.label) % len(_MARKS)]
        parts.append(escape(text[position : span.start]))
        parts.append(
            f'<mark style="background:{background};color:#000;border-bottom:2px {line} #444;padding:0 2px">'
            f"{escape(text[max(position, span.start) : span.end])}"
            f'<small style="font-size:70%;margin-left:4px">{escape(span.label)}</small></mark>'
        )
        position = max(position, span.end)
    parts.append(escape(text[position:]))
    head = f'<div style="font-weight:600;margin-bottom:4px">{escape(caption)}</div>' if caption else ""
    return HTML(f'{head}<div style="line-height:1.9;white-space:pre-wrap;max-width:52em">{"".join(parts)}</div>')


def table(rows: Sequence[Mapping[str, Any]] | pd.DataFrame, caption: str = "", digits: int = 3) -> HTML:
    """Return rows as a plain HTML table with a caption; floats are rounded."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    body = frame.to_html(index=False, border=0, float_format=lambda v: f"{v:.{digits}f}", na_rep="", escape=True)
    if caption:
        body = body.replace("<thead>", f"<caption>{escape(caption)}</caption>\n<thead>", 1)
    return HTML(body)


def side_by_side(*parts: HTML) -> HTML:
    """Put several pieces beside each other, wrapping on narrow screens."""
    cells = "".join(f'<div style="flex:1 1 20em;min-width:18em">{part.data}</div>' for part in parts)
    return HTML(f'<div style="display:flex;flex-wrap:wrap;gap:1.5em">{cells}</div>')


def aligned_tokens(rows: Sequence[Mapping[str, Any]], caption: str = "") -> HTML:
    """Return pieces, words and labels as a table that reads from left to right.

    Ignored positions are grey and say so: they take no part in the loss.
    """
    keys = list(rows[0])
    lines = []
    for key in keys:
        cells = "".join(
            f'<td style="border:1px solid #ccc;padding:2px 6px;text-align:center'
            f'{";color:#595959;background:#f2f2f2" if row.get("tag") == "ignored" else ""}">{escape(str(row[key]))}</td>'
            for row in rows
        )
        lines.append(f'<tr><th scope="row" style="text-align:left;padding-right:8px">{escape(key)}</th>{cells}</tr>')
    head = f"<caption>{escape(caption)}</caption>" if caption else ""
    return HTML(f'<div style="overflow-x:auto"><table style="border-collapse:collapse">{head}{"".join(lines)}</table></div>')
