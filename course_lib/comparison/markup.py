"""Pieces of HTML for the page of a comparison; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

FOLD = 20
"""Tables with more rows than this are folded."""
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:76em;margin:2em auto;padding:0 1em;color:#1a1a1a;background:#fff}"
    "h1{line-height:1.2}h2{margin-top:1.8em}h2::first-letter{text-transform:uppercase}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;min-width:24em;margin:.5em 0 1.2em;font-size:92%}"
    "caption{text-align:left;font-weight:600;padding:.3em 0}"
    "td,th{border-bottom:1px solid #ccc;padding:.25em .7em;text-align:left;vertical-align:top}th{vertical-align:bottom}"
    "td{max-width:26em;overflow-wrap:break-word}td.n,th.n{text-align:right}"
    "td.n{font-variant-numeric:tabular-nums;white-space:nowrap}tr.base td{background:#f2f5f8}"
    "p,ul{max-width:62em}ul{padding-left:1.2em}li{margin:.4em 0}figure{margin:1em 0}figcaption,.note{color:#444;font-size:90%}"
    "summary{cursor:pointer;color:#0054a6;margin:.5em 0}"
    "summary:focus-visible{outline:2px solid #0054a6}"
)
Row = Sequence[Any]


def table(heads: Sequence[str], rows: Iterable[Row], caption: str, *, numbers: int = 0, base: int | None = None) -> str:
    """Return an HTML table.

    The last ``numbers`` columns are set right, row ``base`` is tinted, a long table is folded.
    """
    rows, first = list(rows), len(heads) - numbers
    head = "".join(f"<th scope='col'{_align(i >= first)}>{escape(text)}</th>" for i, text in enumerate(heads))
    body = "".join(
        f"<tr{' class=base' if number == base else ''}>"
        + "".join(f"<td{_align(i >= first)}>{escape(str(cell))}</td>" for i, cell in enumerate(row)) + "</tr>"
        for number, row in enumerate(rows)
    )
    text = (f"<div class='wide'><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>")
    return text if len(rows) <= FOLD else folded(f"{caption}: {len(rows)} rows", text)


def _align(right: bool) -> str:
    return " class=n" if right else ""


def folded(title: str, html: str) -> str:
    """Hide a piece behind its title."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def figure(image: str, caption: str) -> str:
    """Put a caption below an image."""
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def heading(text: str) -> str:
    """Return a heading of the second level."""
    return f"<h2>{escape(text)}</h2>"


def note(text: str) -> str:
    """Return a remark in small print."""
    return f"<p class='note'>{escape(text)}</p>"


def bullets(title: str, sentences: Sequence[str]) -> str:
    """Return a heading with a list of sentences."""
    return heading(title) + "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in sentences) + "</ul>"


def with_ends(value: float, low: float, high: float) -> str:
    """Return a score with its interval; without one where the ends are NaN."""
    return f"{value:.3f}" if low != low else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def document(title: str, parts: Iterable[str]) -> str:
    """Return a whole page that contacts no address."""
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(part for part in parts if part) + "\n</body></html>\n"
    )
