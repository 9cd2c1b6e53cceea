"""Things to move: explorers with controls, each with a still twin for readers without a kernel.

An explorer is an ipywidgets box. Shown in a notebook it leaves two things in
the output: the live controls, and the picture of its first state, which is what
stays when the notebook is committed or exported (no widget state is saved).
"""

from course_lib.widgets.alignment import alignment_explorer, still_alignment
from course_lib.widgets.answers import Reading, answer_explorer, read_with, still_answer
from course_lib.widgets.entities import entity_reader, still_entities
from course_lib.widgets.loss import loss_explorer, still_loss
from course_lib.widgets.panel import Panel, View
from course_lib.widgets.runs import RunViewer, run_viewer, still_run

__all__ = [
    "Panel", "Reading", "RunViewer", "View", "alignment_explorer", "answer_explorer", "entity_reader", "loss_explorer",
    "read_with", "run_viewer", "still_alignment", "still_answer", "still_entities", "still_loss", "still_run",
]
