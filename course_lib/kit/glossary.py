"""The glossary and its links: each word is linked at its first use, in the notebook that explains it and in those before.

``python -m course_lib.kit.glossary --check`` names missing links; ``--write``
sets them in the Markdown cells and touches nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError, DataError
from course_lib.kit.cells import Notebook, is_notes, is_text, lines_outside_code, name_of, read, source
from course_lib.locations import PROJECT

FILE = "GLOSSARY.md"
_CLOSED = re.compile(r"`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\[[^\]]*\]\([^)]*\)|\[[^\]]*\]|<[^>]*>", re.DOTALL)
"""Code, formulas, links, signs in brackets, HTML: no place for a link."""


OTHER_SENSE = {("mark", "00"), ("mark", "01")}
"""Words that a notebook uses, before the one that explains them, in another sense: no link there."""


@dataclass(frozen=True)
class Word:
    """One entry. ``home`` is the number of the notebook that explains it."""

    name: str
    home: str
    text: str

    @property
    def anchor(self) -> str:
        """The place in the glossary, as Markdown pages name it."""
        return re.sub(r"[^a-z0-9 -]", "", self.name.lower()).replace(" ", "-")

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the word, in the singular or the plural, in small letters or large."""
        return re.compile(rf"(?<![\w-]){re.escape(self.name)}(?:e?s)?(?![\w-])", re.IGNORECASE)


def words(project: Path = PROJECT) -> list[Word]:
    """Return the entries in their order; one without a notebook's number is a ``DataError``."""
    text = (project / "notebooks" / FILE).read_text(encoding="utf-8")
    found = []
    for entry in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        name, _, body = entry.partition("\n")
        match = re.fullmatch(r"(.+) \((\d\d)\)", body.strip(), re.DOTALL)
        if not match:
            raise DataError(f"{FILE}: expected each entry to end in the number of a notebook, as (02); "
                            f"found {name.strip()!r} without. Add it.")
        found.append(Word(name.strip(), match.group(2), match.group(1)))
    return found


def body_of(notebook: Notebook) -> list[int]:
    """Return the numbers of the Markdown cells to look into: behind the opening card, before the exercises."""
    chosen = []
    for number, cell in enumerate(notebook["cells"]):
        if number and is_text(cell) and not is_notes(cell):
            chosen.append(number)
            if re.search(r"^## Exercises", source(cell), re.MULTILINE):
                break
    return chosen


def first_use(text: str, word: Word) -> tuple[int, int] | None:
    """Return where a word first stands in the prose of a text: not in headings, code, formulas, links."""
    text = re.split(r"^## Exercises", text, flags=re.MULTILINE)[0]
    hidden, position = list(text), 0
    for line, prose in lines_outside_code(text):
        if not prose or re.match(r"#{1,6} ", line):
            hidden[position : position + len(line)] = "\0" * len(line)
        position += len(line) + 1
    plain = _CLOSED.sub(lambda m: "\0" * len(m.group()), "".join(hidden))
    match = word.pattern.search(plain)
    return match.span() if match else None


def is_linked(text: str, word: Word) -> bool:
    """Does a text link to the entry?"""
    return f"]({FILE}#{word.anchor})" in text


def wanted_in(number: str, notebook: Notebook, project: Path = PROJECT) -> list[Word]:
    """Return the words to link in a notebook: those it explains, and those it uses before they are explained."""
    texts = [source(notebook["cells"][i]) for i in body_of(notebook)]
    return [word for word in words(project) if word.home == number or word.home > number
            and (word.name, number) not in OTHER_SENSE
            and any(is_linked(text, word) or first_use(text, word) for text in texts)]


def with_links(notebook: Notebook, wanted: Sequence[Word]) -> tuple[Notebook, list[str]]:
    """Return the notebook with a link at each word's first use, and the words that it never uses."""
    made, never = json.loads(json.dumps(notebook)), []
    places = body_of(made)
    for word in wanted:
        for number in places:
            cell = made["cells"][number]
            text = source(cell)
            if is_linked(text, word):
                break
            span = first_use(text, word)
            if span:
                begin, end = span
                text = f"{text[:begin]}[{text[begin:end]}]({FILE}#{word.anchor}){text[end:]}"
                cell["source"] = text
                break
        else:
            never.append(word.name)
    return made, never


def problems(project: Path = PROJECT) -> list[str]:
    """Return what is wrong with the links of all notebooks; empty if each word is linked at its first use."""
    wrong = []
    for number in sorted({word.home for word in words(project)}):
        name = name_of(number)
        before = read(name, project)
        after, never = with_links(before, own := wanted_in(number, before, project))
        wrong += [f"{name}: {word!r} is never used in its text; change the number in {FILE}" for word in never]
        pairs = list(zip(before["cells"], after["cells"], strict=True))
        wrong += [f"{name}: {w.name!r} is not linked at its first use" for w in own
                  if any(is_linked(source(b), w) and not is_linked(source(a), w) for a, b in pairs)]
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: exit 0 if all links are there or were set, 1 if some are missing, 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.kit.glossary", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="set the missing links in the notebooks")
    parser.add_argument("--check", action="store_true", help="name the missing links (the default)")
    given = parser.parse_args(arguments)
    import nbformat

    try:
        for number in sorted({word.home for word in words()}) if given.write else ():
            name = name_of(number)
            made, _ = with_links(book := read(name), wanted_in(number, book))
            nbformat.write(nbformat.from_dict(made), PROJECT / "notebooks" / f"{name}.ipynb")
        wrong = problems()
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(wrong) or "every word of the glossary is linked at its first use")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
