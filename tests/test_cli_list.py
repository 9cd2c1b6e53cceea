"""``course list``: every notebook and parameter is there, readable, and no minute is made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_lib import catalogue
from course_lib.cli.app import app
from course_lib.cli.commands import list_
from course_lib.errors import ConfigError
from course_lib.parameters import COMMON, CORPUS_SETTINGS, NOTEBOOKS, PROFILES, Parameter

TIMES = catalogue.Measured("cpu", {"02_medical_ner": 8.7}, {"cores": "2", "gpu": "none", "torch": "2.13.0"})


def listed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["list", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def fake_project(folder: Path, summary: object, heading: str = "# 02 · Notes · and more") -> Path:
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "summary.json").write_text(summary if isinstance(summary, str) else json.dumps(summary))
    cells = [{"cell_type": "markdown", "source": [heading + "\n", "text"]}]
    (folder / "notebooks" / "02_medical_ner.ipynb").write_text(json.dumps({"cells": cells}))
    return folder


def test_overview_has_every_notebook_and_parameter_with_help() -> None:
    page = listed()
    blocks = dict(zip(NOTEBOOKS, page.split("\n\n"), strict=False))
    for name, block in blocks.items():
        assert block.startswith(f"{name}: ") and "minutes: smoke" in block
        own = [p for key, p in NOTEBOOKS[name].items() if key not in COMMON]
        assert [p.name for p in own if f"\n  {p.name:18}{catalogue.type_of(p)}" not in block] == []
    words = " ".join(page.split())
    assert all(p.help in words for table in NOTEBOOKS.values() for p in table.values())
    assert all(f"\n  {name:18}" in page.split("Parameters of every notebook")[1] for name in COMMON)
    assert page.count("how much to run") == 1  # what all share is shown once


@pytest.mark.parametrize("arguments", [(), *((name,) for name in NOTEBOOKS)])
def test_pages_fit_80_columns(arguments: tuple[str, ...]) -> None:
    lines = listed(*arguments).splitlines()
    assert len(lines) > 10 and max(map(len, lines)) <= 80


def test_a_parameter_of_its_own_kind_is_not_taken_for_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    own = COMMON | {"seed": Parameter("seed", int, 7, "another seed")}
    monkeypatch.setitem(NOTEBOOKS, "01_loss_math", own)
    page = "\n".join(list_.overview(["01_loss_math"], TIMES))
    assert "another seed" in page.split("Parameters of every notebook")[0]


def test_in_full_shows_values_by_profile_and_corpus() -> None:
    page = listed("02_medical_ner")
    profiles, abstracts = PROFILES["02_medical_ner"], CORPUS_SETTINGS["02_medical_ner"]["ncbi_disease"]
    assert f"smoke {profiles['smoke']['epochs']}, cpu {profiles['cpu']['epochs']}, gpu {profiles['gpu']['epochs']}" in page
    assert f"with corpus=ncbi_disease or bc5cdr: cpu {abstracts['cpu']['epochs']}, gpu {abstracts['gpu']['epochs']}" in page
    settings = page.split("Settings that come with the profile")[1]
    row = next(line.split() for line in settings.splitlines() if line.startswith("  batch_size"))
    assert row == ["batch_size", *(str(profiles[p]["batch_size"]) for p in ("smoke", "cpu", "gpu"))]
    own = settings.split("With corpus=ncbi_disease or bc5cdr")[1]
    assert f"  average {abstracts['cpu']['average']} {abstracts['gpu']['average']}".split() in [line.split() for line in own.splitlines()]
    assert "one of auto, smoke, cpu, gpu" in page and "0 to 4294967295" in page and "1 or more" in page
    assert "Settings that come" not in listed("01_loss_math")


def test_corpora_with_other_settings_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CORPUS_SETTINGS, "02_medical_ner", {"a": {"cpu": {"epochs": 1}}, "b": {"cpu": {"epochs": 2}}, "c": {"cpu": {"epochs": 1}}})
    page = "\n".join(list_.in_full("02_medical_ner", TIMES))
    assert "with corpus=a or c: cpu 1" in page and "with corpus=b: cpu 2" in page


def test_json_has_all_and_is_alone_on_stdout() -> None:
    found = json.loads(listed("--json"))
    assert list(found["notebooks"]) == sorted(NOTEBOOKS)
    ner = found["notebooks"]["02_medical_ner"]
    assert set(ner["parameters"]) == set(NOTEBOOKS["02_medical_ner"])
    assert ner["parameters"]["seed"] == {"type": "int", "default": 0, "help": COMMON["seed"].help, "choices": [], "low": 0, "high": 2**32 - 1}
    assert ner["parameters"]["max_train_records"]["high"] is None
    assert ner["profiles"] == PROFILES["02_medical_ner"] and "bc5cdr" in ner["corpora"]
    assert list(json.loads(listed("--json", "01_loss_math"))["notebooks"]) == ["01_loss_math"]


def test_minutes_are_those_of_the_committed_runs() -> None:
    summary = json.loads((Path(catalogue.PROJECT) / "notebooks" / "summary.json").read_text())
    found = json.loads(listed("--json"))
    assert found["measured"]["profile"] == summary["profile"]
    for entry in summary["notebooks"]:
        minutes = found["notebooks"][entry["name"]]["minutes"]
        assert minutes.pop(summary["profile"]) == round(entry["seconds"] / 60, 1)
        assert set(minutes.values()) == {None}
    assert listed().count("not measured") >= 2 * len(NOTEBOOKS)


def test_minutes_of_made_up_summaries(tmp_path: Path) -> None:
    entries = [{"name": "02_medical_ner", "seconds": 90, "status": "ok"}, {"name": "01_loss_math", "seconds": 5, "status": "failed"}]
    project = fake_project(tmp_path, {"profile": "gpu", "notebooks": entries, "environment": {"cores": "8", "gpu": "A100", "torch": "2"}})
    times = catalogue.measured(project)
    assert catalogue.minutes_of("02_medical_ner", times) == {"smoke": None, "cpu": None, "gpu": 1.5}
    assert catalogue.minutes_of("01_loss_math", times) == {"smoke": None, "cpu": None, "gpu": None}  # a failed run says nothing
    assert times.where == "on 8 cores, A100, torch 2"
    assert catalogue.title_of("02_medical_ner", project) == "Notes · and more"
    assert catalogue.title_of("01_loss_math", project) == "01_loss_math"


@pytest.mark.parametrize("summary", ["{ half", {"profile": "cpu"}, [1], {"profile": "cpu", "notebooks": [{}], "environment": {}}])
def test_a_damaged_summary_measures_nothing(tmp_path: Path, summary: object) -> None:
    times = catalogue.measured(fake_project(tmp_path, summary))
    assert times == catalogue.Measured()
    page = "\n".join(list_.overview(["02_medical_ner"], times))
    assert "minutes: smoke not measured, cpu not measured, gpu not measured" in page and "Measured" not in page


def test_unknown_notebook_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean '02_medical_ner'"):
        catalogue.names("02_medcal_ner")
    done = CliRunner().invoke(app, ["list", "02_medcal_ner"])
    assert done.exit_code == 2 and done.stdout == "" and "Did you mean '02_medical_ner'?" in done.stderr
    assert CliRunner().invoke(app, ["list", ""]).exit_code == 2


@pytest.mark.parametrize(("value", "expected"), [(None, "none"), ("", "''"), (4e-4, "0.0004"), (1.0, "1"), ([], "[]"), (16, "16"), (1e-8, "1e-08")])
def test_values_are_shown_as_they_are_typed(value: object, expected: str) -> None:
    assert list_.shown(value) == expected
