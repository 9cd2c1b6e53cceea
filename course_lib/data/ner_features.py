"""From notes to encoded features: label alignment and windows.

The ideas are derived in notebook 02. Words carry the labels; sub-word pieces
only carry them to the model: the first piece of a word has the word's label,
the other pieces have ``IGNORE_INDEX`` (Devlin et al. 2019, section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from course_lib.data.arrow import Row, in_chunks, to_arrow
from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.records import Note
from course_lib.errors import DataError

SCHEMA = pa.schema(
    [
        ("record", pa.int32()),
        ("input_ids", pa.list_(pa.int32())),
        ("labels", pa.list_(pa.int16())),
        # Word that a position speaks for, or -1. Each word of a record has
        # exactly one such position over all windows of the record.
        ("words", pa.list_(pa.int32())),
        ("length", pa.int32()),
    ]
)


@dataclass
class NerFeatures:
    """Encoded notes and the counts of everything that did not go smoothly.

    ``notes`` is empty when they were streamed and not kept.
    """

    dataset: Dataset
    notes: list[Note]
    labels: LabelSet
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.dataset)


def encode_notes(
    notes: Iterable[Note],
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    *,
    max_length: int = 192,
    overlap: int = 48,
    path: Path | None = None,
    keep_notes: bool = True,
) -> NerFeatures:
    """Encode notes for token classification.

    ``max_length`` and ``overlap`` are in sub-word pieces. A text longer than
    ``max_length`` is cut into windows that share ``overlap`` pieces. A span
    that a window cuts is ignored there (its words get ``IGNORE_INDEX``): the
    overlap holds it whole in the next window. A span longer than the overlap
    is therefore refused with a ``DataError``.

    ``notes`` may be a stream: with ``path`` and ``keep_notes=False`` memory use
    does not grow with their number. Such features serve training; predicting
    needs the notes.
    """
    kept: list[Note] = []
    counts = {"notes": 0, "windows": 0, "words": 0, "words_without_pieces": 0, "spans": 0,
              "spans_not_on_word_edges": 0}
    rows = _encode_rows(notes, tokenizer, labels, max_length, overlap, counts, kept if keep_notes else None)
    dataset = to_arrow(rows, SCHEMA, path)
    return NerFeatures(dataset, kept, labels, counts)


def _encode_rows(
    notes: Iterable[Note],
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    max_length: int,
    overlap: int,
    counts: dict[str, int],
    kept: list[Note] | None,
) -> Iterator[Row]:
    number = 0
    for chunk in in_chunks(notes, 500):
        if kept is not None:
            kept += chunk
        counts["notes"] += len(chunk)
        encoded = tokenizer(
            [note.text for note in chunk],
            truncation=True,
            max_length=max_length,
            stride=overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        windows: list[list[int]] = [[] for _ in chunk]
        for window, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[sample].append(window)
        for note, its_windows in zip(chunk, windows, strict=True):
            ids = [encoded["input_ids"][w] for w in its_windows]
            offsets = [encoded["offset_mapping"][w] for w in its_windows]
            yield from _note_rows(note, number, ids, offsets, labels, overlap, counts)
            number += 1


def word_of_pieces(words: tuple[tuple[int, int], ...], offsets: list[tuple[int, int]]) -> list[int]:
    """Return for each piece the index of its word, or -1 for special tokens.

    A piece belongs to the word its first character lies in; both lists are in
    text order, so one pass is enough.
    """
    result, word = [], 0
    for start, end in offsets:
        if start == end:  # special tokens have an empty offset
            result.append(-1)
            continue
        while word < len(words) and words[word][1] <= start:
            word += 1
        # Some tokenizers count the space before a word into its first piece.
        result.append(word if word < len(words) and end > words[word][0] else -1)
    return result


def align_labels(piece_words: list[int], word_tags: list[int]) -> list[int]:
    """Return one label per piece: the word's tag on its first piece, else ignored."""
    result, previous = [], -1
    for word in piece_words:
        result.append(word_tags[word] if word >= 0 and word != previous else IGNORE_INDEX)
        previous = word if word >= 0 else previous
    return result


