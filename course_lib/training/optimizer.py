"""AdamW in groups, and the learning rate over time."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.errors import TrainingError
from course_lib.training.config import TrainingConfig

_LAYER = re.compile(r"\blayers?\.(\d+)\.")


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with decay on matrices only.

    Biases and norm parameters are vectors: pulling them to zero has no use, so
    they are in groups without decay. Every trainable parameter is in exactly one group.
    """
    if not config.train_embeddings:
        for name, parameter in model.named_parameters():
            if ".embeddings." in name:
                parameter.requires_grad_(False)
    depth = 1 + max((int(m.group(1)) for n, _ in model.named_parameters() if (m := _LAYER.search(n))), default=-1)
    groups: dict[tuple[bool, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[parameter.ndim >= 2, _rate_factor(name, depth, config)].append(parameter)
    grouped = sum(len(group) for group in groups.values())
    if grouped != sum(p.requires_grad for p in model.parameters()) or not grouped:
        raise TrainingError(
            f"optimizer: expected every trainable parameter in exactly one group and at least one, found {grouped}."
        )
    options: list[dict[str, Any]] = [
        {"params": parameters, "lr": config.learning_rate * factor, "weight_decay": config.weight_decay * decays}
        for (decays, factor), parameters in groups.items()
    ]
    return torch.optim.AdamW(options, betas=(0.9, 0.999), eps=1e-8, fused=config.device in ("cpu", "cuda"))


def _rate_factor(name: str, depth: int, config: TrainingConfig) -> float:
    """Learning-rate factor of a parameter: head, layers from the top, embeddings last."""
    if is_head(name):
        return config.head_rate
    layer = _LAYER.search(name)
    steps_down = depth - 1 - int(layer.group(1)) if layer else depth
    return float(config.layer_decay**steps_down)


def is_head(name: str) -> bool:
    """Is this a parameter of the new head (not pretrained)?"""
    return name.startswith(("classifier", "qa_outputs", "module.classifier", "module.qa_outputs"))


def linear_schedule(step: int, steps: int, warmup_steps: int) -> float:
    """Factor on the learning rate: up from 0 to 1 in the warm-up, then down to 0.

    The first step already moves (its factor is above 0) and so does the last.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return max(0.0, (steps - step) / max(1, steps - warmup_steps))


def build_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, steps: int) -> LambdaLR:
    """Linear warm-up and decay over ``steps`` optimizer steps (Devlin et al. 2019, A.2)."""
    warmup_steps = round(config.warmup * steps)
    return LambdaLR(optimizer, lambda step: linear_schedule(step, steps, warmup_steps))


class Pull:
    """The penalty lambda * sum((theta - theta_start)^2) on pretrained weights.

    Its gradient, 2 lambda (theta - theta_start), is added directly: the same as
    putting the penalty into the loss, without a graph over all weights. The
    head has no pretrained start and is left free (Li et al. 2018, section 3).
    """

    def __init__(self, model: nn.Module, strength: float) -> None:
        self.strength = strength
        self.names = [n for n, p in model.named_parameters() if strength and p.requires_grad and not is_head(n)]
        self.pairs = [(p, p.detach().clone()) for p in map(model.get_parameter, self.names)]

    def start(self) -> dict[str, torch.Tensor]:
        """Return the starting point by name, for an exact resume."""
        return {name: start.contiguous() for name, (_, start) in zip(self.names, self.pairs, strict=True)}

    def pull_to(self, start: dict[str, torch.Tensor]) -> None:
        """Take another starting point: that of the run which is resumed."""
        self.pairs = [(p, start[name].to(p.device)) for name, (p, _) in zip(self.names, self.pairs, strict=True)]

    @torch.no_grad()
    def add_gradient(self) -> None:
        for parameter, start in self.pairs:
            if parameter.grad is not None:
                parameter.grad.add_(parameter - start, alpha=2 * self.strength)

    @torch.no_grad()
    def value(self) -> float:
        """Return the penalty itself, for the history."""
        return self.strength * float(sum(((p - start) ** 2).sum() for p, start in self.pairs))
