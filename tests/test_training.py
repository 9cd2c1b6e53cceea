"""The training loop: sums first, one division last; exact resume; best weights kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from samples import four_notes, four_questions, long_note, renamed

from course_lib.data.batching import length_grouped_batches
from course_lib.data.ner_features import NerFeatures
from course_lib.errors import CheckpointError, ConfigError, DataError, TrainingError
from course_lib.models import load
from course_lib.models.forward import rows_of
from course_lib.tasks import NerTask, QaTask
from course_lib.training import TrainingConfig, train
from course_lib.training.optimizer import Pull, build_optimizer, is_head, linear_schedule

PLAIN = TrainingConfig(epochs=1, learning_rate=1.0, batch_size=8, warmup=0.0, weight_decay=0.0, max_grad_norm=1e9)


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in model.state_dict().items()}


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[k].double() - b[k].double()).abs().max()) for k in a)


def uneven_notes() -> list:
    """Eight notes of 3 to 20 words, so that batches differ in real labels and padding."""
    return [*four_notes(), *renamed(four_notes(), "-b")[:2], long_note(12, 1), long_note(15, 2)]


# ---- the loss ----------------------------------------------------------------
def test_overfits_four_notes(ner_task):
    features = ner_task.encode(four_notes())
    config = TrainingConfig(epochs=60, learning_rate=5e-3, batch_size=4, warmup=0.05)
    result = train(ner_task, ner_task.build(0), features, None, config)
    assert result.history["train_loss"].iloc[0] > 1.0
    assert result.history["train_loss"].iloc[-1] < 0.02
    assert [tuple(p) for p in ner_task.predict(result.model, features)] == [n.spans for n in four_notes()]


def test_overfits_four_questions(qa_task):
    features = qa_task.encode(four_questions(), training=True)
    config = TrainingConfig(epochs=80, learning_rate=5e-3, batch_size=4, warmup=0.05)
    result = train(qa_task, qa_task.build(0), features, None, config)
    assert result.history["train_loss"].iloc[-1] < 0.02
    scores = qa_task.validate(result.model, qa_task.encode(four_questions()), "fp32")
    assert scores["f1"] == 1.0 and scores["exact_match"] == 1.0


SPLITS = [(8, 1), (4, 2), (3, 3), (2, 4), (1, 8)]


def step_with(task: Any, features: Any, batch_size: int, accumulation: int) -> tuple[dict[str, torch.Tensor], float]:
    model = task.build(0)
    start = weights(model)
    config = TrainingConfig(**{**PLAIN.__dict__, "batch_size": batch_size, "accumulation": accumulation})
    result = train(task, model, features, None, config)
    assert len(result.steps) == 1
    return {k: start[k] - v for k, v in weights(model).items()}, float(result.steps["loss"][0])


def test_loss_and_gradient_do_not_depend_on_the_split(ner_task, plain_sgd):
    """8 rows as 1 x 8, 2 x 4, 3 + 3 + 2 ...: one loss, one gradient."""
    features = ner_task.encode(uneven_notes())
    assert len(features) == 8
    reference, loss = step_with(ner_task, features, 8, 1)
    assert max(float(g.abs().max()) for g in reference.values()) > 0.01
    for batch_size, accumulation in SPLITS[1:]:
        gradient, own = step_with(ner_task, features, batch_size, accumulation)
        assert own == pytest.approx(loss, abs=1e-5)
        assert largest_difference(reference, gradient) < 1e-5


def test_qa_loss_and_gradient_do_not_depend_on_the_split(qa_task, plain_sgd):
    features = qa_task.encode([*four_questions(), *four_questions()])
    reference, loss = step_with(qa_task, features, 8, 1)
    for batch_size, accumulation in SPLITS[1:]:
        gradient, own = step_with(qa_task, features, batch_size, accumulation)
        assert own == pytest.approx(loss, abs=1e-5)
        assert largest_difference(reference, gradient) < 1e-5


@dataclass(frozen=True)
class WidelyPadded(NerTask):
    """The same task with nine more positions of padding in every row."""

    def collate(self, rows):
        long = 9 + max(r["length"] for r in rows)
        longest = {"input_ids": [0] * long, "labels": [-100] * long, "length": long}
        return {name: tensor[:-1] for name, tensor in super().collate([*rows, longest]).items()}


@dataclass(frozen=True)
class WidelyPaddedQa(QaTask):
    def collate(self, rows):
        long = 9 + max(r["length"] for r in rows)
        longest = {**rows[0], "input_ids": [0] * long, "token_type_ids": [0] * long, "length": long}
        return {name: tensor[:-1] for name, tensor in super().collate([*rows, longest]).items()}


@pytest.mark.parametrize("kind", ["ner", "qa"])
def test_loss_and_gradient_do_not_depend_on_padding(kind, tiny, ner_task, qa_task, plain_sgd):
    if kind == "ner":
        own, wide = ner_task, WidelyPadded(tiny, ner_task.labels, 32, 12, 0.0)
        features: Any = own.encode(uneven_notes())
    else:
        own, wide = qa_task, WidelyPaddedQa(tiny, 48, 8, dropout=0.0)
        features = own.encode([*four_questions(), *four_questions()])
    a, loss_a = step_with(own, features, 8, 1)
    b, loss_b = step_with(wide, features, 8, 1)
    assert loss_a == pytest.approx(loss_b, abs=1e-5)
    assert largest_difference(a, b) < 1e-5


def test_padding_and_special_tokens_take_no_part_in_the_loss(ner_task):
    rows = rows_of(ner_task.encode(four_notes()).dataset, [0, 1, 2, 3])
    batch = ner_task.collate(rows)
    assert ner_task.targets(batch) == 18  # one per word
    assert batch["labels"].shape == batch["input_ids"].shape
    assert bool((batch["labels"][batch["attention_mask"] == 0] == -100).all())
    assert bool((batch["labels"][:, 0] == -100).all())


def test_parity_with_the_librarys_own_entity_loss(ner_task):
    model = ner_task.build(0).eval()
    batch = ner_task.collate(rows_of(ner_task.encode(uneven_notes()).dataset, list(range(8))))
    theirs = model(**batch)
    own = ner_task.loss_sum(theirs, batch) / ner_task.targets(batch)
    assert float(own.detach()) == pytest.approx(float(theirs.loss.detach()), abs=1e-5)
    assert float(own.detach()) > 0.5


def test_parity_with_the_librarys_own_answer_loss(qa_task):
    """Rows of one length: the library lets padding compete for the answer, this package does not."""
    model = qa_task.build(0).eval()
    features = qa_task.encode(four_questions())
    for numbers in ([0, 0], [1, 1], [2, 2], [3, 3]):
        batch = qa_task.collate(rows_of(features.dataset, [numbers[0]]) * 2)
        theirs = model(**batch)
        own = qa_task.loss_sum(theirs, batch) / qa_task.targets(batch)
        assert float(own.detach()) == pytest.approx(float(theirs.loss.detach()), abs=1e-5)


def test_step_table_holds_the_true_mean_over_the_epoch(ner_task):
    """The epoch's loss is the sum over words divided by all words, not the mean of the steps' means."""
    features = ner_task.encode(uneven_notes())
    config = TrainingConfig(epochs=1, learning_rate=1e-12, batch_size=3, weight_decay=0.0)
    model = ner_task.build(0)
    result = train(ner_task, model, features, None, config)
    batch = ner_task.collate(rows_of(features.dataset, list(range(8))))
    expected = float(ner_task.loss_sum(model.eval()(**{k: v for k, v in batch.items() if k != "labels"}), batch).detach())
    assert len(result.steps) == 3
    assert result.history["train_loss"][0] == pytest.approx(expected / ner_task.targets(batch), abs=1e-5)
    assert abs(result.steps["loss"].mean() - result.history["train_loss"][0]) > 1e-4


# ---- optimizer, schedule, pull -----------------------------------------------
def test_no_decay_on_vectors(ner_task):
    model = ner_task.build(0)
    optimizer = build_optimizer(model, TrainingConfig(weight_decay=0.1))
    names = {id(p): n for n, p in model.named_parameters()}
    decay = {names[id(p)]: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decay.keys() == set(names.values())  # each in exactly one group
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(names)
    for name, value in decay.items():
        assert value == (0.0 if name.endswith("bias") or "LayerNorm" in name else 0.1), name


def test_rates_of_head_layers_and_embeddings(ner_task):
    """Two layers: top 1, below 0.5, embeddings 0.25; the head 10 times the rate."""
    model = ner_task.build(0)
    config = TrainingConfig(learning_rate=1e-3, head_rate=10.0, layer_decay=0.5)
    names = {id(p): n for n, p in model.named_parameters()}
    rate = {names[id(p)]: g["lr"] for g in build_optimizer(model, config).param_groups for p in g["params"]}
    assert rate["classifier.weight"] == pytest.approx(1e-2)
    assert rate["bert.encoder.layer.1.output.dense.weight"] == pytest.approx(1e-3)
    assert rate["bert.encoder.layer.0.output.dense.bias"] == pytest.approx(5e-4)
    assert rate["bert.embeddings.word_embeddings.weight"] == pytest.approx(2.5e-4)


def test_frozen_embeddings_do_not_move(ner_task):
    model = ner_task.build(0)
    start = weights(model)
    train(ner_task, model, ner_task.encode(four_notes()), None, TrainingConfig(epochs=1, train_embeddings=False))
    moved = {k for k, v in weights(model).items() if not torch.equal(v, start[k])}
    assert moved and not any(".embeddings." in name for name in moved)


def test_optimizer_without_parameters_is_refused():
    with pytest.raises(TrainingError, match="exactly one group and at least one, found 0"):
        build_optimizer(torch.nn.Linear(2, 2).requires_grad_(False), TrainingConfig())


def test_schedule_by_hand():
    assert [linear_schedule(s, 10, 2) for s in range(12)] == pytest.approx(
        [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0, 0])
    assert [linear_schedule(s, 4, 0) for s in range(4)] == pytest.approx([1, 0.75, 0.5, 0.25])
    assert linear_schedule(0, 1, 0) == 1.0  # a run of one step moves


def test_schedule_is_what_the_steps_used(ner_task):
    config = TrainingConfig(epochs=5, learning_rate=1e-3, batch_size=2, warmup=0.2)
    steps = train(ner_task, ner_task.build(0), ner_task.encode(four_notes()), None, config).steps
    assert steps["learning_rate"].tolist() == pytest.approx([1e-3 * linear_schedule(s, 10, 2) for s in range(10)])


def test_pull_gradient_is_autograds(ner_task):
    """lambda * ||theta - theta_start||^2 on the encoder; the head is left free."""
    model = ner_task.build(0)
    pull = Pull(model, 0.37)
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    penalty = 0.37 * sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if not is_head(n))
    assert pull.value() == pytest.approx(float(penalty.detach()), rel=1e-5)
    expected = torch.autograd.grad(penalty, [p for n, p in model.named_parameters() if not is_head(n)])
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    pull.add_gradient()
    for (_name, parameter), gradient in zip([x for x in model.named_parameters() if not is_head(x[0])], expected, strict=True):
        assert torch.allclose(parameter.grad - 1, gradient, atol=1e-5)
    assert torch.equal(model.classifier.weight.grad, torch.ones_like(model.classifier.weight))


def test_pull_keeps_the_encoder_near_its_start(ner_task):
    features = ner_task.encode(four_notes())
    start = weights(ner_task.build(0))

    def distance(pull: float) -> float:
        config = TrainingConfig(epochs=10, learning_rate=1e-3, weight_decay=0.0, pull=pull)
        result = train(ner_task, ner_task.build(0), features, None, config)
        assert ("pull" in result.history) == bool(pull)
        return sum(float(((v - start[k]) ** 2).sum()) for k, v in weights(result.model).items() if k.startswith("bert"))

    assert distance(1.0) < distance(0.01) < distance(0.0)


def test_gradients_are_clipped(ner_task, plain_sgd):
    features = ner_task.encode(four_notes())
    model = ner_task.build(0)
    start = weights(model)
    result = train(ner_task, model, features, None, TrainingConfig(**{**PLAIN.__dict__, "max_grad_norm": 0.01}))
    norm = sum(float(((start[k] - v) ** 2).sum()) for k, v in weights(model).items()) ** 0.5
    assert float(result.steps["grad_norm"][0]) > 0.1 and norm == pytest.approx(0.01, rel=1e-3)


# ---- seeds, interruption, resume ---------------------------------------------
SETTINGS = {"epochs": 3, "learning_rate": 3e-3, "batch_size": 2, "accumulation": 1}


def test_same_seed_same_numbers(with_dropout):
    features = with_dropout.encode(uneven_notes())

    def run(seed: int):
        result = train(with_dropout, with_dropout.build(seed), features, features, TrainingConfig(**SETTINGS, seed=seed))
        return result.steps["loss"].tolist(), weights(result.model)

    (losses, first), (again, second), (other, third) = run(3), run(3), run(4)
    assert losses == again and largest_difference(first, second) == 0.0
    assert losses != other and largest_difference(first, third) > 0.0


def test_training_seed_decides_alone(with_dropout):
    """Random numbers drawn before training do not change it; another seed does, from the same start."""
    features = with_dropout.encode(uneven_notes())
    losses = []
    for seed, noise in ((3, 0), (3, 7), (4, 0)):
        model = with_dropout.build(0)
        torch.rand(noise)
        losses.append(train(with_dropout, model, features, None, TrainingConfig(**SETTINGS, seed=seed)).steps["loss"].tolist())
    assert losses[0] == losses[1] != losses[2]


class Interrupt:
    """Presses Ctrl-C at a given step."""

    def __init__(self, step: int) -> None:
        self.at = step

    def __call__(self, event, values) -> None:
        if event == "step" and values["step"] == self.at:
            raise KeyboardInterrupt


def test_interruption_keeps_the_best_weights_and_is_raised_again(with_dropout, tmp_path: Path):
    features = with_dropout.encode(uneven_notes())
    kept: dict[int, dict[str, torch.Tensor]] = {}
    model = with_dropout.build(0)

    def remember(event, values):
        if event == "epoch":
            kept[values["epoch"]] = weights(model)

    with pytest.raises(KeyboardInterrupt):
        train(with_dropout, model, features, None, TrainingConfig(**SETTINGS), folder=tmp_path, callbacks=[remember, Interrupt(10)])
    assert set(kept) == {1, 2}
    saved = load(tmp_path / "model")
    assert largest_difference(weights(saved.model), kept[2]) == 0.0
    assert saved.model.config.id2label == with_dropout.labels.id2label


def test_interruption_in_the_first_epoch_still_leaves_a_model(with_dropout, tmp_path: Path, capsys):
    features = with_dropout.encode(four_notes())
    with pytest.raises(KeyboardInterrupt):
        train(with_dropout, with_dropout.build(0), features, None, TrainingConfig(**SETTINGS), folder=tmp_path, callbacks=[Interrupt(1)])
    assert load(tmp_path / "model").predict("Heart failure today.") is not None
    assert "interrupted" in capsys.readouterr().out


@pytest.mark.parametrize("at", [5, 8, 11])
def test_resume_gives_the_weights_of_an_uninterrupted_run(with_dropout, tmp_path: Path, at):
    features = with_dropout.encode(uneven_notes())
    config = TrainingConfig(**SETTINGS, pull=0.01, average=0.9)
    whole = train(with_dropout, with_dropout.build(0), features, features, config)
    with pytest.raises(KeyboardInterrupt):
        train(with_dropout, with_dropout.build(0), features, features, config, folder=tmp_path, callbacks=[Interrupt(at)])
    torch.rand(5)  # whatever happened in between
    resumed = train(with_dropout, with_dropout.build(0), features, features, config, folder=tmp_path, resume=True)
    assert largest_difference(weights(whole.model), weights(resumed.model)) == 0.0
    assert resumed.steps["loss"].tolist() == whole.steps["loss"].tolist()
    assert resumed.best_epoch == whole.best_epoch and resumed.best_value == whole.best_value
    assert resumed.history["train_loss"].tolist() == whole.history["train_loss"].tolist()


def test_resume_in_the_same_notebook_goes_on_with_the_model_at_hand(with_dropout, tmp_path: Path):
    """After Ctrl-C a learner calls train again with the model that is there: the pull's start must be the old one."""
    features = with_dropout.encode(uneven_notes())
    config = TrainingConfig(**SETTINGS, pull=0.5)
    whole = train(with_dropout, with_dropout.build(0), features, None, config)
    model = with_dropout.build(0)
    with pytest.raises(KeyboardInterrupt):
        train(with_dropout, model, features, None, config, folder=tmp_path, callbacks=[Interrupt(6)])
    resumed = train(with_dropout, model, features, None, config, folder=tmp_path, resume=True)
    assert largest_difference(weights(whole.model), weights(resumed.model)) == 0.0


