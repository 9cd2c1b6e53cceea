"""The answer explorer: where an answer may start and end, the best spans, and silence. Used in notebook 03."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from IPython.display import HTML
from numpy.typing import NDArray

from course_lib.data.records import Question
from course_lib.errors import ConfigError
from course_lib.evaluation.qa import Decoded, Window, decode_question, with_prior
from course_lib.reporting.html import table
from course_lib.widgets.panel import FULL, WIDE, Panel, View, check_length, status

if TYPE_CHECKING:
    from course_lib.tasks.qa import QaPredictor

PASSAGE = (
    "Harbour Lane Coffee opened nine shops in 2024, taking the chain to 58. Sales rose to £41.3 million from £36.0 million, "
    "while profit slipped to £2.9 million because milk and rents cost more. The loan of £12 million falls due in June 2027."
)
QUESTION = "When must the debt be repaid?"
NEVER = 50.0
"""A threshold that no margin between silence and a span reaches in practice."""
_SHADES = ((0, 114, 178), (213, 94, 0))  # start, end; mixed with white, at most half: black text stays readable


@dataclass(frozen=True)
class Reading:
    """What a model makes of one question: its scores per piece in each window, and the spans decoded from them."""

    windows: tuple[Window, ...]
    decoded: Decoded


Read = Callable[[str, str], Reading]
"""From (question, context) to a reading."""


def read_with(predictor: QaPredictor) -> Read:
    """Return the function that reads with a trained model, its sentence prior included."""
    from course_lib.tasks.qa import N_BEST

    def read(question: str, context: str) -> Reading:
        record, task = Question("your question", question, context), predictor.task
        windows = task.windows(predictor.model, task.encode([record]))[0]
        decoded = decode_question(windows, predictor.max_answer_pieces, N_BEST)
        if predictor.prior_weight:
            decoded = with_prior(decoded, predictor.prior.similarities([record])[0], predictor.prior_weight)
        return Reading(tuple(windows), decoded)

    return read


def still_answer(
    predict: Any, question: str = QUESTION, context: str = PASSAGE, threshold: float | None = None, n_best: int = 5,
) -> HTML:
    """Return the explorer's view of one question, as an output that needs no kernel. See ``answer_explorer``."""
    return _view(_function(predict), question, context, _threshold(predict, threshold), n_best).still


def answer_explorer(predict: Any, question: str = QUESTION, context: str = PASSAGE, threshold: float | None = None) -> Panel:
    """Return fields for passage and question; probabilities, n-best and the choice to be silent follow.

    ``predict`` is a trained model as ``course_lib.models.load`` returns it, or
    a function from (question, context) to a ``Reading``. ``threshold`` is by how
    much silence must win; None takes the model's own.
    """
    remembered = functools.lru_cache(maxsize=8)(_function(predict))
    start = _threshold(predict, threshold)
    reach = max(10.0, math.ceil(abs(start)))
    return Panel("answers", {
        "context": ipywidgets.Textarea(context, description="passage", rows=4, continuous_update=False, **FULL),
        "question": ipywidgets.Text(question, description="question", continuous_update=False, **FULL),
        "threshold": ipywidgets.FloatSlider(start, min=-reach, max=reach, step=0.1, description="null threshold",
                                            continuous_update=False, **WIDE),
        "n_best": ipywidgets.IntSlider(5, min=1, max=10, description="spans shown", continuous_update=False, **WIDE),
    }, lambda context, question, threshold, n_best: _view(remembered, question, context, threshold, n_best))


def _function(predict: Any) -> Read:
    return read_with(predict) if hasattr(predict, "task") else predict


def _threshold(predict: Any, given: float | None) -> float:
    value = float(getattr(predict, "threshold", 0.0) if given is None else given)
    if math.isnan(value):
        raise ConfigError("answer explorer: expected a number as threshold, found nan. Give one, or leave it out.")
    return math.copysign(NEVER, value) if math.isinf(value) else value  # never silent: no slider shows infinity


