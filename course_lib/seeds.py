"""The one place where random numbers are seeded."""

import random

import numpy as np
import torch


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices). Call before the head is created."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
