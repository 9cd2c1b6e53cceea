"""The measurement of what ``course run`` adds: fair turns, medians, and a verdict that can be no."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import overhead
from benchmarks.overhead import Cost


def test_cost_is_the_difference_of_medians() -> None:
    cost = Cost("tiny", [4.0, 2.0, 3.0], [9.0, 5.0, 90.0])
    assert cost.added == 6.0 and cost.allowed == pytest.approx(6.15)
    assert cost.line().endswith("allowed 6.15 s: ok")
    assert Cost("tiny", [3.0], [9.2]).line().endswith("TOO MUCH")


def test_both_ways_take_turns_with_the_same_notebook(tmp_path: Path) -> None:
    seen: list[str] = []

    def clock(command: Sequence[str | Path]) -> float:
        texts = [str(part) for part in command]
        seen.append("papermill" if "papermill" in texts else "course")
        notebook = tmp_path / "project" / "notebooks" / "01_loss_math.ipynb"
        assert str(notebook) in texts or str(tmp_path / "project") in texts
        assert json.loads(notebook.read_text())["cells"][0]["metadata"]["tags"] == ["parameters"]
        return float(len(seen))

    cost = overhead.measure("tiny", 2, tmp_path, clock)
    assert seen == ["papermill", "course", "course", "papermill"]
    assert (cost.papermill, cost.course) == ([1.0, 4.0], [2.0, 3.0])


@pytest.mark.parametrize(("helping", "running", "code"), [(0.4, 5.0, 0), (0.6, 5.0, 1), (0.4, 99.0, 1)])
def test_a_limit_that_is_not_kept_ends_with_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                                helping: float, running: float, code: int) -> None:
    monkeypatch.setattr(overhead, "timed", lambda command: helping)
    monkeypatch.setattr(overhead, "measure", lambda notebook, rounds, folder: Cost(notebook, [1.0], [running]))
    assert overhead.main(["tiny", "--rounds", "1"]) == code
    assert ("TOO MUCH" in capsys.readouterr().out) == bool(code)
    overhead.main(["tiny", "--rounds", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["costs"][0]["papermill"] == [1.0]
