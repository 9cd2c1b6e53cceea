"""Silver questions: passages told from a grammar, so every answer is known by construction.

Nine hundred written questions teach a small model the tone, not the skill. The grammar,
``data/finance_qa/generator.json``, tells the same kind of fact in many wordings and asks for it
in others, among figures of the same kind; what a passage leaves out becomes a question that has
no answer there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data.records import Answer, Question
from course_lib.data.silver_grammar import Teller, Told, Value, expand, load_grammar

_WORD = re.compile(r"[a-z]{4,}")
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)")
_MAX_WORDS, _MAX_SENTENCES, _MIN_SENTENCES = 130, 8, 4
# Names a question may exchange for one the passage never mentions. Not perils, articles or
# dwellings: there a general rule of the passage would answer for the unnamed one too.
_EXCHANGED = {"segment", "region", "plan", "klass", "sector", "goods"}


@dataclass(frozen=True)
class Asked:
    """A question and where its answer stands; ``gap`` says what is missing when there is none."""

    text: str
    fact: str
    slot: str
    place: tuple[int, int] | None = None
    gap: str = ""


@dataclass(frozen=True)
class Passage:
    """A passage, the facts it tells and the questions asked about it."""

    title: str
    kind: str
    text: str
    told: tuple[Told, ...]
    asked: tuple[Asked, ...]


def generate_questions(count: int, seed: int = 0, grammar: Path | None = None) -> list[Question]:
    """Return ``count`` silver questions, the same for the same seed.

    A smaller count gives the beginning of a larger one, so that learning curves compare.
    """
    rules = load_grammar(grammar)
    questions: list[Question] = []
    number = 0
    while len(questions) < count:
        number += 1
        questions += _records(tell_passage(rules, seed, number), f"silver-{seed}-{number:05d}")
    return questions[: max(count, 0)]


def frame_texts(grammar: Path | None = None) -> list[str]:
    """Return every sentence frame, for tests that look for traces of other texts in them."""
    rules = load_grammar(grammar)
    return [frame for fact in [*rules["facts"], *rules["fillers"]] for frame in fact["frames"]]


def tell_passage(rules: Mapping[str, Any], seed: int, number: int) -> Passage:
    """Return one passage with its questions; ``seed`` and ``number`` decide everything."""
    rng = random.Random(f"{seed}-{number}")
    kind = rng.choice(sorted({kind for genre in rules["genres"].values() for kind in genre["kinds"]}))
    code = rng.choice([code for code, genre in rules["genres"].items() if kind in genre["kinds"]])
    teller = Teller(rng, rules, rules["genres"][code])
    text, told = _tell(teller, code, kind)
    return Passage(teller.firm, kind, text, told, tuple(_ask(teller, code, told)))


def _tell(teller: Teller, code: str, kind: str) -> tuple[str, tuple[Told, ...]]:
    """Return a passage of facts on different topics, with the offsets of their values in it."""
    target = teller.rng.uniform(66, 116)
    text, told, topics = teller.opening(), list[Told](), set[str]()
    for fact in _program(teller, code):
        if topics.intersection(fact["topics"]) or (values := teller.values(fact)) is None:
            continue
        joint = "\n" if teller.rng.random() < (0.8 if kind == "faq" else 0.2) else " "
        piece = teller.tell(fact, values, len(text) + len(joint), with_heading=kind == "faq")
        if _size(longer := text + joint + piece.text) > (_MAX_WORDS, 0) or _sentences(longer) > _MAX_SENTENCES:
            continue
        text = longer
        told.append(piece)
        topics.update(fact["topics"])
        teller.keep(values)
        if len(text.split()) >= target and _sentences(text) >= _MIN_SENTENCES:
            break
    return text, tuple(told)
