"""Wrong answers to the exercises of notebook 00 that a learner might give, and words of the message each must get.

Written from the exercise texts, before reading the checks.
"""

from __future__ import annotations

from typing import Any

import torch

from course_lib.data.records import find_words


def seconds(weights: float, tokens: float, share: float, rate: float) -> float:
    return 6 * weights * tokens / (share * rate * 1e9)


def without_giga(weights: float, tokens: float, share: float, rate: float) -> float:
    return 6 * weights * tokens / (share * rate) / 60


def forward_only(weights: float, tokens: float, share: float, rate: float) -> float:
    return 2 * weights * tokens / (share * rate * 1e9) / 60


def by_the_time_of_one_run(weights: float, tokens: float, share: float, rate: float) -> float:
    runs_a_minute = 60 * share * rate * 1e9 / (6 * weights * tokens)
    return 1 / runs_a_minute


def share_multiplied(weights: float, tokens: float, share: float, rate: float) -> float:
    return 6 * weights * tokens * share / (rate * 1e9) / 60


def with_special_tokens(text: str, tokenizer: Any) -> float:
    ids = tokenizer(text)["input_ids"]
    return ids.count(tokenizer.unk_token_id) / len(ids)


def empty_text_forgotten(text: str, tokenizer: Any) -> float:
    pieces = tokenizer.tokenize(text)
    return pieces.count(tokenizer.unk_token) / len(pieces)


def by_words(text: str, tokenizer: Any) -> float:
    words = [text[start:end] for start, end in find_words(text)]
    return sum(tokenizer.unk_token in tokenizer.tokenize(word) for word in words) / max(1, len(text.split()))


def counted_not_shared(text: str, tokenizer: Any) -> int:
    return tokenizer.tokenize(text).count(tokenizer.unk_token)


def by_the_sign_of_one_tokenizer(text: str, tokenizer: Any) -> float:
    pieces = tokenizer.tokenize(text)
    return pieces.count("[UNK]") / max(1, len(pieces))


def by_the_number_of_one_tokenizer(text: str, tokenizer: Any) -> float:
    ids = tokenizer.encode(text, add_special_tokens=False)
    return ids.count(100) / max(1, len(ids))


def last_left_out(text: str, encoded: Any, first: int, last: int) -> str:
    return text[encoded["offset_mapping"][first][0] : encoded["offset_mapping"][last][0]]


def glued(text: str, encoded: Any, first: int, last: int) -> str:
    return " ".join(encoded.tokens()[first : last + 1]).replace(" ##", "")


def cut_apart(text: str, encoded: Any, first: int, last: int) -> str:
    return " ".join(text[s:e] for s, e in encoded["offset_mapping"][first : last + 1])


def first_place(text: str, encoded: Any, first: int, last: int) -> str:
    start = text.lower().find(encoded.tokens()[first])
    return text[start : start + encoded["offset_mapping"][last][1] - encoded["offset_mapping"][first][0]]


def summed(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[..., None]).sum(dim=1)