def test_gradients_left_by_an_interruption_are_not_used(ner_task):
    """Ctrl-C between backward and step leaves gradients on the model; a new run starts without them."""
    features = ner_task.encode(four_notes())
    clean = train(ner_task, ner_task.build(0), features, None, TrainingConfig(epochs=1))
    model = ner_task.build(0)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    left = train(ner_task, model, features, None, TrainingConfig(epochs=1))
    assert largest_difference(weights(clean.model), weights(left.model)) == 0.0


def test_resume_without_a_state_or_with_other_settings(ner_task, tmp_path: Path):
    features = ner_task.encode(four_notes())
    with pytest.raises(CheckpointError, match="state of an earlier run .* found none. Start without resume"):
        train(ner_task, ner_task.build(0), features, None, TrainingConfig(epochs=1), folder=tmp_path, resume=True)
    train(ner_task, ner_task.build(0), features, None, TrainingConfig(epochs=1), folder=tmp_path)
    with pytest.raises(ConfigError, match="other values for epochs, learning_rate"):
        train(ner_task, ner_task.build(0), features, None, TrainingConfig(epochs=2, learning_rate=1e-5), folder=tmp_path, resume=True)
    assert json.loads((tmp_path / "resume" / "state.json").read_text())["state"]["epoch"] == 1