def _view(read: Read, question: str, context: str, threshold: float, n_best: int) -> View:
    check_length("passage", context)
    check_length("question", question)
    reading = read(question, context)
    decoded, number = reading.decoded, _telling_window(reading)
    window = reading.windows[number]
    rows = _ranked(decoded, context, n_best, threshold)
    margin = decoded.null_margin
    best = decoded.candidates[0] if decoded.candidates and margin <= threshold else None
    said = (f"Score of silence minus score of the best span: {margin:+.2f}; above the threshold {threshold:.2f} it is silent. "
            + (f"Answer: {context[best.start:best.end]}" if best else "No answer is given."))
    place = f", window {number + 1} of {len(reading.windows)}" if len(reading.windows) > 1 else ""
    parts = [_shaded(context, window, scores, which, f"Where the answer may {word} (probability in %{place})")
             for which, (word, scores) in enumerate((("start", window.start_logits), ("end", window.end_logits)))]
    lines = [" | ".join(str(value) for value in row.values()) for row in rows]
    html = "".join(parts) + status(said) + str(table(rows, caption="Best spans and silence", digits=2).data)
    return View(html, "\n".join([f"{question}", said, *lines]))


def _telling_window(reading: Reading) -> int:
    """Return the window that holds the best span, the surest of several; 0 if there is none."""
    best = reading.decoded.candidates[0] if reading.decoded.candidates else None
    holds = [i for i, w in enumerate(reading.windows)
             if best and best.start in w.offset_start.tolist() and best.end in w.offset_end.tolist()]
    return max(holds, key=lambda i: float(reading.windows[i].start_logits.max()), default=0)


def probabilities(window: Window, logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax over the passage's pieces and the first position, which stands for no answer; 0 elsewhere."""
    counts = window.offset_start >= 0
    counts[0] = True
    scores = np.where(counts, logits.astype(np.float64), -np.inf)
    scores = np.exp(scores - scores.max())
    return np.asarray(scores / scores.sum())


def _ranked(decoded: Decoded, context: str, n_best: int, threshold: float) -> list[dict[str, Any]]:
    """Best spans, and silence less the threshold, by score: the first row is what is answered.

    Probabilities are shares among all candidates and silence.
    """
    spans = [(c.score, context[c.start : c.end]) for c in decoded.candidates]
    silence = (decoded.null_score - threshold, "(no answer), less the threshold")
    top = max(score for score, _ in [*spans, silence])
    total = sum(math.exp(score - top) for score, _ in [*spans, silence])
    shown = sorted([*spans[:n_best], silence], key=lambda option: -option[0])
    return [{"span": text, "score": score, "probability": math.exp(score - top) / total} for score, text in shown]


def _shaded(context: str, window: Window, logits: NDArray[np.float32], which: int, title: str) -> str:
    """Mark each piece by its probability: with a colour and, from 5 %, an underline and the number."""
    inside, p, parts = np.flatnonzero(window.offset_start >= 0), probabilities(window, logits), []
    position = int(window.offset_start[inside[0]]) if len(inside) else 0
    for i in inside:
        start, end = int(window.offset_start[i]), int(window.offset_end[i])
        parts.append(escape(context[position:start]))
        parts.append(_piece(context[max(start, position) : end], float(p[i]), which))
        position = max(position, end)
    silent = f'<p style="margin:2px 0">no answer (the first position): {100 * p[0]:.0f} %</p>'
    return (f'<div style="font-weight:600;margin-top:6px">{escape(title)}</div>'
            f'<div style="line-height:2;white-space:pre-wrap;max-width:60em">{"".join(parts)}</div>{silent}')


def _piece(text: str, p: float, which: int) -> str:
    if p < 0.01:
        return escape(text)
    background = ",".join(str(round(255 - 0.5 * min(1.0, p + 0.15) * (255 - channel))) for channel in _SHADES[which])
    line, number = "", ""
    if p >= 0.05:
        line = f";border-bottom:2px {('solid', 'dashed')[which]} #444"
        number = f'<small style="font-size:70%;margin:0 2px">{100 * p:.0f}</small>'
    return f'<span style="background:rgb({background});color:#000{line}">{escape(text)}{number}</span>'
