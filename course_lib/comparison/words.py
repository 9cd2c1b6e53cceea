"""Sentences about a comparison, made from its numbers: what the data show and what they do not."""

from __future__ import annotations

import math

from course_lib.comparison.align import Aligned
from course_lib.comparison.compare import FEW_GROUPS, Comparison, GroupResult, PValues, Result
from course_lib.comparison.differences import label_of, shown_value
from course_lib.comparison.scoring import ScoreKind
from course_lib.comparison.statistics import ALPHA
from course_lib.evaluation.bootstrap import Interval

MOST_RUNS = 12
"""More runs than this are not told one by one: the table has them all."""
MOST_OTHER = 3
"""The same, for scores after the main one."""
SMALL_TEST = 50
FEW_SEEDS = 5
"""Below this a standard deviation over seeds is called rough."""


# ---- numbers as text ---------------------------------------------------------
def points(value: float) -> str:
    """Return a score or a difference in points (hundredths), without a sign."""
    return f"{abs(100 * value):.1f}"


def signed(value: float) -> str:
    """Return a difference in points with its sign; a real minus."""
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def p_text(p: float) -> str:
    """Return a p-value with four decimals, or that it is smaller."""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _p_is(p: float) -> str:
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def range_text(interval: Interval) -> str:
    """Return an interval of a difference in points, with signs."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


# ---- what the data show ------------------------------------------------------
def summary(comparison: Comparison) -> list[str]:
    """Return the sentences at the head of the page."""
    if comparison.aligned is None:
        return ["These runs saved no predictions, so nothing can be tested: the tables show their numbers side by side, and a "
                "difference between two numbers may be chance."]
    tested, sentences = comparison.aligned.task.tested, []
    for score in tested:
        sentences += _about_score(comparison, score, MOST_RUNS if score is tested[0] else MOST_OTHER)
    seeds = [g for g in comparison.group_results if g.score == tested[0].key]
    if len(seeds) <= MOST_RUNS and any(len(g.values) > 1 for g in seeds):
        sentences += [group_sentence(comparison, g, tested[0]) for g in seeds]
    return sentences


def _about_score(comparison: Comparison, score: ScoreKind, most: int) -> list[str]:
    rows = [comparison.result(run, score.key) for run in range(1, len(comparison.runs))]
    sentences = [_overview(score, rows)] if len(rows) > MOST_OTHER else []
    if len(rows) <= most:
        return sentences + [finding(comparison, score, row) for row in rows]
    return [*sentences, "The highest of them: " + finding(comparison, score, max(rows, key=lambda r: r.own.value))]


def _overview(score: ScoreKind, rows: list[Result]) -> str:
    gains = [r.difference.value for r in rows if r.p is not None and r.p.holm < ALPHA and r.difference is not None]
    above = sum(gain > 0 for gain in gains)
    below, rest = len(gains) - above, len(rows) - len(gains)
    return (f"In {score.name}, of {len(rows)} runs compared with run 1, {_are(above)} above it and {_are(below)} below it with a "
            f"p-value under {ALPHA} after Holm's correction"
            + (f"; for {rest} the data do not show a difference." if rest else "."))


def _are(count: int) -> str:
    return "none is" if count == 0 else "1 is" if count == 1 else f"{count} are"


def finding(comparison: Comparison, score: ScoreKind, result: Result) -> str:
    """Say in words what one run's difference to the baseline means."""
    gain = result.difference
    if comparison.aligned is None or gain is None or result.p is None:
        return f"Run {result.run + 1} was not tested."
    label = label_of(comparison.inputs, result.run)
    name = f"Run {result.run + 1}" + (f" ({label})" if label else "")
    if comparison.aligned.answers[result.run] == comparison.aligned.answers[0]:
        return f"{name} gives the same answers as run 1 on every record: there is nothing to test."
    size, side = points(gain.value), "above" if gain.value > 0 else "below"
    side = f"{size} points {side}" if size != "0.0" else "level with"
    base = comparison.result(0, score.key).own.value
    head = f"{name} is {side} run 1 in {score.name} ({result.own.value:.3f} against {base:.3f})."
    verdict = _verdict(comparison.tests, comparison.aligned, gain, result.p)
    return " ".join([head, verdict, *_seed_caution(comparison, result, score)])


