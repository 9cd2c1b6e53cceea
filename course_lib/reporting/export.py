"""Executed notebooks as self-contained HTML: formulas are MathML, nothing is fetched."""

from __future__ import annotations

import re
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

_TEMPLATES = Path(__file__).resolve().parent


class _MathMLRenderer(IPythonRenderer):
    """Turns LaTeX into MathML, which browsers draw without any script."""

    def _math(self, body: str, display: str) -> str:
        try:
            return str(convert(body.strip(), display=display))
        except Exception:  # a formula must never cost a report: show its source
            return f"<code>{escape(body)}</code>"

    def block_math(self, body: str) -> str:
        return self._math(body, "block")

    def inline_math(self, body: str) -> str:
        return self._math(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self._math(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


def markdown_to_html(text: str, glossary: str = "") -> str:
    """Return Markdown as HTML, with formulas as MathML.

    Links to the glossary lead to ``glossary``; without it they become plain words, since the page stands alone.
    """
    text = re.sub(r"\[([^\]]+)\]\(GLOSSARY\.md(#[^)]*)\)", rf"[\1]({glossary}\2)" if glossary else r"\1", text)
    return str(MarkdownWithMath(renderer=_MathMLRenderer(escape=False)).render(text))


def notebook_to_html(notebook: Any, title: str, glossary: str = "") -> str:
    """Return one HTML page; images are embedded, no address is contacted. ``glossary`` as in ``markdown_to_html``."""
    exporter = HTMLExporter(
        template_name="template", extra_template_basedirs=[str(_TEMPLATES)], embed_images=True,
        filters={"markdown2html": partial(markdown_to_html, glossary=glossary)},
        exclude_input_prompt=True, exclude_output_prompt=True,
    )
    copy = nbformat.from_dict(notebook)
    copy.metadata.pop("widgets", None)
    page, _ = exporter.from_notebook_node(copy, resources={"metadata": {"name": title}})
    return str(page)


def settle_text(text: str) -> str:
    """Return what a terminal would show: text before a carriage return is overwritten."""
    return "\n".join(_settle_line(line) for line in text.split("\n"))


def _settle_line(line: str) -> str:
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def joined_streams(outputs: list[Any]) -> list[Any]:
    """Join the pieces of one stream: a bar that is drawn over the one before may come as an output of its own."""
    made: list[Any] = []
    for output in outputs:
        if made and output.output_type == "stream" == made[-1].output_type and output.name == made[-1].name:
            made[-1].text += output.text
        else:
            made.append(output)
    return made


def clean_outputs(notebook: Any) -> Any:
    """Settle progress bars and drop widget state and execution times, in place."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = joined_streams(cell.outputs)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = settle_text(output.text)
            # A saved view without its model reads "model not found"; a still picture stands beside it.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        kept = [o for o in cell.get("outputs", []) if o.output_type != "stream" or o.text.strip()]
        if "outputs" in cell:
            cell.outputs = kept
    return notebook
