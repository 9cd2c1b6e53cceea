"""Progress on the learner's disk, and the hand-ins of a room: never lost, never executed, never a crash."""

from __future__ import annotations

import dataclasses
import json
import linecache
import multiprocessing
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import course_lib.exercises as exercises
from course_lib.cli.app import app
from course_lib.errors import CourseError, DataError
from course_lib.exercises import standings, store
from course_lib.exercises.hand_ins import LARGEST, by_exercise, by_learner, collect, parse
from course_lib.exercises.model import catalogue
from course_lib.exercises.verdicts import Verdict

NOW = "2026-03-01T10:00:00+00:00"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("COURSE_PROGRESS_DIR", str(tmp_path / "work"))
    return tmp_path / "work"


def wrong(id: str = "01.1", reason: str = "for x it gave 1, expected 2") -> Verdict:
    return Verdict(id, "not yet", f"{reason}, as printed", reason)


def kept(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    assert value["schema"] == 1
    exercises_: dict[str, Any] = value["exercises"]
    return exercises_


def course(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["progress", *arguments])
    assert done.exit_code == code, done.output
    return done.stdout


# ---- the learner's own file ---------------------------------------------------
def test_tries_then_done(folder: Path) -> None:
    store.note(Verdict("01.1", "not tried"), ...)
    assert not folder.exists(), "what was not tried leaves no trace"
    for i in range(7):
        store.note(wrong(reason=f"reason {i}\x1b\nnext"), i)
    row = kept(folder)["01.1"]
    assert row["status"] == "tried" and row["tries"] == 7
    assert row["reasons"] == [f"reason {i}? next" for i in range(2, 7)]
    store.note(Verdict("01.1", "right"), "fine")
    store.note(wrong(), "broken again")
    row = kept(folder)["01.1"]
    assert row["status"] == "done" and row["tries"] == 8 and row["first"] <= row["last"]


def test_the_same_answer_is_one_try(folder: Path) -> None:
    def answer(x: int) -> int:
        return x

    def spaced_out(x: int) -> int:
        return x  # the same, but for a comment

    for one in (answer, answer, answer):
        store.note(wrong(), one)
    assert kept(folder)["01.1"]["tries"] == 1
    store.note(wrong(), spaced_out)
    assert kept(folder)["01.1"]["tries"] == 2, "its name differs"
    assert store.mark_of(answer) != store.mark_of(spaced_out) and len(store.mark_of(3)) == 12


def test_marks_are_blind_to_comments_and_spacing() -> None:
    first, second = {}, {}
    import linecache

    for name, source, space in (("<a>", "def f(x):\n    return x + 1\n", first), ("<b>", "def f(x):  # so\n\n    return x  +  1\n", second)):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), space)
    assert store.mark_of(first["f"]) == store.mark_of(second["f"]) != ""


