"""RESULTS.md from the numbers: the same numbers always give the same page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.settings import CONTENDERS, F1_TARGET, SHARE_TARGET
from benchmarks.summary import of_part

Values = Mapping[str, Any]


def render(values: Values) -> str:
    """Return the page for the contents of a results.json (with its ``summary``)."""
    parts = [_head(values), _training(values), _ratios(values), _share(values), _scores(values), _inference(values),
             _memory(values), _contenders(values), _limits(values)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def with_range(numbers: Values, digits: int = 0, middle: str = "median") -> str:
    """Return ``median (low to high)``; one figure alone where there is no range."""
    if numbers["low"] is None or numbers["low"] == numbers["high"]:
        return f"{numbers[middle]:,.{digits}f}"
    return f"{numbers[middle]:,.{digits}f} ({numbers['low']:,.{digits}f} to {numbers['high']:,.{digits}f})"


def label(name: str, values: Values) -> str:
    """Return the name of a contender as it ran here."""
    return CONTENDERS[name].label_for(values["plan"]["precision"])


def _in_order(rows: Values) -> dict[str, Any]:
    """Return rows in the order of the contenders: JSON files here have sorted keys."""
    return {name: rows[name] for name in CONTENDERS if name in rows}


def _epochs(count: int) -> str:
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def _native(values: Values) -> bool:
    return bool(values["plan"]["precision"] == "bf16")


def _head(values: Values) -> list[str]:
    settings, corpus = values["settings"], values["corpus"]
    lines = ["# Speed, memory and scores, measured", "", "Written by `make bench` from `results.json`; not edited by hand."]
    if settings["quick"]:
        lines += ["", "**A quick look: tiny sizes in one process. It shows that every part runs; its figures mean nothing.**"]
    if not values["complete"]:
        lines += ["", "**Not everything has been measured yet**; `python -m benchmarks --resume` goes on."]
    lines += ["", f"{_measured_on(values)} {_method(values)}"]
    return lines + (["", f"**{corpus['remark']}**"] if corpus["remark"] else [])


def _measured_on(values: Values) -> str:
    machine, settings, corpus, versions = (values[name] for name in ("machine", "settings", "corpus", "versions"))
    gpu = f", {machine['gpu']} with {machine['gpu_memory_gib']} GiB" if machine["gpu"] else ""
    return (
        f"Measured on {values['date']} on {machine['cores']} cores ({machine['architecture']}, {machine['capability']}, bf16 "
        f"{'native' if machine['cpu_bf16_native'] else 'not native'}), {machine['memory_gib']} GiB of memory{gpu}; device "
        f"{values['plan']['device']}, precision chosen for ours {values['plan']['precision']}; "
        + ", ".join(f"{name} {number}" for name, number in sorted(versions.items())) + ". "
        f"Corpus: the first {corpus['training']:,} training records of `{corpus['name']}` and its validation part "
        f"({corpus['validation']:,} records); licence: {corpus['licence']}. Checkpoint `{settings['checkpoint']}`."
    )


def _method(values: Values) -> str:
    settings = values["settings"]
    return (
        f"Every contender has the same start weights, records, labels (on first pieces), batch size {settings['batch_size']}, "
        f"learning rate {settings['learning_rate']:g} with linear warm-up over {settings['warmup']:.0%} of the steps and linear "
        f"decay, AdamW with weight decay {settings['weight_decay']:g}, and seed {settings['seed']}. Each measurement runs alone "
        f"in a process of its own; in each of {settings['rounds']} rounds all contenders take turns, beginning with another one. "
        "Figures are medians of the rounds, lowest and highest in brackets. Time runs from the making of the first batch to the "
        "end of the last step, without loading and validation. *Real* tokens are pieces that are not padding; each contender's "
        "own are counted. Peak memory is the process's most resident memory until training ended, libraries included. The score "
        "is strict entity F1 (both edges and type) on the validation part, decoded the same way in fp32 for all."
    )


def _training(values: Values) -> list[str]:
    rows, settings = _in_order(values["summary"]["training"]), values["settings"]
    if not rows:
        return []
    on_gpu = any(row["gpu_peak_mib"] for row in rows.values())
    header = ["contender", "real tokens/s", f"the same without the first {settings['cold_steps']} steps", "seconds an epoch",
              "padding", "peak memory, MiB", *(["peak GPU memory, MiB"] if on_gpu else []),
              f"validation F1 after {_epochs(settings['epochs'])}"]
    lines = []
    for name, row in rows.items():
        gpu = [with_range(row["gpu_peak_mib"]) if row["gpu_peak_mib"] else ""] if on_gpu else []
        score = "" if row["entity_f1"] is None else f"{row['entity_f1']:.3f}"
        lines.append([label(name, values), with_range(row["tokens_per_second"]), with_range(row["warm_tokens_per_second"]),
                      with_range(row["seconds_per_epoch"], 1), f"{row['padding_share']:.0%}", with_range(row["peak_mib"]),
                      *gpu, score])
    shares = [row["processor_share"] for row in rows.values()]
    return ["## Training", "", *table(header, lines), "", (
        f"The processes had between {min(s['low'] for s in shares):.0%} and {max(s['high'] for s in shares):.0%} of the cores' "
        "time; much less than all of it means that something else was running, or that a loop leaves cores idle."
    )]


def _ratios(values: Values) -> list[str]:
    ratios = _in_order(values["summary"].get("ratios", {}))
    if not ratios:
        return []
    lines = [[f"ours / {label(name, values)}", f"{r['ratio']:.2f}", f"{r['low']:.2f} to {r['high']:.2f}" if r["low"] else "",
              f"{r['target']:.1f}" if r["target"] else ""] for name, r in ratios.items()]
    said = [_verdict(name, r["ratio"], r["target"], values) for name, r in ratios.items() if r["target"]]
    if not _native(values):
        said += ["", "This hardware does not multiply bf16 natively, so ours ran in fp32; the targets are for hardware "
                     "that does."]
    header = ["ratio of real tokens per second", "of the medians", "within the rounds", "target on a CPU with native bf16"]
    return ["## Ratios", "", *table(header, lines), "", *said]


def _verdict(name: str, found: float, target: float, values: Values) -> str:
    reached = f": that {'reaches' if found >= target else 'misses'} {target:.1f}" if _native(values) else ""
    return f"- Ours is {found:.2f} times as fast as the contender “{label(name, values)}”{reached}."


def _share(values: Values) -> list[str]:
    rates, share = values["summary"].get("rates"), values["summary"].get("share")
    if not rates:
        return []
    sizes = sorted(rates["fp32"], key=int)
    lines = [[f"{size} x {size}", *(with_range(rates[kind][size], 1) for kind in ("fp32", "bf16"))] for size in sizes]
    text = ["## The machine's own rate", "", *table(["product of two matrices", "fp32, GFLOP/s", "bf16, GFLOP/s"], lines)]
    if share:
        target = (f" The target on a CPU with native bf16 is {SHARE_TARGET:.2f}: "
                  + ("reached." if share["share"] >= SHARE_TARGET else "missed.") if _native(values) else
                  f" (The target of {SHARE_TARGET:.2f} is for the bf16 rate of a CPU with native bf16.)")
        text += ["", (
            f"Training takes 6 operations for each of the {share['encoder_weights']:,} encoder weights without embeddings and "
            f"each real token. Ours reaches **{share['share']:.2f}** of the best {share['precision']} rate "
            f"({share['rate']:,.0f} GFLOP/s), {share['warm_share']:.2f} "
            f"without the first {values['settings']['cold_steps']} steps." + target
        )]
    return text


def _scores(values: Values) -> list[str]:
    found = values["summary"].get("f1")
    if not found:
        return []
    lines = [[f"{seed}", f"{ours:.3f}", f"{theirs:.3f}", f"{points:+.1f}"]
             for (seed, ours, theirs), points in zip(found["pairs"], found["points"], strict=True)]
    text = ["## Score at equal epochs", "", *table(["seed", "ours", "Trainer defaults", "difference, points"], lines), ""]
    if found["low"] is None:
        return [*text, f"Mean difference {found['mean']:+.2f} points; one seed has no interval."]
    verdict = "lies above" if found["low"] > F1_TARGET else "does not lie above"
    zero = "includes" if found["low"] <= 0 <= found["high"] else "excludes"
    return [*text, (
        f"After {_epochs(values['settings']['f1_epochs'])} the mean difference is {found['mean']:+.2f} points of validation F1, "
        f"95 % interval {found['low']:+.2f} to {found['high']:+.2f} (Student's t over {len(lines)} seeds). Its lower end "
        f"{verdict} the target of {F1_TARGET:+.1f}; the interval {zero} 0. The seed fixes the head's start and, in each loop for "
        "itself, order and dropout; the validation records are the same for all."
    )]


def _inference(values: Values) -> list[str]:
    found = of_part(values["measurements"], "inference").get("ours", {})
    if not found:
        return []
    lines = [[f"{row['batch_size']}", f"{row['sentences_per_second']:,.0f}", f"{1000 * row['p50_seconds']:,.1f}",
              f"{1000 * row['p95_seconds']:,.1f}", f"{row['batches']}"] for row in found[1]["rows"]]
    return ["## Inference", "", *table(["sentences at once", "sentences/s", "p50, ms", "p95, ms", "calls"], lines), "", (
        f"From validation texts to entities with the package's own functions in {values['plan']['precision']}: tokenization, the "
        "forward pass (at most 32 rows in a batch) and decoding are all in it. The first calls are left out. A latency is that "
        "of a whole call."
    )]


def _memory(values: Values) -> list[str]:
    rows = of_part(values["measurements"], "memory").get("stream", {})
    if not rows:
        return []
    header = ["generated sentences", "text, MiB", "features on disk, MiB", "peak resident, MiB", "peak own data, MiB",
              "own data before the first sentence, MiB", "mapped files at the end, MiB", "seconds"]
    names = ("text_mib", "features_mib", "peak_mib", "peak_anonymous_mib", "start_anonymous_mib", "end_file_mib")
    lines = [[f"{count:,}", *(_mib(row[name]) for name in names),
              f"{row['encode_seconds'] + row['batch_seconds']:,.0f}"] for count, row in rows.items()]
    text = ["## Large inputs", "", *table(header, lines), "", (
        "Sentences stream from a CoNLL file through reading, encoding to an Arrow file and all batches of one epoch. The file of "
        "features is mapped into memory: its pages count as resident while they are cached, and the system drops them when it "
        "needs the room. The process's own (anonymous) data is what must not grow."
    )]
    first, last = next(iter(rows.items())), list(rows.items())[-1]
    if len(rows) > 1 and first[1]["peak_anonymous_mib"]:
        more = last[1]["peak_anonymous_mib"] - first[1]["peak_anonymous_mib"]
        text += ["", f"With {last[0] / first[0]:,.0f} times the sentences the peak of the process's own data differs by "
                     f"{more:+,.1f} MiB: {more * 2**20 / (last[0] - first[0]):+,.1f} bytes for each further sentence."]
    return text


def _mib(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def _contenders(values: Values) -> list[str]:
    return ["## Who is who", "", *(f"- **{label(name, values)}**: {c.what}." for name, c in CONTENDERS.items())]


def _limits(values: Values) -> list[str]:
    training = values["summary"]["training"]
    cut = training.get("blog", {}).get("sentences_cut", 0)
    lines = [
        "- These are figures of one machine, one small checkpoint and short sentences. Longer rows leave less to save on padding "
        "and more to attention; a larger encoder spends more of its time in matrix products. Ratios on other hardware differ: "
        "run it there.",
        "- Within a round, contenders run minutes apart. Where the range within the rounds is wide, the machine was not calm, "
        "and a difference smaller than that range says nothing.",
        "- Scores after so few epochs on so few sentences compare loops with each other. They say nothing of how good the model "
        "can get.",
        "- `Trainer` groups by length within pools of a quarter of the records, 50 batches at most, and ours within pools of 32 "
        "batches: on a short slice it groups less well than it would on a whole corpus. The padding column shows it.",
        "- `Trainer` and the blog loop have options that would make them faster; the rows show what they do as described above.",
    ]
    if cut:
        lines.append(f"- The blog loop cut {cut:,} training records off at its fixed length and lost their labels behind it.")
    return ["## What this does not show", "", *lines]
