"""The table of numbers on a data card, computed from the corpus itself."""

from __future__ import annotations

from collections import Counter

from course_lib.data.corpora import Corpus
from course_lib.data.leakage import audit_notes
from course_lib.data.records import Note, Question


def notes_card(corpus: Corpus[Note]) -> str:
    """Return the Markdown table of an entity corpus: one row per part."""
    lines = ["| part | notes | words | marks | DISEASE | MEDICINE | SYMPTOM | different names | names marked in training |",
             "|---|---|---|---|---|---|---|---|---|"]
    seen = audit_notes(corpus.parts).seen_mentions
    for part, notes in corpus.parts.items():
        labels = Counter(span.label for note in notes for span in note.spans)
        names = {note.surface(span).casefold() for note in notes for span in note.spans}
        known = f"{seen[part]:.0%}" if part in seen else ""
        lines.append(
            f"| {part} | {len(notes)} | {sum(len(n.text.split()) for n in notes):,} | {sum(labels.values()):,} "
            f"| {labels['DISEASE']:,} | {labels['MEDICINE']:,} | {labels['SYMPTOM']:,} | {len(names):,} | {known} |"
        )
    return "\n".join(lines)


def questions_card(corpus: Corpus[Question]) -> str:
    """Return the Markdown table of a question corpus: one row per part."""
    lines = ["| part | passages | words a passage | questions | without an answer | words an answer |",
             "|---|---|---|---|---|---|"]
    for part, questions in corpus.parts.items():
        passages = {q.context for q in questions}
        answers = [q.answers[0].text for q in questions if q.answers]
        lines.append(
            f"| {part} | {len(passages)} | {sum(len(p.split()) for p in passages) / len(passages):.0f} | {len(questions)} "
            f"| {sum(not q.is_answerable for q in questions)} | {sum(len(a.split()) for a in answers) / len(answers):.1f} |"
        )
    return "\n".join(lines)
