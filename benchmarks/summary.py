"""From measurements to medians, ratios and intervals; pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.settings import CONTENDERS, TARGETS
from course_lib.errors import ConfigError
from course_lib.timing import share_reached

Numbers = dict[str, float]


def spread(values: Sequence[float]) -> Numbers:
    """Return median, lowest and highest of some measurements."""
    if not values:
        raise ConfigError("benchmark summary: expected one measurement or more, found none. Measure first.")
    return {"median": median(values), "low": min(values), "high": max(values)}


def t_interval(values: Sequence[float], level: float = 0.95) -> Numbers:
    """Return mean and two-sided Student interval of a few independent differences (Student 1908)."""
    count = len(values)
    mean = sum(values) / count if count else math.nan
    if count < 2:
        return {"mean": mean, "low": -math.inf, "high": math.inf}
    from scipy.stats import t

    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (count - 1))
    half = float(t.ppf(0.5 + level / 2, count - 1)) * deviation / math.sqrt(count)
    return {"mean": mean, "low": mean - half, "high": mean + half}


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Numbers:
    """Return the ratio of the medians, and the range of the ratios within each round.

    Both map a round to its figure; only rounds that both have give a range.
    """
    rounds = [ours[turn] / theirs[turn] for turn in ours if turn in theirs]
    return {"ratio": median(ours.values()) / median(theirs.values()),
            "low": min(rounds, default=math.nan), "high": max(rounds, default=math.nan)}


def of_part(measurements: Mapping[str, Any], part: str) -> dict[str, dict[int, Any]]:
    """Return {name: {number: numbers}} of one part."""
    found: dict[str, dict[int, Any]] = {}
    for key, numbers in measurements.items():
        its_part, name, number = key.split("/")
        if its_part == part:
            found.setdefault(name, {})[int(number)] = numbers
    return {name: dict(sorted(rows.items())) for name, rows in found.items()}


def summarise(measurements: Mapping[str, Any], precision: str) -> dict[str, Any]:
    """Return everything the page shows that is computed from several measurements."""
    training, rates = of_part(measurements, "training"), of_part(measurements, "rates").get("products", {})
    result: dict[str, Any] = {"training": {name: _of_contender(training[name]) for name in CONTENDERS if name in training}}
    speeds = {name: {turn: n["tokens_per_second"] for turn, n in rows.items()} for name, rows in training.items()}
    if "ours" in speeds:
        result["ratios"] = {name: ratio(speeds["ours"], speeds[name]) | {"target": TARGETS.get(name)}
                            for name in CONTENDERS if name != "ours" and name in speeds}
    if rates:
        sizes = list(next(iter(rates.values()))["fp32"])
        result["rates"] = {kind: {size: spread([r[kind][size] for r in rates.values()]) for size in sizes}
                           for kind in ("fp32", "bf16")}
    if rates and "ours" in training:
        best = max(rate["median"] for rate in result["rates"][precision].values())
        weights = next(iter(training["ours"].values()))["encoder_weights"]
        speed = result["training"]["ours"]["tokens_per_second"]["median"]
        warm = result["training"]["ours"]["warm_tokens_per_second"]["median"]
        result["share"] = {"precision": precision, "rate": best, "encoder_weights": weights,
                           "share": share_reached(speed, weights, best), "warm_share": share_reached(warm, weights, best)}
    scores = of_part(measurements, "f1")
    pairs = [(seed, rows["entity_f1"], scores["trainer"][seed]["entity_f1"]) for seed, rows in scores.get("ours", {}).items()
             if seed in scores.get("trainer", {})]
    if pairs:
        points = [100 * (ours - theirs) for _, ours, theirs in pairs]
        result["f1"] = {"pairs": [list(pair) for pair in pairs], "points": points, **t_interval(points)}
    summary: dict[str, Any] = _finite(result)
    return summary


def _of_contender(rows: Mapping[int, Any]) -> dict[str, Any]:
    """Summarise the rounds of one contender."""
    fields = ("tokens_per_second", "warm_tokens_per_second", "seconds_per_epoch", "peak_mib", "processor_share")
    result: dict[str, Any] = {name: spread([r[name] for r in rows.values()]) for name in fields}
    gpu = [r["gpu_peak_mib"] for r in rows.values() if r["gpu_peak_mib"] is not None]
    result["gpu_peak_mib"] = spread(gpu) if gpu else None
    first = next(iter(rows.values()))
    result |= {name: first[name] for name in ("tokens", "padding_share", "attention", "threads")}
    result["entity_f1"] = next((r["entity_f1"] for r in rows.values() if "entity_f1" in r), None)
    result["sentences_cut"] = first.get("sentences_cut", 0)
    return result


def _finite(value: Any) -> Any:
    """Replace numbers JSON cannot hold (one seed has no interval) by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
