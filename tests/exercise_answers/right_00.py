"""Right answers to the exercises of notebook 00, at least one each, written the way a learner might."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch


def minutes(weights: float, tokens: float, share: float, rate: float) -> float:
    return 6 * weights * tokens / (share * rate * 1e9) / 60


def unknown_share(text: str, tokenizer: Any) -> float:
    pieces = tokenizer.tokenize(text)
    return pieces.count(tokenizer.unk_token) / max(1, len(pieces))


def unknown_share_by_id(text: str, tokenizer: Any) -> float:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return sum(i == tokenizer.unk_token_id for i in ids) / len(ids) if ids else 0


def unknown_share_as_a_fraction(text: str, tokenizer: Any) -> Fraction:
    pieces = tokenizer.tokenize(text)
    return Fraction(pieces.count(tokenizer.unk_token), max(1, len(pieces)))


def passage(text: str, encoded: Any, first: int, last: int) -> str:
    offsets = encoded["offset_mapping"]
    return text[offsets[first][0] : offsets[last][1]]


def sentence_vectors(states: Any, mask: Any) -> Any:
    return (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def settings(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    unknown = [name for name in given if name not in defaults]
    if unknown:
        raise ValueError(f"unknown parameters {unknown}; known are {list(defaults)}")
    return {**defaults, **given}


def make_batches(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [order[i : i + size] for i in range(0, len(order), size)]


def longest_first(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [order[i : i + size] for i in range(0, len(order), size)]


def largest(states: Any, mask: Any) -> Any:
    return states.masked_fill(mask[..., None] == 0, -math.inf).max(dim=1).values


def first_piece(states: Any, mask: Any) -> Any:
    return states[:, 0]


def weighted(states: Any, mask: Any) -> Any:
    """Longer hidden states count more."""
    weights = states.norm(dim=-1) * mask
    return (states * (weights / weights.sum(dim=1, keepdim=True))[..., None]).sum(dim=1)


def mean_inside(states: Any, mask: Any) -> Any:
    """The mean without [CLS] and [SEP]."""
    return torch.stack([row[1 : int(real.sum()) - 1].mean(dim=0) for row, real in zip(states, mask, strict=True)])


RIGHT = {
    "00.1": [minutes], "00.2": [unknown_share, unknown_share_by_id, unknown_share_as_a_fraction], "00.3": [passage], "00.4": [sentence_vectors],
    "00.5": [settings], "00.6": [make_batches, longest_first], "00.7": [largest, first_piece, weighted, mean_inside],
}