# ---- stops -------------------------------------------------------------------
def test_a_loss_that_is_not_finite_stops_the_run(ner_task):
    model = ner_task.build(0)
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"expected a finite loss, found nan in a step on rows \[.*Lower learning_rate"):
        train(ner_task, model, ner_task.encode(four_notes()), None, TrainingConfig(epochs=1))


def test_a_gradient_that_is_not_finite_does_not_reach_the_weights(ner_task, monkeypatch):
    """A finite loss can have an infinite gradient: sqrt at 0."""
    whole = NerTask.loss_sum
    monkeypatch.setattr(NerTask, "loss_sum", lambda self, o, b: whole(self, o, b) + (o.logits - o.logits).abs().sum().sqrt())
    model = ner_task.build(0)
    with pytest.raises(TrainingError, match="finite"):
        train(ner_task, model, ner_task.encode(four_notes()), None, TrainingConfig(epochs=1, batch_size=4))
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_a_batch_without_labels_stops_the_run(ner_task, monkeypatch):
    monkeypatch.setattr(NerTask, "targets", lambda self, batch: 0)
    with pytest.raises(TrainingError, match="all labels ignored"):
        train(ner_task, ner_task.build(0), ner_task.encode(four_notes()), None, TrainingConfig(epochs=1))


def test_empty_training_part(ner_task):
    with pytest.raises(DataError, match="at least one encoded record, found none"):
        train(ner_task, ner_task.build(0), NerFeatures(ner_task.encode(four_notes()).dataset.select([]), [], ner_task.labels), None,
              TrainingConfig())


