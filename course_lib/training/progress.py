"""Progress as plain text on stdout: a bar while an epoch runs, a line when it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from tqdm.std import tqdm


class Progress:
    """A bar over all steps; ``COURSE_PROGRESS=0`` leaves only the lines."""

    def __init__(self, steps_per_epoch: int, epochs: int, enabled: bool = True) -> None:
        self.enabled = enabled
        self.epochs = epochs
        show = enabled and os.environ.get("COURSE_PROGRESS", "1") != "0"
        self.bar = tqdm(
            total=steps_per_epoch * epochs, file=sys.stdout, disable=not show, leave=False, mininterval=1.0,
            ncols=100, unit="step", bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} left {remaining}{postfix}", ascii=True,
        )

    def step(self, epoch: int, tokens_per_second: float, loss: float) -> None:
        self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(f" {tokens_per_second:,.0f} tokens/s, loss {loss:.3f}", refresh=False)
        self.bar.update()

    def epoch(self, row: Mapping[str, Any], monitor: str) -> None:
        value = row.get(f"validation_{monitor}")
        left = self.bar.format_dict
        rate = left["elapsed"] / max(left["n"], 1)
        remaining = "" if self.bar.disable else f", about {rate * (self.bar.total - left['n']):.0f} s left"
        score = "" if value is None else f", validation {monitor} {value:.3f}"
        self.note(
            f"epoch {row['epoch']}/{self.epochs}: loss {row['train_loss']:.3f}{score}, "
            f"{row['tokens_per_second']:,.0f} tokens/s, {row['seconds']:.0f} s{remaining}"
        )

    def note(self, text: str) -> None:
        if self.enabled:
            self.bar.clear()
            print(text, flush=True)

    def close(self) -> None:
        self.bar.close()
