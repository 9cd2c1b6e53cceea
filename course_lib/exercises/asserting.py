"""Helpers for the tests of exercises: call a learner's function, compare, and say it in one short sentence.

Everything here accepts whatever a learner may hand in. What is wrong becomes
``NotYet`` with the learner's own value; what is not filled in, ``NotTried``.
"""

from __future__ import annotations

import math
import numbers
import re
import reprlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.exercises.model import NotTried, NotYet

LONGEST = 160
"""Characters of a learner's value shown in a message."""


def _empty_body() -> None:
    pass


def _empty_with_docstring() -> None:
    """Only this."""


_EMPTY = {f.__code__.co_code for f in (_empty_body, _empty_with_docstring)}


class _Short(reprlib.Repr):
    """Short representations: few items, six digits, no recursion trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 8
        self.maxstring = self.maxother = 80

    def repr_float(self, value: float, _level: int) -> str:
        return f"{value:.6g}"


_short = _Short()


def short(value: Any) -> str:
    """Return one line for any value: numbers, text, lists, sets, arrays, tensors, data frames.

    >>> short([0.1 + 0.2, "a"])
    "[0.3, 'a']"
    """
    kind = _kind(value)
    try:
        if kind == "frame":
            text = f"a table of {len(value)} rows with the columns {_short.repr([str(c) for c in value.columns])}"
        elif kind in ("tensor", "array", "series"):
            text = _short_array(value)
        elif isinstance(value, types.FunctionType):
            text = f"the function {value.__name__}"
        else:
            text = _short.repr(value)
    except Exception:  # a learner's own class may raise anything here
        text = f"a {type(value).__name__}"
    return one_line(re.sub(r" at 0x[0-9a-fA-F]+", "", text))  # an address says nothing, and changes


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return a text without line breaks and control characters, cut to ``longest`` characters."""
    text = re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "?" for c in text[: 20 * longest])).strip()
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _short_array(value: Any) -> str:
    plain = _plain(value)
    shape = tuple(value.shape)
    if not shape:
        return _short.repr(plain)
    size = math.prod(shape)
    return _short.repr(plain) if size <= 12 else f"values of shape {shape}, beginning with {_short.repr(_flat(value)[:4])}"


def _flat(value: Any) -> list[Any]:
    return list(_plain(value.reshape(-1) if hasattr(value, "reshape") else value))


def _kind(value: Any) -> str:
    """Return "tensor", "array", "series", "frame" or "" without importing their libraries."""
    for type_ in type(value).__mro__:
        name = f"{type_.__module__.partition('.')[0]}.{type_.__name__}"
        found = {"torch.Tensor": "tensor", "numpy.ndarray": "array", "numpy.generic": "array", "pandas.Series": "series",
                 "pandas.DataFrame": "frame"}.get(name)
        if found:
            return found
    return ""


def _plain(value: Any) -> Any:
    """Return numbers and lists for arrays and tensors; anything else as it is."""
    kind = _kind(value)
    if kind == "tensor":
        return value.detach().cpu().tolist()
    return value.tolist() if kind in ("array", "series") else value


def tried(answer: Any) -> Any:
    """Return ``answer``, or raise ``NotTried`` if it is ``...`` or a container of nothing but ``...``."""
    if _unfilled(answer, 3):
        raise NotTried
    return answer


def _unfilled(answer: Any, depth: int) -> bool:
    inside = list(answer.values()) if isinstance(answer, dict) else answer if isinstance(answer, list | tuple) else None
    return answer is ... or bool(inside and depth and all(_unfilled(item, depth - 1) for item in inside))


def called(answer: Any, *args: Any, when: str = "", **more: Any) -> Any:
    """Call the learner's function and return its value.

    ``when`` names the case in a message ("the empty text"). The arguments are
    handed over as they are: give fresh ones, and compute what you expect first.
    ``...`` or a bare ``NotImplementedError`` mean *not tried*; any other error inside,
    a forgotten ``return`` and an answer that is no function raise ``NotYet``.
    """
    function(answer)
    case = f"for {when} " if when else ""
    try:
        found = answer(*args, **more)
    except (Exception, SystemExit) as error:
        _not_tried_if_stub(error)
        stopped = f"{case}it stopped with {type(error).__name__}"
        raise NotYet(f"{stopped}: {one_line(str(error)) or 'no message'}", kept=stopped) from error
    if found is None and _is_empty(answer):
        raise NotTried
    if found is None:
        raise NotYet(f"{case}it gave None: is a `return` missing?")
    return tried(found)


def refused(answer: Any, *args: Any, when: str, **more: Any) -> str:
    """Call the learner's function where it must raise; return the text of its error, or raise ``NotYet``."""
    function(answer)
    try:
        found = answer(*args, **more)
    except (Exception, SystemExit) as error:
        _not_tried_if_stub(error)
        return f"{type(error).__name__}: {error}"
    if found is ... or (found is None and _is_empty(answer)):
        raise NotTried
    raise NotYet(f"for {when} it should raise an error, it gave {short(found)}")


