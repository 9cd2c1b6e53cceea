"""The benchmark command: its arithmetic by hand, its contenders on a tiny model, the command from end to end."""

from __future__ import annotations

import copy
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from samples import four_notes, renamed

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the benchmarks lie beside the package, not in it

from benchmarks import child, examples, large, meters, results, summary
from benchmarks.__main__ import bench, main
from benchmarks.contenders import CountedTask, PaddedTexts, Setup, library_model, set_attention_dropout, train_contender
from benchmarks.render import render
from benchmarks.settings import CONTENDERS, PARTS, Job, Settings, jobs_of, quick_settings
from course_lib.data import IGNORE_INDEX
from course_lib.errors import ConfigError, DataError, TrainingError
from course_lib.machine import Plan
from course_lib.tasks import NerTask

ROOT = Path(__file__).resolve().parents[1]
PLAN = Plan("cpu", "fp32", 4)


def setup_for(task: NerTask, **changes: Any) -> Setup:
    """Eight notes, batches of three, one epoch."""
    settings = quick_settings(**{"checkpoint": task.checkpoint, "records": 8, "batch_size": 3, **changes})
    notes = [*four_notes(), *renamed(four_notes(), "-again")]
    return Setup(settings, PLAN, task, notes, 0, 1, meters.Clock(task.tokenizer.pad_token_id))


# Arithmetic


