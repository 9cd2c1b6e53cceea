"""Pretrained checkpoints with a task head, and trained models on disk."""

from course_lib.models.checkpoints import CHECKPOINTS, describe_available
from course_lib.models.saved import Predictor, load, save

__all__ = ["CHECKPOINTS", "Predictor", "describe_available", "load", "save"]
