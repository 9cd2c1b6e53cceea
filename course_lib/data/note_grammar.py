"""The grammar of the silver notes: what ``data/medical_notes/generator.json`` must hold, checked when it is read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from course_lib.errors import DataError, one_of
from course_lib.locations import data_folder, shown

SLOT = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True)
class Grammar:
    """The words and frames of ``generator.json``; its "about" explains each part."""

    sections: dict[str, int]
    mixed: dict[str, list[str]]
    only: dict[str, list[str]]
    themes: dict[str, dict[str, Any]]
    persons: dict[str, dict[str, list[str]]]
    lists: dict[str, list[str]]
    doses: dict[str, list[str]]
    short: dict[str, list[str]]
    same: list[list[str]]
    vocabularies: dict[str, dict[str, dict[str, list[str]]]]
    frames: dict[str, dict[str, list[str]]]

    @classmethod
    def load(cls, path: Path | None = None) -> Grammar:
        """Read a grammar and check its slots: a typo should fail here and not in note 4711."""
        path = path or data_folder() / "medical_notes" / "generator.json"
        wanted = [field.name for field in fields(cls)]
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            grammar = cls(**{name: raw[name] for name in wanted})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"grammar {shown(path)}: expected a JSON file with {', '.join(wanted)}; found {type(error).__name__}: {error}. "
                "Type: git checkout -- data, or name a grammar file."
            ) from error
        known = {*grammar.labels, *grammar.lists, *(slot for person in grammar.persons.values() for slot in person)}
        for frame in grammar.all_frames:
            for slot, _ in SLOT.findall(frame):
                if slot.lower() not in known:
                    raise DataError(f"grammar {shown(path)}, frame {frame!r}: {one_of('slot', slot, sorted(known))}")
        return grammar

    @cached_property
    def labels(self) -> dict[str, str]:
        """Slot -> label; only the slots named here become spans."""
        return {slot: label for label, slots in self.vocabularies.items() for slot in slots}

    @cached_property
    def all_frames(self) -> list[str]:
        return [frame for sections in self.frames.values() for section in sections.values() for frame in section]

    def forms(self, slot: str, theme: str) -> list[str]:
        """Return a theme's words for a labelled slot: its own, else those of the theme it is like."""
        if theme not in self.only.get(slot, [theme]):
            return []
        by_theme = self.vocabularies[self.labels[slot]][slot]
        return by_theme.get(theme) or by_theme.get(self.themes[theme]["like"]) or []

    @cached_property
    def outlines(self) -> dict[tuple[str, str], dict[str, list[str]]]:
        """(theme, register) -> section -> frames, without those that the theme has no words for."""
        asked = {frame: {slot.lower() for slot, _ in SLOT.findall(frame)} for frame in self.all_frames}
        result: dict[tuple[str, str], dict[str, list[str]]] = {}
        for theme, about in self.themes.items():
            lacking = {slot for slot in self.labels if not self.forms(slot, theme)}
            for register in [about["register"]] if about["register"] else self.shared_registers:
                sources = [self.frames[name] for name in dict.fromkeys([register, about["register"] or "any"])]
                frames = {name: [f for source in sources for f in source.get(name, [])] for name in self.sections}
                kept = {name: [f for f in some if not asked[f] & lacking] for name, some in frames.items()}
                result[theme, register] = {name: some for name, some in kept.items() if some}
        return result

    @cached_property
    def shared_registers(self) -> list[str]:
        """Registers of every theme that has none of its own, as that of children is."""
        own = {about["register"] for about in self.themes.values()} | {"any"}
        return [name for name in self.frames if name not in own]

    @cached_property
    def alike(self) -> dict[str, set[str]]:
        """Form -> case-folded forms that say the same, itself among them."""
        result: dict[str, set[str]] = {}
        for group in [*self.same, *([form, *brief] for form, brief in self.short.items())]:
            for form in group:
                result.setdefault(form, set()).update(other.casefold() for other in group)
        return result