def _not_tried_if_stub(error: BaseException) -> None:
    """A bare ``NotImplementedError`` is a stub's; torch raises it too, with a text, for what it cannot compute."""
    if isinstance(error, NotImplementedError) and not str(error):
        raise NotTried from None


def _is_empty(answer: Any) -> bool:
    code = getattr(answer, "__code__", None)
    return code is not None and code.co_code in _EMPTY and not code.co_names


def same(found: Any, expected: Any, *, when: str, tolerance: float = 0.0) -> None:
    """Raise ``NotYet`` unless both are equal; numbers inside may differ by ``tolerance``.

    Lists and tuples of equal items are equal, and so are an array, a tensor and
    the list of their numbers. NaN equals NaN. ``True`` is not the number 1.
    """
    tried(found)
    if not equal(found, expected, tolerance):
        ours, yours = short(_plain_if_list(found, expected)), short(expected)
        if ours == yours:  # they differ behind what is shown
            place, a, b = _first_difference(found, expected, tolerance)
            ours, yours = f"{ours}, where {place or 'it'} is {a}", b
        raise NotYet(f"for {when} it gave {ours}, expected {yours}")


def _first_difference(found: Any, expected: Any, tolerance: float) -> tuple[str, str, str]:
    """Return where two values that look alike differ, as ``[2][0]``, and what stands there in each."""
    found, expected = _plain(found), _plain(expected)
    pairs: list[tuple[Any, Any, Any]] = []
    if isinstance(found, Sequence) and isinstance(expected, Sequence) and len(found) == len(expected):
        pairs = list(zip(range(len(found)), found, expected, strict=True)) if len(found) > 1 or not isinstance(found, str) else []
    elif isinstance(found, Mapping) and isinstance(expected, Mapping) and found.keys() == expected.keys():
        pairs = [(key, found[key], expected[key]) for key in expected]
    for key, a, b in pairs:
        if not equal(a, b, tolerance):
            place, ours, yours = _first_difference(a, b, tolerance)
            return f"[{key!r}]{place}", ours, yours
    if isinstance(found, int | float | str) and isinstance(expected, int | float | str):
        return "", one_line(repr(found), 60), one_line(repr(expected), 60)
    return "", f"of type {type(found).__name__}", f"{type(expected).__name__} with another content"


def _plain_if_list(found: Any, expected: Any) -> Any:
    return _plain(found) if isinstance(expected, int | float) else found


def equal(found: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Tell whether two values are equal, as ``same`` means it; never raises."""
    try:
        return _equal(found, expected, tolerance)
    except Exception:  # comparing somebody's own class may raise anything
        return False


def _equal(found: Any, expected: Any, tolerance: float) -> bool:
    if _kind(expected) == "frame" or _kind(found) == "frame":
        return _kind(expected) == _kind(found) and list(found.columns) == list(expected.columns) and _equal(
            found.to_numpy().tolist(), expected.to_numpy().tolist(), tolerance)
    found, expected = _plain(found), _plain(expected)
    if isinstance(expected, bool) or isinstance(found, bool):
        return isinstance(found, bool) and isinstance(expected, bool) and found == expected
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return found == expected or abs(found - expected) <= tolerance or (found != found and expected != expected)
    if isinstance(expected, str) or isinstance(found, str):
        return isinstance(expected, str) and isinstance(found, str) and found == expected
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return found.keys() == expected.keys() and all(_equal(found[k], expected[k], tolerance) for k in expected)
    if isinstance(expected, Sequence) and isinstance(found, Sequence):
        return len(found) == len(expected) and all(_equal(f, e, tolerance) for f, e in zip(found, expected, strict=True))
    return bool(found == expected)


def number(found: Any, *, when: str) -> float:
    """Return a single finite number out of a number, array or tensor, or raise ``NotYet``."""
    value = _plain(tried(found))
    for _ in range(4):  # a list may hold itself, so not for ever
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(value, bool):
        raise NotYet(f"for {when} a number was expected, it gave {value} (1.0 for yes and 0.0 for no are numbers)")
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise NotYet(f"for {when} a finite number was expected, it gave {short(found)}")
    return float(value)


def of_shape(found: Any, shape: Sequence[int], *, when: str) -> None:
    """Raise ``NotYet`` unless it is a tensor of this shape."""
    require(_kind(found) == "tensor", f"for {when} a tensor was expected, it gave {short(found)} ({type(found).__name__})")
    require(tuple(found.shape) == tuple(shape), f"for {when} it gave the shape {tuple(found.shape)}, expected {tuple(shape)}")


def require(fine: Any, reason: str, kept: str | None = None) -> None:
    """Raise ``NotYet(reason, kept)`` unless ``fine``; the reason completes "not yet, because ..."."""
    if not fine:
        raise NotYet(reason, kept)


def function(answer: Any) -> None:
    """Raise ``NotTried`` or ``NotYet`` unless ``answer`` can be called."""
    kind = type(tried(answer)).__name__
    require(callable(answer), f"a function was expected, found {short(answer)} ({kind})",
            kept=f"a function was expected, found a value of type {kind}")
