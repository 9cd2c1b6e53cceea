"""The best weights of a run, and what is needed to go on exactly where it stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.errors import CheckpointError, ConfigError
from course_lib.files import write_folder
from course_lib.training.averaging import WeightAverage
from course_lib.training.config import TrainingConfig
from course_lib.training.optimizer import Pull


class BestWeights:
    """A copy of the weights at the best validation score, on the CPU."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.epoch = 0
        self.value = -math.inf
        self.weights: dict[str, torch.Tensor] = {}

    def offer(self, model: nn.Module, epoch: int, row: Mapping[str, Any]) -> None:
        """Keep these weights if they are better; without a validation score, always."""
        value = row.get(f"validation_{self.monitor}")
        if value is None or value > self.value or not self.weights:
            # A score that is not a number counts as the lowest, so that any other is better.
            self.value = math.nan if value is None else -math.inf if math.isnan(value) else float(value)
            self.epoch = epoch
            self.weights = {k: v.detach().to("cpu", copy=True) for k, v in model.state_dict().items()}

    def is_old(self, epoch: int, patience: int | None) -> bool:
        """Are the best weights ``patience`` epochs old? Then training stops."""
        return patience is not None and epoch - self.epoch >= patience

    def restore(self, model: nn.Module) -> None:
        """Put the best weights back, if there are any yet."""
        if self.weights:
            model.load_state_dict(self.weights)


@dataclass
class RunState:
    """Where a run stands; plain values only, stored as JSON."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    train_seconds: float = 0.0
    tokens: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)


class ResumeFile:
    """Saves and restores everything an exact resume needs, after each epoch.

    Batch order depends on seed and epoch alone, so it need not be stored.
    """

    def __init__(self, folder: Path | None, config: TrainingConfig, rows: int) -> None:
        self.folder = folder
        self.fingerprint = asdict(config) | {"rows": rows}

    def fresh(self) -> RunState:
        return RunState()

    def save(
        self, model: nn.Module, optimizer: Any, schedule: Any, best: BestWeights, pull: Pull, average: WeightAverage,
        state: RunState,
    ) -> None:
        if self.folder is None:
            return
        with write_folder(self.folder) as draft:
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, draft / "weights.safetensors")
            save_file({k: v.contiguous() for k, v in best.weights.items()}, draft / "best.safetensors")
            if average.decay:
                save_file({k: v.contiguous() for k, v in average.model.state_dict().items()}, draft / "average.safetensors")
            if pull.strength:
                save_file(pull.start(), draft / "start.safetensors")
            random_state = {"cpu": torch.get_rng_state()}
            if torch.cuda.is_available():
                random_state["cuda"] = torch.cuda.get_rng_state()
            torch.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "random": random_state},
                       draft / "optimizer.pt")
            plain = {"config": self.fingerprint, "best_epoch": best.epoch, "best_value": best.value, "state": asdict(state)}
            (draft / "state.json").write_text(json.dumps(plain), encoding="utf-8")

    def load(
        self, model: nn.Module, optimizer: Any, schedule: Any, best: BestWeights, pull: Pull, average: WeightAverage
    ) -> RunState:
        if self.folder is None or not (self.folder / "state.json").is_file():
            raise CheckpointError(
                "resume: expected the state of an earlier run in its resume folder, found none. Start without resume."
            )
        plain = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        changed = sorted(k for k, v in self.fingerprint.items() if plain["config"].get(k) != v)
        if changed:
            raise ConfigError(
                f"resume: expected the settings of the interrupted run, found other values for {', '.join(changed)}. "
                "Resume with the old settings or start a new run."
            )
        model.load_state_dict(load_file(self.folder / "weights.safetensors"))
        if pull.strength:  # the model at hand may be a trained one
            pull.pull_to(load_file(self.folder / "start.safetensors"))
        if average.decay:
            average.load(load_file(self.folder / "average.safetensors"), plain["state"]["step"])
        # weights_only: tensors and plain containers, no code is unpickled
        rest = torch.load(self.folder / "optimizer.pt", weights_only=True)
        optimizer.load_state_dict(rest["optimizer"])
        schedule.load_state_dict(rest["schedule"])
        torch.set_rng_state(rest["random"]["cpu"])
        if "cuda" in rest["random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state(rest["random"]["cuda"])
        best.weights = load_file(self.folder / "best.safetensors")
        best.epoch, best.value = plain["best_epoch"], plain["best_value"]
        return RunState(**plain["state"])
