"""Plain HTML pages of the kit: no script, no font, no address outside the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = (
    "body{font:17px/1.55 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#1a1a1a;background:#ffffff}"
    "h1,h2,h3{line-height:1.25}h2{margin-top:2em;border-bottom:2px solid #0054a6;padding-bottom:.1em}"
    "table{border-collapse:collapse;margin:.6em 0 1.4em}caption{text-align:left;font-weight:600;padding:.3em 0}"
    "td,th{border-bottom:1px solid #767676;padding:.3em .8em;text-align:left;vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "a{color:#0054a6}a:focus-visible,summary:focus-visible{outline:3px solid #0054a6;outline-offset:2px}"
    "pre,code{font-family:ui-monospace,monospace;font-size:92%}"
    "pre{color:#1a1a1a;background:#f2f5f8;padding:.7em 1em;overflow-x:auto}"
    "blockquote,.say{color:#1a1a1a;background:#fff6e0;border-left:5px solid #8a5a00;margin:.8em 0;padding:.5em 1em}"
    ".warn{font-weight:600}img{max-width:100%;height:auto}.anchor-link{display:none}summary{cursor:pointer}"
)


def page(title: str, body: str) -> str:
    """Return a whole page around ``body``, which is HTML already."""
    return ("<!doctype html>\n<html lang='en-GB'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width,initial-scale=1'>"
            f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", *, numbers: Sequence[int] = ()) -> str:
    """Return a table; every cell is escaped, the columns ``numbers`` are set right."""
    look = [" class='n'" if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th scope='col'{css}>{escape(text)}</th>" for text, css in zip(heads, look, strict=True))
    body = "\n".join("<tr>" + "".join(f"<td{css}>{escape(str(cell))}</td>" for cell, css in zip(row, look, strict=True)) + "</tr>"
                     for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
