"""Pretrained checkpoints with a task head, and trained models on disk.

The names below are imported on first use: who only asks which checkpoints
there are (``course run`` does, before a kernel starts) loads no model library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.models.checkpoints import CHECKPOINTS, describe_available
    from course_lib.models.saved import Predictor, load, save

__all__ = ["CHECKPOINTS", "Predictor", "describe_available", "load", "save"]
_HOMES = {"CHECKPOINTS": "checkpoints", "describe_available": "checkpoints",
          "Predictor": "saved", "load": "saved", "save": "saved"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"course_lib.models.{_HOMES[name]}"), name)
    raise AttributeError(f"course_lib.models: expected one of {', '.join(__all__)}; found {name!r}.")
