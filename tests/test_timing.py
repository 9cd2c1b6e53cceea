"""The arithmetic of predicted minutes, with numbers that can be counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib import timing
from course_lib.data.records import Note
from course_lib.errors import ConfigError
from course_lib.machine import Machine, Plan
from course_lib.tasks import NerTask
from course_lib.timing import Workload
from course_lib.training import TrainingConfig

SETTINGS = {"epochs": 3, "max_train_records": None, "silver_records": 4, "max_eval_records": None}


def test_encoder_weights_are_matrices_without_embeddings(ner_task: NerTask) -> None:
    # 2 layers of 4 x 32 x 32 (attention) and 2 x 32 x 64 (feed-forward), and a head of 7 x 32.
    assert timing.encoder_weights(ner_task.build(0)) == 2 * (4 * 32 * 32 + 2 * 32 * 64) + 7 * 32


def test_operations_are_six_and_two_per_weight_and_token() -> None:
    assert Workload(trained=10, predicted=5).operations(weights=7) == 7 * (6 * 10 + 2 * 5)


def test_six_operations_agree_with_a_count_by_torch() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    layers = nn.Sequential(nn.Linear(16, 32, bias=False), nn.Linear(32, 8, bias=False))
    inputs = torch.randn(10, 16, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        layers(inputs).sum().backward()
    assert counter.get_total_flops() == Workload(10, 0).operations(timing.encoder_weights(layers))


def test_workload_counts_epochs_silver_and_evaluation() -> None:
    # Training 10 + 20 = 30 tokens, silver 4 x 15 = 60; validation 7 an epoch, test 5 once.
    assert timing.workload_of(SETTINGS, [10, 20], [7], [5]) == Workload(3 * 90, 3 * 7 + 5)


def test_silver_in_short_windows_is_trained_on_once_before() -> None:
    # 3 x 30 + 4 x 8 x 5/4; validation after the silver stage and after each of 3 epochs.
    assert timing.workload_of({**SETTINGS, "silver_window": 8}, [10, 20], [7], [5]) == Workload(90 + 40, 4 * 7 + 5)


def test_limits_cut_records_but_not_the_mean_length_of_silver() -> None:
    limits = {**SETTINGS, "max_train_records": 1, "max_eval_records": 1}
    assert timing.workload_of(limits, [10, 20], [7, 100], [5, 100]) == Workload(3 * (10 + 60), 3 * 7 + 5)


def test_notebook_02_trains_a_second_time_without_silver() -> None:
    once = timing.notebook_workload("03_finance_qa", SETTINGS, [10, 20], [7], [5])
    twice = timing.notebook_workload("02_medical_ner", SETTINGS, [10, 20], [7], [5])
    assert once == Workload(270, 26)
    assert twice == Workload(270 + 3 * 30, 2 * 26)


def test_an_empty_training_part_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected tokens of at least one training record, found none"):
        timing.workload_of(SETTINGS, [], [7], [5])


def test_seconds_and_share_undo_each_other() -> None:
    share = timing.share_reached(tokens_per_second=500, weights=1_000_000, rate=6.0)
    assert share == pytest.approx(0.5)  # 6 x 1e6 x 500 = 3e9 of 6e9
    assert timing.predicted_seconds(Workload(1000, 0).operations(1_000_000), share, 6.0) == pytest.approx(2.0)
    assert timing.predicted_seconds(3e9, 0.5, 6.0, other=20) == pytest.approx(21.0)


@pytest.mark.parametrize(("share", "rate"), [(0.0, 5.0), (0.5, 0.0), (float("nan"), 5.0)])
def test_a_prediction_without_measurement_is_refused(share: float, rate: float) -> None:
    with pytest.raises(ConfigError, match="Measure both first"):
        timing.predicted_seconds(1e9, share, rate)


def test_tokens_per_record_adds_up_windows(ner_task: NerTask) -> None:
    features = ner_task.encode([Note("a", "fever today"), Note("b", "pain " * 60)])
    totals = timing.tokens_per_record(features)
    assert totals[0] == 4  # two words, [CLS], [SEP]
    assert len(features) > 2 and totals[1] == sum(features.dataset["length"]) - 4


def test_rows_that_fit_grow_with_rate_and_stay_in_limits() -> None:
    # One row: 6 x 1e6 x 100 = 6e8 operations, 0.12 s at half of 10 GFLOP/s; 2 s hold 4 steps of 4 rows.
    assert timing.rows_that_fit(2.0, 4, 100, 1_000_000, 10.0, most=16) == 4
    assert timing.rows_that_fit(2.0, 4, 100, 1_000_000, 1000.0, most=16) == 16
    assert timing.rows_that_fit(2.0, 4, 100, 1_000_000, 0.01, most=16) == 1


def test_the_probe_takes_the_rate_of_the_plan() -> None:
    machine = Machine(2, 8.0, fp32_rate=100.0, bf16_rate=400.0)
    assert timing.probe_rate(Plan("cpu", "fp32", 8), machine) == 100.0
    assert timing.probe_rate(Plan("cpu", "bf16", 8), machine) == 400.0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_device_that_is_not_the_cpu_is_probed_itself(precision: str) -> None:
    # "cpu:0" stands in for a device we do not have; a described rate of 0 must not be used.
    assert timing.probe_rate(Plan("cpu:0", precision, 8), Machine(2, 8.0), size=32, tries=2) > 0


def test_training_is_measured_without_its_first_step(
    ner_task: NerTask, notes: list[Note], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(ticks)))
    config = TrainingConfig(epochs=1, batch_size=1)
    rate = timing.measure_training(ner_task, notes, config)
    lengths = list(ner_task.encode(notes).dataset["length"])
    assert 0 < rate <= sum(lengths)
    assert capsys.readouterr().out == ""


def test_one_batch_is_too_few_to_measure(ner_task: NerTask, notes: list[Note]) -> None:
    with pytest.raises(ConfigError, match="expected records for two batches or more, found 4 rows in batches of 8"):
        timing.measure_training(ner_task, notes, TrainingConfig(epochs=1, batch_size=8))