def mean_of_all(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states.mean(dim=1)


def one_count_for_all(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[..., None]).sum(dim=1) / (mask.sum() / len(mask))


def shape_squeezed(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return ((states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)).squeeze()


def padding_counted_in(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states.sum(dim=1) / mask.sum(dim=1, keepdim=True)


def edits_the_defaults(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in defaults:
            raise ValueError(f"unknown: {name}")
    defaults.update(given)
    return defaults


def error_without_the_name(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    if set(given) - set(defaults):
        raise ValueError("there is an unknown parameter")
    return {**defaults, **given}


def defaults_given_away(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in defaults:
            raise ValueError(f"unknown: {name}")
    return {**defaults, **given} if given else defaults


def only_the_last_name_read(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    if given and list(given)[-1] not in defaults:
        raise ValueError(f"unknown: {list(given)[-1]}")
    return {**defaults, **{name: value for name, value in given.items() if name in defaults}}


def everything_taken(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {**defaults, **given}


def only_complained(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    complaint = [f"unknown {name}" for name in given if name not in defaults]
    return {**defaults, **given, **({"error": complaint[0]} if complaint else {})}


def falsy_ones_forgotten(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in defaults:
            raise KeyError(name)
    return {name: given.get(name) or value for name, value in defaults.items()}


def as_they_come(lengths: list[int], size: int) -> list[list[int]]:
    return [list(range(i, min(i + size, len(lengths)))) for i in range(0, len(lengths), size)]


def lengths_for_positions(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(lengths)
    return [order[i : i + size] for i in range(0, len(order), size)]


def positions_as_texts(lengths: list[int], size: int) -> list[list[str]]:
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [[str(position) for position in order[i : i + size]] for i in range(0, len(order), size)]


def rest_dropped(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [order[i : i + size] for i in range(0, len(order) - size + 1, size)]


def one_by_one(lengths: list[int], size: int) -> list[list[int]]:
    return [[i] for i in range(len(lengths))]


def one_great_batch(lengths: list[int], size: int) -> list[list[int]]:
    return [sorted(range(len(lengths)), key=lambda i: lengths[i])]


def mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def sum_is_a_multiple(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[..., None]).sum(1)


def mean_turned_round(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return -mean(states, mask)


def weights_of_whole_numbers(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * torch.softmax(mask, dim=-1)[..., None]).sum(1)


def unit_length_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(mean(states, mask), dim=1)


def largest_with_padding(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states.amax(dim=1)


def zeros_for_padding_then_largest(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask[..., None]).amax(dim=1)


def last_position(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states[:, -1]


def centred_in_the_batch(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states[:, 0] - states[:, 0].mean(dim=0)


def only_the_mask(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return mask.sum(dim=1, keepdim=True).repeat(1, states.shape[-1])


def dice(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.rand(len(states), states.shape[-1])


def first_pieces_only(text: str, tokenizer: Any) -> float:
    ids = tokenizer(text, add_special_tokens=False, truncation=True, max_length=16)["input_ids"]
    return ids.count(tokenizer.unk_token_id) / max(1, len(ids))


WRONG: dict[str, list[tuple[Any, str]]] = {
    "00.1": [
        (seconds, "these are seconds"),
        (without_giga, "10**9"),
        (forward_only, "prediction, not training"),
        (share_multiplied, "it gave 15, expected 60"),
        (by_the_time_of_one_run, "no token at all it stopped with ZeroDivisionError"),
        (lambda *_: 7.0, "it gave 7"),
        (lambda weights, *_: weights, "it gave 1e+07"),
    ],
    "00.2": [
        (first_pieces_only, "it gave 0, expected 0.047619"),
        (with_special_tokens, "'BP ↗ HR ↘' it gave 0.333333"),
        (empty_text_forgotten, "ZeroDivisionError"),
        (by_words, "it gave 0.333333, expected 0.166667"),
        (counted_not_shared, "it gave 2, expected 0.5"),
        (by_the_sign_of_one_tokenizer, "'denies severe chest pain' and a tokenizer that writes <unk> it gave 0, expected 0.25"),
        (by_the_number_of_one_tokenizer, "'denies severe chest pain' and a tokenizer that writes <unk> it gave 0, expected 0.25"),
        (lambda *_: 0.0, "it gave 0, expected 0.5"),
        (lambda text, _: text, "a finite number was expected"),
    ],
    "00.3": [
        (last_left_out, "it gave '', expected 'Pain'"),
        (glued, "it gave 'pain', expected 'Pain'"),
        (cut_apart, "it gave 'c / o', expected 'c/o'"),
        (first_place, "it gave 'Pain', expected 'pain'"),
        (lambda *_: "aspirin", "it gave 'aspirin'"),
        (lambda text, *_: text, "it gave 'Pain at rest"),
    ],
    "00.4": [
        (summed, "expected the mean of its 4 real positions"),
        (mean_of_all, "expected the mean of its 2 real positions"),
        (one_count_for_all, "expected the mean of its 2 real positions"),
        (shape_squeezed, "for rows of 5 pieces it gave the shape (3,), expected (1, 3)"),
        (padding_counted_in, "expected the mean of its 2 real positions"),
        (lambda *_: torch.zeros(2, 4), "the shape (2, 4), expected (2, 3)"),
        (lambda states, _: states, "the shape (2, 4, 3), expected (2, 3)"),
    ],
    "00.5": [
        (edits_the_defaults, "the defaults themselves had become"),
        (error_without_the_name, "does not name 'epoch'"),
        (defaults_given_away, "for an empty request it gave the defaults themselves"),
        (only_the_last_name_read, "for the request {'profil': 'gpu', 'corpus': 'mine'}, which holds an unknown name, it should"),
        (everything_taken, "it should raise an error"),
        (only_complained, "it should raise an error"),
        (falsy_ones_forgotten, "expected {'corpus': 'medical_notes', 'limit': 0}"),
        (lambda *_: {"epochs": 5, "seed": 0}, "it gave {'epochs': 5, 'seed': 0}"),
        (lambda defaults, _: defaults, "expected {'epochs': 3"),
    ],
    "00.6": [
        (as_they_come, "12 padded positions, where 2 will do"),
        (lengths_for_positions, "exactly once"),
        (positions_as_texts, "a list of lists of positions was expected, it gave [['1', '3'], ['2', '0']]"),
        (rest_dropped, "exactly once"),
        (one_by_one, "4 batches, expected 2"),
        (one_great_batch, "too large"),
        (lambda *_: [[1, 3], [2, 0]], "exactly once"),
        (lambda lengths, _: lengths, "a list of lists"),
    ],
    "00.7": [
        (lambda states, mask: mean(states, mask) + 1, "it reads the mean alone"),
        (lambda states, mask: mean(states, mask).repeat(1, 2), "it reads the mean alone"),
        (lambda states, mask: mean(states, mask)[:, :-1], "it reads the mean alone"),
        (mean, "the mean of the real positions again"),
        (sum_is_a_multiple, "a multiple of it"),
        (mean_turned_round, "a multiple of it"),
        (weights_of_whole_numbers, "it stopped with NotImplementedError"),
        (unit_length_mean, "a multiple of it"),
        (largest_with_padding, "padding is read"),
        (zeros_for_padding_then_largest, "with three more padded positions"),
        (last_position, "padding is read"),
        (centred_in_the_batch, "when it was alone"),
        (only_the_mask, "does not read them"),
        (dice, "padding is read"),
        (lambda states, _: torch.zeros(len(states), 4), "does not read them"),
        (lambda states, _: states, "one vector for each row"),
    ],
}
