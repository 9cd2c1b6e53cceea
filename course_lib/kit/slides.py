"""Slides of a notebook as one HTML page with reveal.js inside: opens from a disk, contacts nobody."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from course_lib.kit.cells import Notebook
from course_lib.kit.deck import Piece, Slide, columns
from course_lib.reporting.export import markdown_to_html

_REVEAL = Path(__file__).resolve().parent / "pages" / "reveal"
_PAGES = _REVEAL.parent
_START = """Reveal.initialize({hash:true,slideNumber:'c/t',width:1120,height:700,margin:0.03,center:false,transition:'none',
controlsLayout:'edges',keyboardCondition:null,plugins:[RevealNotes]});"""
_FIT = """function fit(slide) {  // shrinks what is wider or higher than the slide; what would be too small to read scrolls
  const body = slide && slide.querySelector(':scope > .body');
  if (!body || !body.clientHeight) return;
  for (const out of body.querySelectorAll(':scope > .out')) {
    out.style.zoom = 1;
    const wide = [out, ...out.querySelectorAll('*')].filter(part => part.clientWidth > 50);
    const hidden = Math.max(0, ...wide.map(part => part.scrollWidth - part.clientWidth));
    if (hidden) out.style.zoom = 0.99 * out.clientWidth / (out.clientWidth + hidden);
  }
  body.style.zoom = 1;
  const share = (slide.clientHeight - 36 - body.offsetTop) / body.scrollHeight;
  if (share < 1) body.style.zoom = Math.max(0.6, share);
  if (share < 0.6) {
    body.style.maxHeight = `${share * body.scrollHeight / 0.6}px`;
    body.className = 'body scroll'; body.tabIndex = 0; body.role = 'region'; body.ariaLabel = 'long slide, scrolls';
  }
}
const now = () => fit(Reveal.getCurrentSlide());
Reveal.on('ready', now); Reveal.on('slidechanged', now); window.addEventListener('load', now);"""


def slides(notebook: Notebook, title: str) -> str:
    """Return the page. Arrow keys move, ``S`` opens the speaker's view with the notes, ``?`` lists all keys."""
    body = "\n".join(f"<section>\n{''.join(_slide(slide) for slide in column)}</section>" for column in columns(notebook))
    head = ("<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
            f"<title>{escape(title)}</title><style>{_asset('reveal.css')}</style><style>{_own('slides.css')}{_code_style()}</style>")
    scripts = "".join(f"<script>{text}</script>" for text in (_asset("reveal.js"), _asset("notes.js"), _START + _FIT))
    return (f"<!doctype html>\n<html lang='en-GB'><head>{head}</head>\n<body><main class='reveal'><div class='slides'>\n{body}\n"
            f"</div></main>\n{scripts}</body></html>\n")


def _slide(slide: Slide) -> str:
    headed = slide.pieces and slide.pieces[0].kind == "text" and slide.pieces[0].text.startswith("#")
    crumb = "" if headed or not slide.section else f"<p class='crumb'>{escape(slide.section)}</p>"
    inner = "".join(_piece(piece) for piece in slide.pieces)
    notes = f"<aside class='notes'>{''.join(markdown_to_html(note) for note in slide.notes)}</aside>" if slide.notes else ""
    return f"<section>{crumb}<div class='body'>{inner}</div>{notes}</section>\n"


def _piece(piece: Piece) -> str:
    if piece.kind == "text":
        return f"<div class='text'>{markdown_to_html(piece.text)}</div>"
    if piece.kind == "code":
        return f"<div class='code'>{_highlight(piece.text)}</div>"
    if piece.kind == "stream":
        return f"<pre class='out'>{escape(piece.text)}</pre>"
    return f"<div class='out'>{piece.text}</div>"


def _highlight(code: str) -> str:
    """Colour code; each line is a block, so that where it wraps it hangs four characters beyond its own indentation."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    coloured = str(highlight(code, PythonLexer(), HtmlFormatter(style=_style(), nowrap=True))).rstrip("\n").split("\n")
    hangs = [len(line) - len(line.lstrip()) + 4 for line in code.split("\n")]
    lines = (f"<span class='line' style='padding-left:{hang}ch;text-indent:-{hang}ch'>{line}</span>"
             for line, hang in zip(coloured, hangs, strict=False))
    return f"<div class='highlight'><pre>{''.join(lines)}</pre></div>"


def _code_style() -> str:
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style=_style()).get_style_defs(".highlight"))


def _style() -> type:
    """A style with a contrast of at least 4.5 to its background, as a test computes."""
    from pygments.style import Style
    from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token

    class Readable(Style):
        background_color = "#f2f5f8"
        styles = {Token: "#1a1a1a", Comment: "italic #4f5b66", Keyword: "bold #0a4d8c", Operator.Word: "bold #0a4d8c",
                  String: "#7a3b00", Number: "#005f4b", Name.Function: "#5b2a86", Name.Decorator: "#5b2a86"}

    return Readable


@cache
def _asset(name: str) -> str:
    """Return a file of reveal.js fit to stand inside a page: no map is asked for, no tag in a string begins or ends a script."""
    text = (_REVEAL / name).read_text(encoding="utf-8")
    text = re.sub(r"//# sourceMappingURL=\S+", "", text)
    return text.replace("</script", "<\\/script").replace("<script", "\\x3cscript") if name.endswith(".js") else text


@cache
def _own(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")
