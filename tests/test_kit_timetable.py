"""Timetables: minutes as measured, days that fit, a page that is noticed when stale."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib import catalogue
from course_lib.errors import ConfigError
from course_lib.kit import minutes as measured
from course_lib.kit import timetable
from course_lib.kit.cells import words
from course_lib.kit.minutes import Minutes, Task, all_minutes, extra_minutes
from course_lib.kit.plan import BREAK, CLOSE, LUNCH, MOST, RESERVE, WELCOME, WORKSHOPS, Day, clock, rounded, schedule

ROOT = Path(__file__).resolve().parents[1]
DAYS = [(workshop.title, day) for workshop in WORKSHOPS for day in workshop.days]


def book(number: str, run: float = 8.0, count: int = 2000, *tasks: Task) -> Minutes:
    return Minutes(f"{number}_book", "Book", {"smoke": None, "cpu": run, "gpu": None}, count, tasks)


def test_the_committed_page_is_fresh() -> None:
    committed = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert committed == timetable.fresh(), "type: python -m course_lib.kit.timetable --write"


def test_words_are_counted_by_hand() -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# Two words"}, {"cell_type": "code", "metadata": {}, "source": "no words"},
             {"cell_type": "markdown", "metadata": {"tags": ["notes"]}, "source": "not for learners"},
             {"cell_type": "markdown", "metadata": {}, "source": "three\nmore words"}]
    assert words({"cells": cells}) == 6
    more = ["### Exercise 80.1 · title\n\nnot counted", "still not", "## Next\n\nfour words", "## Exercises\n\nno\n\n### Exercise 80.2\n\nno\n\n## Where\n\nsix"]
    assert words({"cells": [*cells, *({"cell_type": "markdown", "metadata": {}, "source": text} for text in more)]}) == 6 + 4 + 3
    assert book("80", 8.0, 2000).reading == 10.0


def test_minutes_are_those_of_the_committed_runs() -> None:
    summary = {e["name"]: e["seconds"] / 60 for e in json.loads((ROOT / "notebooks/summary.json").read_text())["notebooks"]}
    found = {m.notebook: m.on_a_laptop for m in all_minutes()}
    assert found == pytest.approx(summary) and catalogue.measured().profile == "cpu"
    assert all(m.exercising >= 20 and len(m.tasks) >= 4 for m in all_minutes())


@pytest.mark.parametrize("title, day", DAYS, ids=[f"{t}-{i}" for i, (t, _) in enumerate(DAYS)])
def test_a_day_has_no_gap_and_no_overlap(title: str, day: Day) -> None:
    slots = schedule(day, all_minutes())
    assert slots[0].begin == day.begin and slots[-1].end == day.end
    assert all(a.end == b.begin for a, b in zip(slots, slots[1:], strict=False)) and all(s.end > s.begin for s in slots)
    assert slots[-1].end - slots[-1].begin >= RESERVE * (day.end - day.begin)
    assert all(s.begin % 5 == 0 for s in slots)


@pytest.mark.parametrize("title, day", DAYS, ids=[f"{t}-{i}" for i, (t, _) in enumerate(DAYS)])
def test_nobody_sits_too_long(title: str, day: Day) -> None:
    rested, pauses = day.begin, []
    for slot in schedule(day, all_minutes())[:-1]:
        if slot.what in ("Break", "Lunch"):
            rested = slot.end
            pauses.append((slot.what, slot.end - slot.begin))
        assert slot.end - rested <= max(MOST, slot.end - slot.begin), slot
    assert ("Break", BREAK) in pauses and (("Lunch", LUNCH) in pauses) == (day.end - day.begin > 300)
    assert pauses.count(("Lunch", LUNCH)) <= 1


def test_a_day_by_hand() -> None:
    tasks = (Task("02.1", "a", 12, "open"), Task("02.2", "b", 6, "warm-up"), Task("02.3", "c", 9, "mend"))
    day = Day(540, 660, ("02",), (WELCOME, CLOSE))  # two hours: 12 minutes of them in reserve
    slots = [(clock(s.begin), s.end - s.begin, s.what[:12]) for s in schedule(day, [book("02", 8, 2000, *tasks), book("03")])]
    # 15 + 20 + exercises + 15 leaves 58: all three (27, rounded to 30) would fit, and do.
    assert slots == [("09:00", 15, WELCOME[1][:12]), ("09:15", 20, "02 · Book: r"), ("09:35", 30, "Exercises 02"), ("10:05", 15, CLOSE[1][:12]),
                     ("10:20", 40, "Questions, a")]
    short = schedule(replace(day, end=625), [book("02", 8, 2000, *tasks)])  # 85, 8.5 in reserve: the open-ended one stays out
    assert [s.what for s in short if s.what.startswith("Exercises")] == ["Exercises 02.2, 02.3"]


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 02 to fit from 09:00 to 10:00 with 10% in reserve, found the end at 10:05"):
        schedule(Day(540, 600, ("02",), (WELCOME, CLOSE)), [book("02", 30.0, 1000)])
    assert (rounded(5.0), rounded(5.1), rounded(0.4)) == (5, 10, 5)


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(timetable, "PROJECT", tmp_path)
    monkeypatch.setattr(timetable, "fresh", lambda: timetable.render([book(n) for n in ("00", "01", "02", "03")], "here"))
    assert timetable.main(["--check"]) == 1
    assert timetable.main(["--write"]) == 0 and timetable.main(["--check"]) == 0
    page = tmp_path / "notebooks" / "README.md"
    page.write_text(page.read_text().replace("8.0", "9.0"))
    assert timetable.main(["--check"]) == 1 and "python -m course_lib.kit.timetable --write" in capsys.readouterr().err


def test_other_minutes_give_another_page() -> None:
    quick, slow = ([book(n, run) for n in ("00", "01", "02", "03")] for run in (2.0, 9.0))
    assert timetable.render(quick, "here") != timetable.render(slow, "here")
    assert "| – | 2.0 | – | 2000 | 10.0 | 0 | 12 |" in timetable.render(quick, "here")


@pytest.mark.parametrize("content", ["[]", "{", '{"minutes": {"smoke": {"00_environment_setup": "soon"}}}', '{"minutes": {"smoke": {"a": -1}}}',
                                     '{"minutes": {"smoke": {"a": NaN}}}'])
def test_damaged_minutes_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    assert extra_minutes(tmp_path) == {}
    (tmp_path / "notebooks" / "minutes.json").write_text(content)
    with pytest.raises(ConfigError, match="expected minutes above 0 by profile and notebook"):
        extra_minutes(tmp_path)


def test_measuring_keeps_minutes_by_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib import report

    (tmp_path / "notebooks").mkdir()
    asked = []

    def run(name: str, folder: Path, parameters: dict[str, str]) -> dict[str, object]:
        asked.append((name, parameters))
        return {"status": "ok", "seconds": 90.0}

    monkeypatch.setattr(report, "run_notebook", run)
    measured.measure("smoke", ["00_environment_setup"], tmp_path)
    measured.measure("gpu", ["00_environment_setup"], tmp_path)
    assert asked[0] == ("00_environment_setup", {"profile": "smoke"})
    assert extra_minutes(tmp_path) == {"smoke": {"00_environment_setup": 1.5}, "gpu": {"00_environment_setup": 1.5}}
    monkeypatch.setattr(report, "run_notebook", lambda *_: {"status": "failed", "error": "boom", "seconds": 1})
    with pytest.raises(ConfigError, match="expected a run without errors, found boom"):
        measured.measure("smoke", ["00_environment_setup"], tmp_path)