def _verdict(tests: int, aligned: Aligned, gain: Interval, found: PValues) -> str:
    includes, shown = gain.low <= 0 <= gain.high, found.holm < ALPHA
    p = _p_is(found.permutation) + (f", {p_text(found.holm)} after Holm's correction" if tests > 1 else "")
    interval = f"The 95 % interval of the difference, {range_text(gain)} points, {'includes' if includes else 'leaves out'} 0"
    unit = f"{aligned.groups} {aligned.unit}{'s' if aligned.groups != 1 else ''}"
    if includes and not shown:
        return (f"{interval} ({p}): the data do not show a difference. Nor do they show that the two are equal: every difference "
                f"in that interval fits these {unit}.")
    if not includes and shown:
        return f"{interval} ({p}): the data show a difference between these two models, on texts like these {unit}."
    if not includes and found.permutation < ALPHA:
        return (f"{interval}, but among {tests} comparisons some do so by chance: after correction the data do not show a "
                f"difference ({p}).")
    verb = "does" if shown else "does not"
    return f"{interval}, but the permutation test {verb} show a difference ({p}): the two disagree, so take it as undecided."


def _seed_caution(comparison: Comparison, result: Result, score: ScoreKind) -> list[str]:
    """Compare a difference that stands out with what seeds alone do, where several were run."""
    group = next((g for g in comparison.groups if result.run in g.runs), None)
    if group is None:
        return ["It repeats settings and seed of another run: what differs is not in its settings."]
    if 0 in group.runs:
        return ["The two differ only in the seed: what lies between them is noise of training, not an effect of a setting."]
    gain, spread = result.difference, [g for g in comparison.group_results if g.score == score.key and not math.isnan(g.sd)]
    if gain is None or gain.low <= 0 <= gain.high or not spread:
        return []
    widest = max(spread, key=lambda g: g.sd)
    if abs(gain.value) >= 2 * math.sqrt(2) * widest.sd:  # twice the standard deviation of a difference of two single runs
        return []
    return [f"Seeds alone spread this score by a standard deviation of {points(widest.sd)} points (n = {len(widest.values)}): "
            "two single runs may differ by as much for that reason, and another seed may undo it."]


def group_sentence(comparison: Comparison, result: GroupResult, score: ScoreKind) -> str:
    """Say what the seeds of one configuration show."""
    group = comparison.groups[result.group]
    name = f"Configuration {result.group + 1}" + (f" ({group.label})" if group.label else "")
    if len(result.values) == 1:
        return f"{name}: one seed, {score.name} {result.mean:.3f}; how much the seed matters is not known."
    text = (f"{name}: mean {score.name} {result.mean:.3f} over n = {len(result.values)} seeds, standard deviation "
            f"{points(result.sd)} points, from {min(result.values):.3f} to {max(result.values):.3f}.")
    if result.difference is None:
        return text
    gain = result.difference
    verdict = "includes 0" if gain.low <= 0 <= gain.high else "leaves out 0"
    return text + (f" The mean is {signed(gain.value)} points from that of the baseline's configuration; the 95 % interval over "
                   f"{gain.unit}s, {range_text(gain)} points, {verdict}, and says nothing about other seeds.")


# ---- what they do not show ---------------------------------------------------
def cautions(comparison: Comparison) -> list[str]:
    """Return what the data do not show, whatever the numbers are."""
    result = _about_inputs(comparison)
    if comparison.aligned is not None:
        result += _about_seeds(comparison) + _about_test(comparison, comparison.aligned)
        result += _about_metrics(comparison, comparison.aligned)
    result += _about_left_out(comparison)
    if len(comparison.runs) > 2:
        result.append("Whoever picks the best of several runs by its test score and then quotes that score overstates it: "
                      "choose on validation, then look once at the test.")
    return [*result, "The test records stand for themselves: nothing here speaks of texts from another source or time."]


