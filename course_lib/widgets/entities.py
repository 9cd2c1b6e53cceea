"""The entity reader: a text of one's own, highlighted, with confidence and threshold. Used in notebook 02."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ipywidgets
from IPython.display import HTML

from course_lib.data.records import Span
from course_lib.reporting.html import marked_text, table
from course_lib.widgets.panel import FULL, WIDE, Panel, View, check_length, status

TEXT = "72F with sudden chest pain and SOB, known AF and T2DM. Given aspirin 300 mg and GTN, denies palpitations."


class FoundEntity(Protocol):
    """What a predictor returns for each entity; ``course_lib.tasks.ner.Entity`` is one."""

    start: int
    end: int
    label: str
    confidence: float


Predict = Callable[[str], Sequence[Any]]
"""From a text to its entities, each with start, end, label and confidence."""


def still_entities(predict: Any, text: str = TEXT, threshold: float = 0.0) -> HTML:
    """Return the reader's view of one text, as an output that needs no kernel. See ``entity_reader``."""
    return _view(_function(predict), text, threshold).still


def entity_reader(predict: Any, text: str = TEXT, threshold: float = 0.0) -> Panel:
    """Return a text field and a confidence threshold; entities at or above it are highlighted.

    ``predict`` is a function from a text to entities, or an object with such a
    method, as ``course_lib.models.load`` returns. It is called once per text.
    """
    remembered = functools.lru_cache(maxsize=8)(_function(predict))
    return Panel("entities", {
        "text": ipywidgets.Textarea(text, description="your text", rows=3, continuous_update=False, **FULL),
        "threshold": ipywidgets.FloatSlider(threshold, min=0.0, max=1.0, step=0.01, description="least confidence",
                                            continuous_update=False, **WIDE),
    }, lambda text, threshold: _view(remembered, text, threshold))


def _function(predict: Any) -> Predict:
    return getattr(predict, "predict", predict)


def _view(predict: Predict, text: str, threshold: float) -> View:
    check_length("your text", text)
    found: list[FoundEntity] = sorted(predict(text), key=lambda e: e.start)
    kept = [e for e in found if e.confidence >= threshold]
    rows = [{"entity": text[e.start : e.end], "label": e.label, "confidence": e.confidence,
             "highlighted": "yes" if e.confidence >= threshold else "no, below the threshold"} for e in found]
    said = f"Entities found: {len(found)}; with a confidence of at least {threshold:.2f}: {len(kept)}."
    html = str(marked_text(text, [Span(e.start, e.end, e.label) for e in kept]).data)
    html += status(said) + (str(table(rows, digits=2).data) if rows else "")
    lines = [f"{r['entity']} | {r['label']} | {r['confidence']:.2f} | {r['highlighted']}" for r in rows]
    return View(html, "\n".join([text, said, *lines]))