def test_spread_is_median_lowest_highest() -> None:
    assert summary.spread([5.0, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 5.0}
    assert summary.spread([4.0, 1.0])["median"] == 2.5
    with pytest.raises(ConfigError, match="found none"):
        summary.spread([])


def test_ratio_is_of_the_medians_and_its_range_is_within_rounds() -> None:
    # Medians 20 and 5; rounds 10/5, 20/4, 60/10. The median of the rounds' ratios would be 5.
    found = summary.ratio({1: 10.0, 2: 20.0, 3: 60.0}, {1: 5.0, 2: 4.0, 3: 10.0})
    assert found == {"ratio": 4.0, "low": 2.0, "high": 6.0}


def test_t_interval_by_hand() -> None:
    # Mean 2, standard deviation 1, n = 3: 2 -+ 4.3027 / sqrt(3).
    found = summary.t_interval([1.0, 2.0, 3.0])
    assert found["mean"] == 2.0
    assert found["low"] == pytest.approx(2 - 4.30265 / math.sqrt(3), abs=1e-4)
    assert found["high"] == pytest.approx(2 + 4.30265 / math.sqrt(3), abs=1e-4)
    assert summary.t_interval([1.0])["low"] == -math.inf


def test_clock_counts_real_tokens_and_leaves_cold_steps_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = meters.Clock(padding=0)
    clock.start = 100.0
    for row in ([5, 6, 0, 0], [5, 6, 7, 0], [5, 6, 7, 8]):
        clock.batch(torch.tensor([row]))
    clock.ends = [104.0, 105.0, 107.0]
    found = clock.result(epochs=2, cold=1)
    assert (found["tokens"], found["steps"], found["seconds_per_epoch"]) == (9, 3, 3.5)
    assert found["tokens_per_second"] == 9 / 7
    assert found["warm_tokens_per_second"] == 7 / 3  # 3 + 4 tokens between 104 and 107
    assert found["padding_share"] == 3 / 12
    assert clock.result(epochs=1, cold=0)["warm_tokens_per_second"] == 9 / 7


def test_peak_memory_rises_with_what_is_held() -> None:
    before = meters.peak_mib()
    with meters.AnonymousPeak(every=0.001) as watched:
        held = torch.ones(max(int(before), 64) * 2**18)  # as many MiB as the peak so far
    assert held.sum() and meters.peak_mib() >= before + 30
    if meters.STATUS.exists():
        assert watched.mib and watched.mib > held.nbytes / 2**20


# Settings and jobs


def test_every_round_runs_every_contender_once_and_begins_with_another() -> None:
    jobs = jobs_of(Settings(rounds=6), ("training",))
    rounds = [[j.name for j in jobs if j.number == turn] for turn in range(1, 7)]
    assert all(sorted(names) == sorted(CONTENDERS) for names in rounds)
    assert {names[0] for names in rounds} == set(CONTENDERS)
    assert [j.scored for j in jobs] == [True] * 6 + [False] * 30


def test_jobs_cover_every_part_and_keys_differ() -> None:
    jobs = jobs_of(Settings(rounds=2, seeds=3))
    assert {j.part for j in jobs} == set(PARTS)
    assert len({j.key for j in jobs}) == len(jobs) == 2 * (1 + 6) + 1 + 2 + 3 * 2
    with pytest.raises(ConfigError, match="training"):
        jobs_of(Settings(), ("trainng",))


@pytest.mark.parametrize(("changes", "words"), [({"rounds": 0}, "rounds"), ({"records": 64}, "more than 5 steps"), ({"seeds": True}, "seeds")])
def test_impossible_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Settings(**changes)


def test_settings_survive_json() -> None:
    settings = quick_settings(records=16)
    assert Settings.from_json(json.loads(json.dumps(vars(settings)))) == settings


# Contenders


def test_all_start_from_the_same_weights_head_included(ner_task: NerTask) -> None:
    ours, theirs = ner_task.build(3).state_dict(), library_model(Setup(**{**vars(setup_for(ner_task)), "seed": 3})).state_dict()
    assert ours.keys() == theirs.keys() and "classifier.weight" in ours
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_dropout_of_the_checkpoint_goes_into_attention_only(ner_task: NerTask) -> None:
    model = ner_task.build(0)
    assert set_attention_dropout(model, 0.1) == 2  # one for each layer
    rates = {name: module.p for name, module in model.named_modules() if isinstance(module, torch.nn.Dropout)}
    assert {name for name, rate in rates.items() if rate} == {f"bert.encoder.layer.{i}.attention.self.dropout" for i in (0, 1)}
    with pytest.raises(ConfigError, match="BERT-like"):
        set_attention_dropout(torch.nn.Linear(2, 2), 0.1)


@pytest.mark.parametrize("name", CONTENDERS)
def test_contenders_see_the_same_tokens_and_learn(name: str, with_dropout: NerTask) -> None:
    setup = setup_for(with_dropout)
    start = library_model(setup).state_dict()
    model = train_contender(name, setup)
    lengths = with_dropout.encode(setup.notes).dataset["length"]
    found = setup.clock.result(1, 1)
    assert (found["tokens"], found["steps"]) == (sum(lengths), 3)
    assert not torch.equal(model.state_dict()["classifier.weight"].cpu(), start["classifier.weight"])
    # What is padding differs; only the blog loop pads to a fixed length.
    assert (setup.clock.positions == 8 * setup.settings.padded_length) == (name == "blog")


def test_ours_keeps_the_average_of_weights(with_dropout: NerTask) -> None:
    kept = [train_contender("ours", setup_for(with_dropout, average=decay)).classifier.weight for decay in (0.0, 0.5, 0.5)]
    assert torch.equal(kept[1], kept[2]) and not torch.equal(kept[0], kept[1])


@pytest.mark.parametrize(("name", "divided"), [("ours", True), ("ours_dropout", True), ("ours_whole", False)])
def test_one_of_ours_takes_batches_whole(name: str, divided: bool, ner_task: NerTask, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import contenders

    def only_look(_task: Any, model: Any, _features: Any, _validation: Any, config: Any, **_: Any) -> Any:
        seen.append(config.halves)
        return SimpleNamespace(model=model)

    seen: list[bool] = []
    monkeypatch.setattr(contenders, "train", only_look)
    train_contender(name, setup_for(ner_task))
    assert seen == [divided]


def test_dropout_is_what_separates_the_two_of_ours(with_dropout: NerTask) -> None:
    rates = []
    for name in ("ours", "ours_dropout"):
        model = train_contender(name, setup_for(with_dropout))
        rates.append(model.bert.encoder.layer[0].attention.self.dropout.p)
    assert rates == [0.0, 0.1]


def test_trainer_takes_the_shared_settings(ner_task: NerTask, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import contenders

    seen: dict[str, dict[str, Any]] = {}

    class NoTrainer:
        def __init__(self, model: Any, arguments: Any, collate: Any, data: Any, callbacks: Any) -> None:
            self.model, seen["given"] = model, vars(arguments)

        def train(self) -> None: ...

    monkeypatch.setattr(contenders, "Trainer", NoTrainer)
    setup = setup_for(ner_task, learning_rate=3e-4, weight_decay=0.02, warmup=0.25)
    for plan, grouped, bf16 in ((PLAN, False, False), (PLAN, True, False), (Plan("cpu", "bf16", 4), True, True), (Plan("cpu", "bf16", 4), False, False)):
        contenders.train_trainer(Setup(**{**vars(setup), "plan": plan, "clock": meters.Clock(0)}), grouped=grouped)
        given = seen["given"]
        assert (given["learning_rate"], given["weight_decay"], given["warmup_steps"]) == (3e-4, 0.02, 0.25)
        assert (given["per_device_train_batch_size"], given["lr_scheduler_type"], given["max_grad_norm"]) == (3, "linear", 1.0)
        assert (given["train_sampling_strategy"], given["bf16"]) == ("group_by_length" if grouped else "random", bf16)


def test_padded_texts_have_first_piece_labels_and_count_what_they_cut(ner_task: NerTask) -> None:
    setup = setup_for(ner_task, padded_length=8)
    texts = PaddedTexts(setup)
    first = texts[0]  # patient takes met ##form ##in .
    assert first["labels"].tolist() == [IGNORE_INDEX, 0, 0, 3, IGNORE_INDEX, IGNORE_INDEX, 0, IGNORE_INDEX]
    assert not texts.cut
    assert len(PaddedTexts(setup_for(ner_task, padded_length=5))[0]["input_ids"]) == 5
    short = PaddedTexts(setup_for(ner_task, padded_length=5))
    short[0], short[0]
    assert short.cut == {0}


def test_a_counted_task_is_the_task_otherwise(ner_task: NerTask) -> None:
    clock = meters.Clock(0)
    counted = CountedTask(ner_task, clock)
    assert counted.monitor == ner_task.monitor
    rows = [dict(row) for row in ner_task.encode(four_notes()).dataset]
    assert torch.equal(counted.collate(rows)["input_ids"], ner_task.collate(rows)["input_ids"])
    assert clock.tokens == [sum(row["length"] for row in rows)]


# Corpus, large inputs, child processes


def test_the_bundled_corpus_stands_in_and_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    original = examples.load_notes

    def refuse(name: str) -> Any:
        if name == "medical_notes":
            return original(name)
        raise DataError(f"{name}: no network")

    monkeypatch.setattr(examples, "load_notes", refuse)
    settings, remark = examples.with_available_corpus(Settings(records=100_000))
    assert settings.corpus == "medical_notes" and "could not be had" in remark and "no network" in capsys.readouterr().out
    assert settings.records == len(examples.load_slice(settings).training)  # no more than there are
    with pytest.raises(DataError):
        examples.with_available_corpus(Settings(corpus="bc5cdr"))  # asked for by name: nothing stands in for it


def test_too_few_records_are_refused() -> None:
    with pytest.raises(DataError, match="--records"):
        examples.load_slice(quick_settings(records=100_000))


def test_large_input_is_counted_whole(tiny: str) -> None:
    found = large.measure_large(quick_settings(checkpoint=tiny), 40)
    assert found["sentences"] == 40 and found["rows"] >= 40 and found["tokens"] > 40 * 10
    assert found["peak_mib"] > 0 and found["text_mib"] > 0 and found["features_mib"] > 0


def test_generated_sentences_repeat_and_differ_by_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        large.write_sentences(tmp_path / name, 30, seed)
    a, b, c = ((tmp_path / name).read_text() for name in "abc")
    assert a == b != c
    assert a.count("\n\n") == 30 == a.count("\tB-Disease")


def test_a_job_runs_in_a_process_of_its_own(tiny: str) -> None:
    """One real child; its peak memory is its own, however large this process is."""
    settings = Settings(**{**vars(quick_settings(checkpoint=tiny)), "quick": False})
    big = torch.ones(1 << 27)  # 512 MiB here must not count there
    found = child.run(settings, PLAN, Job("memory", "stream", 20))
    assert found["sentences"] == 20 and found["peak_mib"] < meters.peak_mib()
    assert big.sum() == 1 << 27


def test_a_failing_job_says_what_happened() -> None:
    settings = Settings(**{**vars(quick_settings(checkpoint="no-such-checkpoint")), "quick": False})
    with pytest.raises(TrainingError, match="(?s)no-such-checkpoint.*--resume"):
        child.run(settings, PLAN, Job("inference", "ours", 1))


# The command


@pytest.fixture(scope="module")
def finished(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quick run of the whole command."""
    folder = tmp_path_factory.mktemp("bench")
    assert main(["--quick", "--checkpoint", tiny, "--output", str(folder)]) == 0
    return folder


def test_quick_run_measures_everything(finished: Path) -> None:
    values = json.loads((finished / "results.json").read_text())
    settings = Settings.from_json(values["settings"])
    assert values["complete"] and set(values["measurements"]) == {job.key for job in jobs_of(settings)}
    assert set(values["summary"]) == {"training", "ratios", "rates", "share", "f1"}
    assert set(values["summary"]["training"]) == set(CONTENDERS) and len(values["summary"]["ratios"]) == 5
    assert {row["entity_f1"] is not None for row in values["summary"]["training"].values()} == {True}
    assert [row["batch_size"] for row in values["measurements"]["inference/ours/1"]["rows"]] == [1, 3]
    assert len({row["tokens"] for row in values["summary"]["training"].values()}) <= 2  # the blog loop may cut


def test_page_has_every_table_and_nothing_of_this_machine(finished: Path) -> None:
    page = (finished / "RESULTS.md").read_text()
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## Training", "## Ratios", "## The machine's own rate", "## Score at equal epochs", "## Inference",
                        "## Large inputs", "## Who is who", "## What this does not show"]
    everything = page + (finished / "results.json").read_text()
    assert str(ROOT) not in everything and str(finished.parent) not in everything


def test_render_is_stable(finished: Path) -> None:
    page = (finished / "RESULTS.md").read_bytes()
    assert main(["--render", "--output", str(finished)]) == 0
    assert (finished / "RESULTS.md").read_bytes() == page


def test_page_says_whether_targets_are_reached(finished: Path) -> None:
    values = json.loads((finished / "results.json").read_text())
    assert "the targets are for hardware that does" in render(values) or values["plan"]["precision"] == "bf16"
    fast, slow = copy.deepcopy(values), copy.deepcopy(values)
    for changed, figure in ((fast, 5.0), (slow, 4.99)):
        changed["plan"]["precision"] = "bf16"
        changed["summary"]["ratios"]["trainer"]["ratio"] = figure
        changed["summary"]["f1"]["low"] = -1.4 if changed is fast else -1.5
    assert "“Trainer defaults”: that reaches 5.0" in render(fast) and "“Trainer defaults”: that misses 5.0" in render(slow)
    assert "lower end lies above" in render(fast) and "lower end does not lie above" in render(slow)
    assert "Trainer, bf16 and length grouping" in render(fast)


def test_interrupted_run_keeps_what_it_has_and_goes_on(tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, done = quick_settings(checkpoint=tiny), []

    def stop_at_third(settings: Settings, plan: Plan, job: Job) -> dict[str, Any]:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.key)
        return {"fp32": {"256": 10.0 * len(done)}, "bf16": {"256": 1.0}}

    settings = quick_settings(checkpoint=tiny, rounds=3)
    assert bench(tmp_path, settings, ("rates",), runner=stop_at_third) == 130
    kept = json.loads((tmp_path / "results.json").read_text())
    assert list(kept["measurements"]) == ["rates/products/1", "rates/products/2"] and not kept["complete"]
    assert "Not everything has been measured" in (tmp_path / "RESULTS.md").read_text()
    done.clear()
    assert bench(tmp_path, settings, ("rates",), resume=True, runner=stop_at_third) == 0
    assert done == ["rates/products/3"]
    assert json.loads((tmp_path / "results.json").read_text())["summary"]["rates"]["fp32"]["256"]["median"] == 10.0
    with pytest.raises(ConfigError, match="other settings"):
        bench(tmp_path, quick_settings(checkpoint=tiny, rounds=2), ("rates",), resume=True, runner=stop_at_third)


@pytest.mark.parametrize("arguments", [["--only", "speed"], ["--records", "0"], ["--render", "--output", "nowhere"]])
def test_wrong_arguments_are_explained(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "--output" in arguments:
        arguments = [*arguments[:-1], str(tmp_path)]
    assert main(arguments) == 2
    assert "expected" in capsys.readouterr().err


def test_committed_page_is_the_one_of_the_committed_numbers() -> None:
    path = ROOT / "benchmarks" / "results.json"
    if not path.is_file():
        pytest.skip("benchmarks/results.json is not there yet: make bench")
    values = results.read(path)
    assert values["complete"] and not values["settings"]["quick"]
    assert values["summary"] == summary.summarise(values["measurements"], values["plan"]["precision"])
    assert (path.parent / "RESULTS.md").read_text(encoding="utf-8") == render(values)
