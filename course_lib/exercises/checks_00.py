"""Tests of the exercises of notebook 00; torch and the tokenizer are loaded inside them only.

Cases and expected values are written out where an exercise could be copied from here.
"""

from __future__ import annotations

import math
import operator
from functools import lru_cache
from typing import Any

from course_lib.exercises.asserting import called, equal, number, of_shape, refused, require, same, short
from course_lib.exercises.model import NotYet, exercise


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from course_lib.models.heads import load_tokenizer

    return load_tokenizer("minilm")


def _other_tokenizer() -> Any:
    """Return a tiny tokenizer of words whose unknown sign is not the one that learners have seen."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "denies": 2, "chest": 3, "pain": 4}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", bos_token="<s>")


@exercise(
    "00.1", title="How long will it take?", minutes=4, kind="warm-up",
    trains="the arithmetic of training time, with its units",
    hints=("The formula of section 6 gives seconds. What is asked for?",
           "`rate` comes in GFLOP/s. How many operations are one GFLOP?",
           "6 * weights * tokens operations, divided by share * rate * 10**9 operations a second, divided by 60."),
)
def test_minutes(answer: Any) -> None:
    """Compare with the formula; name the usual slips of unit."""
    slips = {60.0: "are seconds", 1e9: "forget that one GFLOP is 10**9 operations", 1 / 3: "count prediction, not training",
             60e9: "forget both 10**9 and the 60 seconds of a minute"}
    for weights, tokens, share, rate, expected in ((10e6, 3e6, 0.5, 100.0, 60.0), (21e6, 1.2e6, 0.4, 170.0, 37.0588235),
                                                   (86e6, 5e5, 0.8, 9000.0, 0.597222222)):
        case = f"{weights:g} weights, {tokens:g} tokens, share {share:g} and {rate:g} GFLOP/s"
        found = number(called(answer, weights, tokens, share, rate, when=case), when=case)
        for factor, meaning in slips.items():
            require(not math.isclose(found, factor * expected, rel_tol=1e-6),
                    f"for {case} it gave {found:.6g}: these {meaning}; expected {expected:.4g} minutes")
        same(found, expected, when=case, tolerance=1e-6 * expected)
    same(number(called(answer, 1e6, 0, 0.5, 100.0, when="no token at all"), when="no token at all"), 0, when="no token at all")


@exercise(
    "00.2", title="Count what the vocabulary cannot say", minutes=6, kind="practice",
    trains="measuring a risk in one's own texts before training",
    hints=("`tokenizer.tokenize(text)` gives the pieces, `tokenizer.unk_token` the sign for an unknown one.",
           "The share is of pieces, not of words or characters.",
           "And a text without any piece? No piece of it is unknown."),
)
def test_unknown_share(answer: Any) -> None:
    """Compare on clinical and financial texts, with and without unknown pieces, on empty ones, and with another tokenizer."""
    first, other = _tokenizer(), _other_tokenizer()
    cases = [("BP ↗ HR ↘", first, 2 / 4), ("Denies chest pain.", first, 0), ("℞ metoprolol 25 mg, ℞ aspirin", first, 2 / 12),
             ("↘", first, 1), ("EBITDA ↗ by 3%, net debt ↘", first, 2 / 11), ("", first, 0), ("  ", first, 0),
             ("up " * 40 + "↗ ↘", first, 2 / 42),
             ("denies severe chest pain", other, 1 / 4), ("angina", other, 1)]
    for text, tokenizer, expected in cases:
        case = f"the text {text!r}" + (f" and a tokenizer that writes {tokenizer.unk_token}" if tokenizer is other else "")
        found = number(called(answer, text, tokenizer, when=case), when=case)
        require(not (expected and math.isclose(found, 100 * expected)), f"for {case} it gave {found:.6g}, "
                f"which is a percentage; expected a share between 0 and 1, {expected:.6g}")
        same(found, expected, when=case, tolerance=1e-6)


@exercise(
    "00.3", title="Back to the text", minutes=6, kind="mend",
    trains="offsets: the only way back from pieces to characters",
    hints=("Compare what it gives for a word with a capital, for '25mg' and for 'c/o'. What has the tokenizer thrown away?",
           "`encoded['offset_mapping'][i]` holds where piece i begins and ends in the text.",
           "You need the beginning of piece `first` and the end of piece `last`. Nothing is to be searched."),
)
def test_passage(answer: Any) -> None:
    """Ask for passages with capitals, odd spaces, accents, signs, and a word that occurs twice."""
    cases = (
        ("Pain at rest, no pain on effort.", 1, 1, "Pain"), ("Pain at rest, no pain on effort.", 6, 6, "pain"),
        ("Pt c/o palpitations; started metoprolol 25 mg bd.", 2, 4, "c/o"),
        ("Rx:  Metoprolol   25mg", 3, 8, ":  Metoprolol   25"), ("Known Ménière's disease.", 2, 6, "Ménière's disease"),
        ("Net margin (excl. ONE-OFFS) fell", 3, 9, "(excl. ONE-OFFS"),
    )
    tokenizer = _tokenizer()
    for text, first, last, expected in cases:
        encoded = tokenizer(text, return_offsets_mapping=True)
        case = f"pieces {first} to {last} of {text!r}"
        same(called(answer, text, encoded, first, last, when=case), expected, when=case)


@exercise(
    "00.4", title="A mean that padding cannot move", minutes=7, kind="mend",
    trains="telling real positions from padding wherever a mean is taken",
    hints=("Encode a short sentence alone, then beside a long one. By how much does its vector shrink?",
           "The sum is right: padding adds nothing to it. By what should it be divided?",
           "Each row has its own number of real positions: `mask.sum(dim=1, keepdim=True)`."),
)
def test_sentence_vectors(answer: Any) -> None:
    """Compare with the mean of the real positions, row by row; padding holds large numbers."""
    import torch

    generator = torch.Generator().manual_seed(3)
    for lengths in ((4, 4), (2, 5), (1, 3, 7), (6, 12, 3, 9), (5,)):
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        states = torch.randn(len(lengths), max(lengths), 3, generator=generator).masked_fill(~mask[..., None], 50.0)
        expected = torch.stack([row[:n].mean(dim=0) for row, n in zip(states, lengths, strict=True)])
        case = f"rows of {', '.join(map(str, lengths))} pieces"
        found = called(answer, states.clone(), mask.long(), when=case)
        of_shape(found, expected.shape, when=case)
        for n, ours, right in zip(lengths, found, expected, strict=True):
            require(equal(ours, right, 1e-4), f"in a batch of {case}, the row of {n} got the vector {short(ours)}, "
                    f"expected the mean of its {n} real positions, {short(right)}")


@exercise(
    "00.5", title="A typo that nobody notices", minutes=6, kind="mend",
    trains="refusing what cannot be obeyed",
    hints=("Ask for `epoch=3`. What does it give, and would you notice?",
           "Which names stand in `given` and not in `defaults`?",
           "Raise a ValueError that names them, before anything is returned."),
)
def test_settings(answer: Any) -> None:
    """Good requests are obeyed, unknown names refused by name, and defaults stay as they are."""
    tables: list[dict[str, Any]] = [{"epochs": 5, "learning_rate": 5e-4, "seed": 0}, {"corpus": "medical_notes", "limit": None}]
    rate = {"learning_rate": 5e-4}
    requests: list[list[tuple[dict[str, Any], dict[str, Any]]]] = [
        [({}, rate | {"epochs": 5, "seed": 0}), ({"epochs": 3}, rate | {"epochs": 3, "seed": 0}),
         ({"seed": 0, "epochs": 1}, rate | {"epochs": 1, "seed": 0})],
        [({"limit": 0}, {"corpus": "medical_notes", "limit": 0}), ({"corpus": ""}, {"corpus": "", "limit": None})]]
    wrong: list[tuple[dict[str, Any], str]] = [({"epoch": 3}, "epoch"), ({"corpus": "mine", "profil": "gpu"}, "profil"),
                                               ({"profil": "gpu", "corpus": "mine"}, "profil")]
    for defaults, several in zip(tables, requests, strict=True):
        for given, expected in several:
            ours, case = dict(defaults), f"the request {given} and the defaults {defaults}"
            same(called(answer, ours, dict(given), when=case), expected, when=case)
            require(ours == defaults, f"after the request {given} the defaults themselves had become {short(ours)}: "
                    "the next reader would start from them")
    for (given, name), defaults in zip(wrong, (*tables, tables[1]), strict=True):
        message = refused(answer, dict(defaults), dict(given), when=f"the request {given}, which holds an unknown name,")
        require(name in message, f"for the request {given} the error reads {short(message)}, and does not name {name!r}",
                kept=f"for the request {given} the error does not name {name!r}")
    require(called(answer, ours, {}) is not ours,
            "for an empty request it gave the defaults themselves: whoever changes the result changes them for all")


@exercise(
    "00.6", title="Batches with little padding", minutes=10, kind="practice",
    trains="putting rows of like length together",
    hints=("A batch costs its longest row, times its number of rows. Which rows should meet?",
           "Sort the *positions* of the rows by their length: `sorted(range(len(lengths)), key=...)`.",
           "Then cut the sorted positions into parts of `size`. A short last part is fine, a lost row is not."),
)
def test_batches(answer: Any) -> None:
    """Every row once, no batch too large, no batch too many, and no more padding than sorting gives."""
    cases = (([9, 2, 8, 3], 2, 2), ([5, 5, 5], 2, 0), ([3, 40, 4, 38, 5, 41, 3], 3, 39), ([12], 4, 0),
             ([7, 1, 6, 2, 5, 3], 4, 10))
    for lengths, size, enough in cases:  # enough: the worse of sorting upwards and downwards, so that either is accepted
        case = f"rows of {lengths} in batches of {size}"
        batches = called(answer, list(lengths), size, when=case)
        try:
            parts = [[operator.index(i) for i in batch] for batch in batches]
        except (TypeError, ValueError):
            raise NotYet(f"for {case} a list of lists of positions was expected, it gave {short(batches)}") from None
        require(sorted(i for part in parts for i in part) == list(range(len(lengths))),
                f"for {case} it gave {short(parts)}: every position from 0 to {len(lengths) - 1} should occur exactly once")
        require(all(1 <= len(part) <= size for part in parts),
                f"for {case} it gave {short(parts)}: some batch is empty or too large")
        fewest = math.ceil(len(lengths) / size)
        require(len(parts) == fewest, f"for {case} it gave {len(parts)} batches, expected {fewest}")
        padding = _padding(lengths, parts)
        require(padding <= enough, f"for {case} it gave {short(parts)} with {padding} padded positions, where {enough} will do")


def _padding(lengths: list[int], batches: list[list[int]]) -> int:
    return sum(max(lengths[i] for i in batch) - lengths[j] for batch in batches for j in batch)


@exercise(
    "00.7", title="Another vector of a sentence", minutes=20, kind="open",
    trains="inventing a method, and stating what it must not depend on",
    hints=("Largest value over the real positions, the first piece alone, a mean with weights: all are candidates.",
           "Before a maximum, fill padding with a number that cannot win: `states.masked_fill(mask[..., None] == 0, -math.inf)`.",
           "Try it: change the padded positions, or append more of them. Not one number of the result may move."),
)
def test_own_vectors(answer: Any) -> None:
    """Any method passes that is not the mean, reads the states, and does not see padding or neighbours."""
    import torch

    generator = torch.Generator().manual_seed(5)
    for lengths in ((3, 6), (5, 3, 4), (4, 7, 7, 3), (5,)):  # three is the least that leaves a piece between [CLS] and [SEP]
        mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
        states = torch.randn(len(lengths), max(lengths), 4, generator=generator)
        states += torch.tensor([-4.0, 0.0, 0.0, 0.0])  # a column of negative numbers, which a padded 0 would beat
        case = f"rows of {', '.join(map(str, lengths))} pieces"
        vectors = called(answer, states.clone(), mask.clone(), when=case)
        require(isinstance(vectors, torch.Tensor) and vectors.ndim == 2 and len(vectors) == len(lengths),
                f"for {case} one vector for each row was expected, it gave {short(vectors)}")
        require(bool(torch.isfinite(vectors).all()), f"for {case} some numbers are not finite: {short(vectors)}")
        _reads_states(answer, states, mask, vectors, case)
        _ignores_padding(answer, states, mask, vectors, case)


def _reads_states(answer: Any, states: Any, mask: Any, vectors: Any, case: str) -> None:
    import torch

    other = called(answer, (states.flip(0) * 1.7 + 0.3).clone(), mask.clone(), when=f"{case}, other states")
    require(not equal(other, vectors, 1e-6), f"for {case} other states gave the same vectors: it does not read them")
    mean = torch.stack([row[real.bool()].mean(dim=0) for row, real in zip(states, mask, strict=True)])
    if vectors.shape == mean.shape:
        likeness = torch.nn.functional.cosine_similarity(vectors.double(), mean.double(), dim=-1)
        require(bool((likeness.abs() < 0.99999).any()),
                f"for {case} it is the mean of the real positions again, or a multiple of it")
    spread = torch.where(mask[..., None] == 1, mean[:, None] + 2 * (states - mean[:, None]), states)
    alike = called(answer, spread.clone(), mask.clone(), when=f"{case}, other states with the same mean")
    require(not equal(alike, vectors, 1e-4),
            f"for {case}, other states with the same mean gave the same vectors: it reads the mean alone")


def _ignores_padding(answer: Any, states: Any, mask: Any, vectors: Any, case: str) -> None:
    import torch

    changes = {
        "its padding changed to 9": (states.masked_fill(mask[..., None] == 0, 9.0), mask),
        "three more padded positions": (torch.cat([states, torch.full_like(states[:, :3], -9.0)], 1),
                                        torch.cat([mask, torch.zeros_like(mask[:, :3])], 1)),
    }
    for change, (new_states, new_mask) in changes.items():
        found = called(answer, new_states.clone(), new_mask.clone(), when=f"{case} with {change}")
        require(found.shape == vectors.shape, f"for {case} with {change} the shape became {tuple(found.shape)}")
        for row in range(len(states)):
            require(equal(found[row], vectors[row], 1e-4), f"for {case} with {change} vector {row + 1} became "
                    f"{short(found[row])}, it was {short(vectors[row])}: padding is read")
    for row in range(len(states)):
        n = int(mask[row].sum())
        alone = called(answer, states[row : row + 1, :n].clone(), mask[row : row + 1, :n].clone(), when=f"one row of {case}")
        require(equal(alone[0], vectors[row], 1e-4), f"for {case} row {row + 1} got another vector when it was alone, "
                f"{short(alone[0])}, than beside the others, {short(vectors[row])}")
