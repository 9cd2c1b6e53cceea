"""A trained model on disk: weights, tokenizer, label names, and how to use them."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase

from course_lib.errors import CheckpointError, one_of
from course_lib.files import sha256_of, write_folder
from course_lib.models.checkpoints import check_folder
from course_lib.models.heads import HEADS, load_tokenizer, quiet_library

CARD = "course_model.json"


class Predictor(Protocol):
    """A trained model that answers for a text."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def predict(self, text: str, **more: Any) -> Any: ...


def save(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: str, settings: dict[str, Any]
) -> Path:
    """Write a model folder under a temporary name, then give it its own.

    ``settings`` is what ``load`` needs beside the weights (lengths, threshold).
    """
    with write_folder(folder) as draft:
        with quiet_library():
            model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        card = {
            "task": task,
            "settings": settings,
            "attention": model.config._attn_implementation,
            "weights_sha256": sha256_of(draft / "model.safetensors"),
            "intended_use": "Teaching. Not for clinical or investment use.",
        }
        (draft / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return folder


def load(folder: str | Path) -> Predictor:
    """Bring back a model folder left by a run: ``load(folder).predict(text)``."""
    from course_lib.tasks import PREDICTORS

    folder = Path(folder)
    if not (folder / CARD).is_file():
        raise CheckpointError(
            f"model folder {folder.name!r}: expected {CARD} and weights inside, found none. "
            "Give the model/ folder of a run, for example runs/02_medical_ner/<id>/model."
        )
    check_folder(folder)
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        task, settings, expected = card["task"], card["settings"], card["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"model folder {folder.name!r}: expected task, settings and weights_sha256 in {CARD}, "
            f"found {type(error).__name__}: {error}. Train the model again."
        ) from error
    if sha256_of(folder / "model.safetensors") != expected:
        raise CheckpointError(
            f"model folder {folder.name!r}: expected the weights the run saved, found a file with another "
            "checksum. It was changed or damaged since: copy the folder again or train anew."
        )
    if task not in PREDICTORS:
        raise CheckpointError(one_of(f"model folder {folder.name!r}: task", task, sorted(PREDICTORS)))
    predictor, head = PREDICTORS[task]
    known = {f.name for f in fields(predictor)} - {"model", "tokenizer"}
    if not isinstance(settings, dict) or set(settings) - known:
        raise CheckpointError(
            f"model folder {folder.name!r}: expected settings among {', '.join(sorted(known))} in {CARD}, found "
            f"{settings!r}. Train the model again."
        )
    return predictor(_load_weights(folder, head, card.get("attention")), load_tokenizer(str(folder)), **settings)


def _load_weights(folder: Path, head: str, attention: str | None) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    try:
        with quiet_library():
            model, report = HEADS[head].from_pretrained(
                folder, config=config, local_files_only=True, output_loading_info=True, attn_implementation=attention
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"model folder {folder.name!r}: expected weights that fit config.json (labels: "
            f"{config.num_labels}), found {str(error)[:300]}. Train the model again."
        ) from error
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report.get("mismatched_keys", ()))
    if missing:
        raise CheckpointError(
            f"model folder {folder.name!r}: expected weights for every part of the model, found none that fit "
            f"for {', '.join(missing[:4])}. The head has another label count than the weights; train it again."
        )
    return model.eval()
