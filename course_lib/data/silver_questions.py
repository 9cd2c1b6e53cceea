"""Silver questions: passages told from a grammar, so every answer is known by construction.

Nine hundred written questions teach a small model the tone, not the skill. The grammar in
``data/finance_qa/generator.json`` tells the same kind of fact in many wordings and asks for it
in others, among figures of the same kind; what a passage leaves out becomes a question that has
no answer there.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.data.records import Answer, Question
from course_lib.errors import DataError
from course_lib.locations import data_folder

SLOT = re.compile(r"\{([a-z_]+)(\.alias)?\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_RULE = re.compile(r"(\w+)(?: ([<>]) (\w+)| = (\w+) ([-%+]) (\w+))?")
_SENTENCE_START = re.compile(r"(?:^|[.?!]\s)([a-z])")
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)")
# What every passage knows besides its facts.
_COMMON = ("firm", "co", "year", "last_year", "older_year", "next_year", "sign")
_MAX_WORDS, _MAX_SENTENCES = 130, 8


@dataclass(frozen=True)
class Value:
    """A drawn value: its text, other names for it, and the number behind it."""

    text: str
    family: str = ""
    aliases: tuple[str, ...] = ()
    number: float = 0.0


@dataclass(frozen=True)
class Told:
    """A fact as one passage tells it; ``places`` are the offsets of its values there."""

    fact: Mapping[str, Any]
    values: Mapping[str, Value]
    places: Mapping[str, tuple[int, int]]
    text: str


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
    """A passage with the facts it tells and the questions asked about it."""

    title: str
    kind: str
    text: str
    told: tuple[Told, ...]
    asked: tuple[Asked, ...]


@dataclass
class _Teller:
    """Draws values for one passage, never the same text twice, and fills frames with them."""

    rng: random.Random
    kinds: Mapping[str, Any]
    economy: Mapping[str, Any]
    common: dict[str, Value] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def draw(self, rule: str, known: Mapping[str, Value]) -> Value:
        """Return a value by its rule: ``kind``, ``kind < name`` or ``kind = name - name``."""
        found = _RULE.fullmatch(rule)
        assert found, rule  # checked when the grammar was loaded
        kind: Mapping[str, Any] = self.kinds[found[1]]
        if "words" in kind:
            entry = self.rng.choice(kind["words"])
            names = entry if isinstance(entry, list) else [entry]
            texts = [SLOT.sub(lambda slot: self.draw(slot[1], {}).text, name) for name in names]
            return Value(texts[0], kind["family"], tuple(texts[1:]))
        number = self._number(kind, found, known)
        return Value(self._written(kind, number), kind["family"], (), number)

    def _number(self, kind: Mapping[str, Any], rule: re.Match[str], known: Mapping[str, Value]) -> float:
        """Return a number in the kind's range, or one that agrees with the numbers it refers to."""
        if rule[4]:
            left, right = known[rule[4]].number, known[rule[6]].number
            return {"-": abs(left - right), "+": left + right, "%": abs(left / right - 1) * 100}[rule[5]]
        if "days" in kind:
            start = date(int(self.common["year"].text), 1, 1).toordinal()
            days = self.rng.uniform(*kind["days"]) if not rule[3] else self.rng.uniform(15, 45)
            sign = -1 if rule[2] == "<" else 1
            return (known[rule[3]].number if rule[3] else start) + sign * int(days)
        steps = self.rng.uniform(kind["low"], kind["high"])
        if rule[3]:
            steps = known[rule[3]].number * self.rng.uniform(*((0.74, 0.97) if rule[2] == "<" else (1.04, 1.35)))
        return round(max(round(steps / kind["step"]), 1) * kind["step"], 4)

    def _written(self, kind: Mapping[str, Any], number: float) -> str:
        """Return the number as this economy writes it."""
        if "days" in kind:
            day = date(1, 1, 1) + timedelta(days=int(number) - 1)
            style = {"full": self.economy["full"], "month": "{month} {year}", "year": "{year}"}[kind["style"]]
            return str(style).format(day=day.day, month=f"{day:%B}", year=day.year)
        decimals = len(str(kind["step"]).partition(".")[2])
        text = f"{number:,.{decimals}f}"
        if decimals and number >= 200:  # three digits and a fraction read oddly
            text = f"{number:,.{decimals}f}"
        return str(kind["form"]).format(n=text, sign=self.economy["sign"])
