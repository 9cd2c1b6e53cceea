"""Rules that any corpus of marked texts must keep; exercise 02.8 holds a learner's own texts to them.

The texts are the learner's own and stay theirs: every reason has a first part in
words of ours, which alone is kept in the progress file.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from course_lib.exercises.asserting import require, short

Mark = tuple[int, int, str]


def _rule(fine: Any, words: str, detail: str = "") -> None:
    """Raise ``NotYet`` unless ``fine``: ``words`` are printed and kept, ``detail``, which may quote a text, only printed."""
    require(fine, words + detail, kept=words)


def check_own_texts(answer: Any) -> None:
    """Raise ``NotYet`` unless the texts, marked like ``[this](LABEL)``, keep all rules of exercise 02.8."""
    _rule(isinstance(answer, list | tuple) and all(isinstance(text, str) for text in answer),
          "a list of texts was expected", f", found {short(answer)}")
    read = [_read(text) for text in answer]
    texts = [text for text, _ in read]
    _rule(len(texts) >= 5, f"at least five texts are asked for, found {len(texts)}")
    brief = next((text for text in texts if len(text.split()) < 5), None)
    _rule(brief is None, "every text should have five words or more", f", found {short(brief)}")
    _rule(len({text.casefold() for text in texts}) == len(texts), "two of the texts are the same")
    for text, marks in read:
        _check_edges(text, marks)
    used = Counter(label for _, marks in read for *_, label in marks)
    _rule(sum(count >= 2 for count in used.values()) >= 2,
          "two labels with two marks each are asked for", f", found {short(dict(used))}")
    _rule(any(not marks for _, marks in read), "one text should have no mark: a corpus needs texts without names too")
    names = {(text[start:end], label) for text, marks in read for start, end, label in marks}
    _rule(any(" " in name for name, _ in names), "no mark has several words; real names often do")
    _check_agreement(read, names)
    _check_unseen({name for name, _ in names})


def _read(text: str) -> tuple[str, list[Mark]]:
    """Return the plain text and the marks of a text marked like [this](LABEL)."""
    from course_lib.data.marks import read_marks

    plain, spans = read_marks(text)
    label = re.search(r"\[[^\[\]]+\]\(([^()]*)\)", plain)  # what is left of a mark that could not be read
    _rule(label is None, "a label is one word that begins with a letter",
          f", such as IMAGING_TEST; found {short(label and label[1])} in {short(text)}")
    _rule("[" not in plain and "](" not in plain, "a mark could not be read", f" in {short(text)}; write [name](LABEL)")
    return plain, [(span.start, span.end, span.label) for span in spans]


def _check_edges(text: str, marks: list[Mark]) -> None:
    from course_lib.data.records import find_words

    words = find_words(text)
    for start, end, _ in marks:
        _rule(start in {s for s, _ in words} and end in {e for _, e in words},
              "a mark does not begin and end at the edges of words", f": {text[start:end]!r} in {short(text)}")


def _check_agreement(read: list[tuple[str, list[Mark]]], names: set[tuple[str, str]]) -> None:
    labels: dict[str, str] = {}
    for name, label in sorted(names):
        other = labels.setdefault(name.casefold(), label)
        _rule(other == label, "a name has one label in one place and another elsewhere", f": {name!r} is {other} and {label}")
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE if len(name) > 3 else 0)
        for text, marks in read:
            for found in pattern.finditer(text):
                _rule(any(start <= found.start() and found.end() <= end for start, end, _ in marks),
                      "a name is marked in one place and not in another", f": {name!r} in {short(text)}")


def _check_unseen(names: set[str]) -> None:
    from course_lib.data import load_notes
    from course_lib.data.leakage import SurfaceIndex

    known = SurfaceIndex(note.text for note in load_notes("medical_notes").train)
    new = {name.casefold() for name in names if name not in known}
    _rule(len(new) >= 3,
          f"three names that no training note holds are asked for, found {len(new)}", f" among {short(sorted(names))}")
