"""YAML in which every value knows its line, so that a mistake can be pointed at.

Only data is read: no object is ever constructed from a tag. Plain words follow
YAML 1.2 (``1e-3`` is a number; ``no`` and ``on`` are words), not the 1.1 rules
of the parser underneath, under which ``1e-3`` is a text and ``1:30`` is 90.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from course_lib.errors import ConfigError

MAX_BYTES = 1_000_000
_TAG = "tag:yaml.org,2002:"
_TRUE = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True)
class Entry:
    """A value and the line it stands on (from 1); ``key`` is its path, such as ``grid.epochs``.

    ``value`` is a scalar, a list of entries, or a dict of entries.
    """

    value: Any
    line: int
    key: str
    file: str

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {name: entry.plain() for name, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value

    def error(self, text: str) -> ConfigError:
        """Return an error that says file, line and key first."""
        return ConfigError(f"{self.file}, line {self.line}, {f'key {self.key}' if self.key else 'top level'}: {text}")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "an alias (*name): write the value out", mark)
        return super().compose_node(parent, index)


def _resolve(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_TAG + kind, re.compile(f"^(?:{pattern})$"), list(first))


_resolve("null", "~|null|Null|NULL|", "~nN")
_Loader.add_implicit_resolver(_TAG + "null", re.compile("^$"), [""])
_resolve("bool", "|".join(_TRUE), "tTfF")
_resolve("int", "[-+]?[0-9]+", "-+0123456789")
_resolve("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789")


def read_yaml(path: Path) -> Entry:
    """Read one YAML document; raise ``ConfigError`` with file and line for what is not plain data."""
    text = _text(path)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except RecursionError:
        raise ConfigError(f"{path.name}: expected a few levels of keys and lists, found hundreds. Write it flat.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "characters YAML does not allow"
        raise ConfigError(f"{path.name}{line}: expected YAML, found a mistake: {problem}. Correct that line.") from error
    if node is None:
        raise ConfigError(f"{path.name}: expected keys such as notebook and grid, found an empty file. See course sweep --help.")
    return _entry(node, "", path.name)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path.name}: expected a YAML file of at most 1 MB, found {path.stat().st_size / 1e6:.1f} MB.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"sweep file {str(path)!r}: expected a YAML file, found {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: expected text in UTF-8, found byte {error.object[error.start]:#x} at position "
                          f"{error.start}. Save the file as UTF-8.") from error


def _entry(node: yaml.Node, key: str, file: str) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return Entry(dict(_pairs(node, key, file)), line, key, file)
    if isinstance(node, yaml.SequenceNode):
        return Entry([_entry(child, f"{key}[{i}]", file) for i, child in enumerate(node.value)], line, key, file)
    return Entry(_scalar(node, Entry(node.value, line, key, file)), line, key, file)


def _pairs(node: yaml.MappingNode, key: str, file: str) -> Iterator[tuple[str, Entry]]:
    seen: dict[str, int] = {}
    for name_node, value_node in node.value:
        here = Entry(None, name_node.start_mark.line + 1, f"{key}.{name_node.value}".lstrip("."), file)
        if not isinstance(name_node, yaml.ScalarNode) or name_node.tag != _TAG + "str":
            parent = Entry(None, here.line, key, file)
            raise parent.error(f"expected a word as key, found {name_node.value!r}. Quote it or use a name.")
        if name_node.value in seen:
            raise here.error(f"expected each key once, found {name_node.value!r} also on line "
                             f"{seen[name_node.value]}. Remove one.")
        seen[name_node.value] = here.line
        entry = _entry(value_node, here.key, file)
        yield name_node.value, Entry(entry.value, here.line, here.key, file)


def _scalar(node: yaml.Node, here: Entry) -> Any:
    kind, text = node.tag.removeprefix(_TAG), str(node.value)
    try:
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return _TRUE[text]
        if kind == "int":
            return int(text)
        if kind == "float" and math.isfinite(number := float(text)):
            return number
    except (ValueError, KeyError):
        pass
    raise here.error(f"expected a text, a finite number, true, false, null or a list, found {text[:60]!r} (tag {kind}). "
                     "Write it plainly.")
