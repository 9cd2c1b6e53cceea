"""A run folder is whole or not there; parameters are data; a failed notebook is kept."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import books
import nbformat
import psutil
import pytest
import torch
from books import FAKE, METRICS, add_fake, results, write_book

from course_lib import drafts
from course_lib.drafts import draft_of, finish, outcome_of, remove_stale
from course_lib.engine import Failure
from course_lib.errors import ConfigError, CourseError, OutputError
from course_lib.execution import RunRequest, RunResult, execute, execute_into
from course_lib.locations import PROJECT
from course_lib.manifest import notebook_hash
from course_lib.pages import write_pages
from course_lib.runfolder import read

fake, no_kernel = books.fake, books.no_kernel
NASTY = "__import__('os').system('touch owned')\n`touch owned`{seed}{0.__class__}\"\"\"'''\\\" # é \\"
ITEMS = ["{seed}", "']; import os; os.mkdir('owned') #", "$(touch owned)", "a\nb"]


# ---- with a kernel ------------------------------------------------------------------
@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run with values that look like code, in folders with spaces, braces and quotes."""
    folder = tmp_path_factory.mktemp("ran {seed} it's é")
    with pytest.MonkeyPatch.context() as patch:
        add_fake(patch)
        patch.chdir(folder)
        source = write_book(folder / "my {text} books" / "fake.ipynb", METRICS, "import os; print(os.getcwd(), output_dir)")
        seen: list[tuple[int, int]] = []
        request = RunRequest(FAKE, {"text": NASTY, "items": ITEMS, "seed": 3}, "smoke", source=source)
        result = execute(request, Path("out {x}"), on_progress=lambda done, total: seen.append((done, total)))
    return {"result": result, "folder": folder, "seen": seen, "read": read(result.folder)}


def test_a_run_leaves_its_folder(ran):
    result: RunResult = ran["result"]
    assert result.outcome == "ok" and result.error is None and result.seconds > 0
    assert result.folder.parent == ran["folder"] / "out {x}" / FAKE and [p.name for p in result.folder.parent.iterdir()] == [result.folder.name]
    names = {"history.csv", "manifest.json", "metrics.json", "notebook.ipynb", "predictions.jsonl", "report.html"}
    assert {p.name for p in result.folder.iterdir()} == names
    assert ran["read"].manifest["outcome"] == "ok" and set(ran["read"].manifest["files"]) == names - {"manifest.json"}
    assert ran["read"].manifest["parameters"] == {"text": NASTY, "items": ITEMS, "seed": 3, "profile": "smoke"}


@pytest.mark.parametrize("code", [NASTY.split("\n")[0], ITEMS[1]])
def test_the_values_would_make_a_file_if_they_were_executed(code, tmp_path: Path, monkeypatch):
    """The premise of the test below: a file appears where one of these is code."""
    monkeypatch.chdir(tmp_path)
    exec(code if code == NASTY.split("\n")[0] else f"x = ['{code}']")
    assert (tmp_path / "owned").exists()


def test_values_that_look_like_code_stay_data(ran):
    metrics = ran["read"].metrics
    assert metrics["text"] == NASTY and metrics["items"] == "|".join(ITEMS)
    assert not list(ran["folder"].rglob("owned")) and not (PROJECT / "owned").exists()
    book = nbformat.read(ran["result"].folder / "notebook.ipynb", as_version=4)
    (cell,) = [c for c in book.cells if "injected-parameters" in c.metadata.get("tags", [])]
    found = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        found[statement.targets[0].id] = ast.literal_eval(statement.value)  # refuses anything but a literal
    assert found == {"text": NASTY, "items": ITEMS, "seed": 3, "profile": "smoke", "output_dir": ""}


def test_the_draft_is_named_nowhere(ran):
    for name in ("notebook.ipynb", "report.html", "manifest.json"):
        assert ".part" not in (ran["result"].folder / name).read_text(encoding="utf-8"), name
    assert ran["result"].folder.name in (ran["result"].folder / "report.html").read_text(), "the printed folder is the run's"


