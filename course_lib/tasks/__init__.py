"""A task is one frozen object: features, head, loss inputs, metrics.

The training loop knows nothing else about what it trains, so a new task is a
new file here.
"""

from course_lib.tasks.ner import NerPredictor, NerTask
from course_lib.tasks.qa import QaPredictor, QaTask

PREDICTORS = {
    "ner": (NerPredictor, "token-classification"),
    "qa": (QaPredictor, "question-answering"),
}

__all__ = ["PREDICTORS", "NerPredictor", "NerTask", "QaPredictor", "QaTask"]
