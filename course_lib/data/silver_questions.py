"""Silver questions: passages told from a grammar, so every answer is known by construction.

Nine hundred written questions teach a small model the tone, not the skill. The grammar,
``data/finance_qa/generator.json``, tells the same kind of fact in many wordings and asks for it
in others, among figures of the same kind; what a passage leaves out becomes a question that has
no answer there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data.records import Answer, Question
from course_lib.data.silver_grammar import SLOT, Teller, Told, Value, expand, load_grammar, with_capitals

_LONG_WORD = re.compile(r"[a-z]{4,}")
_STATEMENT_END = re.compile(r"[.!](?=\s|$)")  # the questions of a FAQ do not count
_MAX_WORDS, _MIN_SENTENCES, _MAX_SENTENCES = 130, 4, 8
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
    facts = [fact for fact in rules["facts"] if code in fact["genres"]]
    fillers = [fact for fact in rules["fillers"] if code in fact["genres"]]
    text, told = _tell(teller, _program(rng, facts, fillers), kind == "faq")
    return Passage(teller.firm, kind, text, told, tuple(_ask(teller, facts, told)))


def _program(rng: random.Random, facts: Sequence[Any], fillers: Sequence[Any]) -> list[Any]:
    """Return the facts in the order to try, with one or two sentences nobody asks about."""
    program = rng.sample(facts, len(facts))
    for filler in rng.sample(fillers, min(rng.choice((0, 1, 1, 2)), len(fillers))):
        program.insert(rng.randint(0, 3), filler)
    return program


def _tell(teller: Teller, program: Sequence[Any], is_faq: bool) -> tuple[str, tuple[Told, ...]]:
    """Return a passage of facts on different topics, with the offsets of their values in it."""
    text, target = teller.opening(), teller.rng.uniform(66, 116)
    told: list[Told] = []
    topics: set[str] = set()
    for fact in program:
        if topics.intersection(fact["topics"]) or (values := teller.values(fact)) is None:
            continue
        joint = "\n" if teller.rng.random() < (0.8 if is_faq else 0.2) else " "
        piece = teller.tell(fact, values, len(text) + len(joint), with_heading=is_faq)
        longer = text + joint + piece.text
        if len(longer.split()) > _MAX_WORDS or _sentences(longer) > _MAX_SENTENCES:
            continue
        text = longer
        told.append(piece)
        topics.update(fact["topics"])
        teller.keep(values)
        if len(text.split()) >= target and _sentences(text) >= _MIN_SENTENCES:
            break
    return text, tuple(told)


def _sentences(text: str) -> int:
    return len(_STATEMENT_END.findall(text))


def _ask(teller: Teller, facts: Sequence[Any], told: Sequence[Told]) -> list[Asked]:
    """Return four to six questions in mixed order, one in five of them without an answer."""
    rng = teller.rng
    gaps = list(_gaps(teller, facts, told))
    asked = rng.sample(gaps, min(rng.choice((0, 1, 1, 1, 1, 1, 1, 2)), len(gaps)))
    wanted = rng.choice((4, 5, 5, 5, 6))
    slots = [(piece, slot) for piece in told for slot in piece.places if slot in piece.fact["questions"]]
    for piece, slot in rng.sample(slots, len(slots)):
        text = _wording(teller, piece.fact["questions"][slot], piece.values, piece.text)
        if len(asked) < wanted and text not in [other.text for other in asked]:
            asked.append(Asked(text, piece.fact["id"], slot, piece.places[slot]))
    return rng.sample(asked, len(asked))


def _wording(teller: Teller, wordings: Sequence[str], values: Mapping[str, Value], told: str = "") -> str:
    """Return a filled question, often the one of two that shares fewer words with the sentence."""
    words = set(_LONG_WORD.findall(told.casefold()))
    tried = [teller.fill(expand(teller.rng.choice(wordings), teller.rng), values)[0] for _ in range(teller.rng.randint(1, 2))]
    return min(tried, key=lambda text: len(words.intersection(_LONG_WORD.findall(text.casefold()))))


def _gaps(teller: Teller, facts: Sequence[Any], told: Sequence[Told]) -> Iterator[Asked]:
    """Yield a few questions of each sort that the passage tempts to answer, and does not."""
    rng = teller.rng
    families = {piece.values[slot].family for piece in told for slot in piece.places}
    omitted = [
        Asked(_wording(teller, piece.fact["questions"][slot], piece.values), piece.fact["id"], slot, gap="omitted")
        for piece in told
        for slot in _omitted(piece)
        if piece.values[slot].family in families
    ]
    yield from rng.sample(omitted, min(3, len(omitted)))
    exchanged = [asked for piece in told for asked in _exchanged(teller, piece)]
    yield from rng.sample(exchanged, min(2, len(exchanged)))
    topics = {topic for piece in told for topic in piece.fact["topics"]}
    others = [fact for fact in facts if not topics.intersection(fact["topics"])]
    for fact in rng.sample(others, min(2, len(others))):
        values = teller.values(fact) or {}
        slots = [slot for slot in fact["questions"] if slot in values and values[slot].family in families]
        if slots:
            slot = rng.choice(slots)
            yield Asked(_wording(teller, fact["questions"][slot], values), fact["id"], slot, gap="other fact")


def _omitted(piece: Told) -> list[str]:
    """Return the slots this wording leaves out and no told figure allows to work out."""
    questions, derived = piece.fact["questions"], piece.fact.get("derived", [])
    answered = [questions[slot] for slot in piece.places if slot in questions]
    known = [slot for slot in derived if slot in piece.places]
    return [
        slot
        for slot in questions
        if slot not in piece.places and questions[slot] not in answered and not (known and slot in derived)
    ]


def _exchanged(teller: Teller, piece: Told) -> Iterator[Asked]:
    """Yield questions about a division, plan or share class that the passage does not mention."""
    for slot in piece.places:
        for wording in piece.fact["questions"].get(slot, [])[:1]:
            for name in sorted({name for name, _ in SLOT.findall(wording)}.intersection(piece.values)):
                stranger = teller.values({"values": {name: piece.fact["values"][name]}})
                if piece.values[name].family in _EXCHANGED and stranger:
                    text = _wording(teller, piece.fact["questions"][slot], {**piece.values, **stranger})
                    yield Asked(text, piece.fact["id"], slot, gap="exchanged name")


def _records(passage: Passage, document: str) -> Iterator[Question]:
    """Yield the passage's questions as records; ``Question`` checks the offsets once more."""
    for number, asked in enumerate(passage.asked, start=1):
        answers: tuple[Answer, ...] = ()
        if asked.place:
            start, end = asked.place
            answers = (Answer(passage.text[start:end], start),)
        yield Question(
            f"{document}-q{number}", with_capitals(asked.text), passage.text, answers,
            document=document, title=passage.title, kind=passage.kind, silver=True,
        )  # fmt: skip
