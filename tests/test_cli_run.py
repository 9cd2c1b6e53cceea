"""``course``: fast help, typed parameters, exit codes, one JSON object on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import books
import pytest
from books import FAKE, results
from typer.testing import CliRunner

from course_lib import execution
from course_lib.arguments import parse_parameters
from course_lib.cli import app as app_module
from course_lib.cli.app import COMMANDS, app
from course_lib.cli.commands.run import Progress, expected_seconds
from course_lib.cli.commands.show import differing
from course_lib.engine import Failure
from course_lib.errors import ConfigError, CourseError
from course_lib.execution import RunRequest, execute
from course_lib.locations import PROJECT
from course_lib.parameters import check, with_profile

fake, no_kernel = books.fake, books.no_kernel
HEAVY = {"torch", "transformers", "pandas", "numpy", "papermill", "matplotlib", "jsonschema", "ray", "requests", "scipy"}


def course(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


# ---- start --------------------------------------------------------------------------
def test_help_imports_nothing_heavy():
    code = ("import sys\nfrom course_lib.cli.app import main\nsys.argv = ['course', '--help']\ntry:\n    main()\nfinally:\n"
            "    print('LOADED', *sys.modules, file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert HEAVY & set(done.stderr.split()) == set() and "typer" in done.stderr.split()
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_help_of_each_command_imports_nothing_heavy():
    code = ("import sys\nfrom course_lib.cli.app import load\n"
            "for name in sys.argv[1:]:\n    load(name)\nprint(*sys.modules)")
    done = subprocess.run([sys.executable, "-c", code, *COMMANDS], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_explains_itself_with_examples(name):
    done = course(name, "--help")
    assert done.exit_code == 0 and f"  course {name} " in done.stdout and "Examples:" in done.stdout


def test_python_m_course_lib_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "course_lib", "--version"], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout.startswith("course 0.")


def test_unknown_commands_and_missing_modules(monkeypatch, capsys):
    done = course("rnu")
    assert done.exit_code == 2 and "Did you mean 'run'" in done.stderr
    monkeypatch.setitem(app_module.COMMANDS, "run", ("nowhere", ""))
    done = course("run", "x")
    assert done.exit_code == 2 and "found none. The student edition leaves" in done.stderr


# ---- parameters ---------------------------------------------------------------------
@pytest.mark.parametrize(("text", "value"), [
    ("seed=7", 7), ("seed= 7 ", 7), ("rate=0.5", 0.5), ("rate=5e-1", 0.5), ("rate=none", None), ("threads=None", None), ("flag=true", True),
    ("flag=false", False), ("text=none", "none"), ("text=7", "7"), ("text=a=b", "a=b"), ("text=", ""), ("text= x ", " x "),
    ("items=[]", []), ("items=[a, 'b c']", ["a", "b c"]), ("text={seed}", "{seed}"), ("text=__import__('os')", "__import__('os')"),
])
def test_values_are_read_by_type(fake, text, value):
    name = text.partition("=")[0]
    assert parse_parameters(FAKE, [text]) == {name: value} and type(parse_parameters(FAKE, [text])[name]) is type(value)


@pytest.mark.parametrize(("texts", "message"), [
    (["seed"], "parameter 'seed': expected name=value, found no '='"),
    (["seed=1", "seed=1"], "parameter seed: expected once, found again with '1'"),
    (["sed=1"], "notebook 80_fake: parameter: expected one of .*Did you mean 'seed'"),
    (["seed=1.0"], "parameter seed: expected a whole number from 0 to 4294967295, found '1.0'"),
    (["seed=1_0"], "expected a whole number"), (["seed=" + "9" * 200], "expected a whole number"), (["seed=none"], "expected a whole number"),
    (["seed=-1"], "expected a value from 0 to"), (["rate=2"], "expected a value from 0 to 1"), (["rate=nan"], "expected a value from 0 to 1"),
    (["rate=half"], "parameter rate: expected a number from 0 to 1 or none, found 'half'"),
    (["flag=1"], "expected true or false, found '1'"), (["flag=True"], "expected true or false"),
    (["items=a"], r"expected a list of names such as \[a,b\], found 'a'"), (["items=[1]"], "expected a list of str"),
    (["items=[a"], "expected a list of names"), (["items=[!!python/object/apply:os.system [ls]]"], "expected a list of names"),
    (["items=[&a x, *a]"], "expected a list of names"), (["items=[" * 1 + "[" * 5000], "expected a list of names"),
    (["profile=cpo"], "Did you mean 'cpu'"),
])
def test_values_that_are_refused(fake, texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_parameters(FAKE, texts)


# ---- course run ---------------------------------------------------------------------
@pytest.fixture
def here(fake: Path, no_kernel, monkeypatch, tmp_path: Path) -> Path:
    """The made-up notebook as if it were one of the course's; runs go below ``tmp_path``."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / f"{FAKE}.ipynb").write_text(fake.read_text())
    monkeypatch.setattr(execution, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_run(here: Path):
    done = course("run", FAKE, "-p", "seed=7", "-p", "text=a b", "--profile", "smoke", "--out", "my runs")
    (folder,) = (here / "my runs" / FAKE).iterdir()
    assert done.exit_code == 0 and f"{FAKE}: ok" in done.stdout and str(folder.relative_to(here)) in done.stdout
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["parameters"] == {"seed": 7, "text": "a b", "profile": "smoke"}


def test_json_is_all_of_stdout(here: Path):
    done = course("run", FAKE, "-p", "seed=7", "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 0 and answer["outcome"] == "ok" and answer["metrics"]["score"] == 1.0 and answer["error"] is None
    assert Path(answer["folder"]).name == answer["id"] and set(answer) == {"notebook", "id", "folder", "outcome", "error", "seconds", "metrics"}


def test_quiet_says_nothing(here: Path):
    done = course("run", FAKE, "--quiet")
    assert (done.exit_code, done.output) == (0, "")


def test_a_failure_shows_the_cell_and_exits_with_one(here: Path, no_kernel):
    no_kernel(lambda *_: Failure("cell 4: ValueError: bad", "    bad()\nValueError: bad"))
    done = course("run", FAKE, "--out", "r", "--quiet")
    assert done.exit_code == 1 and done.stdout == ""
    assert "cell 4: ValueError: bad" in done.stderr and "    bad()\nValueError: bad" in done.stderr and "kept with its banner: r/" in done.stderr
    assert json.loads(course("run", FAKE, "--json").stdout)["outcome"] == "failed"


def test_what_cannot_be_written_exits_with_two_before_and_one_after(here: Path, no_kernel):
    (here / "file").write_text("x")
    done = course("run", FAKE, "--out", "file")
    assert done.exit_code == 2 and "expected a place that can be written to" in done.stderr

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")
    no_kernel(full)
    done = course("run", FAKE, "--out", "r")
    assert done.exit_code == 1 and "nothing of it is kept" in done.stderr and list((here / "r" / FAKE).iterdir()) == []


def test_no_model_is_kept_if_told_so(here: Path, no_kernel):
    no_kernel(lambda folder, _: (folder / "model").mkdir())
    for more, kept in ((), True), (("--no-model",), False):
        folder = here / json.loads(course("run", FAKE, "--json", "--out", "r", *more).stdout)["folder"]
        assert (folder / "model").is_dir() == kept


@pytest.mark.parametrize("arguments", [["80_fak"], [FAKE, "-p", "sed=1"], [FAKE, "-p", "seed=x"], [FAKE, "--profile", "cpo"],
                                       [FAKE, "-p", "profile=cpu", "--profile", "smoke"], [FAKE, "-p", "output_dir=x"]])
def test_a_refusal_exits_with_two_and_leaves_nothing(here: Path, arguments):
    done = course("run", *arguments, "--out", "r")
    assert done.exit_code == 2 and "expected" in done.stderr and done.stdout == "" and not (here / "r").exists()
    assert "Traceback" not in done.stderr


def test_ctrl_c_exits_with_130(here: Path, no_kernel):
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt
    no_kernel(stop)
    done = course("run", FAKE, "--out", "r")
    assert done.exit_code == 130 and "interrupted" in done.stderr and list((here / "r" / FAKE).iterdir()) == []


# ---- progress -----------------------------------------------------------------------
def test_quiet_progress_is_a_line_per_quarter(capsys):
    progress = Progress("n", None)
    for done in range(41):
        progress(done, 40)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"n: {d} of 40 cells" for d in (10, 20, 30, 40)]


def test_time_left_is_that_of_the_last_run_if_there_is_one():
    progress = Progress("n", 100.0)
    progress.begin = time.monotonic() - 30
    assert progress.left(1, 40) == ", 30 s, 70 s left"
    assert Progress("n", None).left(1, 40) == ", 0 s", "one cell says nothing"
    by_cells = Progress("n", None)
    by_cells.begin = time.monotonic() - 30
    assert by_cells.left(10, 40) == ", 30 s, very roughly 90 s left"
    progress.begin = time.monotonic() - 130
    assert progress.left(39, 40) == ", 130 s, longer than the last run"


def test_expected_seconds_come_from_the_same_profile(tmp_path: Path):
    for number, (profile, outcome) in enumerate([("cpu", "ok"), ("smoke", "ok"), ("cpu", "failed")]):
        folder = tmp_path / "n" / str(number)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"outcome": outcome, "profile": profile, "seconds": number + 10}))
    assert expected_seconds("n", "cpu", tmp_path) == 10 and expected_seconds("n", "smoke", tmp_path) == 11
    assert expected_seconds("n", "gpu", tmp_path) is None and expected_seconds("m", None, tmp_path) is None