def test_an_untouched_stub_is_not_a_try(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stub(x: int) -> int:
        return x

    monkeypatch.setattr(store, "stubs", lambda: {"01.2": store.mark_of(stub)})
    store.note(wrong("01.2"), stub)
    assert not (folder / "progress.json").exists()
    store.note(wrong("01.3"), stub)
    assert list(kept(folder)) == ["01.3"]


def test_no_code_and_no_name_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")

    def secret_answer(labels: list[int]) -> float:
        return 123456.5

    exercises.check("01.1", secret_answer)
    text = (folder / "progress.json").read_text()
    assert "secret" not in text and "somebody" not in text and set(kept(folder)["01.1"]) == {"status", "tries", "first", "last", "reasons", "mark"}


OWN_WORDS = ("Mr Smithers has [renal colic](Zeichen) when walking.", "Sister Quimby saw [renal colic](Zeichen) and [chilblains](Leiden).",
             "Nothing new for Miss Peabody this morning.", "Doctor Fothergill treats [chilblains](Leiden) with [plum juice](Mittel).",
             "The [plum juice](Mittel) came from Lower Wibbleton.")
"""Right for 02.8; each change below breaks one of its rules, or makes the check stop."""


class Stops(list[str]):
    """A list of texts that cannot be read."""

    def __iter__(self) -> Any:
        raise ValueError(f"cannot read {OWN_WORDS[0]}")


SPOILT: dict[str, Any] = {
    "one text": OWN_WORDS[0], "a list of something else": [*OWN_WORDS, OWN_WORDS], "too few": OWN_WORDS[:4],
    "a short text": [*OWN_WORDS, "Smithers slept."], "twice the same": [*OWN_WORDS, OWN_WORDS[0]],
    "half a word": [*OWN_WORDS, "Miss Peabody likes [Wibble](Leiden)ton and its plums."],
    "one label": [text.replace("Leiden", "Zeichen").replace("Mittel", "Zeichen") for text in OWN_WORDS],
    "marks everywhere": [text.replace("Peabody", "[Peabody](Leiden)") for text in OWN_WORDS],
    "short names": [text.replace("renal colic", "colic").replace("plum juice", "juice") for text in OWN_WORDS],
    "not marked": [*OWN_WORDS, "Sister Quimby never saw renal colic here."],
    "two labels": [*OWN_WORDS, "Sister Quimby took [chilblains](Zeichen) for granted."],
    "known names": [text.replace("renal colic", "chest pain").replace("chilblains", "cough").replace("plum juice", "aspirin")
                    for text in OWN_WORDS],
    "a label of two words": [*OWN_WORDS, "Miss Peabody has [renal colic](Zeichen hier) again."],
    "a blank between": [*OWN_WORDS, "Miss Peabody has [renal colic] (Zeichen) again."],
    "an error": Stops(OWN_WORDS), "a function": lambda: OWN_WORDS,
}


def words_of(text: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"\w{4,}", text)} - {"with", "when", "this", "from", "here", "seen", "label", "text"}


