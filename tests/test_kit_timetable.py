"""Timetables: minutes as measured, days that fit, a page that is noticed when stale."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib import catalogue
from course_lib.errors import ConfigError
from course_lib.kit import minutes as measured
from course_lib.kit import plan, timetable
from course_lib.kit.cells import EXPLORERS, code_lines, is_explorer, is_notes, read, words
from course_lib.kit.minutes import Minutes, Task, all_minutes, extra_minutes
from course_lib.kit.plan import (
    BREAK,
    CATCH_UP,
    CLOSE,
    HALF,
    LUNCH,
    MARK,
    MOST,
    RESERVE,
    SET_UP,
    WORKSHOPS,
    Day,
    Part,
    Slot,
    clock,
    equal_shares,
    rounded,
    schedule,
    stretches,
)

ROOT = Path(__file__).resolve().parents[1]
DAYS = [(workshop.title, day) for workshop in WORKSHOPS for day in workshop.days]
IDS = [f"{title}-{number}" for number, (title, _) in enumerate(DAYS)]
WELCOME = Part(15, "Welcome")
TASKS = (Task("02.1", "a", 12, "open"), Task("02.2", "b", 6, "warm-up"), Task("02.3", "c", 9, "mend"))


def book(number: str, run: float = 8.0, count: int = 2000, *tasks: Task, notes: int = 0, explorers: int = 0, lines: int = 0) -> Minutes:
    return Minutes(f"{number}_book", "Book", {"smoke": None, "cpu": run, "gpu": None}, count, notes, explorers, lines, tasks)


def shown(slots: list[Slot]) -> list[tuple[str, int, str]]:
    return [(clock(s.begin), s.end - s.begin, s.what[:12]) for s in slots]


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


def test_teaching_is_counted_by_hand() -> None:
    # 2 notes and 1 explorer of 3 minutes, 50 lines at 20 a minute; 8 minutes of run and 2000 words at 200.
    made = book("80", 8.0, 2000, notes=2, explorers=1, lines=50)
    assert made.teaching == 2 * 3 + 3 + 2.5 and made.block == 8 + 10 + 11.5


def test_code_and_explorers_are_counted_by_hand() -> None:
    sources = ["# only a comment\nx = 1\n\n    # another\ny = 2  # two lines so far", "# exercise 80.1\nnot = counted",
               "from course_lib.widgets import run_viewer\nrun_viewer(steps)"]
    cells = [{"cell_type": "code", "metadata": {}, "source": text} for text in sources]
    cells.append({"cell_type": "markdown", "metadata": {}, "source": "`run_viewer()`\nno code"})
    assert code_lines({"cells": cells}) == 4
    assert [is_explorer(cell) for cell in cells] == [False, False, True, False]
    assert not is_explorer({"cell_type": "code", "source": "def run_viewer(): ..."})


def test_every_explorer_of_the_package_has_its_minutes() -> None:
    from course_lib import widgets

    offered = {name for name in widgets.__all__ if name.islower() and not name.startswith("still_")}
    assert set(EXPLORERS) == offered - {"read_with"}  # which makes what answer_explorer wants
    for m in all_minutes():
        cells = read(m.notebook)["cells"]
        assert m.explorers == sum(map(is_explorer, cells)) > 0 and m.notes == sum(map(is_notes, cells)) > 0


def test_minutes_are_those_of_the_committed_runs() -> None:
    summary = {e["name"]: e["seconds"] / 60 for e in json.loads((ROOT / "notebooks/summary.json").read_text())["notebooks"]}
    found = {m.notebook: m.on_a_laptop for m in all_minutes()}
    assert found == pytest.approx(summary) and catalogue.measured().profile == "cpu"
    assert all(m.exercising >= 20 and len(m.tasks) >= 4 for m in all_minutes())


@pytest.mark.parametrize("title, day", DAYS, ids=IDS)
def test_a_day_has_no_gap_and_no_overlap(title: str, day: Day) -> None:
    slots = schedule(day, all_minutes())
    assert slots[0].begin == day.begin and day.end - 15 <= slots[-1].end <= day.end
    assert all(a.end == b.begin for a, b in zip(slots, slots[1:], strict=False)) and all(s.end > s.begin for s in slots)
    assert all(s.begin % 5 == 0 for s in slots)


@pytest.mark.parametrize("title, day", DAYS, ids=IDS)
def test_the_reserve_is_whole_and_spread(title: str, day: Day) -> None:
    slots = schedule(day, all_minutes())
    early = {part.what for part in day.program if isinstance(part, Part) and part.reserve}
    reserve = [s.end - s.begin for s in slots if s.what == CATCH_UP or s.what in early]
    assert sum(reserve) >= RESERVE * (day.end - day.begin) and max(reserve) <= 15
    assert slots[0].what in early and CATCH_UP not in (slots[0].what, slots[-1].what)
    books = sum(isinstance(item, str) for item in day.program)
    assert sum(s.what == CATCH_UP for s in slots) >= books


@pytest.mark.parametrize("title, day", DAYS, ids=IDS)
def test_nobody_sits_too_long(title: str, day: Day) -> None:
    slots = schedule(day, all_minutes())
    pauses = [(s.what, s.end - s.begin) for s in slots if s.what in ("Break", "Lunch")]
    assert max(stretches(slots)) <= MOST and set(pauses) <= {("Break", BREAK), ("Lunch", LUNCH)}
    assert pauses.count(("Lunch", LUNCH)) == (day.end - day.begin > HALF) and ("Break", BREAK) in pauses
    assert all(plan.NOON[0] <= s.begin <= plan.NOON[1] for s in slots if s.what == "Lunch")
    assert slots[-1].what not in ("Break", "Lunch") and max(s.end - s.begin for s in slots if s.what.startswith("Exercises")) <= 45


def test_what_a_workshop_holds() -> None:
    half, one, two = WORKSHOPS
    books = [[tuple(item for item in day.program if isinstance(item, str)) for day in w.days] for w in WORKSHOPS]
    assert books == [[("00", "02")], [("00", "02", "03")], [("00", "01", "02"), ("03",)]]
    assert all(w.days[0].program[0] is SET_UP and w.days[-1].program[-1] is CLOSE for w in WORKSHOPS)
    assert sum("where next" in s.what for day in two.days for s in schedule(day, all_minutes())) == 1
    assert all(w.days[0].program.index(plan.BOARD) < w.days[0].program.index("02") for w in (half, one))
    for day in (day for w in WORKSHOPS for day in w.days):
        named = [s.what for s in schedule(day, all_minutes()) if s.what.startswith("Exercises")]
        assert len(named) == sum(isinstance(item, str) for item in day.program) and all(f.count(".") >= 3 for f in named)
    # What the page says of a day with all four: two or three exercises a notebook.
    four = schedule(replace(one.days[0], program=(SET_UP, plan.WELCOME, "00", "01", "02", "03", CLOSE)), all_minutes())
    assert {s.what.count(".") for s in four if s.what.startswith("Exercises")} <= {2, 3}


def test_a_day_by_hand() -> None:
    day = Day(540, 660, (WELCOME, "02", CLOSE))  # two hours: 12 minutes of them in reserve, so 15
    # 15 + 20 + 15 and a break (65 + 30 > 90) leave 55: exercises 12 + 6 + 9, a quarter more, are 35, and 20 are left: 15 at most.
    slots = shown(schedule(day, [book("02", 8, 2000, *TASKS), book("03")]))
    assert slots == [("09:00", 15, "Welcome"), ("09:15", 20, "02 · Book: t"), ("09:35", 15, "Break"), ("09:50", 35, "Exercises 02"),
                     ("10:25", 15, CATCH_UP[:12]), ("10:40", 15, CLOSE.what[:12])]
    assert slots[-1][0] == "10:40"  # a day with more than 15 minutes to spare ends earlier
    # 95 minutes: 15 + 20 + 15 leave 45; the third exercise would need a break too, so two of them, 18 minutes and a quarter more.
    short = schedule(replace(day, end=635), [book("02", 8, 2000, *TASKS)])
    assert [s.what for s in short if s.what.startswith("Exercises")] == ["Exercises 02.1, 02.2, and a look at the answers"]
    assert (short[-1].end, stretches(short)) == (630, [90])


def test_exercises_of_notebooks_take_turns_up_to_45_minutes() -> None:
    one, other = (tuple(Task(f"{book}.{i}", "t", 10, "mend") for i in range(1, 6)) for book in ("01", "02"))
    books = [book("01", 5, 1000, *one), book("02", 5, 1000, *other)]
    long, short = Day(540, 800, (WELCOME, "01", "02", CLOSE)), Day(540, 660, (WELCOME, "01", "02", CLOSE))
    for day, counts in ((long, [3, 3]), (short, [2, 1])):  # a fourth would make 50 minutes
        found = [s.what for s in schedule(day, books) if s.what.startswith("Exercises")]
        assert [what.count(".") for what in found] == counts


def test_breaks_are_even_and_never_tear_catching_up_off() -> None:
    given = [Part(30, str(i), reserve=True) for i in range(4)]
    even = plan.lay_out(Day(540, 540 + 120 + 15, ()), given)  # 120 minutes need one break: 60 and 60, not 90 and 30
    assert even is not None and stretches(even) == [60, 60]
    assert plan.lay_out(Day(540, 540 + 120 + 15, ()), [Part(30, str(i)) for i in range(4)]) is None  # and no reserve
    assert plan.lay_out(Day(540, 540 + 120 + 10, ()), given) is None
    torn = plan.lay_out(Day(540, 540 + 175, ()), [Part(80, "a", catch_up=True), Part(60, "b", catch_up=True)])
    assert torn is not None and [s.what for s in torn] == ["a", CATCH_UP, "Break", "b", CATCH_UP]
    assert equal_shares(40, 3) == [15, 15, 10] and equal_shares(13, 1) == [10] and equal_shares(10, 0) == []


def test_lunch_stands_around_noon() -> None:
    parts = [Part(45, str(i), catch_up=True) for i in range(6)]
    slots = plan.lay_out(Day(540, 540 + 440, ()), parts)
    assert slots is not None and [clock(s.begin) for s in slots if s.what == "Lunch"] and "11:30" <= next(
        clock(s.begin) for s in slots if s.what == "Lunch") <= "12:45"
    assert plan.lay_out(Day(13 * 60, 13 * 60 + 440, ()), parts) is None


def test_own_texts_are_enough_to_train_on() -> None:
    assert "thirty to forty a table" in MARK.what and "Runs worth making, 5" in plan.OWN.what and "03" not in plan.OWN.what
    last = [text for cell in read("02_medical_ner")["cells"] if "### Runs worth making" in (text := cell["source"])]
    assert len(last) == 1 and "\n5. Train on texts of your own" in last[0] and "corpus" in last[0]
    ours = [text for cell in read("01_loss_math")["cells"] if cell["cell_type"] == "markdown" for text in cell["source"].splitlines()]
    assert any(text.startswith("## 6 ") and "−100" in text for text in ours) and any(
        text.startswith("## 7 ") and "mean of batch means is wrong" in text for text in ours)


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 02 to fit from 09:00 to 10:00 with 10% in reserve and .* found 65 minutes even without"):
        schedule(Day(540, 600, (WELCOME, "02", CLOSE)), [book("02", 30.0, 1000)])
    with pytest.raises(ConfigError, match="no more than 90 minutes without a break, found 130"):  # no break helps against 100 in one piece
        schedule(Day(540, 800, (WELCOME, "02", CLOSE)), [book("02", 95.0, 1000)])
    assert (rounded(5.0), rounded(5.1), rounded(0.4)) == (5, 10, 5)


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(timetable, "PROJECT", tmp_path)
    monkeypatch.setattr(timetable, "fresh", lambda: timetable.render([book(n, lines=600) for n in ("00", "01", "02", "03")], "here"))
    assert timetable.main(["--check"]) == 1
    assert timetable.main(["--write"]) == 0 and timetable.main(["--check"]) == 0
    page = tmp_path / "notebooks" / "README.md"
    page.write_text(page.read_text().replace("8.0", "9.0"))
    assert timetable.main(["--check"]) == 1 and "python -m course_lib.kit.timetable --write" in capsys.readouterr().err


def test_the_page_says_where_its_numbers_come_from() -> None:
    page = " ".join(timetable.fresh().split())
    for said in ("3 minutes for each note", "3 for each explorer", "a minute for 20 lines of code", "200 words a minute",
                 "These three numbers are guesses", "25% more for a look at the answers, a guess too", "at most 45 minutes a notebook",
                 "at least 10% of each day", "5 to 15 minutes", "within 90 minutes", "between 11:30 and 12:45"):
        assert said in page, said


def test_other_minutes_give_another_page() -> None:
    quick, slow = ([book(n, run, lines=600) for n in ("00", "01", "02", "03")] for run in (2.0, 9.0))
    assert timetable.render(quick, "here") != timetable.render(slow, "here")
    assert "| – | 2.0 | – | 2000 | 10.0 | 0 | 0 | 600 | 30.0 | 45 | 0 | 12 |" in timetable.render(quick, "here")


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