@dataclass(frozen=True)
class Scripted(NerTask):
    """Validation scores by script, one an epoch."""

    scores: tuple[float, ...] = ()

    def validate(self, model, features, precision):
        calls = self.__dict__.setdefault("calls", [])
        calls.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"entity_f1": self.scores[len(calls) - 1]}


def scripted(task: NerTask, *scores: float) -> Scripted:
    return Scripted(task.checkpoint, task.labels, task.max_length, task.overlap, task.dropout, scores=scores)


def test_best_weights_are_restored(ner_task):
    task = scripted(ner_task, 0.1, 0.7, 0.7, 0.2)
    features = task.encode(four_notes())
    result = train(task, task.build(0), features, features, TrainingConfig(epochs=4, learning_rate=1e-3))
    assert (result.best_epoch, result.best_value) == (2, 0.7)  # the first of equals
    assert largest_difference(weights(result.model), task.__dict__["calls"][1]) == 0.0
    assert largest_difference(weights(result.model), task.__dict__["calls"][3]) > 0.0
    assert result.history["validation_entity_f1"].tolist() == [0.1, 0.7, 0.7, 0.2]


def test_early_stopping(ner_task, capsys):
    task = scripted(ner_task, 0.5, 0.4, 0.5, 0.9, 0.9)
    features = task.encode(four_notes())
    result = train(task, task.build(0), features, features, TrainingConfig(epochs=5, patience=2))
    assert len(result.history) == 3 and result.best_epoch == 1
    assert "stopped early: no better entity_f1 for 2 epochs" in capsys.readouterr().out


