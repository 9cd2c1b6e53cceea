"""Silver clinical notes: many, cheap, and labelled by construction.

A few hundred notes written one by one are too few for a model to meet most names of diseases and
drugs. The grammar in ``data/medical_notes/generator.json`` knows thousands of names and hundreds
of sentence frames; where a slot is filled, the span is known. Silver notes help to train. They
never measure: a test on them would ask how well a model knows the grammar.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

from course_lib.data.note_grammar import SLOT, Grammar
from course_lib.data.records import Note, Span
from course_lib.errors import DataError

MISSPELLED, RECASED, SHORTENED = 0.05, 0.05, 0.25
_WORDS, _FRAMES, _DRAFTS = range(25, 91), (2, 6), 500
_GAPS = (" ", " ", "\n", "\n", "\n- ", "mixed")

Filled = tuple[str, list[Span]]


@cache
def _stems(form: str) -> frozenset[str]:
    """Begin of each longer word: "wheeze" and "wheezing" are too alike to stand in one note."""
    return frozenset(word[:5] for word in re.findall(r"\w{5,}", form.casefold()))


def misspellings(form: str) -> list[str]:
    """Return every slip of one letter (drop, double, swap) behind the first of a longer word."""
    slips = []
    for word in re.finditer(r"\b[A-Za-z][a-z]{4,}\b", form):
        for i in range(word.start() + 1, word.end()):
            slips += [form[:i] + form[i + 1 :], form[: i + 1] + form[i:]]
            if i + 1 < word.end() and form[i] != form[i + 1]:
                slips.append(form[:i] + form[i + 1] + form[i] + form[i + 2 :])
    return slips


class _Writer:
    """Writes one note: it holds what stays the same from frame to frame."""

    def __init__(self, grammar: Grammar, rng: random.Random) -> None:
        self.grammar, self.rng, self.used, self.paired = grammar, rng, set[str](), ""
        self.theme = rng.choice(list(grammar.themes))
        theme = grammar.themes[self.theme]
        self.adult = not theme["register"]
        self.register = theme["register"] or rng.choice(grammar.shared_registers)
        self.words = {**grammar.lists, **theme["lists"], **grammar.persons[rng.choice(theme["persons"])]}
        self.pool = grammar.outlines[self.theme, self.register]

    def note(self) -> Filled:
        """Draft until the length fits: drafts are cheap, and to cut one would break a sentence."""
        problem: DataError | None = None
        for _ in range(_DRAFTS):
            self.used = set()
            try:
                text, spans = self.join([self.fill(frame) for frame in self.outline()])
            except DataError as error:  # a short word list is used up: other frames may do without it
                problem = error
                continue
            if len(text.split()) in _WORDS and len({span.label for span in spans}) > 1:
                return text, spans
        raise problem or DataError(
            f"grammar, theme {self.theme!r}, register {self.register!r}: expected a note of {_WORDS.start} to {_WORDS.stop - 1} "
            f"words with two kinds of entity, found none in {_DRAFTS} drafts. Add frames to this register."
        )

    def outline(self) -> list[str]:
        """Pick up to 6 frames, mostly in the order in which clinicians write; family or social history come once."""
        names, rng = list(self.pool), self.rng
        picked = ["open"] if "open" in self.pool and rng.random() < 0.85 else []
        weights = [self.grammar.sections[name] or 0.01 for name in names]
        picked += rng.choices(names, weights, k=rng.randint(*_FRAMES) - len(picked))
        picked = [name for place, name in enumerate(picked) if self.grammar.sections[name] > 1 or name not in picked[:place]]
        if rng.random() < 0.85:
            picked.sort(key=names.index)
        return list(dict.fromkeys(rng.choice(self.pool[name]) for name in picked))

    def fill(self, frame: str) -> Filled:
        """Replace the slots of a frame; those with a label become spans."""
        mixed, text, spans, done = self.grammar.mixed, "", [], 0
        # A long list mixes specialties; a drug and its reason, or the drug that follows it, share one.
        self.paired = self.borrowed_theme() if all(frame.count("{" + slot) < 3 for slot in mixed["slots"]) else ""
        for slot in SLOT.finditer(frame):
            name = slot[1].lower()
            form, label = self.pick(name), self.grammar.labels.get(name)
            written = self.add_noise(form) if label else form
            written = written if slot[1] == name else written[0].upper() + written[1:]
            text += frame[done : slot.start()]
            if label:
                spans.append(Span(len(text), len(text) + len(written), label))
            text += written
            if slot[2] and self.adult and form in self.grammar.doses:
                text += " " + self.rng.choice(self.grammar.doses[form])
            done = slot.end()
        return text + frame[done:], spans

    def pick(self, slot: str) -> str:
        """Choose a word that is new to the note, if possible with nothing like it there."""
        labelled = slot in self.grammar.labels
        pool = self.grammar.forms(slot, self.theme_for(slot)) if labelled else self.words[slot]
        free = [word for word in pool if word.casefold() not in self.used] or ([] if labelled else pool)
        if not free:
            raise DataError(
                f"grammar, slot {slot!r}, theme {self.theme!r}: expected a word not yet used in the note, found none of "
                f"{len(pool)}. Give the slot more words in this theme."
            )
        unlike = [word for word in free if self.used.isdisjoint(_stems(word))] if labelled else free
        form = self.rng.choice(unlike or free)
        self.used |= self.grammar.alike.get(form, set()) | {form.casefold()}
        self.used.update(_stems(form) if labelled else ())
        return form

    def theme_for(self, slot: str) -> str:
        """Look elsewhere now and then: neither past illness nor complaint keeps to one specialty."""
        if not self.adult:
            return self.theme
        if slot in self.grammar.mixed["slots"]:
            return self.paired or self.borrowed_theme()
        general = "general" in self.grammar.vocabularies[self.grammar.labels[slot]][slot] and slot not in self.grammar.only
        return "general" if general and self.rng.random() < 0.25 else self.theme

    def borrowed_theme(self) -> str:
        return self.rng.choice(self.grammar.mixed["themes"]) if self.adult and self.rng.random() < 0.5 else self.theme

    def add_noise(self, form: str) -> str:
        """Shorten, misspell or recase a form, as hurried people do."""
        rng = self.rng
        if form in self.grammar.short and rng.random() < SHORTENED:
            form = rng.choice(self.grammar.short[form])
        if rng.random() < MISSPELLED:
            form = rng.choice(misspellings(form) or [form])
        return rng.choice([form.upper(), form.lower(), form.capitalize()]) if rng.random() < RECASED else form

    def join(self, parts: list[Filled]) -> Filled:
        """Put the filled frames together as prose, lines or a list, and move their spans along."""
        rng, text, spans = self.rng, "", list[Span]()
        style, capitals = rng.choice(_GAPS), rng.random() < 0.7
        style = "\n" if style == "\n- " and any("\n" in part for part, _ in parts) else style
        for (part, found), (before, _) in zip(parts, [("", []), *parts], strict=False):
            gap = rng.choice(" \n") if style == "mixed" else style
            gap = "\n" if "\n" in before + part else gap
            text += "." if text and gap == " " and text[-1] not in ".?!:" else ""
            text += gap if text else gap.lstrip()
            spans += [Span(span.start + len(text), span.end + len(text), span.label) for span in found]
            text += part[0].upper() + part[1:] if capitals else part
        return text.lower() if rng.random() < 0.08 else text, spans


def generate_notes(count: int, seed: int = 0, grammar: Path | None = None) -> list[Note]:
    """Return ``count`` silver notes; note 7 of a seed is the same whatever the count."""
    loaded, notes = Grammar.load(grammar), []
    for name in (f"silver-{seed}-{number:05d}" for number in range(1, count + 1)):
        writer = _Writer(loaded, random.Random(name))
        text, spans = writer.note()
        notes.append(Note(name, text, tuple(spans), kind=writer.register, silver=True))
    return notes


def slot_vocabulary(grammar: Path | None = None) -> dict[str, set[str]]:
    """Return label -> case-folded surface forms: the words silver notes can teach."""
    loaded, result = Grammar.load(grammar), {}
    for label, slots in loaded.vocabularies.items():
        forms = {form for themes in slots.values() for words in themes.values() for form in words}
        forms |= {brief for form in forms for brief in loaded.short.get(form, [])}
        result[label] = {form.casefold() for form in forms}
    return result


def frame_texts(grammar: Path | None = None) -> list[str]:
    """Return the frames' own words, cut where slots stand, for tests and for leakage checks."""
    pieces = (piece.strip() for frame in Grammar.load(grammar).all_frames for piece in SLOT.sub("\0", frame).split("\0"))
    return [piece for piece in pieces if re.search(r"\w", piece)]
