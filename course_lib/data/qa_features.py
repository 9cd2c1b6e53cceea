"""From passages and questions to encoded features: overlapping windows.

A passage that is too long for the model is cut into windows that overlap, each
beside the whole question (Devlin et al. 2019, section 4.2). Character offsets are
kept for every piece, so that an answer is always cut out of the passage itself.
Derived in notebook 03.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from course_lib.data.arrow import Row, in_chunks, to_arrow
from course_lib.data.records import Question
from course_lib.errors import DataError

SCHEMA = pa.schema(
    [
        ("record", pa.int32()),
        ("input_ids", pa.list_(pa.int32())),
        ("token_type_ids", pa.list_(pa.int8())),
        # Character offsets into the passage; -1 for question and special tokens.
        ("offset_start", pa.list_(pa.int32())),
        ("offset_end", pa.list_(pa.int32())),
        # Token positions of the answer, end INCLUSIVE as in Devlin et al.;
        # both 0 (the first token) when the window holds no whole answer.
        ("start_position", pa.int32()),
        ("end_position", pa.int32()),
        ("length", pa.int32()),
    ]
)


@dataclass
class QaFeatures:
    """Encoded questions and the counts of everything that did not go smoothly."""

    dataset: Dataset
    questions: list[Question]
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.dataset)


def encode_questions(
    questions: Iterable[Question],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int = 256,
    overlap: int = 64,
    empty_windows: int | None = None,
    path: Path | None = None,
) -> QaFeatures:
    """Encode questions for extractive answering; lengths are in sub-word pieces.

    ``empty_windows`` limits, for training only, how many windows *without* the
    answer are kept of a question (``None`` keeps all; a question without an
    answer keeps at least one). Too many of them teach the model to say "no
    answer" everywhere.
    """
    questions = list(questions)
    counts = {"questions": len(questions), "windows": 0, "windows_dropped": 0, "answers_not_whole_in_any_window": 0}
    rows = _encode_rows(questions, tokenizer, max_length, overlap, empty_windows, counts)
    return QaFeatures(to_arrow(rows, SCHEMA, path), questions, counts)


def _encode_rows(
    questions: list[Question],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    overlap: int,
    empty_windows: int | None,
    counts: dict[str, int],
) -> Iterator[Row]:
    number = 0
    for chunk in in_chunks(questions, 500):
        _check_question_lengths(chunk, tokenizer, max_length, overlap)
        encoded = tokenizer(
            [question.question for question in chunk],
            [question.context for question in chunk],
            truncation="only_second",
            max_length=max_length,
            stride=overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_token_type_ids=True,
        )
        windows: list[list[Row]] = [[] for _ in chunk]
        for window, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            row = _window_row(
                chunk[sample], encoded["input_ids"][window], encoded["token_type_ids"][window],
                encoded["offset_mapping"][window], encoded.sequence_ids(window),
            )
            windows[sample].append(row | {"record": number + sample})
        for question, rows in zip(chunk, windows, strict=True):
            kept = _drop_empty(question, rows, empty_windows)
            counts["windows"] += len(kept)
            counts["windows_dropped"] += len(rows) - len(kept)
            if question.is_answerable and not any(row["end_position"] for row in rows):
                counts["answers_not_whole_in_any_window"] += 1
            yield from kept
        number += len(chunk)


def _check_question_lengths(
    chunk: list[Question], tokenizer: PreTrainedTokenizerBase, max_length: int, overlap: int
) -> None:
    for question, ids in zip(chunk, tokenizer([q.question for q in chunk])["input_ids"], strict=True):
        # Two pieces of the passage beyond the overlap, or windows would not move on.
        if len(ids) + overlap + 3 > max_length:
            raise DataError(
                f"question {question.id!r}: expected a question that leaves room for the passage in "
                f"{max_length} pieces (overlap {overlap}), found one of {len(ids)} pieces. "
                "Shorten the question or raise max_length."
            )


def _window_row(
    question: Question, ids: list[int], types: list[int], offsets: list[tuple[int, int]], parts: list[int | None]
) -> Row:
    inside = [part == 1 for part in parts]
    starts = [offset[0] if ok else -1 for offset, ok in zip(offsets, inside, strict=True)]
    ends = [offset[1] if ok else -1 for offset, ok in zip(offsets, inside, strict=True)]
    first, last = answer_tokens(question, starts, ends)
    return {
        "input_ids": ids,
        "token_type_ids": types,
        "offset_start": starts,
        "offset_end": ends,
        "start_position": first,
        "end_position": last,
        "length": len(ids),
    }


def answer_tokens(question: Question, starts: list[int], ends: list[int]) -> tuple[int, int]:
    """Return the token positions of the first answer wholly inside a window, else (0, 0)."""
    tokens = [i for i, start in enumerate(starts) if start >= 0]
    if not tokens:
        return 0, 0
    for answer in question.answers:
        stop = answer.start + len(answer.text)
        if starts[tokens[0]] <= answer.start and stop <= ends[tokens[-1]]:
            covered = [i for i in tokens if starts[i] < stop and ends[i] > answer.start]
            if covered:
                return covered[0], covered[-1]
    return 0, 0


def _drop_empty(question: Question, rows: list[Row], empty_windows: int | None) -> list[Row]:
    """Keep windows with the answer and up to ``empty_windows`` others, at least one window in all.

    Which of the empty ones stay is decided by a checksum of the question's id:
    always the first ones would teach that passages have no answer at the front.
    """
    if empty_windows is None:
        return rows
    full = [number for number, row in enumerate(rows) if row["end_position"]]
    empty = [number for number, row in enumerate(rows) if not row["end_position"]]
    first = zlib.crc32(question.id.encode()) % max(1, len(empty))
    spare = max(empty_windows, 0 if full else 1)
    return [rows[number] for number in sorted(full + (empty[first:] + empty[:first])[:spare])]
