"""What all explorers share: labelled controls, a view that follows them, a still twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets
from IPython.display import HTML

from course_lib.errors import CourseError, DataError

LONGEST_TEXT = 20_000
"""Characters that a text field takes; beyond, a message says so."""
WIDE: dict[str, Any] = {"style": {"description_width": "11em"}, "layout": {"width": "38em", "max_width": "98%"}}
FULL: dict[str, Any] = {"style": {"description_width": "11em"}, "layout": {"width": "98%"}}


@dataclass(frozen=True)
class View:
    """What an explorer shows: HTML, and the same in plain text for readers without pictures."""

    html: str
    text: str

    @property
    def still(self) -> HTML:
        """The view as an output that needs no kernel."""
        return HTML(self.html)


class Panel(ipywidgets.VBox):
    """Controls, and below them a view that is drawn anew when one of them changes.

    ``controls`` are named as the arguments of ``render``. Everything works with
    the keyboard: Tab goes to the next control, arrows move a slider, Enter (in a
    long text: Tab) takes over what was typed.
    """

    def __init__(self, name: str, controls: Mapping[str, Any], render: Callable[..., View]) -> None:
        self._render, self._named = render, dict(controls)
        self.view = self._draw()  # what is wrong from the start is an error, not a message
        self._picture = ipywidgets.HTML(_framed(self.view), layout={"width": "98%"})
        super().__init__([*self._named.values(), self._picture])
        self.add_class(f"course-{name}")
        for control in self._named.values():
            control.tooltip = control.tooltip or control.description
            control.observe(self.follow, "value")

    def control(self, name: str) -> Any:
        """Return a control by its name, to set its value from code."""
        return self._named[name]

    def follow(self, _change: Any = None) -> None:
        """Draw the view again; a problem is shown in its place, since nobody sees an error raised here."""
        try:
            self.view = self._draw()
        except CourseError as error:
            self.view = _problem(str(error))
        except Exception as error:  # of a predictor that the learner wrote
            self.view = _problem(f"{type(error).__name__}: {error}")
        self._picture.value = _framed(self.view)

    def _draw(self) -> View:
        return self._render(**{name: control.value for name, control in self._named.items()})

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live view where a kernel runs, and beside it what stays without one."""
        live: dict[str, Any] = super()._repr_mimebundle_(**kwargs) or {}
        return live | {"text/html": self.view.html, "text/plain": self.view.text}

    def __repr__(self) -> str:
        return self.view.text


def _problem(message: str) -> View:
    return View(f'<p role="alert" style="border-left:4px solid #D55E00;padding:2px 8px">{escape(message)}</p>', message)


def _framed(view: View) -> str:
    """Undo the tall lines that ipywidgets gives to HTML, and give tables room."""
    style = "<style>.course-view table.dataframe :is(td, th) {padding: 1px 12px 1px 2px; text-align: left}</style>"
    return f'{style}<div class="course-view" style="line-height:1.4;margin-top:6px">{view.html}</div>'


def status(text: str) -> str:
    """Return a line below a picture that says in words what it shows."""
    return f'<p role="status" style="margin:6px 0;max-width:60em">{escape(text)}</p>'


def check_length(name: str, text: str) -> None:
    """Refuse a text too long for a page."""
    if len(text) > LONGEST_TEXT:
        raise DataError(f"{name}: expected at most {LONGEST_TEXT:,} characters, found {len(text):,}. Shorten it, or use the "
                        "functions of the notebook on long texts.")
