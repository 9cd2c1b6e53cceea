"""Words in columns: one word and its tag a line, a blank line between sentences.

Two to four columns, parted by tabs or spaces: the first holds the word, the
last its tag. ``-DOCSTART-`` lines open a document, as in CoNLL-2003 (Tjong Kim
Sang and De Meulder 2003). What tags mean is in ``tagging.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.data.formats.lines import read_lines, shown
from course_lib.data.formats.tagging import BREAKS_A_ROW, Entity, SchemeFinder, read_tags, tags_of
from course_lib.data.records import Note, Span
from course_lib.errors import DataError
from course_lib.files import write_text

DOCUMENT = "-DOCSTART-"
MAX_WORDS = 100_000
"""Words in a sentence. A file without blank lines is one sentence, and would fill the memory."""


@dataclass(frozen=True)
class Sentence:
    """Rows between two blank lines; ``line`` is the number of the first, ``document`` counts the marks before it."""

    line: int
    words: list[str]
    tags: list[str]
    document: int


def read_notes(path: Path, repairs: Counter[str] | None = None, scheme: str = "auto") -> list[Note]:
    """Read a file of word and tag columns; see ``iter_notes``."""
    return list(iter_notes(path, repairs, scheme))


def iter_notes(path: Path, repairs: Counter[str] | None = None, scheme: str = "auto") -> Iterator[Note]:
    """Yield one note a sentence, in memory that does not grow with their number.

    A first pass checks every row and finds the scheme (IOB1, IOB2, IOBES or
    BILOU), unless it is given. The text is the words joined by one space. Notes
    are named by the file and their number; so are documents where the file
    marks them, else ``document`` is ``""``: unknown.
    """
    repairs = Counter() if repairs is None else repairs
    finder = SchemeFinder(path.name, scheme)
    marked = False
    for sentence in _sentences(path):
        finder.see(sentence.tags, sentence.line)
        marked |= sentence.document > 0
    for number, sentence in enumerate(_sentences(path), start=1):
        document = f"{path.stem}-{sentence.document}" if marked else ""
        tags = [finder.known[tag] for tag in sentence.tags]
        entities = read_tags(tags, finder.scheme, repairs)
        try:
            yield _note(f"{path.stem}-{number}", sentence, entities, document)
        except DataError as error:
            raise DataError(f"{path.name}, line {sentence.line}: {error}") from error


def _note(name: str, sentence: Sentence, entities: list[Entity], document: str) -> Note:
    edges: list[tuple[int, int]] = []
    position = 0
    for word in sentence.words:
        edges.append((position, position + len(word)))
        position += len(word) + 1
    spans = tuple(Span(edges[first][0], edges[last][1], kind) for first, last, kind in entities)
    return Note(name, " ".join(sentence.words), spans, document=document, words=tuple(edges))


def _sentences(path: Path) -> Iterator[Sentence]:
    words: list[str] = []
    tags: list[str] = []
    separator, columns, document, number = "", 0, 0, 0
    for number, line in read_lines(path):
        mark = line.startswith(DOCUMENT) and line[len(DOCUMENT) :][:1] in ("", " ", "\t")
        if mark or not line.strip(" \t"):
            if words:
                yield Sentence(number - len(words), words, tags, document)
                words, tags = [], []
            document += mark
            continue
        separator = separator or ("\t" if "\t" in line else " ")
        row = [column for column in line.split(separator) if column or separator == "\t"]  # spaces part columns, however many
        if len(row) != columns or BREAKS_A_ROW.search(row[0] + row[-1]) or "\r" in line or not row[0] or not row[-1]:
            row = _checked([column.strip(" ") for column in row], columns, line, f"{path.name}, line {number}")
            columns = len(row)
        words.append(row[0])
        tags.append(row[-1])
        if len(words) > MAX_WORDS:
            raise DataError(f"{path.name}, line {number}: expected a blank line after each sentence, found {MAX_WORDS:,} words "
                            "without one. Part the sentences.")
    if words:
        yield Sentence(number - len(words) + 1, words, tags, document)


def _checked(row: list[str], expected: int, line: str, where: str) -> list[str]:
    """Return the columns of a row, or raise; ``expected`` is their number in the rows before it, or 0."""
    if not 2 <= len(row) <= 4 or (expected and len(row) != expected):
        wanted = f"{expected} columns as in the rows before" if expected else "two to four columns, word first, tag last"
        raise DataError(f"{where}: expected {wanted}, found {len(row)} in {shown(line)}. Correct the row.")
    if not row[0] or not row[-1] or "\r" in line or BREAKS_A_ROW.search(row[0] + row[-1]):
        raise DataError(f"{where}: expected a word and a tag without spaces, found {shown(row[0])} and {shown(row[-1])} "
                        f"in {shown(line)}. Correct the row; one word a row.")
    return row


def write_notes(path: Path, notes: Iterable[Note]) -> Path:
    """Write IOB2 in two columns parted by a tab; ids and the text between words are not part of this format.

    Spans must begin and end with words. Where documents are known each is
    opened by a mark, so its notes must stand together.
    """
    notes = list(notes)
    marked = any(note.document for note in notes)
    lines: list[str] = []
    seen: set[str | None] = set()
    current: str | None = None
    for note in notes:
        if marked and note.document != current:
            current = note.document
            if current in seen:
                raise DataError(f"{path.name}: expected the notes of one document together, found document {current!r} again "
                                f"at note {note.id!r}. Sort the notes by document.")
            seen.add(current)
            lines += [f"{DOCUMENT}\tO", ""]
        lines += [f"{word}\t{tag}" for word, tag in zip(_words(path, note), tags_of(note, path.name), strict=True)] + [""]
    return write_text(path, "".join(line + "\n" for line in lines))


def _words(path: Path, note: Note) -> list[str]:
    """Return the words of a note; raise if a row cannot hold one, or if visible text lies between them."""
    result, reached = [], 0
    for start, end in (*(note.words or ()), (len(note.text), len(note.text))):
        word, gap = note.text[start:end], note.text[reached:start]
        if BREAKS_A_ROW.search(word) or word == DOCUMENT or gap.strip():
            raise DataError(f"{path.name}, note {note.id!r}: expected words without spaces that cover the text, found "
                            f"{shown(gap if gap.strip() else word)}. Leave words out of the note, or write .jsonl.")
        result.append(word)
        reached = end
    return result[:-1]
