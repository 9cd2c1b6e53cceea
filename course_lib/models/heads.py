"""A pretrained encoder with a new head for a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as library_logging

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import as_id2label, explain_load_failure, resolve
from course_lib.models.halves import with_own_dropout
from course_lib.seeds import set_seed

HEADS = {"token-classification": AutoModelForTokenClassification, "question-answering": AutoModelForQuestionAnswering}


def load_tokenizer(checkpoint: str) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of a checkpoint (offsets need the fast one)."""
    source, kwargs = resolve(checkpoint)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, **kwargs)
    except (OSError, ValueError) as error:
        raise explain_load_failure(checkpoint, error) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"checkpoint {checkpoint!r}: expected a fast tokenizer (tokenizer.json), found a slow one without "
            "character offsets. Choose another checkpoint."
        )
    # Windows are cut by this package and checked there; the tokenizer's own
    # "sequence longer than" warning would only alarm. Nor may settings stored
    # with the tokenizer pad or cut anything behind our back.
    tokenizer.model_max_length = int(1e9)
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def build_model(
    checkpoint: str,
    head: str,
    *,
    seed: int,
    id2label: Mapping[int, str] | None = None,
    dropout: float = 0.1,
    row_length: int = 128,
    max_length: int = 0,
) -> PreTrainedModel:
    """Load an encoder and put a fresh head on it; the head's start is fixed by ``seed``.

    ``dropout`` acts on hidden states. Attention dropout is off: with it fused
    attention kernels are not used. What that does to scores was not measured.
    ``row_length`` (pieces in a typical row) chooses the attention code.
    """
    source, kwargs = resolve(checkpoint)
    try:
        config = AutoConfig.from_pretrained(
            source, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0.0, **as_id2label(id2label), **kwargs
        )
        if max_length > max_positions(config):
            raise CheckpointError(
                f"checkpoint {checkpoint!r}: expected positions for rows of {max_length} pieces, found "
                f"{max_positions(config)}. Lower max_length of the task or choose another checkpoint."
            )
        set_seed(seed)
        with quiet_library():  # "head newly initialized" is the point here, not a warning
            model = HEADS[head].from_pretrained(
                source, config=config, attn_implementation=attention_for(row_length), weights_only=True, **kwargs
            )
            with_own_dropout(model)
            return model
    except (OSError, ValueError, RuntimeError) as error:
        raise explain_load_failure(checkpoint, error) from error


@contextmanager
def quiet_library() -> Iterator[None]:
    """Keep transformers' loading bar and messages out of the notebooks."""
    level, bar = library_logging.get_verbosity(), library_logging.is_progress_bar_enabled()
    library_logging.set_verbosity_error()
    library_logging.disable_progress_bar()
    try:
        yield
    finally:
        library_logging.set_verbosity(level)
        if bar:
            library_logging.enable_progress_bar()


def attention_for(row_length: int) -> str:
    """Plain matrix products win on short rows, the fused kernel on long ones.

    On two-core CPUs the crossing lies roughly between 100 and 240 pieces.
    """
    return "eager" if row_length <= 160 else "sdpa"


def max_positions(model_or_config: Any) -> int:
    """Return how many positions a model has embeddings for."""
    config = getattr(model_or_config, "config", model_or_config)
    return int(getattr(config, "max_position_embeddings", 512))
