"""Choose training settings on validation data, and keep what was tried.

``python -m benchmarks.choose_settings ncbi_disease --epochs 3 4 --average 0.995``
trains once for each combination and adds a row for each to
``benchmarks/settings.jsonl``: the settings, the validation score after every
epoch, seconds. Test parts are never read. The settings that notebooks use
(``course_lib.parameters``) come from here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from course_lib.data import Corpus, LabelSet, load, stage_questions
from course_lib.data.silver_questions import generate_questions
from course_lib.files import write_jsonl
from course_lib.parameters import PROFILES
from course_lib.tasks import NerTask, QaTask
from course_lib.training import TrainingConfig, train

ROWS = Path(__file__).with_name("settings.jsonl")


def one_training(corpus: str, settings: dict[str, Any], threads: int | None, limit: int | None) -> dict[str, Any]:
    """Train with one combination; return its settings and its validation scores, epoch by epoch."""
    if threads:
        torch.set_num_threads(threads)
    data: Corpus[Any] = load(corpus)
    settings = dict(settings)
    dropout, window, stages = settings.pop("dropout"), settings.pop("window"), settings.pop("stages", [])
    before = {name: settings.pop(name) for name in ("silver", "stage_epochs", "stage_learning_rate")}
    if data.task == "ner":
        task: Any = NerTask("minilm", LabelSet.of(data.train), max_length=window, dropout=dropout)
    else:
        task = QaTask("minilm", max_length=window, dropout=dropout)
    config = TrainingConfig(**settings)
    model, validation, begin = task.build(config.seed), task.encode(data.validation[:limit]), time.perf_counter()
    if before["silver"]:
        _train_on_silver(model, before["silver"], config)
    for name in stages:
        staged = replace(config, epochs=before["stage_epochs"], learning_rate=before["stage_learning_rate"])
        train(task, model, _training(task, stage_questions(name, data)[:limit]), None, staged)
    result = train(task, model, _training(task, data.train[:limit]), validation, config)
    monitored = [round(float(value), 4) for value in result.history[f"validation_{task.monitor}"]]
    return {
        "corpus": data.name, **({"stages": stages, **before} if stages else {}), "dropout": dropout, "window": window, **settings,
        f"validation_{task.monitor}": monitored, "tokens_per_second": round(result.tokens_per_second),
        "seconds": round(time.perf_counter() - begin), "threads": torch.get_num_threads(),
    }


def _train_on_silver(model: Any, count: int, config: TrainingConfig) -> None:
    """One epoch of generated questions in short windows, as notebook 03 has it."""
    shown = PROFILES["03_finance_qa"]["cpu"]
    task = QaTask("minilm", max_length=shown["silver_window"], overlap=shown["silver_window"] // 3, empty_windows=0)
    train(task, model, task.encode(generate_questions(count, seed=1), training=True), None,
          replace(config, epochs=1, learning_rate=shown["silver_learning_rate"]))


def _training(task: Any, records: Sequence[Any]) -> Any:
    return task.encode(records, training=True) if isinstance(task, QaTask) else task.encode(records)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: every combination of the values given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choose_settings", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="a named corpus, or a file or folder of your own")
    parser.add_argument("--stages", nargs="*", default=[], help="corpora to train on before")
    numbers = (("epochs", int, 4), ("learning_rate", float, 3e-4), ("batch_size", int, 16), ("dropout", float, 0.1),
               ("average", float, 0.995), ("layer_decay", float, 1.0), ("window", int, 192), ("seed", int, 0),
               ("silver", int, 0), ("stage_epochs", int, 2), ("stage_learning_rate", float, 3e-4))
    for name, kind, default in numbers:
        parser.add_argument(f"--{name.replace('_', '-')}", nargs="+", type=kind, default=[default], help=f"default {default}")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores without it")
    parser.add_argument("--limit", type=int, help="only the first so many records of each part")
    parser.add_argument("--out", type=Path, default=ROWS, help="file that rows are added to")
    given = vars(parser.parse_args(arguments))
    corpus, stages, threads, limit, out = (given.pop(key) for key in ("corpus", "stages", "threads", "limit", "out"))
    for values in itertools.product(*given.values()):
        row = one_training(corpus, {**dict(zip(given, values, strict=True)), "stages": stages}, threads, limit)
        print(json.dumps(row), flush=True)
        # Read again each time: another choice may have been running beside this one.
        old = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.is_file() else []
        write_jsonl(out, [*old, row])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