def test_resume_after_an_early_stop_stays_stopped(ner_task, tmp_path: Path):
    task = scripted(ner_task, 0.5, 0.4, 0.9)
    features = task.encode(four_notes())
    config = TrainingConfig(epochs=5, patience=1)
    stopped = train(task, task.build(0), features, features, config, folder=tmp_path)
    again = train(task, task.build(0), features, features, config, folder=tmp_path, resume=True)
    assert len(stopped.history) == len(again.history) == 2 and again.best_epoch == 1


def test_a_score_that_is_not_a_number_is_not_the_best(ner_task):
    task = scripted(ner_task, float("nan"), 0.4, 0.3)
    features = task.encode(four_notes())
    assert train(task, task.build(0), features, features, TrainingConfig(epochs=3)).best_epoch == 2


def test_without_validation_the_last_epoch_counts(ner_task):
    result = train(ner_task, ner_task.build(0), ner_task.encode(four_notes()), None, TrainingConfig(epochs=3, patience=1))
    assert result.best_epoch == 3 and len(result.history) == 3


def test_callbacks_and_progress(ner_task, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    events = []
    features = ner_task.encode(uneven_notes())
    config = TrainingConfig(epochs=2, batch_size=2, accumulation=2)
    result = train(ner_task, ner_task.build(0), features, features, config, callbacks=[lambda event, values: events.append((event, dict(values)))])
    assert [e for e, _ in events] == ["step", "step", "epoch"] * 2 + ["end"]
    assert [v["step"] for e, v in events if e == "step"] == [1, 2, 3, 4]
    assert result.seconds > 0 and result.tokens_per_second > 0
    text = capsys.readouterr().out
    assert "epoch 2/2: loss" in text and "tokens/s" in text and "s left" in text


def test_epochs_see_other_batches_of_the_same_rows(ner_task):
    a, b = (length_grouped_batches([5] * 8, 2, seed=0, epoch=e) for e in (1, 2))
    assert a != b and sorted(sum(a, [])) == sorted(sum(b, [])) == list(range(8))


# ---- bf16 and the config -----------------------------------------------------
def test_bf16_training_leaves_the_model_as_it_was_given(ner_task):
    """Autocast belongs to training: afterwards fp32 prediction must be fp32 again."""
    features = ner_task.encode(four_notes())
    config = TrainingConfig(epochs=2, learning_rate=1e-3, precision="bf16")
    model = train(ner_task, ner_task.build(0), features, features, config).model
    fresh = ner_task.build(1)
    fresh.load_state_dict(model.state_dict())
    batch = {k: v for k, v in ner_task.collate(rows_of(features.dataset, [0, 1])).items() if k != "labels"}
    with torch.no_grad():
        assert torch.equal(model.eval()(**batch).logits, fresh.eval()(**batch).logits)


def test_bf16_trains_about_as_well(ner_task):
    features = ner_task.encode(four_notes())
    config = {"epochs": 30, "learning_rate": 5e-3, "batch_size": 4}
    losses = [train(ner_task, ner_task.build(0), features, None, TrainingConfig(**config, precision=p)).history["train_loss"].iloc[-1]
              for p in ("fp32", "bf16")]
    assert max(losses) < 0.1


@pytest.mark.parametrize(("name", "value"), [
    ("epochs", 0), ("epochs", 1.5), ("batch_size", 0), ("accumulation", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")),
    ("learning_rate", float("inf")), ("max_grad_norm", 0), ("weight_decay", -0.1), ("pull", -1), ("warmup", 1.0), ("warmup", -0.1),
    ("layer_decay", 0.0), ("layer_decay", 1.1), ("head_rate", 0), ("patience", 0), ("precision", "auto"), ("precision", "fp16"),
])
def test_settings_are_refused_at_birth(name, value):
    with pytest.raises(ConfigError, match=f"training setting {name}: expected .*, found .*Change it"):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("epochs", True), ("learning_rate", "1e-4"), ("warmup", None), ("patience", "2"),
                                             ("device", "cudaa"), ("seed", -1)])
def test_settings_of_a_wrong_type_or_name_are_refused_too(name, value):
    with pytest.raises(ConfigError, match=f"training setting {name}"):
        TrainingConfig(**{name: value})


def test_settings_never_change():
    with pytest.raises(AttributeError):
        TrainingConfig().epochs = 5  # type: ignore[misc]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_cuda_asked_for_and_absent_is_not_a_silent_cpu_run(ner_task):
    with pytest.raises(ConfigError, match="cuda"):
        train(ner_task, ner_task.build(0), ner_task.encode(four_notes()), None, TrainingConfig(epochs=1, device="cuda"))