def test_the_notebook_runs_where_the_command_was_typed(ran):
    text = (ran["result"].folder / "notebook.ipynb").read_text(encoding="utf-8")
    assert json.loads(text)["cells"][-1]["outputs"][0]["text"][0].startswith(str(ran["folder"]))


def test_progress_counts_cells(ran):
    assert ran["seen"] == [(i, 5) for i in range(6)]


def test_predictions_and_history_are_read_back(ran):
    rows = ran["read"].predictions()
    assert len(rows) == 5 and rows[1] == {"id": "1", "gold": [], "predicted": [[0, 3, "A"]], "margin": 1 / 3}
    assert ran["read"].history() == [{"epoch": 1.0, "loss": 0.5, "note": None}, {"epoch": 2.0, "loss": 0.25, "note": "best"}]


DRIVER = """
import sys
from pathlib import Path
from course_lib.cli.console import end_politely, exit_codes
from course_lib.execution import RunRequest, execute
end_politely()
with exit_codes():
    execute(RunRequest("01_loss_math", {}, "smoke", source=Path(sys.argv[1])), Path(sys.argv[2]))
"""
SLOW = "import os, pathlib, time\npathlib.Path(output_dir, '..', 'began').write_text(str(os.getpid()))\ntime.sleep(600)"


def gone(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_run_that_is_ended_looks_not_finished(number, code, tmp_path: Path):
    source = write_book(tmp_path / "01_loss_math.ipynb", SLOW)
    environment = dict(os.environ, PYTHONPATH=str(PROJECT))
    process = subprocess.Popen([sys.executable, "-c", DRIVER, source, tmp_path / "out"], env=environment, stderr=subprocess.PIPE, text=True)
    began = tmp_path / "out" / "01_loss_math" / "began"
    end = time.monotonic() + 400
    while not began.exists() or not began.read_text():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
        time.sleep(0.2)
    process.send_signal(number)
    assert process.wait(400) == code
    assert gone(int(began.read_text()), 120), "the kernel ends with its run"
    left = [p for p in began.parent.iterdir() if p != began]
    if number == signal.SIGKILL:
        (draft,) = left
        assert draft.name.endswith(".part") and remove_stale(began.parent) == [], "not a day old"
        with pytest.raises(CourseError, match="expected a finished run, found a draft|expected a finished run; found a draft"):
            read(draft)
        assert remove_stale(began.parent, now=time.time() + 2 * drafts.DAY) == [draft.name] and not draft.exists()
    else:
        assert left == [] and "interrupted" in process.stderr.read()


# ---- without a kernel -----------------------------------------------------------------
@pytest.mark.usefixtures("fake")
def test_a_failed_notebook_is_a_finished_folder(no_kernel, fake: Path, tmp_path: Path):
    def fail(folder: Path, parameters: dict[str, Any]) -> Failure:
        results(folder, parameters)
        return Failure(f"cell 3: ValueError: no {folder}/x in {PROJECT}/course_lib", "    x = 1\nValueError")
    no_kernel(fail)
    result = execute(RunRequest(FAKE, source=fake, run_id="abc"), tmp_path / "runs")
    assert (result.outcome, result.detail) == ("failed", "    x = 1\nValueError") and result.metrics["score"] == 0
    run = read(result.folder)
    assert run.manifest["outcome"] == "failed" and run.manifest["error"] == result.error == "cell 3: ValueError: no abc/x in course_lib"
    assert "The run failed: cell 3" in nbformat.read(result.folder / "notebook.ipynb", as_version=4).cells[0].source
    no_kernel(results)  # executed again, it takes the place of the failed one
    assert execute(RunRequest(FAKE, source=fake, run_id="abc"), tmp_path / "runs").outcome == "ok"
    assert [p.name for p in (tmp_path / "runs" / FAKE).iterdir()] == ["abc"] and outcome_of(tmp_path / "runs" / FAKE / "abc") == "ok"


def test_papermills_own_banner_is_not_doubled(tmp_path: Path):
    book = write_book(tmp_path / "d" / "notebook.ipynb", "1")
    node = nbformat.read(book, as_version=4)
    node.cells.insert(0, nbformat.v4.new_markdown_cell("An Exception", metadata={"tags": ["papermill-error-cell-tag"]}))
    nbformat.write(node, book)
    write_pages(tmp_path / "d", tmp_path / "run", FAKE, "cell 1")
    assert nbformat.read(book, as_version=4).cells[0].source == "An Exception"


def test_a_finished_run_is_never_touched(no_kernel, fake: Path, tmp_path: Path):
    request = RunRequest(FAKE, source=fake, run_id="abc")
    execute(request, tmp_path)
    before = (tmp_path / FAKE / "abc" / "manifest.json").stat().st_mtime_ns
    with pytest.raises(ConfigError, match="run 'abc': expected a folder that is not there yet or a failed run, found a finished run"):
        execute(request, tmp_path)
    assert (tmp_path / FAKE / "abc" / "manifest.json").stat().st_mtime_ns == before
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="found files that are no run"):
        execute_into(request, tmp_path / "mine")


