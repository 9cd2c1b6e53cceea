"""A dictionary of known names, and patterns for medicines. No training of weights."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from course_lib.data.records import Note, Span, find_words

# Stems of international non-proprietary names (WHO's stem book).
MEDICINE_STEMS = re.compile(
    r"^\w{2,}(?:mab|nib|pril|sartan|statin|olol|dipine|azole|cillin|mycin|floxacin|cycline|vir|gliptin|gliflozin|"
    r"glutide|parin|xaban|gatran|prazole|setron|triptan|tidine|azepam|zolam|oxetine|pramine|caine|sone|solone|"
    r"thiazide|semide|terol|tropium|formin|dronate|barbital|fibrate)$"
)
DOSE = re.compile(r"(?:mg|mcg|micrograms?|g|units?|iu|ml)$")


class DictionaryTagger:
    """Longest match of known names on words, then stems and doses for new medicines."""

    def __init__(self, notes: Iterable[Note], vocabulary: Mapping[str, Iterable[str]] | None = None,
                 medicine_label: str = "MEDICINE") -> None:
        votes: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for note in notes:
            for span in note.spans:
                votes[_key(note.surface(span))][span.label] += 1
        for label, forms in (vocabulary or {}).items():
            for form in forms:
                votes[_key(form)][label] += 1
        # Between equal votes the alphabet decides, so that results repeat.
        self.names = {key: min(c, key=lambda label: (-c[label], label)) for key, c in votes.items() if key}
        self.longest = max((len(key) for key in self.names), default=1)
        self.medicine_label = medicine_label
        self.knows_medicines = medicine_label in self.names.values()

    def predict(self, note: Note) -> list[Span]:
        """Return the spans found, left to right, none overlapping."""
        words = note.words or ()
        texts = [note.text[s:e].casefold() for s, e in words]
        spans: list[Span] = []
        position = 0
        while position < len(words):
            for size in range(min(self.longest, len(words) - position), 0, -1):
                label = self.names.get(tuple(texts[position : position + size]))
                if label:
                    spans.append(Span(words[position][0], words[position + size - 1][1], label))
                    position += size
                    break
            else:
                if self.knows_medicines and self._looks_like_medicine(texts, position):
                    spans.append(Span(*words[position], self.medicine_label))
                position += 1
        return spans

    @staticmethod
    def _looks_like_medicine(texts: list[str], position: int) -> bool:
        word, after = texts[position], texts[position + 1 : position + 3]
        dosed = len(after) == 2 and after[0].isdigit() and bool(DOSE.match(after[1]))
        return bool(MEDICINE_STEMS.match(word)) or (dosed and word.isalpha() and len(word) > 4)


def _key(form: str) -> tuple[str, ...]:
    return tuple(form[s:e].casefold() for s, e in find_words(form))
