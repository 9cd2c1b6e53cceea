"""Several seeds, one table of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.errors import DataError

Metrics = Mapping[str, float]


def over_seeds(runs: Sequence[Metrics]) -> dict[str, float]:
    """Return means, and with several seeds ``<key>_sd`` (n - 1 in the divisor) beside them."""
    if not runs or any(set(run) != set(runs[0]) for run in runs):
        raise DataError("metrics: expected the same keys for every seed and at least one seed. Score all seeds alike.")
    result: dict[str, float] = {}
    for key in runs[0]:
        values = [float(run[key]) for run in runs]
        result[key] = float(np.mean(values))
        if len(runs) > 1:
            result[f"{key}_sd"] = float(np.std(values, ddof=1))
    return result
