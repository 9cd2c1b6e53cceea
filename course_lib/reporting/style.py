"""One look for all figures: colours told apart by everyone, marks besides colour."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import matplotlib
from cycler import cycler
from IPython.display import HTML
from matplotlib.figure import Figure

# Okabe and Ito's palette, made for all kinds of colour vision; its yellow is left out, and sky blue and orange are
# darker than theirs: every line stands out from white by at least 3 to 1.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#3A94CC", "#B87D00", "#000000")
GREY = "#8C8C8C"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def use_style() -> None:
    """Set matplotlib's defaults for the course; call once per notebook."""
    matplotlib.rcParams.update({
        "figure.figsize": (7.0, 3.6), "figure.dpi": 110, "figure.constrained_layout.use": True,
        "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "grid.alpha": 0.25, "lines.linewidth": 1.8, "lines.markersize": 5, "legend.frameon": False,
        "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=DASHES) + cycler(marker=MARKERS),
        "svg.hashsalt": "course",
    })


def show(figure: Figure, alt: str, *, data: bool = True) -> HTML:
    """Return a figure as an image with a text for those who cannot see it; the figure is closed.

    ``alt`` says what there is to see, in one or two sentences. Below the image
    its data unfold as a table, unless ``data`` is False (where a table stands beside it).
    """
    import matplotlib.pyplot as plt

    from course_lib.reporting.twin import twin

    table = twin(figure) if data else ""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(figure)
    image = base64.b64encode(buffer.getvalue()).decode()
    return HTML(f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{image}" style="max-width:100%">{table}')


def new_figure(*args: Any, **kwargs: Any) -> tuple[Figure, Any]:
    """Return (figure, axes) in the course's style: ``plt.subplots`` after ``use_style``."""
    import matplotlib.pyplot as plt

    use_style()
    return plt.subplots(*args, **kwargs)
