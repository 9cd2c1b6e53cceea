"""Run folders as `course run` leaves them, made in a moment: for the tests of the comparison."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.files import sha256_of

Row = dict[str, Any]
HASHES = {"notebook": "a" * 64, "code": "b" * 64, "checkpoint": "c" * 64, "corpora": {"medical_notes": "d" * 64}}
HARDWARE = {"system": "Linux", "machine": "x86_64", "cpu": None, "cores": 2, "memory_gib": 8, "gpu": None, "cpu_bf16": None,
            "cpu_capability": None}
TYPES = ("DISEASE", "MEDICINE", "SYMPTOM")
QUESTIONS = ("What fell?", "How many shops opened?", "Who leads it?", "In which year did it start?")


def save_run(
    root: Path, name: str, rows: Sequence[Row] | None, *, notebook: str = "02_medical_ner", settings: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None, history: str = "", **manifest: Any,
) -> Path:
    """Write a run folder and return it; ``manifest`` replaces fields of its manifest."""
    folder = root / name
    folder.mkdir(parents=True)
    given = {"seed": 0, "epochs": 3, "profile": "cpu", "corpus": "medical_notes", "seeds": [], "output_dir": str(folder)} | (settings or {})
    given["seeds"] = given["seeds"] or [given["seed"]]
    files = {"metrics.json": json.dumps({"total_seconds": 1.5} if metrics is None else metrics)}
    if rows is not None:
        files["predictions.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows)
    if history:
        files["history.csv"] = history
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    whole = {
        "schema": 1, "id": name, "notebook": notebook, "parameters": {"seed": given["seed"]}, "settings": given, "profile": "cpu",
        "seed": given["seed"], "outcome": "ok", "error": None, "started": "2026-03-01T10:00:00+00:00", "seconds": 1.0,
        "peak_memory_mib": 100, "hashes": HASHES, "git": None, "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "hardware": HARDWARE, "threads": 2, "precision": "fp32", "device": "cpu",
        "files": {file: sha256_of(folder / file) for file in files},
    } | manifest
    (folder / "manifest.json").write_text(json.dumps(whole), encoding="utf-8")
    return folder


def entity_rows(count: int, quality: float, seed: int, per_document: int = 0) -> list[Row]:
    """Records with three entities each, of which a share of about ``quality`` is predicted right."""
    rng, rows = random.Random(seed), []
    for number in range(count):
        gold = [[10 * i + number % 7, 10 * i + 5 + number % 7, TYPES[(i + number) % 3]] for i in range(3)]
        hard = 0.3 * random.Random(number // max(per_document, 1)).random()
        predicted = [span for span in gold if rng.random() < quality - hard + 0.15]
        predicted += [[90, 95, TYPES[number % 3]]] if rng.random() > quality else []
        rows.append({"id": f"r{number:04d}", "gold": gold, "predicted": predicted}
                    | ({"group": f"d{number // per_document}"} if per_document else {}))
    return rows


def answer_rows(count: int, quality: float, seed: int) -> list[Row]:
    """Questions, every fourth without an answer, of which a share of about ``quality`` is answered right."""
    rng, rows = random.Random(seed), []
    for number in range(count):
        gold = [] if number % 4 == 3 else [f"{number} million pounds"]
        right = rng.random() < quality
        predicted = (gold[0] if gold else "") if right else f"{number} million" if rng.random() < 0.5 else "the board"
        rows.append({"id": f"q{number:04d}", "question": QUESTIONS[number % 4], "gold": gold, "predicted": predicted,
                     "null_margin": 0.5, "group": f"d{number // 5}"})
    return rows


def history(epochs: int, monitor: str, best: float) -> str:
    """A learning curve that rises to ``best``."""
    lines = [f"epoch,train_loss,{monitor}"]
    lines += [f"{e},{2 / e:.3f},{best * (1 - 0.5**e):.4f}" for e in range(1, epochs + 1)]
    return "\n".join(lines) + "\n"
