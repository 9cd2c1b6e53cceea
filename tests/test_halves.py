"""Two halves of a batch at once give what one thread gives, and repeat to the bit."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn

from course_lib.data.arrow import in_chunks
from course_lib.models import halves
from course_lib.models.forward import forward_all, rows_of
from course_lib.tasks import NerTask
from course_lib.training import TrainingConfig, loop, train


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def weights_after(task: NerTask, notes: list[Any], threads: int, **more: Any) -> dict[str, torch.Tensor]:
    torch.set_num_threads(threads)
    result = train(task, task.build(1), task.encode(notes), None, TrainingConfig(epochs=2, batch_size=3, seed=1, **more))
    return {name: value.clone() for name, value in result.model.state_dict().items()}


def test_halves_give_the_gradient_of_the_whole(
    ner_task: NerTask, notes: list[Any], two_threads: None, plain_sgd: None
) -> None:
    """Plain gradient descent: AdamW would turn a last-bit difference of a gradient near zero into a whole step."""
    whole, halved = (weights_after(ner_task, notes, threads, learning_rate=0.1) for threads in (1, 2))
    assert all(torch.allclose(whole[name], halved[name], atol=2e-6) for name in whole)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_runs_are_equal_to_the_bit_with_dropout(
    with_dropout: NerTask, notes: list[Any], two_threads: None, precision: str
) -> None:
    first = weights_after(with_dropout, notes, 2, precision=precision)
    second = weights_after(with_dropout, notes, 2, precision=precision)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = train(with_dropout, with_dropout.build(1), with_dropout.encode(notes), None,
                  TrainingConfig(epochs=2, batch_size=3, seed=2, precision=precision)).model.state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first), "dropout must follow the seed"


def test_both_halves_work_at_the_same_time(two_threads: None) -> None:
    meeting = threading.Barrier(2, timeout=20)
    assert sorted(halves.run_halves(lambda x: (meeting.wait(), x)[1], [1, 2], random=False)) == [1, 2]


def test_an_error_in_one_half_is_raised_after_the_other_has_ended(two_threads: None) -> None:
    ended = []

    def work(number: int) -> None:
        if number == 0:
            raise ValueError("first half")
        ended.append(number)

    with pytest.raises(ValueError, match="first half"):
        halves.run_halves(work, [0, 1], random=False)
    assert ended == [1]


def test_threads_of_the_caller_stay_as_they_were(two_threads: None) -> None:
    assert halves.run_halves(lambda _: torch.get_num_threads(), [0, 1], random=False) == [1, 1]
    assert torch.get_num_threads() == 2


def test_prediction_leaves_the_random_numbers_of_training_alone(ner_task: NerTask, notes: list[Any], two_threads: None) -> None:
    model, features = ner_task.build(0), ner_task.encode(notes * 20)
    state = torch.get_rng_state()
    two = {tuple(b): o.logits.clone() for b, o in forward_all(model, features.dataset, ner_task.collate, batch_size=4)}
    assert torch.equal(state, torch.get_rng_state())
    torch.set_num_threads(1)
    one = {tuple(b): o.logits.clone() for b, o in forward_all(model, features.dataset, ner_task.collate, batch_size=4)}
    assert list(one) == list(two) and len(one) == 20
    assert all(torch.allclose(one[batch], two[batch], atol=1e-5) for batch in one)


def test_every_second_row_holds_each_row_once(ner_task: NerTask, notes: list[Any]) -> None:
    dataset = ner_task.encode(notes).dataset
    (rows,) = in_chunks(rows_of(dataset, [0, 1, 2]), 5)
    first, second = halves.every_second_row(ner_task.collate(rows))
    assert len(first["labels"]) == 2 and len(second["labels"]) == 1
    assert first["input_ids"].shape[1] == second["input_ids"].shape[1]


def test_dropout_keeps_its_share_and_its_mean(two_threads: None) -> None:
    layer, ones = halves.OwnDropout(0.25).train(), torch.ones(40_000)
    (kept,) = halves.run_halves(layer, [ones], random=True)
    assert kept.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert abs(float((kept == 0).float().mean()) - 0.25) < 0.01
    assert torch.equal(layer.eval()(ones), ones)


def test_every_dropout_layer_is_replaced(ner_task: NerTask) -> None:
    layers = [m for m in ner_task.build(0).modules() if isinstance(m, nn.Dropout)]
    assert len(layers) >= 6 and all(type(m) is halves.OwnDropout for m in layers)


def test_halves_can_be_turned_off(ner_task: NerTask, notes: list[Any], two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    whole = halves.run_halves
    monkeypatch.setattr(loop, "run_halves", lambda *args, **more: (calls.append(1), whole(*args, **more))[1])
    for on in (False, True):
        train(ner_task, ner_task.build(0), ner_task.encode(notes), None, TrainingConfig(epochs=1, batch_size=4, halves=on))
        assert bool(calls) == on


def test_one_thread_one_row_a_gpu_or_two_processes_are_not_halved(two_threads: None) -> None:
    assert halves.can_halve("cpu", 2)
    assert not halves.can_halve("cpu", 1) and not halves.can_halve("cuda", 8) and not halves.can_halve("cpu", 8, processes=2)
    torch.set_num_threads(1)
    assert not halves.can_halve("cpu", 8)