@pytest.mark.parametrize("name", SPOILT)
def test_no_word_of_a_text_of_the_learner_is_kept(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exercises.check("02.8", OWN_WORDS).right
    (folder / "progress.json").unlink()
    assert exercises.check("02.8", SPOILT[name]).status == "not yet"
    assert len(kept(folder)["02.8"]["reasons"]) == 1 and "02.8 not yet" in capsys.readouterr().out
    given = words_of(repr(OWN_WORDS) + (repr(list.__repr__(SPOILT[name])) if isinstance(SPOILT[name], list) else str(SPOILT[name])))
    assert not given & words_of((folder / "progress.json").read_text(encoding="utf-8"))


def stops_with_a_text(*_: Any, **__: Any) -> Any:
    raise ValueError("Mr Smithers of Lower Wibbleton")


@pytest.mark.parametrize("answer", [stops_with_a_text, "Mr Smithers of Lower Wibbleton", ["Smithers"], {"Smithers": "Wibbleton"}])
@pytest.mark.parametrize("id", catalogue())
def test_errors_and_bare_values_are_printed_and_not_kept(id: str, answer: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = exercises.check(id, answer)
    assert verdict.status == "not yet" and (answer is stops_with_a_text) <= ("Smithers" in capsys.readouterr().out or id == "02.8")
    text = (folder / "progress.json").read_text(encoding="utf-8")
    assert kept(folder)[id]["reasons"] and "Smithers" not in text and "Wibbleton" not in text


def test_what_a_refusal_says_is_printed_and_not_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def settings(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        return {**defaults, **given} if given.keys() <= defaults.keys() else stops_with_a_text()

    assert "'ValueError: Mr Smithers of Lower Wibbleton', and does not name 'epoch'" in repr(exercises.check("00.5", settings))
    assert kept(folder)["00.5"]["reasons"] == ["for the request {'epoch': 3} the error does not name 'epoch'"]


DAMAGED = {
    "empty.json": b"", "cut.json": b'{"schema": 1, "exercises": {"01.1": {"sta', "list.json": b"[1, 2]", "bytes.json": b"\xff\xfe\x00",
    "other-schema.json": b'{"schema": 2, "exercises": {}}', "true-schema.json": b'{"schema": true, "exercises": {}}',
    "deep.json": b"[" * 100_000 + b"]" * 100_000, "huge.json": b'{"schema": 1, "exercises": {}}' + b" " * LARGEST,
    "types.json": b'{"schema": 1, "exercises": {"01.1": {"status": "done", "tries": "3"}}}',
    "controls.json": json.dumps({"schema": 1, "exercises": {"01.1": {"status": "tried", "tries": 1, "first": NOW, "last": NOW, "reasons": ["\x1b[2J"]}}}).encode(),
    "id.json": json.dumps({"schema": 1, "exercises": {"../../etc": {}}}).encode(),
    "number.json": b'{"schema": 1, "exercises": {"01.1": {"status": "done", "tries": ' + b"9" * 5000 + b"}}}",
    "time.json": json.dumps({"schema": 1, "exercises": {"01.1": {"status": "tried", "tries": 1, "first": "yesterday", "last": NOW}}}).encode(),
    "mark.json": json.dumps({"schema": 1, "exercises": {"01.1": {"status": "tried", "tries": 1, "first": NOW, "last": NOW, "mark": "import os"}}}).encode(),
    "twice.json": b'{"schema": 1, "exercises": {}, "exercises": {}}',
}


def row_with(**changed: Any) -> dict[str, Any]:
    return {"status": "tried", "tries": 1, "first": NOW, "last": NOW, **changed}


@pytest.mark.parametrize(("rows", "fine"), [
    ({"01.1": row_with(reasons=["x"] * 5)}, True), ({"01.1": row_with(reasons=["x"] * 6)}, False),
    ({"01.1": row_with(reasons=["x" * 500])}, True), ({"01.1": row_with(reasons=["x" * 501])}, False),
    ({f"{i // 10:02d}.{i % 10}": row_with() for i in range(1000)}, True), ({f"{i // 20:02d}.{i % 20}": row_with() for i in range(1001)}, False),
])
def test_a_file_says_no_more_than_a_notebook_would_write(rows: dict[str, Any], fine: bool) -> None:
    data = json.dumps({"schema": 1, "exercises": rows}).encode()
    if fine:
        assert len(parse(data)) == len(rows)
    else:
        with pytest.raises(DataError, match="progress file: expected what `check` writes, found no (list|table) of at most"):
            parse(data)


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.exercises.hand_ins.MOST_FILES", 3)
    for i in range(4):
        (tmp_path / f"{i}.json").write_text("{}")
    with pytest.raises(DataError, match="hand-ins: expected at most 3 .json files, found more"):
        collect(tmp_path)


@pytest.mark.parametrize("name", [name for name in DAMAGED if name != "huge.json"])  # its size is what is wrong: see the room
def test_damaged_data_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(DataError, match="^progress file: expected what `check` writes, found .*") as caught:
        parse(DAMAGED[name])
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_a_damaged_file_is_put_aside_and_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    for _ in range(2):
        (folder / "progress.json").write_bytes(b"{ half")
        store.note(wrong(), 1)
    aside = sorted(folder.glob("progress-damaged-*.json"))
    assert len(aside) == 2 and all(path.read_bytes() == b"{ half" for path in aside)
    assert list(kept(folder)) == ["01.1"] and aside[0].name in capsys.readouterr().out


def test_a_reader_puts_nothing_aside_that_a_writer_has_just_mended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "progress.json").write_bytes(b"{ half")
    locked = store._locked

    @contextmanager
    def after_a_writer() -> Iterator[None]:
        monkeypatch.setattr(store, "_locked", locked)
        store.note(wrong(), 1)
        with locked():
            yield

    monkeypatch.setattr(store, "_locked", after_a_writer)
    assert list(store.read()) == ["01.1"] == list(kept(folder))
    assert len(list(folder.glob("progress-damaged-*.json"))) == 1


def test_what_is_no_file_is_a_message(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "progress.json")
    with pytest.raises(CourseError, match="expected a readable progress.json, found something that is no file"):
        store.read()


def write_many(folder: str, name: str) -> None:
    os.environ["COURSE_PROGRESS_DIR"] = folder
    for i in range(20):
        store.note(wrong("01.1", f"{name} {i}"), f"{name} {i}")
        store.note(wrong(f"02.{name}", "x"), i)


def test_two_notebooks_may_check_at_once(folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(str(folder), name)) for name in ("1", "2", "3")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert {id: row["tries"] for id, row in kept(folder).items()} == {"01.1": 60, "02.1": 20, "02.2": 20, "02.3": 20}
    assert sorted(path.name for path in folder.iterdir()) == ["progress.json", "progress.lock"]


def test_a_check_works_where_nothing_can_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("a file where the folder should be")
    assert not exercises.check("01.1", lambda labels: 7.0).right
    assert "(progress not kept: progress: expected a folder" in capsys.readouterr().out


# ---- course progress ----------------------------------------------------------
def test_course_progress_lists_every_exercise(folder: Path) -> None:
    store.note(Verdict("01.1", "right"), 1)
    store.note(wrong("02.1"), 1)
    page, all_ = course(), catalogue()
    for id, exercise in all_.items():
        status = {"01.1": "done", "02.1": "tried"}.get(id, "not tried")
        assert re.search(rf"^  {re.escape(id)} +{status} +{exercise.minutes} min  {re.escape(exercise.title)} \(", page, re.M), id
    left = sum(e.minutes for e in all_.values()) - all_["01.1"].minutes
    assert page.endswith(f"1 of {len(all_)} exercises done, about {left} minutes left\n")
    value = json.loads(course("--json"))
    assert [n["notebook"] for n in value["notebooks"]] == ["00", "01", "02", "03"]
    assert {e["id"]: e["status"] for n in value["notebooks"] for e in n["exercises"]}["02.1"] == "tried"
    assert sum(n["minutes_left"] for n in value["notebooks"]) == left


def test_the_panel_shows_the_same_in_html_and_plain_text(folder: Path) -> None:
    store.note(Verdict("01.1", "right"), 1)
    panel = exercises.panel()
    html = panel._repr_html_()
    assert f"{len(catalogue())} exercises done" in repr(panel) and repr(panel).splitlines()[2].split()[:2] == ["01", "1"]
    assert "●&nbsp;01.1" in html and "○&nbsp;01.2" in html and html.count("<tr>") == 5 and "01.1 The yardstick: done" in html
    assert "<script" not in html and str(folder) not in html


# ---- handing in ---------------------------------------------------------------
def test_a_hand_in_is_a_copy_under_a_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.note(wrong(), 1)
    share = tmp_path / "share"
    share.mkdir()
    assert str(share / "progress-anna-k-müller.json") in course("--hand-in", " Anna K. / Müller ", "--to", str(share))
    assert parse((share / "progress-anna-k-müller.json").read_bytes()) == parse((folder / "progress.json").read_bytes())
    monkeypatch.chdir(share)
    assert "progress-anna.json" in course("--hand-in", "anna") and sorted(collect(share).learners) == ["progress-anna-k-müller.json", "progress-anna.json"]


def test_a_hand_in_replaces_progress_only_and_says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.note(wrong(), 1)
    exercises.hand_in("Anna", tmp_path)
    assert "It replace" not in capsys.readouterr().out
    store.note(wrong("02.1"), 1)
    exercises.hand_in("Anna", tmp_path)
    assert "It replaces an earlier one of yours" in capsys.readouterr().out
    hand_in(tmp_path, "progress-anna.json", {"01.1": {}})
    exercises.hand_in("Anna", tmp_path)
    assert "It replaced a file of other progress" in capsys.readouterr().out
    assert list(collect(tmp_path).learners["progress-anna.json"]) == ["01.1", "02.1"]
    for text in ("my thesis", "[]"):
        (tmp_path / "progress-anna.json").write_text(text)
        with pytest.raises(CourseError, match="expected no progress-anna.json, or a progress file to replace, found another there"):
            exercises.hand_in("Anna", tmp_path)
        assert (tmp_path / "progress-anna.json").read_text() == text
    (tmp_path / "progress-bert.json").symlink_to(folder / "progress.json")
    with pytest.raises(CourseError, match="nothing was changed"):
        exercises.hand_in("Bert", tmp_path)


@pytest.mark.parametrize("arguments, words", [
    (["--hand-in", "../.."], "expected a name, found '../..'"), (["--hand-in", ""], "expected a name, found ''"),
    (["--hand-in", "anna", "--to", "nowhere"], "expected a folder, found 'nowhere'"),
    (["--hand-in", "anna", "--json"], "expected --hand-in alone"), (["--to", "."], "expected --to beside --hand-in"),
])
def test_a_hand_in_that_cannot_be_is_a_message(arguments: list[str], words: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store.note(wrong(), 1)
    done = CliRunner().invoke(app, ["progress", *arguments])
    assert done.exit_code == 2 and words in done.output and not list(tmp_path.glob("progress-*"))


def test_nothing_to_hand_in_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="expected an exercise that was checked, found none yet"):
        exercises.hand_in("anna", tmp_path)


# ---- a room -------------------------------------------------------------------
def hand_in(folder: Path, name: str, rows: dict[str, Any]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    full = {id: {"status": "tried", "tries": 1, "first": NOW, "last": NOW, "reasons": []} | row for id, row in rows.items()}
    path.write_text(json.dumps({"schema": 1, "exercises": full}))


def room_of_forty(folder: Path) -> None:
    for i in range(30):
        row: dict[str, Any] = {"01.1": {"status": "done" if i < 18 else "tried", "tries": 1 + i % 4}}
        row["01.1"]["reasons"] = ["it gave 1, expected 2"] if i % 2 else ["it gave 3, expected 2", "it gave 1, expected 2"]
        if i == 7:
            row["09.9"] = {}
        hand_in(folder, f"group {i % 3}/learner {i:02}/progress.json", row)
    for name in list(DAMAGED)[:9]:
        (folder / name).write_bytes(DAMAGED[name])
    (folder / "link.json").symlink_to(folder / "list.json")
    (folder / "readme.txt").write_text("not a hand-in")


def test_forty_files_ten_damaged_give_thirty_rows_and_ten_reports(tmp_path: Path) -> None:
    room_of_forty(tmp_path)
    value = json.loads(course("--collect", str(tmp_path), "--json", code=1))
    assert len(value["learners"]) == 30 and len(value["reports"]) == 10
    assert sorted(r["file"] for r in value["reports"]) == sorted([*list(DAMAGED)[:9], "link.json"])
    found = {r["file"]: r["found"] for r in value["reports"]}
    assert found["link.json"] == "a link to somewhere else" and found["huge.json"] == "more than 1,000,000 bytes"
    assert found["deep.json"] == "brackets nested too deeply" and found["other-schema.json"] == "no progress of schema 1"
    row = {r["exercise"]: r for r in value["exercises"]}["01.1"]
    assert (row["done"], row["tried"], row["not tried"]) == (18, 12, 0)
    assert row["stuck"] == sum(1 + i % 4 >= 3 for i in range(18, 30))
    assert row["reasons"] == [{"learners": 30, "reason": "it gave 1, expected 2"}, {"learners": 15, "reason": "it gave 3, expected 2"}]
    page = course("--collect", str(tmp_path), code=1)
    assert "30 files read" in page and "10 files not read" in page and "30 had, 12 still have: it gave 3, expected 2" in page
    assert "not in this version: 09.9" in page and all(line.isprintable() for line in page.splitlines())


def test_a_clean_room_ends_with_zero(tmp_path: Path) -> None:
    hand_in(tmp_path, "one.json", {"02.1": {"tries": 3}})
    assert "stuck at 02.1" in course("--collect", str(tmp_path))
    room = collect(tmp_path)
    rows = {row["exercise"]: row for row in by_exercise(room, catalogue())}
    assert list(rows) == list(catalogue()) and rows["02.1"]["stuck"] == 1 and rows["02.2"]["not tried"] == 1
    assert by_learner(room, catalogue()) == [{"file": "one.json", "done": 0, "tried": 1, "stuck": ["02.1"], "unknown": []}]


def test_the_first_lines_say_where_a_room_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    gave = "for the name it gave {}, expected [-100, 0, 3, 3]" + " and so on" * 12
    mended = {"status": "done", "reasons": [gave.format("[1]"), "it stopped"]}
    hand_in(tmp_path, "anna/progress.json", {"02.1": mended, "02.3": {}})
    hand_in(tmp_path, "progress-bert.json", {"02.1": mended | {"reasons": [gave.format("[2]")]}, "02.3": {"tries": 3}})
    hand_in(tmp_path, "carla.json", {"02.1": {"reasons": ["it stopped", gave.format("[3]")]}})
    hand_in(tmp_path, "dan.json", {"02.1": {"reasons": [gave.format("[4]"), "it stopped"]}})
    (tmp_path / "eva.json.txt").write_text("{}")
    page = course("--collect", str(tmp_path)).splitlines()
    assert page[0] == "4 learners. Half of them have reached 02.3. Stuck: bert at 02.3."
    assert page[2].split()[:5] == ["02.1", "2", "2", "0", "0"] and all(len(line) <= 80 for line in page)
    assert page[3].startswith("         4 had, 1 still have: for the name it gave [3], expected [-100") and page[3].endswith("...")
    assert page[4] == "         3 had, 1 still have: it stopped"
    assert "00, 01, 03: nobody yet" in page and "1 files skipped, no .json: eva.json.txt" in page
    full = course("--collect", str(tmp_path), "--full")
    assert gave.format("[3]") in full and "\n00.1 " in full and "nobody yet" not in full


def test_a_room_that_has_not_begun(tmp_path: Path) -> None:
    assert course("--collect", str(tmp_path)).startswith("0 learners. Nobody has begun. Nobody is stuck.\n")
    for name in ("a.json", "b.json", "c.json"):
        hand_in(tmp_path, name, {"01.1": {}} if name == "a.json" else {})
    assert course("--collect", str(tmp_path)).startswith("3 learners. Fewer than half of them have begun. Nobody is stuck.\n")


def test_the_same_contents_twice_are_reported(tmp_path: Path) -> None:
    for name in ("anna/progress.json", "progress-anna.json", "bert.json"):
        hand_in(tmp_path, name, {"01.1": {"tries": 3, "mark": "b" if name == "bert.json" else "a"}})
    for name in ("new.json", "newer.json"):
        hand_in(tmp_path, name, {})
    page = course("--collect", str(tmp_path))
    assert "identical contents, perhaps one learner: progress-anna.json, anna/progress.json\n" in page and page.count("identical") == 1
    assert "Stuck: bert, progress-anna.json, anna/progress.json at 01.1." in page, "two of one name are told apart"
    value = json.loads(course("--collect", str(tmp_path), "--json"))
    assert value["identical"] == [["progress-anna.json", "anna/progress.json"]] and value["skipped"] == []


def test_hostile_folders(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    hand_in(outside, "secret.json", {"01.1": {}})
    room = tmp_path / "room"
    room.mkdir()
    (room / "all").symlink_to(outside)
    (room / "folder.json").symlink_to(outside)
    (room / "loop").symlink_to(room)
    (room / "a\x1b[31m\nb.json").write_text("{")
    os.mkfifo(room / "pipe.json")
    (room / os.fsdecode(b"\xff.json")).write_text("[]")
    found = collect(room)
    assert found.learners == {} and sum(text.startswith("no JSON (") for text in found.odd.values()) == 1
    assert found.odd["folder.json"] == "a link to somewhere else"
    assert len(found.odd) == 4 and "something that is no file" in found.odd.values() and all(name.isprintable() for name in found.odd)


def test_long_names_keep_their_end_and_stay_apart(tmp_path: Path) -> None:
    for folder in ("one " * 40, "two " * 40):
        for name in ("Anna", "Bert"):
            hand_in(tmp_path / folder.strip(), f"{'hand in here ' * 10}/{name}/progress.json", {})
    names = list(collect(tmp_path).learners)
    assert [re.sub(".*/(.*?)/", r"\1 ", name) for name in names] == ["Anna progress.json", "Bert progress.json",
                                                                    "Anna progress.json (2)", "Bert progress.json (2)"]
    assert all(len(name) < 130 for name in names)


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path, "one.json", {})
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    room = collect(tmp_path)
    assert list(room.learners) == ["one.json"] and room.odd == {"closed": "a folder that cannot be read (Permission denied)"}


def test_a_mark_of_the_order_of_bytes_is_no_damage() -> None:
    assert parse(b"\xef\xbb\xbf" + b'{"schema": 1, "exercises": {}}') == {}


def test_no_folder_is_a_plain_message(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["progress", "--collect", str(tmp_path / "nowhere")])
    assert done.exit_code == 2 and "expected a folder" in done.output
    with pytest.raises(CourseError):
        collect(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_stops_no_notebook(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "progress.json").mkdir(parents=True)
    assert "0 of " in repr(exercises.panel()) and "(progress not shown: progress: expected a readable" in capsys.readouterr().out


def test_json_stays_json_where_the_file_is_damaged(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text("{ half")
    done = CliRunner().invoke(app, ["progress", "--json"])
    assert json.loads(done.stdout)["notebooks"] and "It was kept as progress-damaged" in done.stderr


def test_a_try_counts_where_a_helper_has_changed(folder: Path) -> None:
    """The function that is checked may stay, and what it calls may change; the same answer with other words is one try."""
    sources = ["def inner(x):\n    return x + {}\n", "def helper(x):\n    return inner(x)\n", "def answer(x):\n    return [helper(y) for y in x]\n"]
    for round_, number in enumerate((1, 2, 2, 3)):
        space: dict[str, Any] = {"__name__": "__main__"}
        for part, text in enumerate(sources):
            name = f"<cell {part} {round_}>"
            linecache.cache[name] = (len(text), None, text.format(number).splitlines(keepends=True), name)
            exec(compile(text.format(number), name, "exec"), space)
        store.note(wrong(reason=f"gave {round_}"), space["answer"])
    assert kept(folder)["01.1"]["tries"] == 3 and len(kept(folder)["01.1"]["reasons"]) == 4


def test_functions_that_call_each_other_have_a_mark() -> None:
    def even(n: int) -> bool:
        return n == 0 or odd(n - 1)

    def odd(n: int) -> bool:
        return n > 0 and even(n - 1)

    assert store.mark_of(even) and store.mark_of(_back_and_forth) and store.mark_of(_back_and_forth) != store.mark_of(_forth)


def _back_and_forth(n: int) -> int:
    return _forth(n - 1) if n else 0


def _forth(n: int) -> int:
    return _back_and_forth(n - 1) if n else 1


def test_a_link_to_itself_is_reported_and_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "progress.json").symlink_to(folder / "progress.json")
    exercises.panel()
    exercises.check("01.1", sum)
    assert "(progress not shown: " in (said := capsys.readouterr().out) and "(progress not kept" in said
    assert (folder / "progress.json").is_symlink()


def test_a_name_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(CourseError, match="expected a name in quotes, found 3"):
        exercises.hand_in(3)  # type: ignore[arg-type]


def test_a_linked_file_stays_linked(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    synced = tmp_path / "synced.json"
    (folder / "progress.json").symlink_to(synced)
    store.note(wrong(reason="one"), "an answer")
    store.note(wrong(reason="two"), "another")
    assert (folder / "progress.json").is_symlink() and json.loads(synced.read_text())["exercises"]["01.1"]["tries"] == 2


def test_no_more_than_the_largest_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    (folder / "progress.json").write_bytes(b" " * (store.LARGEST + 10**6))
    read: list[int] = []
    monkeypatch.setattr(store, "parse", lambda raw: read.append(len(raw)) or {})
    store.read()
    assert read == [store.LARGEST + 1]


def test_a_lock_that_is_never_had_is_an_error_and_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    store.note(wrong(reason="one"))
    before = (folder / "progress.json").read_bytes()
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    with (folder / "progress.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="found another notebook writing"):
            store.note(wrong(reason="two"))
    assert (folder / "progress.json").read_bytes() == before


def test_a_title_stays_inside_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    row = exercises.panel().rows[0]
    (exercise, status), *_ = row.exercises
    odd = dataclasses.replace(row, exercises=((dataclasses.replace(exercise, title="a \"b\" <i>"), status),))
    assert f'title="{exercise.id} a &quot;b&quot; &lt;i&gt;: ' in standings.Panel((odd,))._repr_html_()