def _note_rows(
    note: Note,
    number: int,
    ids: list[list[int]],
    offsets: list[list[tuple[int, int]]],
    labels: LabelSet,
    overlap: int,
    counts: dict[str, int],
) -> Iterator[Row]:
    words = note.words or ()
    tags, misfits = labels.tag_words(note)
    pieces = [word_of_pieces(words, window) for window in offsets]
    home = _best_window(pieces)
    counts["windows"] += len(ids)
    counts["words"] += len(words)
    counts["words_without_pieces"] += len(words) - len(home)
    counts["spans"] += len(note.spans)
    counts["spans_not_on_word_edges"] += len(misfits)
    starts = {start: i for i, (start, _) in enumerate(words)}
    ends = {end: i for i, (_, end) in enumerate(words)}
    fitting = [(starts[s.start], ends[s.end]) for s in note.spans if s not in misfits]
    visible = set(home)  # a word without pieces is in no window, and no reason to refuse its span
    whole_somewhere = {span: len(ids) == 1 for span in fitting}
    for window, (input_ids, piece_words) in enumerate(zip(ids, pieces, strict=True)):
        window_tags = list(tags)
        if len(ids) > 1:
            present = _whole_words(piece_words, window, len(ids))
            touched = set(piece_words)
            for first, last in fitting:
                own = visible.intersection(range(first, last + 1))
                whole = own <= present
                whole_somewhere[first, last] |= whole
                if own & touched and not whole:
                    window_tags[first : last + 1] = [IGNORE_INDEX] * (last + 1 - first)
        first_piece = align_labels(piece_words, list(range(len(words))))
        yield {
            "record": number,
            "input_ids": input_ids,
            "labels": align_labels(piece_words, window_tags),
            "words": [w if w >= 0 and home[w] == window else -1 for w in first_piece],
            "length": len(input_ids),
        }
    for (first, last), whole in whole_somewhere.items():
        if not whole:
            raise DataError(
                f"note {note.id!r}: expected every span to fit into one window, found "
                f"{note.text[words[first][0]:words[last][1]]!r}, longer than the overlap of "
                f"{overlap} pieces. Raise overlap (and max_length) in encode_notes."
            )


def _whole_words(piece_words: list[int], window: int, windows: int) -> set[int]:
    """Words that a window holds from first to last piece.

    A cut can only run through the first or last word of a window, so these are
    dropped at an inner edge: one word of caution costs nothing in an overlap.
    """
    real = [word for word in piece_words if word >= 0]
    present = set(real)
    if real and window > 0:
        present.discard(real[0])
    if real and window < windows - 1:
        present.discard(real[-1])
    return present


def _best_window(pieces: list[list[int]]) -> dict[int, int]:
    """Choose for each word the window that shows most context around it."""
    best: dict[int, tuple[int, int]] = {}
    last_window = len(pieces) - 1
    for window, piece_words in enumerate(pieces):
        for position, word in enumerate(piece_words):
            if word < 0 or (position and piece_words[position - 1] == word):
                continue
            # The edge of the whole text is no loss of context, an inner cut is.
            left = position if window else len(piece_words)
            right = len(piece_words) - position if window < last_window else len(piece_words)
            room = min(left, right)
            if word not in best or room > best[word][0]:
                best[word] = (room, window)
    return {word: window for word, (_, window) in best.items()}


def alignment_rows(note: Note, tokenizer: PreTrainedTokenizerBase, labels: LabelSet) -> list[Row]:
    """Return one row per piece (token, word, tag, label id), for a table to read."""
    features = encode_notes([note], tokenizer, labels, max_length=512, overlap=128)
    row = features.dataset[0]
    tokens = tokenizer.convert_ids_to_tokens(row["input_ids"])
    offsets = tokenizer(note.text, truncation=True, max_length=512, return_offsets_mapping=True)["offset_mapping"]
    words = word_of_pieces(note.words or (), offsets)
    return [
        {
            "piece": token,
            "word": "" if word < 0 else note.text[slice(*(note.words or ())[word])],
            "label": label,
            "tag": "ignored" if label == IGNORE_INDEX else labels.tags[label],
        }
        for token, word, label in zip(tokens, words, row["labels"], strict=True)
    ]
