"""Small things to test with: a word list, notes and questions that can be counted by hand."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from course_lib.data.labels import LabelSet
from course_lib.data.records import Answer, Note, Question, Span
from course_lib.seeds import set_seed

WORDS = (
    "the patient takes daily for and with no has was today of in to a is what who when how much revenue profit rose fell by "
    "million bank fund paid heart failure cough fever aspirin fatigue old new ward seen again stable pain chest severe"
).split()
# metformin = met ##form ##in and hypertension = hyper ##tension; every other word falls into letters.
PIECES = ("met", "##form", "##in", "hyper", "##tension")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = list(dict.fromkeys([*SPECIAL, *WORDS, *PIECES, *LETTERS, *("##" + c for c in LETTERS), *".,;:?!%-()/\"'"]))

LABELS = LabelSet(("DISEASE", "MEDICINE", "SYMPTOM"))
TAGS = {tag: number for number, tag in LABELS.id2label.items()}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer as BERT's, over the word list above."""
    inner = Tokenizer(models.WordPiece({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", VOCABULARY.index("[CLS]")), ("[SEP]", VOCABULARY.index("[SEP]"))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )


def save_tiny_checkpoint(folder: Path) -> Path:
    """Save a random BERT of 2 layers, 32 wide, with its tokenizer."""
    set_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512, pad_token_id=0, initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def note(name: str, text: str, **marked: str) -> Note:
    """A note with one span per keyword: ``note("n", "No cough.", SYMPTOM="cough")``; "|" parts several."""
    spans = []
    for label, forms in marked.items():
        for form in forms.split("|"):
            start = text.index(form)
            spans.append(Span(start, start + len(form), label))
    return Note(name, text, tuple(sorted(spans)))


def question(name: str, text: str, context: str, answer: str = "", occurrence: int = 0, **more: Any) -> Question:
    """A question whose answer is the given occurrence of a text in its passage."""
    if not answer:
        return Question(name, text, context, **more)
    start = -1
    for _ in range(occurrence + 1):
        start = context.index(answer, start + 1)
    return Question(name, text, context, (Answer(answer, start),), **more)


def four_notes() -> list[Note]:
    """Words: 4 + 5 + 4 + 5; spans: 1 + 2 + 1 + 2."""
    return [
        note("n1", "Patient takes metformin.", MEDICINE="metformin"),
        note("n2", "Heart failure and cough.", DISEASE="Heart failure", SYMPTOM="cough"),
        note("n3", "No fever today.", SYMPTOM="fever"),
        note("n4", "Aspirin for heart failure.", DISEASE="heart failure", MEDICINE="Aspirin"),
    ]


def four_questions() -> list[Question]:
    """Three with an answer, the last without."""
    passage = "Revenue rose to 12 million. The bank paid 3 million."
    return [
        question("q1", "What rose?", passage, "Revenue", document="d1"),
        question("q2", "Who paid?", passage, "The bank", document="d1"),
        question("q3", "How much was paid?", "The fund fell by 7 million today.", "7 million", document="d2"),
        question("q4", "When fell the profit?", passage, document="d1"),
    ]


def long_note(words: int = 120, seed: int = 0) -> Note:
    """A note of many one-piece and many-piece words, with spans of one to three words everywhere."""
    rng = random.Random(seed)
    parts: list[str] = []
    spans: list[Span] = []
    position = 0
    while len(parts) < words:
        size = rng.choice((0, 0, 1, 2, 3))
        forms = [rng.choice(("metformin", "hypertension", "fever", "heart", "zyx")) for _ in range(size)] or [rng.choice(WORDS)]
        text = " ".join(forms)
        if size:
            spans.append(Span(position, position + len(text), rng.choice(LABELS.types)))
        parts += forms
        position += len(text) + 1
    return Note(f"long-{seed}", " ".join(parts), tuple(spans))


def renamed(records: Iterable[Note], suffix: str) -> list[Note]:
    """Copies of notes under other ids."""
    return [replace(r, id=r.id + suffix, document=r.id + suffix) for r in records]


def swap(monkeypatch: pytest.MonkeyPatch, original: Callable[..., Any], changed: Callable[..., Any]) -> int:
    """Put ``changed`` in the place of ``original`` in every loaded module of the package and the tests."""
    places = 0
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("course_lib", "test_", "samples")):
            for name, value in list(vars(module).items()):
                if value is original:
                    monkeypatch.setattr(module, name, changed)
                    places += 1
    assert places, f"{original.__name__} was found nowhere: the mutant would change nothing"
    return places
