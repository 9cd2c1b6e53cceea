"""The run viewer: learning curves while training, through the loop's callback hook."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
from IPython.display import HTML, display
from numpy.typing import NDArray

from course_lib.reporting.style import COLORS, new_figure, show
from course_lib.widgets.panel import WIDE, Panel, View, status

PAUSE_SECONDS = 2.0
COST = 50
"""A picture is drawn again after so many times what the last one took: at most 2 % of training."""
Rows = list[dict[str, Any]]


def run_viewer(
    monitor: str, label: str = "", *, history: pd.DataFrame | None = None, steps: pd.DataFrame | None = None,
) -> RunViewer:
    """Return a viewer: show it, and give it to ``train(..., callbacks=[viewer])``.

    ``monitor`` is the validation score that is drawn, ``label`` its name on the
    axis. With ``history`` and ``steps`` of a finished ``TrainingResult`` it shows that run.
    """
    viewer = RunViewer(monitor, label or monitor)
    if steps is not None:
        viewer.load(steps, history)
    return viewer


def still_run(steps: pd.DataFrame, history: pd.DataFrame | None, monitor: str, label: str = "", smoothing: int = 5) -> HTML:
    """Return the curves of a finished run, as an output that needs no kernel."""
    return _curves(_rows(steps), _rows(history), monitor, label or monitor, smoothing, False).still


def _rows(frame: pd.DataFrame | None) -> Rows:
    return [] if frame is None else [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


class RunViewer(Panel):
    """Learning curves that follow a training run; a ``Callback`` of the loop.

    A run of several stages (steps that count from 1 again) keeps each; the last
    one is drawn. While a cell trains, the kernel hears no control: they answer
    when it is done. With ``COURSE_PROGRESS=0`` only the end is drawn.
    """

    def __init__(self, monitor: str, label: str) -> None:
        self._monitor, self._label = monitor, label
        self._stages: list[tuple[Rows, Rows]] = [([], [])]
        self._drawn, self._cost, self._shown = -1e9, 0.0, None
        super().__init__("run", {
            "stage": ipywidgets.Dropdown(options=[1], value=1, description="stage", **WIDE),
            "smoothing": ipywidgets.IntSlider(5, min=1, max=50, description="steps averaged", continuous_update=False, **WIDE),
            "logarithmic": ipywidgets.Checkbox(False, description="logarithmic loss axis", indent=True, **WIDE),
        }, self._render_stage)

    def show(self) -> None:
        """Show the viewer here; when training ends, the output keeps the last picture."""
        self._shown = display(self, display_id=True)

    def load(self, steps: pd.DataFrame, history: pd.DataFrame | None) -> None:
        """Take over a finished run."""
        self._stages = [(_rows(steps), _rows(history))]
        self.follow()

    def __call__(self, event: str, values: Mapping[str, Any]) -> None:
        """Hear of a step, an epoch or the end of training."""
        if event == "step":
            self._hear_step(dict(values))
        elif event == "epoch":
            self._stages[-1][1].append(dict(values))
        quiet = os.environ.get("COURSE_PROGRESS", "1") == "0"
        waited = time.perf_counter() - self._drawn
        if event == "end" or not quiet and (event == "epoch" or waited > max(PAUSE_SECONDS, COST * self._cost)):
            self.follow()
        if event == "end" and self._shown is not None:
            self._shown.update(self)

    def follow(self, _change: Any = None) -> None:
        begin = time.perf_counter()
        super().follow()
        self._drawn = time.perf_counter()
        self._cost = self._drawn - begin

    def _hear_step(self, row: dict[str, Any]) -> None:
        steps = self._stages[-1][0]
        if steps and row["step"] <= steps[-1]["step"]:
            self._stages.append(([row], []))
            choice = self.control("stage")
            choice.options = range(1, len(self._stages) + 1)
            choice.value = len(self._stages)
        else:
            steps.append(row)

    def _render_stage(self, stage: int, smoothing: int, logarithmic: bool) -> View:
        steps, epochs = self._stages[stage - 1]
        if not steps:
            text = "Learning curves are drawn here while training runs."
            return View(status(text), text)
        return _curves(steps, epochs, self._monitor, self._label, smoothing, logarithmic)


def smooth(values: Sequence[float], window: int) -> NDArray[np.float64]:
    """Mean of each value and those before it, ``window`` in all (fewer at the start)."""
    if not len(values):
        return np.zeros(0)
    sums = np.convolve(np.asarray(values, dtype=np.float64), np.ones(window))[: len(values)]  # one NaN is gone after the window
    return np.asarray(sums / np.minimum(np.arange(1, len(values) + 1), window))


def _curves(steps: Rows, epochs: Rows, monitor: str, label: str, smoothing: int, logarithmic: bool) -> View:
    losses = [row["loss"] for row in steps]
    numbers, means = [row["step"] for row in steps], smooth(losses, smoothing)
    scored = [(row["epoch"], row[f"validation_{monitor}"]) for row in epochs if f"validation_{monitor}" in row]
    figure, (left, right) = new_figure(1, 2, figsize=(8.4, 3.2))
    left.plot(numbers, losses, color="#767676", linewidth=0.9, linestyle=":", marker="", label="each step")
    left.plot(numbers, means, color=COLORS[0], linestyle="-", marker="", label=f"mean of {smoothing} steps")
    left.set(xlabel="optimizer step", ylabel="training loss (nats per label)")
    if logarithmic:
        left.set_yscale("log")
    else:
        left.set_ylim(0, None)
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend(loc="upper right")
    right.plot([e for e, _ in scored], [v for _, v in scored], color=COLORS[1])
    right.set(xlabel="epoch", ylabel=f"validation {label}", ylim=(0, 1), xticks=[e for e, _ in scored])
    text = f"Step {numbers[-1]}: loss {means[-1]:.3f} (first {losses[0]:.3f})."
    if scored:
        best = max(scored, key=lambda pair: pair[1])
        text += f" Validation {label} {scored[-1][1]:.3f} after epoch {scored[-1][0]}, best {best[1]:.3f} after epoch {best[0]}."
    values = dict(scored)
    rows = [f"epoch {row['epoch']}: loss {row['train_loss']:.3f}"
            + (f", validation {label} {values[row['epoch']]:.3f}" if row["epoch"] in values else "") for row in epochs]
    return View(str(show(figure, text).data) + status(text), "\n".join([text, *rows]))
