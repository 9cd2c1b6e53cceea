"""Which sentence of a passage is the question about? Asked of the pretrained encoder as it is.

Sentence vectors are means of token vectors, compared by their cosine (Reimers
and Gurevych 2019, section 3). Nothing is trained here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from course_lib.data.records import Question
from course_lib.models.checkpoints import resolve
from course_lib.models.heads import load_tokenizer, quiet_library

SENTENCE = re.compile(r"\S.*?(?:[.?!;](?=\s)|\n|$)", re.DOTALL)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the sentences of a text; a semicolon ends one too."""
    return [match.span() for match in SENTENCE.finditer(text)]


@dataclass
class SentencePrior:
    """Cosine between a question and each sentence of its passage.

    ``checkpoint`` is used as published; passages are embedded once.
    """

    checkpoint: str = "minilm"
    _cache: dict[str, tuple[list[tuple[int, int]], NDArray[np.float32]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        source, kwargs = resolve(self.checkpoint)
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(self.checkpoint)
        with quiet_library():
            self.model: PreTrainedModel = AutoModel.from_pretrained(source, **kwargs).eval()

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], batch_size: int = 64) -> NDArray[np.float32]:
        """Return unit vectors, (texts, width)."""
        parts = []
        for start in range(0, len(texts), batch_size):
            batch = self.tokenizer(list(texts[start : start + batch_size]), padding=True, truncation=True, max_length=128,
                                   return_tensors="pt")
            hidden = self.model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            parts.append(nn_unit((hidden * mask).sum(1) / mask.sum(1)))
        return np.concatenate(parts)

    def similarities(self, questions: Sequence[Question]) -> list[tuple[list[tuple[int, int]], NDArray[np.float32]]]:
        """Return for each question the sentences of its passage and their cosines."""
        for context in dict.fromkeys(q.context for q in questions if q.context not in self._cache):
            spans = sentences(context)
            self._cache[context] = spans, self.embed([context[s:e] for s, e in spans])
        vectors = self.embed([q.question for q in questions])
        return [(self._cache[q.context][0], self._cache[q.context][1] @ v) for q, v in zip(questions, vectors, strict=True)]


def nn_unit(vectors: torch.Tensor) -> NDArray[np.float32]:
    """Scale rows to length 1."""
    return torch.nn.functional.normalize(vectors.float(), dim=-1).numpy()