# ---- course show --------------------------------------------------------------------
def test_show(here: Path):
    execute(RunRequest(FAKE, {"seed": 7}, run_id="abc"), here / "runs")
    done = course("show", "abc", "--out", "runs")
    assert done.exit_code == 0 and done.stdout.startswith(f"{FAKE}, run abc: ok\n")
    assert "\nmetrics\n  score          1.0000" in done.stdout and "as the run left it" in done.stdout
    (here / "runs" / FAKE / "abc" / "predictions.jsonl").write_text("")
    assert "predictions.jsonl  CHANGED since the run" in course("show", "abc", "--out", "runs").stdout
    answer = json.loads(course("show", "abc", "--out", "runs", "--json").stdout)
    assert answer["manifest"]["id"] == "abc" and answer["metrics"]["score"] == 1.0 and answer["changed_files"] == ["predictions.jsonl"]
    done = course("show", "abx", "--out", "runs")
    assert done.exit_code == 2 and "Did you mean 'abc'" in done.stderr


def test_show_moves_no_cursor(here: Path):
    execute(RunRequest(FAKE, {"text": "a\x1b[2Jb\nmetrics\n  score  9"}, run_id="abc"), here / "runs")
    page = course("show", "abc", "--out", "runs").stdout
    assert "\x1b" not in page and r'"a\u001b[2Jb\nmetrics\n  score  9"' in page


def test_settings_that_differ_from_the_defaults():
    settings = with_profile("02_medical_ner", "cpu", check("02_medical_ner", {"epochs": 9, "corpus": "bc5cdr"}))
    settings |= {"seeds": [0], "profile": "auto"}
    manifest = {"notebook": "02_medical_ner", "profile": "cpu", "settings": settings}
    assert differing(manifest) == {"corpus": "bc5cdr", "epochs": 9, "learning_rate": 3e-4, "batch_size": 16, "average": 0.995}
    assert differing(manifest | {"notebook": "99_other"}) == settings and differing(manifest | {"settings": {}}) == {}


def test_errors_of_other_kinds_are_not_hidden(here: Path, no_kernel):
    def bug(*_: Any) -> None:
        raise ZeroDivisionError
    no_kernel(bug)
    done = course("run", FAKE)
    assert isinstance(done.exception, ZeroDivisionError) and not issubclass(ZeroDivisionError, CourseError)
    no_kernel(results)
    assert course("run", FAKE, "-q").exit_code == 0
