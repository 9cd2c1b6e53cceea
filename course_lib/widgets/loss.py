"""The loss explorer: one record, one logit, gradient descent. Derived in notebook 01."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import HTML
from numpy.typing import NDArray

from course_lib.errors import ConfigError
from course_lib.reporting.style import COLORS, new_figure, show
from course_lib.widgets.panel import WIDE, Panel, View, status

FloatArray = NDArray[np.float64]
STEPS = 12


def walk(z0: float, label: int, rate: float, strength: float, steps: int = STEPS) -> FloatArray:
    """Return the logits of gradient descent on the penalised loss, the start first.

    Logits are held within 60 of zero, so that a walk that runs away stays a number.
    """
    path = [z0]
    for _ in range(steps):
        z = path[-1]
        path.append(float(np.clip(z - rate * gradient(z, z0, label, strength), -60, 60)))
    return np.array(path)


def gradient(z: Any, z0: float, label: int, strength: float) -> Any:
    """Slope of the penalised loss: prediction minus truth, plus the pull to the start."""
    return 1 / (1 + np.exp(-z)) - label + 2 * strength * (z - z0)


def penalised_loss(z: Any, z0: float, label: int, strength: float) -> Any:
    """Binary cross-entropy of logits (nats) plus ``strength`` times the squared distance from the start."""
    return np.logaddexp(0, z) - label * z + strength * (z - z0) ** 2


def still_loss(probability: float = 0.2, label: int = 1, rate: float = 2.0, strength: float = 0.1) -> HTML:
    """Return the explorer's picture for one setting, as an output that needs no kernel."""
    return _view(probability, label, rate, strength).still


def loss_explorer(probability: float = 0.2, label: int = 1, rate: float = 2.0, strength: float = 0.1) -> Panel:
    """Return sliders for probability, label, learning rate and pull; curve, gradient and walk follow."""
    _check(probability, label, rate, strength)
    slide = WIDE | {"continuous_update": False}
    controls = {
        "probability": ipywidgets.FloatSlider(probability, min=0.01, max=0.99, step=0.01, description="start probability",
                                              **slide),
        "label": ipywidgets.IntSlider(label, min=0, max=1, description="label y", **slide),
        "rate": ipywidgets.FloatLogSlider(rate, min=-2, max=1.5, step=0.05, description="learning rate η", **slide),
        "strength": ipywidgets.FloatSlider(strength, min=0.0, max=1.5, step=0.02, description="pull λ", **slide),
    }
    for (name, control), given in zip(controls.items(), (probability, label, rate, strength), strict=True):
        if control.value != given:  # a slider takes its end for what lies beyond
            raise ConfigError(f"loss explorer: expected a {name} that its slider reaches, found {given!r}; the nearest is "
                              f"{control.value!r}. Take that, or still_loss, which has no sliders.")
    return Panel("loss", controls, _view)


def _check(probability: float, label: int, rate: float, strength: float) -> None:
    if not 0 < probability < 1 or label not in (0, 1) or not 0 < rate < math.inf or not 0 <= strength < math.inf:
        raise ConfigError(
            "loss explorer: expected a probability between 0 and 1, label 0 or 1, a rate above 0 and a pull from 0; found "
            f"{probability!r}, {label!r}, {rate!r}, {strength!r}. Correct the one that is outside."
        )


def _view(probability: float, label: int, rate: float, strength: float) -> View:
    _check(probability, label, rate, strength)
    z0 = math.log(probability / (1 - probability))
    path = walk(z0, label, rate, strength)
    figure, axes = new_figure(1, 3, figsize=(10.0, 3.3))
    _draw_loss(axes[0], probability, label)
    width = max(4.0, min(20.0, float(np.abs(path - z0).max()) * 1.15))
    z, inside = np.linspace(z0 - width, z0 + width, 241), path[np.abs(path - z0) <= width]
    _draw_gradient(axes[1], z, inside, z0, label, strength)
    _draw_walk(axes[2], z, inside, z0, label, strength)
    text = _in_words(path, probability, label, rate, strength)
    return View(str(show(figure, text).data) + status(text), text)