def test_two_that_run_the_same_at_once_leave_one(no_kernel, fake: Path, tmp_path: Path):
    """A task that a cluster started twice: the first to finish stands."""
    request = RunRequest(FAKE, source=fake, run_id="abc")

    def slower(folder: Path, parameters: dict[str, Any]) -> None:
        no_kernel(results)
        execute(request, tmp_path)
        results(folder, parameters, slower=1)
    no_kernel(slower)
    result = execute(request, tmp_path)
    assert result.folder == tmp_path / FAKE / "abc" and "slower" not in read(result.folder).metrics
    assert [p.name for p in (tmp_path / FAKE).iterdir()] == ["abc"]


def test_metrics_of_another_form_fail_the_run(no_kernel, fake: Path, tmp_path: Path):
    for text in ('{"a": {"b": 1}}', '{"a": null}', '{"a": NaN}', "[1]", "{"):
        no_kernel(lambda folder, _, text=text: (folder / "metrics.json").write_text(text) and None)
        result = execute(RunRequest(FAKE, source=fake), tmp_path)
        assert result.outcome == "failed" and "expected flat numbers and texts" in result.error and read(result.folder).metrics == {}


@pytest.mark.parametrize(("request_", "message"), [
    (RunRequest("02_medical"), "notebook: expected one of .*Did you mean '02_medical_ner'"),
    (RunRequest("02_medical_ner", {"epoch": 3}), "Did you mean 'epochs'"),
    (RunRequest("02_medical_ner", {"epochs": "3"}), "parameter epochs: expected int or None, found '3'"),
    (RunRequest("02_medical_ner", {"profile": "cpu"}, "smoke"), "profile: expected one, found 'smoke' and profile='cpu'"),
    (RunRequest("02_medical_ner", {"output_dir": "x"}), "parameter output_dir: expected none here.*Use --out"),
    (RunRequest("02_medical_ner", {"seeds": [1, 1]}), "expected different seeds, found"),
    (RunRequest("02_medical_ner", {"seeds": [1, 2], "seed": 3}), "parameters seed and seeds: expected seed to be left out or one of"),
    (RunRequest("02_medical_ner", {"corpus": "ncbi_diseases"}), "Did you mean 'ncbi_disease'"),
    (RunRequest("02_medical_ner", {"corpus": "finance_qa"}), "expected notes with entity spans as in 'medical_notes', found questions"),
    (RunRequest("03_finance_qa", {"stages": ["xqad"]}), "Did you mean 'xquad'"),
    (RunRequest("02_medical_ner", {"checkpoint": "minilmm"}), "Did you mean 'minilm'"),
    (RunRequest("01_loss_math", run_id="../up"), "run id: expected letters"),
    (RunRequest("01_loss_math", run_id=".hidden"), "run id: expected letters"),
    (RunRequest("01_loss_math", source=Path("nowhere.ipynb")), "nowhere.ipynb: expected a file that can be read, found No such file"),
    pytest.param(RunRequest("01_loss_math", {}, "gpu"), "profile gpu: expected a CUDA GPU, found none",
                 marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")),
])
def test_requests_that_are_refused_leave_nothing(request_, message, tmp_path: Path):
    with pytest.raises(CourseError, match=message):
        execute(request_, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("profile", ["cpo", "auto", pytest.param(
    "gpu", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there"))])
def test_the_profile_of_the_environment_is_checked_too(profile, no_kernel, fake: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    with pytest.raises(ConfigError, match="COURSE_PROFILE: expected one of smoke, cpu, gpu|expected a CUDA GPU"):
        execute(RunRequest(FAKE, source=fake), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    assert execute(RunRequest(FAKE, {}, "cpu", source=fake), tmp_path / "runs").outcome == "ok", "what is given goes before it"


def test_a_notebook_without_a_parameters_cell_is_refused(tmp_path: Path):
    source = write_book(tmp_path / "x.ipynb", "1", tags=())
    with pytest.raises(ConfigError, match="x.ipynb: expected one cell tagged 'parameters', found none"):
        execute(RunRequest("01_loss_math", source=source), tmp_path / "runs")
    source.write_text("no notebook")
    with pytest.raises(ConfigError, match="expected a notebook"):
        execute(RunRequest("01_loss_math", source=source), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_manifest_is_of_the_notebook_that_was_started(no_kernel, fake: Path, tmp_path: Path):
    """Somebody edits the notebook during the run."""
    before = notebook_hash(fake)

    def edit(folder: Path, parameters: dict[str, Any]) -> None:
        write_book(fake, "'edited'")
        results(folder, parameters)
    no_kernel(edit)
    folder = execute(RunRequest(FAKE, source=fake), tmp_path).folder
    assert notebook_hash(fake) != before == read(folder).manifest["hashes"]["notebook"]


def test_the_model_is_optional(no_kernel, fake: Path, tmp_path: Path):
    def train(folder: Path, parameters: dict[str, Any]) -> None:
        results(folder, parameters)
        (folder / "model").mkdir()
        (folder / "model" / "weights").write_text("1")
    no_kernel(train)
    for keep in (True, False):
        folder = execute(RunRequest(FAKE, source=fake, keep_model=keep), tmp_path).folder
        assert (folder / "model" / "weights").exists() == ("model/weights" in read(folder).manifest["files"]) == keep


def test_a_place_that_cannot_be_written_to(no_kernel, fake: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="expected a place that can be written to.*Choose another with --out"):
        execute(RunRequest(FAKE, source=fake), tmp_path / "file")

    def full(folder: Path, _: Any) -> None:
        raise OSError(28, "No space left on device")
    no_kernel(full)
    with pytest.raises(drafts.RunLostError, match="with free space, found No space left on device.*nothing of it is kept"):
        execute(RunRequest(FAKE, source=fake), tmp_path / "runs")
    assert list((tmp_path / "runs" / FAKE).iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which even root can make none")
def test_a_folder_in_which_nothing_can_be_made(no_kernel, fake: Path):
    with pytest.raises(OutputError, match="expected a place that can be written to") as refusal:
        execute(RunRequest(FAKE, source=fake), Path("/proc/runs"))
    assert not isinstance(refusal.value, drafts.RunLostError), "nothing was executed"


def test_no_space_when_a_run_ends(tmp_path: Path):
    """With a kernel, in a process that may write no file as large as the page: told, nothing left, exit code 1."""
    resource = pytest.importorskip("resource")
    source = write_book(tmp_path / "01_loss_math.ipynb", METRICS)
    environment = dict(os.environ, PYTHONPATH=str(PROJECT))
    done = subprocess.run([sys.executable, "-c", DRIVER, source, tmp_path / "out"], env=environment, capture_output=True, text=True, timeout=600,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert "with free space, found File too large. Choose another with --out" in done.stderr
    assert list((tmp_path / "out" / "01_loss_math").iterdir()) == []


# ---- killed at any moment ---------------------------------------------------------------
KILLED = """
import json, os, random, signal, sys, threading
from pathlib import Path
from course_lib import engine, execution, manifest
import course_lib.reporting.export, psutil  # imported once, not by every child
folder, source = Path(sys.argv[1]), Path(sys.argv[2])
manifest.versions(), manifest.validator("manifest"), manifest.validator("metrics")
def run_cells(source, target, parameters, on_progress=None):
    target.write_text(source.read_text())
    (target.parent / "metrics.json").write_text('{"score": 1}')
engine.run_cells = run_cells
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree", "os.listdir")
def child(last, out):
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in EVENTS and str(out) in str(arguments[0]):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    execution.execute(execution.RunRequest("01_loss_math", source=source, run_id="r"), out)
    (folder / "events").write_text(str(count))
    os._exit(0)
def fork(last, out):
    pid = os.fork()
    if pid == 0:
        try:
            child(last, out)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert fork(0, folder / "whole") == 0
events = int((folder / "events").read_text())
moments = random.Random(4).sample(range(1, events + 1), 20)
print(json.dumps({"events": events, "codes": [fork(moment, folder / f"killed-{moment}") for moment in moments]}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_twenty_moments_nothing_half_looks_finished(tmp_path: Path):
    """Each child is killed (SIGKILL) at another access to the run's files; the kernel is replaced by two writes."""
    source = write_book(tmp_path / "01_loss_math.ipynb", "1")
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, source], capture_output=True, text=True, timeout=600,
                          env=dict(os.environ, PYTHONPATH=str(PROJECT)))
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["events"] >= 25 and answer["codes"] == [-9] * 20
    finished = 0
    for out in tmp_path.glob("killed-*"):
        for path in (out / "01_loss_math").iterdir() if (out / "01_loss_math").exists() else ():
            if path.name == "r":
                assert read(path).changed_files() == [] and read(path).metrics == {"score": 1}
                finished += 1
            else:
                assert path.name.startswith(".r-") and path.name.endswith(".part")
    assert finished < 20 and read(tmp_path / "whole" / "01_loss_math" / "r").metrics == {"score": 1}


# ---- drafts -------------------------------------------------------------------------
def test_stale_drafts_are_removed_and_others_stay(tmp_path: Path):
    later = time.time() + 2 * drafts.DAY
    with draft_of(tmp_path / "mine") as mine:
        (tmp_path / ".gone-1.part").mkdir()
        other = tmp_path / ".other-1.part"
        other.mkdir()
        (other / drafts.OWNER_FILE).write_text(json.dumps({"pid": 1, "born": 0, "machine": "another"}))
        reused = tmp_path / ".reused-1.part"  # the process has our number, and another birth
        reused.mkdir()
        (reused / drafts.OWNER_FILE).write_text(json.dumps(json.loads((mine / drafts.OWNER_FILE).read_text()) | {"born": 1.0}))
        (tmp_path / ".hidden").mkdir()
        assert remove_stale(tmp_path) == [], "younger than a day"
        assert remove_stale(tmp_path, now=later) == [".gone-1.part", ".reused-1.part"]
        assert mine.is_dir() and other.is_dir() and (tmp_path / ".hidden").is_dir()
    assert not mine.exists()


def test_a_start_says_what_it_removes(no_kernel, fake: Path, tmp_path: Path, capsys):
    stale = tmp_path / FAKE / ".old-1.part"
    stale.mkdir(parents=True)
    os.utime(stale, (1, 1))
    execute(RunRequest(FAKE, source=fake), tmp_path)
    assert not stale.exists() and ".old-1.part: left by a run that was killed more than a day ago" in capsys.readouterr().err


def test_finish_replaces_what_failed_and_keeps_what_is_ok(tmp_path: Path):
    for outcome, kept in (("failed", "new"), ("ok", "old")):
        target = tmp_path / outcome
        target.mkdir()
        (target / "manifest.json").write_text(json.dumps({"outcome": outcome, "who": "old"}))
        with draft_of(target) as draft:
            (draft / "manifest.json").write_text(json.dumps({"outcome": "ok", "who": "new"}))
            finish(draft, target)
        assert json.loads((target / "manifest.json").read_text())["who"] == kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["failed", "ok"]
