"""Parameters are refused before anything is computed; a run leaves what it should."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from course_lib.data.registry import PUBLIC
from course_lib.errors import ConfigError, CourseError, OutputError
from course_lib.locations import PROJECT, runs_folder, shown
from course_lib.machine import describe
from course_lib.parameters import CORPUS_SETTINGS, NOTEBOOKS, PROFILES, Parameter, check, with_profile
from course_lib.runs import Run, begin, environment
from course_lib.seeds import set_seed

NER = "02_medical_ner"


# ---- parameters -------------------------------------------------------------------
def test_defaults():
    values = check(NER, {})
    assert list(values) == list(NOTEBOOKS[NER]) and values["corpus"] == "medical_notes" and values["epochs"] is None
    assert check("03_finance_qa", {})["corpus"] == "finance_qa"


@pytest.mark.parametrize(("values", "message"), [
    ({"epoch": 3}, "notebook 02_medical_ner: parameter: expected one of .*found 'epoch'. Did you mean 'epochs'?"),
    ({"learningrate": 1e-4}, "Did you mean 'learning_rate'?"),
    ({"epochs": "3"}, "parameter epochs: expected int or None, found '3' (str). It means: passes over the training part."),
    ({"epochs": True}, "parameter epochs: expected int or None, found True (bool)"),
    ({"epochs": 2.0}, "parameter epochs: expected int or None, found 2.0 (float)"),
    ({"seed": None}, "parameter seed: expected int, found None (NoneType)"),
    ({"seed": -1}, "parameter seed: expected a value from 0 to"),
    ({"seed": 2**32}, "parameter seed: expected a value from 0 to"),
    ({"epochs": 0}, "parameter epochs: expected a value from 1 to 1000, found 0"),
    ({"learning_rate": 0.0}, "parameter learning_rate: expected a value from 1e-08 to 1"),
    ({"learning_rate": math.nan}, "parameter learning_rate: expected a value from"),
    ({"learning_rate": False}, "parameter learning_rate: expected float or None, found False (bool)"),
    ({"max_train_records": 0}, "parameter max_train_records: expected a value from 1"),
    ({"threads": 0}, "parameter threads: expected a value from 1 to 1024"),
    ({"profile": "cpo"}, "parameter profile: expected one of auto, smoke, cpu, gpu; found 'cpo'. Did you mean 'cpu'?"),
    ({"precision": "fp16"}, "parameter precision: expected one of auto, fp32, bf16; found 'fp16'"),
    ({"seeds": 3}, "parameter seeds: expected list, found 3 (int)"),
    ({"seeds": [1, "2"]}, "parameter seeds: expected a list of int, found [1, '2']"),
    ({"seeds": [True]}, "parameter seeds: expected a list of int, found [True]"),
    ({"stages": [1]}, "parameter stages: expected a list of str"),
    ({"output_dir": 3}, "parameter output_dir: expected str"),
])
def test_wrong_parameters(values, message):
    pattern = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(ConfigError, match=pattern):
        check(NER, values)


@pytest.mark.parametrize("seeds", [[-1], [0, 2**32]])
def test_seeds_of_a_list_have_the_limits_of_seed(seeds):
    with pytest.raises(ConfigError, match="parameter seeds"):
        check(NER, {"seeds": seeds})


def test_right_parameters_pass():
    values = check(NER, {"learning_rate": 1, "seeds": [0, 1], "epochs": 1000, "stages": ["a.jsonl"], "silver_records": 0, "threads": None})
    assert values["learning_rate"] == 1.0 and type(values["learning_rate"]) is float and values["silver_records"] == 0


def test_unknown_notebook():
    with pytest.raises(ConfigError, match="notebook: expected one of .*found '02_medical'. Did you mean '02_medical_ner'"):
        check("02_medical", {})


def test_a_changed_list_is_nobody_elses_default():
    check(NER, {})["stages"].append("oops")
    assert check(NER, {})["stages"] == []


def test_profiles_fill_what_is_none():
    settings = with_profile(NER, "smoke", check(NER, {"epochs": 7}))
    assert settings["epochs"] == 7 and settings["learning_rate"] == PROFILES[NER]["smoke"]["learning_rate"]
    assert settings["resamples"] == 200 and settings["seed"] == 0


def test_a_named_corpus_brings_its_own_settings_and_the_user_has_the_last_word() -> None:
    settings = with_profile(NER, "cpu", check(NER, {"corpus": "ncbi_disease"}))
    assert settings["average"] == 0.995 and settings["batch_size"] == 16 != PROFILES[NER]["cpu"]["batch_size"]
    assert settings["resamples"] == PROFILES[NER]["cpu"]["resamples"], "the rest stays the profile's"
    assert with_profile(NER, "cpu", check(NER, {"corpus": "ncbi_disease", "epochs": 9}))["epochs"] == 9
    for notebook, corpora in CORPUS_SETTINGS.items():
        for corpus, profiles in corpora.items():
            assert corpus in PUBLIC and set(profiles) == {"cpu", "gpu"}
            assert all(set(own) <= set(PROFILES[notebook][profile]) for profile, own in profiles.items())


def test_profile_tables_are_whole_and_allowed():
    """Every value of a profile passes the check of its own parameter; all profiles set the same names."""
    covered = 0
    for notebook, profiles in PROFILES.items():
        assert set(profiles) == {"smoke", "cpu", "gpu"} and len({frozenset(column) for column in profiles.values()}) == 1
        for column in profiles.values():
            own = {k: v for k, v in column.items() if k in NOTEBOOKS[notebook]}
            check(notebook, own)
            covered += len(own)
    assert set(PROFILES) == set(NOTEBOOKS) and covered >= 20
    assert all(isinstance(p, Parameter) and p.help for table in NOTEBOOKS.values() for p in table.values())


# ---- begin ------------------------------------------------------------------------
@pytest.fixture
def start(tmp_path: Path):
    def call(notebook: str = NER, **values) -> Run:
        return begin(notebook, **{"profile": "smoke", "threads": 1, "output_dir": str(tmp_path / "run"), **values})
    return call


def test_a_run_resolves_everything(start, capsys):
    run = start(seed=5, precision="fp32", epochs=2)
    assert (run.profile, run.plan.device, run.plan.precision) == ("smoke", "cpu", "fp32")
    assert run.epochs == 2 and run.batch_size == PROFILES[NER]["smoke"]["batch_size"] and run.seeds == [5]
    assert run.folder.is_dir() and torch.get_num_threads() == 1 and run.seconds >= 0
    text = capsys.readouterr().out
    assert "profile smoke, device cpu, precision fp32, 1 threads, seed 5" in text and "'epochs': 2" in text
    assert "offline: the hub is not contacted" in text and str(run.folder) not in text
    with pytest.raises(AttributeError, match="expected one of .*found 'epoch'"):
        _ = run.epoch


def test_begin_seeds_everything(start):
    start(seed=9)
    first = torch.rand(3)
    set_seed(9)
    assert torch.equal(first, torch.rand(3))


NAMESPACE = {
    "__name__": "__main__", "_": 1, "In": [], "Out": {}, "exit": print, "quit": print, "get_ipython": print, "open": open,
    "begin": begin, "torch": torch, "Path": Path, "_i1": "x", "profile": "smoke", "seed": 0, "threads": 1,
}


def test_begin_reads_the_parameters_cell(tmp_path: Path):
    run = begin(NER, {**NAMESPACE, "epochs": 3, "output_dir": str(tmp_path / "r")})
    assert run.epochs == 3 and run.parameters["profile"] == "smoke"


@pytest.mark.parametrize("extra", [{"epoch": 3}, {"helper": 1.5}, {"data": [1]}, {"Epochs": 3}])
def test_extra_globals_are_refused(extra, tmp_path: Path):
    (name,) = extra
    with pytest.raises(ConfigError, match=f"parameter: expected one of .*found '{name}'"):
        begin(NER, {**NAMESPACE, **extra, "output_dir": str(tmp_path / "r")})
    assert not (tmp_path / "r").exists()


def test_repeated_seeds(start):
    with pytest.raises(ConfigError, match=r"expected different seeds, found \[1, 1\]"):
        start(seeds=[1, 1])
    assert start(seeds=[3, 1]).seeds == [3, 1] and start(seeds=[3, 1], seed=3).seed == 3
    with pytest.raises(ConfigError, match=r"expected seed to be left out or one of \[3, 1\], found seed 5"):
        start(seeds=[3, 1], seed=5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_gpu_profile_without_a_gpu(start):
    with pytest.raises(ConfigError, match="expected a CUDA GPU, found none"):
        start(profile="gpu")


def test_a_kernel_begins_once(tmp_path, monkeypatch):
    """The variables of later cells cannot be told from misspelt parameters, so the message says what to do instead of naming one."""
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path))
    cells = {"profile": "smoke", "threads": 1}
    cells["run"] = begin("01_loss_math", cells)
    with pytest.raises(ConfigError, match="a fresh kernel, found one that has begun a run already.*Restart the kernel"):
        begin("01_loss_math", cells | {"path": [1.0]})



def test_fresh_folders_under_runs(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "all"))
    monkeypatch.chdir(tmp_path)
    folders = {begin("01_loss_math", profile="smoke", threads=1).folder for _ in range(3)}
    assert len(folders) == 3 and {f.parent for f in folders} == {tmp_path / "all" / "01_loss_math"}


def test_output_dir_that_is_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for output_dir in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="output_dir .*: expected a folder that can be written to, found .*Choose another"):
            begin("01_loss_math", profile="smoke", threads=1, output_dir=str(output_dir))


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere: a read-only folder stops nobody")
def test_read_only_output_dir(tmp_path: Path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="expected a folder that can be written to"):
            begin("01_loss_math", profile="smoke", threads=1, output_dir=str(tmp_path / "r"))
    finally:
        tmp_path.chmod(0o755)


def test_full_disk(start, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        start()


# ---- what a run leaves --------------------------------------------------------------
def test_metrics_are_flat(start):
    run = start()
    path = run.save_metrics({"test_f1": 0.5, "count": 3, "name": "x", "ok": True})
    assert json.loads(path.read_text()) == {"test_f1": 0.5, "count": 3, "name": "x", "ok": True}
    for bad in ({"by_type": {"A": 1}}, {"list": [1]}, {"nothing": None}):
        with pytest.raises(OutputError, match="expected flat numbers and texts, found"):
            run.save_metrics(bad)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_metrics_are_json_that_everybody_can_read(start, value):
    """NaN is no JSON: it must be refused, not written."""
    with pytest.raises(CourseError):
        start().save_metrics({"x": value})


def test_predictions_and_history(start):
    run = start()
    rows = [json.loads(line) for line in run.save_predictions([{"id": "a", "text": "\u00e9"}, {"id": "b"}]).read_text(encoding="utf-8").splitlines()]
    assert rows == [{"id": "a", "text": "\u00e9"}, {"id": "b"}]
    assert run.save_history(pd.DataFrame({"epoch": [1, 2]})).read_text() == "epoch\n1\n2\n"
    assert sorted(p.name for p in run.folder.iterdir()) == ["history.csv", "predictions.jsonl", "run.json"]


def test_environment_names_no_machine():
    facts = environment()
    assert {"torch", "transformers", "python", "cores", "gpu", "cpu_bf16"} <= set(facts)
    assert facts["gpu"] == (describe().gpu or "none")
    assert os.uname().nodename not in str(facts) and str(PROJECT) not in str(facts)


def test_paths_are_shown_without_this_machine(tmp_path: Path, monkeypatch):
    assert shown(PROJECT / "runs" / "x") == "runs/x" and shown(tmp_path / "y") == "y"
    monkeypatch.delenv("COURSE_RUNS_DIR")
    assert runs_folder() == PROJECT / "runs"
