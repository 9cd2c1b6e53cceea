"""Records, corpora, splits and encoded features. Knows nothing of training."""

from course_lib.data.corpora import Corpus, load, load_notes, load_questions, stage_questions
from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.records import Answer, Note, Question, Span
from course_lib.data.registry import PUBLIC

__all__ = [
    "IGNORE_INDEX", "PUBLIC", "Answer", "Corpus", "LabelSet", "Note", "Question", "Span", "load", "load_notes",
    "load_questions", "stage_questions",
]