def _draw_loss(axis: Any, probability: float, label: int) -> None:
    p = np.linspace(0.005, 0.995, 199)
    here = -math.log(probability if label else 1 - probability)
    slope = (probability - label) / (probability * (1 - probability))
    near = np.array([max(0.005, probability - 0.12), min(0.995, probability + 0.12)])
    axis.plot(p, -np.log(p if label else 1 - p), marker="", linestyle="-", label="loss")
    axis.plot(near, here + slope * (near - probability), color=COLORS[1], marker="", linestyle="--", label="slope at the start")
    axis.plot(probability, here, color=COLORS[1], marker="o", linestyle="")
    axis.set(xlabel="probability p of label 1", ylabel="loss (nats)", ylim=(-0.2, 5.2))
    axis.set_title(f"loss {here:.2f}, slope in p {slope:+.2f}", fontsize=9)
    axis.legend(fontsize=8, loc="upper center")


def _draw_gradient(axis: Any, z: FloatArray, inside: FloatArray, z0: float, label: int, strength: float) -> None:
    axis.axhline(0, color="#777777", linewidth=0.8)
    axis.plot(z, gradient(z, z0, label, 0.0), marker="", linestyle="--", color=COLORS[2], label="p − y alone")
    axis.plot(z, gradient(z, z0, label, strength), marker="", linestyle="-", color=COLORS[0], label="with the pull")
    axis.plot(inside, gradient(inside, z0, label, strength), color=COLORS[1], marker="o", linestyle="", markersize=4)
    axis.set(xlabel="logit z", ylabel="gradient in z")
    axis.set_title(f"p − y at the start {gradient(z0, z0, label, 0.0):+.2f}", fontsize=9)
    axis.legend(fontsize=8, loc="upper left")


def _draw_walk(axis: Any, z: FloatArray, inside: FloatArray, z0: float, label: int, strength: float) -> None:
    axis.plot(z, penalised_loss(z, z0, label, strength), marker="", linestyle="-")
    axis.plot(inside, penalised_loss(inside, z0, label, strength), color=COLORS[1], linewidth=0.9, linestyle="-", marker="o",
              markersize=4, label=f"{STEPS} steps")
    axis.plot(z0, penalised_loss(z0, z0, label, strength), color="black", marker="s", linestyle="", label="start")
    axis.set(xlabel="logit z", ylabel="loss + penalty (nats)")
    axis.set_title(f"{STEPS} steps of gradient descent", fontsize=9)
    axis.legend(fontsize=8, loc="upper center")


def _in_words(path: FloatArray, probability: float, label: int, rate: float, strength: float) -> str:
    """Say what the picture shows, so that nobody has to see it."""
    moves = np.abs(np.diff(path))
    turns = int((np.diff(path)[1:] * np.diff(path)[:-1] < 0).sum())
    slopes = moves / rate
    calm = slopes[-1] < 0.01 and slopes[-1] < 0.1 * slopes[0]  # a slow walk is not at rest
    end = ("the slope is nearly 0, and never quite: without a pull there is no lowest point" if calm and not strength else
           "it has come to rest" if calm else
           "it leaps ever further" if turns > STEPS // 2 and moves[-1] >= moves[1] else
           "it zigzags" if turns > STEPS // 2 else "it is still moving")
    here = -math.log(probability if label else 1 - probability)
    return (f"Start at p = {probability:.2f} with label {label}: loss {here:.2f}, gradient p − y = {probability - label:+.2f}. "
            f"Rate {rate:.3g}, pull {strength:.2f}: after {STEPS} steps p = {1 / (1 + math.exp(-path[-1])):.3f} "
            f"(logit {path[-1]:+.2f}); {end}.")
