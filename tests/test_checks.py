"""The checks of notebook 00: what they find, and what they tell to type."""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from course_lib import checks
from course_lib.errors import CheckpointError, ConfigError, CourseError, DataError, OutputError
from course_lib.machine import Machine


def test_pins_are_exact_versions() -> None:
    pinned = checks.pins()
    assert pinned["torch"].count(".") == 2
    assert len(pinned) > 10


def test_versions_say_ok_differs_and_none() -> None:
    import torch

    good = torch.__version__.split("+")[0]
    rows = checks.compare_versions({"torch": good, "numpy": "0.0.1", "no-such-package": "1"})
    assert [row[""] for row in rows] == ["ok", "differs", "differs"]
    assert rows[2]["installed"] == "none"
    assert checks.check_packages({"torch": good}) == "1 packages as pinned"
    with pytest.raises(ConfigError, match=r"found numpy .* \(pinned 0\.0\.1\)\. Type: python -m pip install"):
        checks.check_packages({"numpy": "0.0.1"})


def test_every_check_runs_after_one_has_failed() -> None:
    def fails() -> str:
        raise DataError("expected a, found b. Type c.")

    results = checks.run_checks({"first": fails, "second": lambda: "fine"})
    assert [(r.name, r.ok, r.text) for r in results] == [
        ("first", False, "expected a, found b. Type c."), ("second", True, "fine"),
    ]


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        checks.run_checks({"broken": lambda: str(1 / 0)})


def test_kernel_names_foreign_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert checks.check_kernel().startswith("Python 3.")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(ConfigError, match="found torch from another place"):
        checks.check_kernel()


def test_room_needs_memory_and_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="memory: expected 3.5 GiB or more, found 2.0"):
        checks.check_room(Machine(2, 2.0), tmp_path)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(0, 0, 2**30))
    with pytest.raises(OutputError, match="disk: expected 2.0 GiB free where runs are kept, found 1.0"):
        checks.check_room(Machine(2, 8.0), tmp_path)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(0, 0, 2**33))
    assert "memory at least" in checks.check_room(Machine(2, 8.0), tmp_path)


def test_a_probe_that_cannot_be_true_is_named() -> None:
    assert checks.check_probe(Machine(2, 8.0, fp32_rate=30.0)) == "the measured rates are plausible"
    with pytest.raises(ConfigError, match="found 0.04. Another program takes the cores: stop it"):
        checks.check_probe(Machine(2, 8.0, fp32_rate=0.04, bf16_rate=2.0))


def test_run_folder_is_left_as_it_was(tmp_path: Path) -> None:
    assert checks.check_run_folder(tmp_path) == "written to and read back"
    assert os.listdir(tmp_path) == []


def test_checkpoints_and_encoder(tiny: str) -> None:
    assert checks.check_checkpoint("minilm") == "SHA-256 as published"
    assert checks.check_checkpoint(tiny) == "folder complete"
    assert checks.check_checkpoint("finbert").startswith("not verified: 438 MB come from the hub at first use")
    assert checks.check_encoder(tiny) == "loads; three pieces in, 3 vectors of width 32 out"
    with pytest.raises(CheckpointError, match="found 'minilmm'"):
        checks.check_checkpoint("minilmm")


def test_corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "test; licence CC BY 4.0" in checks.check_corpus("medical_notes")
    (tmp_path / "CHECKSUMS.sha256").write_text("")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    with pytest.raises(CourseError, match="Type: git checkout -- data"):
        checks.check_corpus("medical_notes")
