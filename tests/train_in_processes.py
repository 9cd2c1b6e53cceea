"""Trains the tiny model and writes what came out; test_processes.py runs it in one process and in two."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from samples import LABELS, four_notes, renamed

from course_lib.tasks import NerTask
from course_lib.training import TrainingConfig, train


def main(checkpoint: str, out: str) -> None:
    torch.set_num_threads(1)
    task = NerTask(checkpoint, LABELS, max_length=32, overlap=12, dropout=0.0)
    # 13 notes in batches of 4: the last batch holds one row, which two processes cannot share.
    notes = [note for i in range(4) for note in renamed(four_notes(), f"-{i}")][:13]
    features = task.encode(notes)
    config = TrainingConfig(epochs=2, batch_size=4, learning_rate=1e-3, seed=1)
    result = train(task, task.build(0), features, features, config)
    accelerator = Accelerator(cpu=True)
    weights = torch.cat([p.detach().flatten() for p in result.model.parameters()])
    gathered = accelerator.gather(weights[None])
    if accelerator.is_main_process:
        Path(out).write_text(json.dumps({
            "processes": accelerator.num_processes,
            "losses": result.steps["loss"].tolist(),
            "largest_difference_between_processes": float((gathered - gathered[0]).abs().max()),
            "validation": result.history["validation_entity_f1"].tolist(),
        }))


if __name__ == "__main__":
    main(*sys.argv[1:])
