"""One training loop for every task."""

from course_lib.training.config import TrainingConfig
from course_lib.training.loop import TrainingResult, train

__all__ = ["TrainingConfig", "TrainingResult", "train"]
