"""The room: a stick with wheels and sums, damage that is found, and a set-up with no network that ends in notebook 00."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from course_lib.cli.app import app
from course_lib.errors import ConfigError, DataError, OutputError
from course_lib.kit import room, set_up
from course_lib.kit.stick import lowest_python, unresolved

# A new network namespace has no way out at all; only its own loopback address is brought up, for the kernel.
LOOPBACK = ("import fcntl, os, socket, struct, sys; s = socket.socket(); "
            "fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x49)); os.execv(sys.argv[1], sys.argv[1:])")


def make_wheel(folder: Path, name: str = "tiny", needs: str = "") -> Path:
    """Write a wheel of one line by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + (f"Requires-Dist: {needs}\n" if needs else "")
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "ANSWER = 42\n")
        wheel.writestr(f"{info}/METADATA", meta)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stick with three tiny wheels, one needed by another, in place of the 140 real ones."""
    wheels = tmp_path_factory.mktemp("index")
    make_wheel(wheels, "tiny", "other")
    make_wheel(wheels, "other")
    make_wheel(wheels, "unasked")
    make_wheel(wheels, "pip")
    return room.make(tmp_path_factory.mktemp("stick"), found_in=wheels, requirements=["tiny", "pip"])


@pytest.fixture
def copy(stick: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stick, tmp_path / "stick"))


def test_a_stick_has_what_it_needs_and_its_sums(stick: Path) -> None:
    assert {p.name for p in stick.iterdir()} == {"wheels", "requirements.txt", "course-student.zip", "set_up.py", "READ_ME.txt", "room.json"}
    assert sorted(p.name for p in (stick / "wheels").iterdir()) == [
        "other-1.0-py3-none-any.whl", "pip-1.0-py3-none-any.whl", "tiny-1.0-py3-none-any.whl"]
    digest = hashlib.sha256((stick / "wheels" / "tiny-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    assert f"tiny==1.0 --hash=sha256:{digest}" in (stick / "requirements.txt").read_text().splitlines()
    facts = json.loads((stick / "room.json").read_text())
    assert facts["wheels"] == 3 and facts["python"] == "{}.{}".format(*sys.version_info[:2]) and room.inspect(stick) == []
    assert (stick / "set_up.py").read_text() == Path(set_up.__file__).read_text()


def test_a_stick_that_cannot_be_installed_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index may give another build, with other needs, than the one that is installed here."""
    wheels = tmp_path / "index"
    make_wheel(wheels, "tiny", "other")
    make_wheel(wheels, "other", "third; extra == 'more'")
    make_wheel(wheels, "pip")
    monkeypatch.setattr(room, "exact", lambda project: ["tiny==1.0"])
    monkeypatch.setattr(room, "direct", lambda project: ["tiny"])
    monkeypatch.setattr(room, "build_requirements", lambda project: ["pip"])
    with pytest.raises(DataError, match="expected all that the course needs, found none of other, needed by tiny"):
        room.make(tmp_path / "out", found_in=wheels)
    assert not (tmp_path / "out" / room.ROOM).exists()
    assert unresolved(wheels, ["tiny"]) == [] and unresolved(wheels, ["other[more]>=1"]) == ["third; extra == \"more\", needed by other: not on the stick"]
    assert unresolved(wheels, ["tiny>2"]) == ["tiny>2, needed by the course: not on the stick"]
    (wheels / "tiny-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(DataError, match="wheel tiny-1.0-py3-none-any.whl: expected a wheel with its METADATA"):
        unresolved(wheels, ["tiny"])


def test_the_lowest_python_is_that_of_the_strictest_wheel(tmp_path: Path) -> None:
    for name, says in (("a", ">=3.9"), ("b", ">=3.11.5,<4"), ("c", "")):
        path = make_wheel(tmp_path, name)
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\n" + (f"Requires-Python: {says}\n" if says else ""))
    assert lowest_python(tmp_path) == "3.11.5" and lowest_python(tmp_path / "none") == ""


def test_set_up_needs_python_alone(stick: Path) -> None:
    """The script runs without the course and without any package: -I and -S leave both out."""
    done = subprocess.run([sys.executable, "-I", "-S", str(stick / "set_up.py"), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "no network at all" in done.stdout


def test_damage_is_found(copy: Path) -> None:
    wheels = copy / "wheels"
    with zipfile.ZipFile(wheels / "tiny-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("more.py", "")
    (wheels / "other-1.0-py3-none-any.whl").rename(wheels / "stranger-1.0-py3-none-any.whl")
    (copy / "course-student.zip").write_bytes(b"")
    assert room.inspect(copy) == ["course-student.zip: missing or changed", "other==1.0: not on the stick", "stranger==1.0: not on the list",
                                  "tiny==1.0: changed since the stick was made"]
    (wheels / "virus.exe").write_text("")
    with pytest.raises(DataError, match="expected wheels alone, found virus.exe"):
        room.inspect(copy)
    with pytest.raises(ConfigError, match="expected a folder made by course room"):
        room.inspect(copy / "wheels")
    (copy / "wheels" / "virus.exe").unlink()
    (copy / "wheels" / "folder-1.0-py3-none-any.whl").mkdir()
    with pytest.raises(DataError, match="expected wheels alone, found folder-1.0"):
        room.inspect(copy)
    shutil.rmtree(copy / "wheels")
    with pytest.raises(DataError, match="expected at least one wheel, found none"):
        room.inspect(copy)
    facts = json.loads((copy / "room.json").read_text())
    (copy / "room.json").write_text(json.dumps({key: value for key, value in facts.items() if key != "bytes"}))
    with pytest.raises(ConfigError, match="expected a folder made by course room, found KeyError"):
        room.inspect(copy)


def test_another_script_in_place_of_set_up_is_found(copy: Path) -> None:
    (copy / "set_up.py").write_text("print('hello')\n")
    assert room.inspect(copy) == ["set_up.py: missing or changed"]


def test_a_changed_wheel_is_not_installed(copy: Path, tmp_path: Path) -> None:
    """pip itself refuses: the line of requirements.txt names the sum."""
    with zipfile.ZipFile(copy / "wheels" / "tiny-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("more.py", "")
    calls = dict(set_up.steps(copy, tmp_path, "smoke"))
    wheels = calls["wheels"]
    assert "--no-index" in calls["course"] and "--no-index" in wheels and "--require-hashes" in wheels
    assert wheels[1] == str(copy / "wheels" / "pip-1.0-py3-none-any.whl" / "pip") == calls["course"][1]
    call = [sys.executable, "-m", "pip", *wheels[2:], "--target", str(tmp_path / "there")]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, **set_up.NO_INDEX})
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr and not list(tmp_path.glob("there/tiny*"))


def test_a_machine_that_does_not_fit_is_told_why(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set_up.problems(copy, tmp_path / "new") == []
    facts = json.loads((copy / "room.json").read_text())
    (copy / "room.json").write_text(json.dumps(facts | {"python": "3.9", "platform": "win-arm64"}))
    (copy / "wheels" / "pip-1.0-py3-none-any.whl").unlink()
    (copy / "course-student.zip").write_bytes(b"other")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").write_text("mine")
    later = facts | {"needs_python": "3.11.99" if sys.version_info[:2] == (3, 11) else "{}.{}.99".format(*sys.version_info[:2])}
    found = set_up.problems(copy, tmp_path / "used")
    for words in ("Python: expected 3.9", "machine: expected win-arm64", "folder used: expected none yet", "disk: expected 3 GB free, found 0.0",
                  "course-student.zip: expected the file this stick was made with", "wheels/pip-1.0-py3-none-any.whl: expected the file"):
        assert sum(line.startswith(words) for line in found) == 1, (words, found)
    assert len(found) == 6 and set_up.set_up(copy, tmp_path / "used", "smoke") == 2
    assert [p.name for p in (tmp_path / "used").iterdir()] == ["thesis.txt"]
    assert set_up.problems(copy / "wheels", tmp_path)[0].startswith("stick: expected room.json")
    (copy / "room.json").write_text(json.dumps(later))
    assert any(line.startswith(f"Python: expected {later['needs_python']} or later") for line in set_up.problems(copy, tmp_path / "new"))
    (tmp_path / "used" / "set_up.json").write_text("{}")
    assert any("one that is set up already" in line for line in set_up.problems(copy, tmp_path / "used"))


def test_a_step_that_fails_ends_the_set_up(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    calls: list[str] = []

    def run(call: list[str], **more: Any) -> Any:
        calls.append(" ".join(call))
        assert more["env"]["PIP_NO_INDEX"] == "1" and "PYTHONPATH" not in more["env"]
        return subprocess.CompletedProcess(call, 1 if "--require-hashes" in call else 0)

    monkeypatch.setenv("PYTHONPATH", "somewhere")
    monkeypatch.setattr(subprocess, "run", run)
    assert set_up.set_up(copy, tmp_path / "new", "smoke") == 1 and len(calls) == 2
    assert "wheels: expected it to end well" in capsys.readouterr().err
    assert (tmp_path / "new" / "notebooks" / "02_medical_ner.ipynb").is_file() and not (tmp_path / "new" / "set_up.json").exists()


def test_an_archive_does_not_write_outside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/in.txt", "x")
        archive.writestr("top/../out.txt", "x")
        archive.writestr("top/sub/../../out.txt", "x")
    set_up.unpack(tmp_path / "a.zip", tmp_path / "there")
    assert (tmp_path / "there" / "in.txt").is_file() and not list(tmp_path.rglob("out.txt"))


def test_only_wheels_at_the_pinned_versions_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source archive would run its own code when it is built; a wheel runs none."""
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda call, **more: calls.append(call) or subprocess.CompletedProcess(call, 0))
    room.fetch(tmp_path, ["tiny"], None)
    (call,) = calls
    assert call[call.index("--only-binary") + 1] == ":all:" and Path(call[call.index("-c") + 1]).name == "constraints.txt"


def test_a_full_disk_is_noticed_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    monkeypatch.setattr(room, "fetch", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(OutputError, match="disk: expected 2 GB free for the wheels, found 0.0 GB"):
        room.make(tmp_path / "out", found_in=tmp_path, requirements=["tiny"])


def test_nothing_of_others_is_replaced(tmp_path: Path) -> None:
    (tmp_path / room.ROOM).mkdir()
    with pytest.raises(OutputError, match="expected no folder course-room, or one that holds what course room made and nothing else"):
        room.make(tmp_path, found_in=tmp_path, requirements=["tiny"])


def test_a_stick_with_somebody_elses_files_is_reported_and_not_replaced(copy: Path, tmp_path: Path) -> None:
    (copy / ".DS_Store").write_text("")
    assert room.inspect(copy) == []
    (copy / "thesis.txt").write_text("ten years")
    shutil.copyfile(copy / "wheels" / "tiny-1.0-py3-none-any.whl", copy / "wheels" / "tiny-1.0-py2-none-any.whl")
    assert room.inspect(copy) == ["thesis.txt: not of this stick", "wheels: one package stands there twice"]
    copy.rename(tmp_path / room.ROOM)
    with pytest.raises(OutputError, match="holds what course room made and nothing else"):
        room.make(tmp_path, found_in=tmp_path, requirements=["tiny"])
    assert (tmp_path / room.ROOM / "thesis.txt").read_text() == "ten years"


def test_a_check_takes_no_other_option(copy: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["room", "--check", str(copy), "--out", str(tmp_path / "new")])
    assert done.exit_code == 2 and "expected --check alone" in done.output and not (tmp_path / "new").exists()


def test_sums_left_out_of_the_facts_are_missed(copy: Path) -> None:
    facts = json.loads((copy / "room.json").read_text())
    (copy / "room.json").write_text(json.dumps(facts | {"sha256": {}}))
    assert room.inspect(copy) == ["course-student.zip: missing or changed", "requirements.txt: missing or changed",
                                  "room.json: changed", "set_up.py: missing or changed"]


@pytest.mark.parametrize("change", [{"platform": "win32"}, {"requirements": []}, {"wheels": 99}])
def test_other_facts_are_noticed(change: dict[str, Any], copy: Path) -> None:
    facts = json.loads((copy / "room.json").read_text())
    (copy / "room.json").write_text(json.dumps(facts | change))
    assert room.inspect(copy) == ["room.json: changed"]


def test_what_a_desktop_leaves_among_wheels_is_overlooked(copy: Path) -> None:
    (copy / "wheels" / ".DS_Store").write_text("")
    (copy / "wheels" / "._tiny-1.0-py3-none-any.whl").write_text("")
    assert room.inspect(copy) == []


def test_notes_in_the_read_me_are_not_replaced(copy: Path, tmp_path: Path) -> None:
    (copy / "READ_ME.txt").write_text("Room 12: the socket by the door is dead.")
    assert room.inspect(copy) == [] and set_up.problems(copy, tmp_path / "new") == [], "notes stop no set-up"
    copy.rename(tmp_path / room.ROOM)
    with pytest.raises(OutputError, match="holds what course room made and nothing else"):
        room.make(tmp_path, found_in=tmp_path, requirements=["tiny"])


def test_a_lost_read_me_is_missed(copy: Path) -> None:
    (copy / "READ_ME.txt").unlink()
    assert room.inspect(copy) == ["READ_ME.txt: missing"]


@pytest.mark.parametrize("text", ["", "[]", "{ half"])
def test_a_stick_with_damaged_facts_may_be_made_again(text: str, copy: Path, tmp_path: Path) -> None:
    (copy / "room.json").write_text(text)
    copy.rename(tmp_path / room.ROOM)
    with pytest.raises(DataError, match="expected pip to fetch"):  # past the look at what is there; nothing to fetch from here
        room.make(tmp_path, found_in=tmp_path, requirements=["no-such-package"])


def test_a_wheel_of_somebody_else_is_not_replaced(copy: Path, tmp_path: Path) -> None:
    shutil.copyfile(copy / "wheels" / "tiny-1.0-py3-none-any.whl", copy / "wheels" / "mine-1.0-py3-none-any.whl")
    assert room.inspect(copy) == ["mine==1.0: not on the list"]
    copy.rename(tmp_path / room.ROOM)
    with pytest.raises(OutputError, match="holds what course room made and nothing else"):
        room.make(tmp_path, found_in=tmp_path, requirements=["tiny"])


def test_a_file_in_the_way_is_named(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    for into, name in ((tmp_path / "file" / "x", "file"), (tmp_path / "dead" / "x", "dead"), (tmp_path / "dead", "dead")):
        (line,) = set_up.problems(copy, into)
        assert f"found the file or dead link {name} in the way" in line


def test_wheels_that_cannot_be_had_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected pip to fetch 1 packages, found: ERROR: Could not find a version"):
        room.make(tmp_path / "out", found_in=tmp_path, requirements=["tiny"])
    assert list((tmp_path / "out").iterdir()) == []


def can_cut_off() -> bool:
    """May this user make a network namespace?"""
    unshare = shutil.which("unshare")
    return bool(unshare) and subprocess.run([str(unshare), "-rn", sys.executable, "-c", LOOPBACK, "/bin/true"], check=False,
                                            capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def full_stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole stick: wheels from the folder COURSE_WHEELS if it is set, else from the package index (0.5 GB)."""
    given = os.environ.get("COURSE_WHEELS", "")
    if not given:
        probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(tmp_path_factory.mktemp("probe")), "pip"]
        if subprocess.run(probe, check=False, capture_output=True, timeout=120).returncode:
            pytest.skip("no package index can be reached, and COURSE_WHEELS names no folder of wheels: the room is not proved here")
    return room.make(tmp_path_factory.mktemp("room"), found_in=Path(given) if given else None)


def test_a_machine_is_set_up_with_no_network(full_stick: Path, tmp_path: Path) -> None:
    """All wheels, a fresh environment, notebook 00 to its end, where no network exists. The seconds are printed (-rP), not judged."""
    assert room.inspect(full_stick) == []
    call = [sys.executable, str(full_stick / "set_up.py"), "--into", str(tmp_path / "course"), "--profile", "smoke"]
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "COURSE_", "PYTHON"))}
    if can_cut_off():
        call = [str(shutil.which("unshare")), "-rn", sys.executable, "-c", LOOPBACK, *call]
    else:  # second best: every way out leads to a closed port of this machine
        keep |= dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(call, capture_output=True, text=True, env=keep, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    took = json.loads((tmp_path / "course" / "set_up.json").read_text())
    print(took)
    (metrics,) = (tmp_path / "course" / "runs" / "00_environment_setup").glob("*/metrics.json")
    assert json.loads(metrics.read_text())["checks_failed"] == 0
    assert set(took) == {"environment", "wheels", "course", "notebook 00", "in all"}
    shutil.rmtree(tmp_path / "course")  # two gigabytes