def _about_seeds(comparison: Comparison) -> list[str]:
    """Say that resampling test records says nothing of other seeds, and how many seeds there were."""
    always = ("Intervals and tests resample the test records: they speak of these trained models on other texts like these, and "
              "say nothing of what another seed would give.")
    counts = [len(group.runs) for group in comparison.groups]
    if max(counts) == 1:
        return [f"{always} Every configuration was run with one seed, so nothing here speaks of the settings themselves: run "
                "each with several seeds to say more."]
    rough = [count for count in counts if 1 < count < FEW_SEEDS]
    single = f" {counts.count(1)} of {len(counts)} configurations have one seed only." if 1 in counts else ""
    few = f" A standard deviation over {min(rough)} seeds is itself rough." if rough else ""
    return [always + single + few]


def _about_left_out(comparison: Comparison) -> list[str]:
    left = comparison.selection.left_out
    if not left:
        return []
    names = ", ".join(name for name, _ in left[:3]) + (", ..." if len(left) > 3 else "")
    runs = f"{len(left)} runs of the folder are" if len(left) > 1 else "1 run of the folder is"
    return [f"{runs} left out, not having finished well ({names}): if a setting made it fail, nothing here counts that "
            "against the setting."]


def _about_inputs(comparison: Comparison) -> list[str]:
    """Name inputs that differ and that no differing setting explains; say where several settings differ at once."""
    inputs, sentences = comparison.inputs, []
    if keys := inputs.unexplained:
        sentences.append(f"The settings are not all that differs between the runs: {', '.join(keys)} "
                         f"{'do' if len(keys) > 1 else 'does'} too. A difference in scores need not come from the settings.")
    shown = [[shown_value(own.get(key)) for key in inputs.differing] for own in inputs.settings]
    changes = [sum(one != base for one, base in zip(own, shown[0], strict=True)) for own in shown]
    if many := [f"{run}" for run, count in enumerate(changes, 1) if count > 1]:
        runs = f"Run {many[0]} differs" if len(many) == 1 else f"Runs {', '.join(many)} differ"
        runs = runs if len(many) <= MOST_RUNS else f"{len(many)} runs differ"
        sentences.append(f"{runs} from run 1 in more than one setting (the seed counts): that alone does not show which one "
                         "matters.")
    return sentences


def _about_test(comparison: Comparison, aligned: Aligned) -> list[str]:
    sentences = []
    if aligned.unit in ("record", "sentence"):
        sentences.append(f"The predictions of run 1 do not say which document a record comes from, so single {aligned.unit}s are "
                         "resampled. Records of one document resemble each other: the true intervals may be wider.")
    if aligned.groups < SMALL_TEST:
        plural = "s" if aligned.groups != 1 else ""
        sentences.append(f"The test set has only {aligned.groups} {aligned.unit}{plural}: intervals are rough, "
                         f"and only large differences can show.")
    least, tests = 2 / 2**aligned.groups if comparison.exact else 1 / (comparison.resamples + 1), comparison.tests
    if tests * least >= ALPHA:
        sentences.append(f"The smallest p-value there can be is {least:.2g}, so after correction for {tests} comparison"
                         f"{'s' if tests > 1 else ''} none can be below {ALPHA}: " + (
                             "take a larger test set." if comparison.exact else "compare fewer runs, or give more --resamples."))
    if len(aligned.slices) > 1:
        sentences.append("Slices of the test set have intervals but no tests, and nothing corrects for their number: one that "
                         f"stands out is a question for new data. Slices "
                         f"in fewer than {FEW_GROUPS} {aligned.unit}s have no interval.")
    return sentences


def _about_metrics(comparison: Comparison, aligned: Aligned) -> list[str]:
    """Say where metrics.json has another number than the predictions give."""
    different: dict[str, list[str]] = {}
    for number, run in enumerate(comparison.runs):
        several = len(run.manifest.get("settings", {}).get("seeds") or []) > 1
        why = "metrics.json holds means over several seeds, the predictions are of one" if several else "the cause is not known"
        for score in aligned.task.scores:
            saved, own = run.metrics.get(score.metric), comparison.result(number, score.key).own.value
            if isinstance(saved, (int, float)) and abs(saved - own) > 1e-6:
                different.setdefault(why, []).append(f"run {number + 1} {score.name} {own:.3f}, metrics.json {saved:.3f}")
    return [f"The predictions give other scores than metrics.json ({why}): {'; '.join(found[:3])}"
            f"{f'; and {len(found) - 3} more' if len(found) > 3 else ''}." for why, found in different.items()]
