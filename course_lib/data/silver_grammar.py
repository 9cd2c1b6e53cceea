"""The grammar behind the silver questions: loading and checking it, drawing values, filling frames."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from course_lib.errors import DataError, one_of
from course_lib.locations import data_folder, shown

SLOT = re.compile(r"\{(\w+)(\.alias)?\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
# "kind", "kind < name" (a little less; << much less, > and >> more), or "kind = name - name".
_RULE = re.compile(r"(\w+)(?: (<<|>>|<|>) (\w+)| = (\w+) ([-%]) (\w+))?")
_FIRST_LETTER = re.compile(r"(?:^|[.?!]\s)[a-z]")
_COMMON = ("firm", "co", "year", "last_year", "older_year", "next_year")
_FACTOR = {"<": (0.74, 0.97), ">": (1.04, 1.35), "<<": (0.08, 0.6), ">>": (2.0, 6.0)}
_PARTS = ("genres", "economies", "kinds", "facts", "fillers")


@dataclass(frozen=True)
class Value:
    """A drawn value: its text, other names for it, and the number behind it."""

    text: str
    family: str
    aliases: tuple[str, ...] = ()
    number: float = 0.0


@dataclass(frozen=True)
class Told:
    """A fact as one passage tells it; ``places`` are the offsets of its values in the passage."""

    fact: Mapping[str, Any]
    values: Mapping[str, Value]
    places: Mapping[str, tuple[int, int]]
    text: str


def load_grammar(path: Path | None = None) -> dict[str, Any]:
    """Read and check the grammar; without a path, the bundled one."""
    path = path or data_folder() / "finance_qa" / "generator.json"
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"grammar {shown(path)}: expected a JSON file with the sentence frames, found {error}. "
            "Restore it from the repository, or name another one."
        ) from error
    missing = [part for part in _PARTS if not isinstance(rules, dict) or part not in rules]
    if missing:
        raise DataError(
            f"grammar {shown(path)}: expected the parts {', '.join(_PARTS)}, found no {missing[0]!r}. "
            "Restore the file from the repository."
        )
    kinds = [*rules["kinds"], *rules["economies"][0]["kinds"]]
    for code, genre in rules["genres"].items():
        _check_slots(f"genre {code!r}", genre["openers"] + genre["names"], [*kinds, *_COMMON])
    for fact in [*rules["facts"], *rules["fillers"]]:
        _check_fact(fact, kinds)
    return dict(rules)


def _check_fact(fact: Mapping[str, Any], kinds: list[str]) -> None:
    """Raise ``DataError`` for a rule that cannot be followed, or a slot that nothing fills."""
    where, known = f"fact {fact['id']!r}", list[str]()
    for name, rule in fact["values"].items():
        found = _RULE.fullmatch(rule)
        if not found or found[1] not in kinds:
            raise DataError(f"grammar, {where}, rule {rule!r}: {one_of('kind', rule.split()[0], kinds)}")
        for reference in filter(None, (found[3], found[4], found[6])):
            if reference not in known:
                raise DataError(f"grammar, {where}, rule {rule!r}: {one_of('value', reference, known)}")
        known.append(name)
    asked = [wording for wordings in fact["questions"].values() for wording in wordings]
    _check_slots(where, fact["frames"] + asked, [*fact["values"], *_COMMON])
    _check_slots(where, [f"{{{slot}}}" for slot in fact["questions"]], list(fact["values"]))


def _check_slots(where: str, texts: list[str], slots: list[str]) -> None:
    for text in texts:
        for slot, _ in SLOT.findall(text):
            if slot not in slots:
                raise DataError(f"grammar, {where}, {text!r}: {one_of('slot', slot, slots)}")


def expand(template: str, rng: random.Random) -> str:
    """Choose one of each ``[this|that]`` of a template; the slots stay."""
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), template)
    return re.sub(r"\s+(?=[\s.,;:?])", "", text).strip()


def with_capitals(text: str) -> str:
    """Return the text with a capital after each full stop; no offset moves."""
    return _FIRST_LETTER.sub(lambda found: found[0].upper(), text)


class Teller:
    """Draws values for one passage, none of them twice, and fills frames and questions with them."""

    def __init__(self, rng: random.Random, rules: Mapping[str, Any], genre: Mapping[str, Any]) -> None:
        self.rng = rng
        self.genre = genre
        self.economy = rng.choice(rules["economies"])
        self.kinds = {**rules["kinds"], **self.economy["kinds"]}
        self.year = rng.randint(2018, 2025)
        self.used: set[str] = set()
        firm = self._words({"family": "org", "words": genre["names"]})
        self.firm = firm.text
        self.keep({"firm": firm})

    def values(self, fact: Mapping[str, Any]) -> dict[str, Value] | None:
        """Draw all values of a fact, told or not; ``None`` if they keep repeating earlier ones."""
        for _ in range(30):
            drawn: dict[str, Value] = {}
            for name, rule in fact["values"].items():
                drawn[name] = self._draw(rule, drawn)
            marks = [mark for value in drawn.values() for mark in _marks(value)]
            if len(set(marks)) == len(marks) and self.used.isdisjoint(marks):
                return drawn
        return None

    def keep(self, values: Mapping[str, Value]) -> None:
        """Remember values as used in this passage."""
        self.used.update(mark for value in values.values() for mark in _marks(value))

    def fill(self, template: str, values: Mapping[str, Value]) -> tuple[str, dict[str, tuple[int, int]]]:
        """Return the filled template and where each value stands in it."""
        text, end = "", 0
        places: dict[str, tuple[int, int]] = {}
        for slot in SLOT.finditer(template):
            text += template[end : slot.start()]
            word = self._word(slot[1], values, alias=bool(slot[2]))
            places[slot[1]] = (len(text), len(text) + len(word))
            text += word
            end = slot.end()
        return with_capitals(text + template[end:]), places

    def tell(self, fact: Mapping[str, Any], values: Mapping[str, Value], start: int, with_heading: bool) -> Told:
        """Return the fact in one of its wordings, to stand at ``start`` of the passage."""
        heading = self.rng.choice(fact["headings"]) + " " if with_heading and "headings" in fact else ""
        text, places = self.fill(expand(self.rng.choice(fact["frames"]), self.rng), values)
        start += len(heading)
        moved = {slot: (a + start, b + start) for slot, (a, b) in places.items() if slot in values}
        return Told(fact, values, moved, heading + text)

    def opening(self) -> str:
        """Return a first sentence that names the firm or product."""
        frame = expand(self.rng.choice(self.genre["openers"]), self.rng)
        names = {name for name, _ in SLOT.findall(frame)}.difference(_COMMON)
        values = {name: self._draw(name, {}) for name in sorted(names)}
        self.keep(values)
        return self.fill(frame, values)[0]

    def _word(self, slot: str, values: Mapping[str, Value], alias: bool) -> str:
        if slot in values:
            value = values[slot]
            return self.rng.choice(value.aliases) if alias and value.aliases else value.text
        years = {"year": 0, "last_year": -1, "older_year": -2, "next_year": 1}
        if slot in years:
            return str(self.year + years[slot])
        return self.firm if slot == "firm" else str(self.rng.choice(self.genre["co"])).format(firm=self.firm)

    def _draw(self, rule: str, known: Mapping[str, Value]) -> Value:
        found = _RULE.fullmatch(rule)
        if not found:
            raise DataError(f"grammar: expected a rule of the form described under 'values', found {rule!r}. Correct it.")
        kind = self.kinds[found[1]]
        if "words" in kind:
            return self._words(kind)
        number = self._day(kind, found, known) if "days" in kind else self._number(kind, found, known)
        return Value(self._written(kind, number), kind["family"], (), number)

    def _words(self, kind: Mapping[str, Any]) -> Value:
        entry = self.rng.choice(kind["words"])
        names = entry if isinstance(entry, list) else [entry]
        texts = [SLOT.sub(lambda slot: self._words(self.kinds[slot[1]]).text, name) for name in names]
        return Value(texts[0], kind["family"], tuple(texts[1:]))

    def _number(self, kind: Mapping[str, Any], rule: re.Match[str], known: Mapping[str, Value]) -> float:
        """Return a number in the kind's range, or one that agrees with the figures it refers to."""
        if rule[4]:
            left, right = known[rule[4]].number, known[rule[6]].number
            return abs(left - right) if rule[5] == "-" else abs(left / right - 1) * 100
        number = self.rng.uniform(kind["low"], kind["high"])
        if rule[3]:
            number = known[rule[3]].number * self.rng.uniform(*_FACTOR[rule[2]])
        return float(max(round(number / kind["step"]), 1) * kind["step"])

    def _day(self, kind: Mapping[str, Any], rule: re.Match[str], known: Mapping[str, Value]) -> float:
        """Return a day as an ordinal: in the kind's range around the year, or shortly after another."""
        if rule[3]:
            return known[rule[3]].number + self.rng.randint(15, 45)
        return date(self.year, 1, 1).toordinal() + self.rng.randint(*kind["days"])

    def _written(self, kind: Mapping[str, Any], number: float) -> str:
        """Return a number or day as this economy writes it."""
        if "days" in kind:
            day = date(1, 1, 1) + timedelta(days=int(number) - 1)
            style = {"full": self.economy["full"], "month": "{month} {year}", "year": "{year}"}[kind["style"]]
            return str(style).format(day=day.day, month=f"{day:%B}", year=day.year)
        decimals = len(str(kind["step"]).partition(".")[2])
        return str(kind["form"]).format(n=f"{number:,.{decimals}f}", sign=self.economy["sign"])


def _marks(value: Value) -> set[str]:
    """Return what must not come back in a passage: the text, and a name's first word."""
    first = value.text.split()[0]
    return {value.text, first} if first.isalpha() and first.istitle() and len(first) > 4 else {value.text}
