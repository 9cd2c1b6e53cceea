"""The notebook that the browser tests open: each explorer once, with predictors that need no training."""

from __future__ import annotations

from pathlib import Path

import nbformat

LOSS = """
from course_lib.widgets import loss_explorer
loss_explorer()
"""
ALIGNMENT = """
from course_lib.data import LabelSet, Note, Span
from course_lib.models.heads import load_tokenizer
from course_lib.widgets import alignment_explorer
labels = LabelSet(("DISEASE", "MEDICINE", "SYMPTOM"))
note = Note("example", "Started metoprolol for palpitations; no SOB.",
            (Span(8, 18, "MEDICINE"), Span(23, 35, "SYMPTOM"), Span(40, 43, "SYMPTOM")))
alignment_explorer(load_tokenizer("minilm"), labels, note)
"""
ENTITIES = """
import re
from types import SimpleNamespace
from course_lib.widgets import entity_reader

def find(text):
    # knows two words, and is less sure of the second
    return [SimpleNamespace(start=m.start(), end=m.end(), label="MEDICINE" if m[0] == "aspirin" else "SYMPTOM",
                            confidence=0.9 if m[0] == "aspirin" else 0.4) for m in re.finditer("aspirin|cough", text)]

entity_reader(find, "Given aspirin for a cough.")
"""
ANSWERS = r"""
import numpy as np
from course_lib.evaluation.qa import Window, decode_question
from course_lib.widgets import Reading, answer_explorer

def read(question, context):
    # points at the words of the question in the passage, with 8 for each; silence scores 4
    words = [(m.start(), m.end()) for m in re.finditer(r"\w+", context)]
    asked = {w.casefold() for w in re.findall(r"\w+", question)}
    scores = np.array([2.0] + [4.0 if context[s:e].casefold() in asked else 0.5 for s, e in words], dtype=np.float32)
    places = np.array([(-1, -1), *words], dtype=np.int32)
    window = Window(scores, scores, places[:, 0].copy(), places[:, 1].copy())
    return Reading((window,), decode_question([window], 3))

answer_explorer(read, "What happened to profit?", "Sales rose by a tenth while profit slipped, as the annual report says.")
"""
RUN = """
import time
from course_lib.widgets import run_viewer

viewer = run_viewer("f1", "answer F1")
viewer.show()
"""
TRAIN = """
for step in range(1, 41):
    viewer("step", {"step": step, "epoch": 1 + (step > 20), "loss": 2.0 / step + 0.1})
    if step in (20, 40):
        viewer("epoch", {"epoch": step // 20, "train_loss": 2.0 / step + 0.1, "validation_f1": 0.3 + step / 100})
    time.sleep(0.02)
viewer("end", {"best_epoch": 2, "seconds": 1.0})
print("all cells have run")
"""
CELLS = (LOSS, ALIGNMENT, ENTITIES, ANSWERS, RUN, TRAIN)


def write(path: Path) -> None:
    """Write the notebook, unexecuted."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip()) for source in CELLS])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(book, path)
