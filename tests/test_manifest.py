"""What a manifest says is true, whole, names nobody, and fits its schema; other folders are refused."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import books
import jsonschema
import pytest
from books import FAKE, results, write_book

from course_lib import provenance
from course_lib.data import corpora
from course_lib.errors import CourseError, DataError, OutputError
from course_lib.execution import RunRequest, execute, execute_into
from course_lib.files import sha256_of
from course_lib.locations import PROJECT, data_folder
from course_lib.manifest import SCHEMAS, notebook_hash
from course_lib.models.checkpoints import BUNDLED_SHA256, resolve
from course_lib.runfolder import find, read
from course_lib.runs import begin

fake, no_kernel = books.fake, books.no_kernel
SCHEMA = {name: json.loads((SCHEMAS / f"{name}.schema.json").read_text()) for name in ("manifest", "metrics")}


def real_begin(folder: Path, parameters: dict[str, Any]) -> None:
    """What a training notebook does, without training: it begins, reads data and weights, and saves."""
    run = begin("02_medical_ner", **parameters)
    notes = corpora.load_notes("medical_notes").test[:3]
    resolve("minilm")
    run.save_predictions([{"id": n.id, "gold": [], "predicted": []} for n in notes], ["d1", "d1", "x" * 99])
    run.save_metrics({"test_entity_f1": 0.5, "count": 3, "unit": "document"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose notebook used ``begin``."""
    from course_lib import engine

    def run_cells(source: Path, target: Path, parameters: dict[str, Any], on_progress: Any = None) -> None:
        target.write_text(source.read_text())
        real_begin(target.parent, parameters)
    base = tmp_path_factory.mktemp("manifest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "run_cells", run_cells)
        source = write_book(base / "book.ipynb", "1")
        return execute(RunRequest("02_medical_ner", {"seed": 5, "threads": 1, "epochs": 3}, "smoke", source=source), base / "runs").folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "runs" / "02_medical_ner" / "copy"))


def load(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text()))


# ---- the manifest -------------------------------------------------------------------
def test_it_fits_its_schema_by_another_validator(folder: Path):
    for schema in SCHEMA.values():
        jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(load(folder), SCHEMA["manifest"])
    jsonschema.validate(json.loads((folder / "metrics.json").read_text()), SCHEMA["metrics"])


def test_it_says_what_was_resolved(folder: Path):
    m = load(folder)
    assert m["parameters"] == {"seed": 5, "threads": 1, "epochs": 3, "profile": "smoke"}, "as given"
    assert m["settings"]["epochs"] == 3 and m["settings"]["batch_size"] == 8 and m["settings"]["seeds"] == [5]
    assert m["settings"]["corpus"] == "medical_notes" and "output_dir" not in m["settings"]
    assert (m["profile"], m["seed"], m["threads"], m["device"]) == ("smoke", 5, 1, "cpu") and m["precision"] in ("fp32", "bf16")
    assert m["peak_memory_mib"] > 50 and m["hardware"]["cpu_capability"] and m["versions"]["torch"].startswith("2.")
    assert m["id"] == folder.name and not (folder / "run.json").exists()


def test_it_names_the_inputs_by_their_hashes(folder: Path):
    hashes = load(folder)["hashes"]
    files = [(part, data_folder() / f"medical_notes/{part}.jsonl") for part in ("test", "train", "validation")]
    by_hand = hashlib.sha256("".join(f"{part}\0{sha256_of(path)}\n" for part, path in files).encode()).hexdigest()
    assert hashes["corpora"] == {"medical_notes": by_hand} and hashes["checkpoint"] == BUNDLED_SHA256
    assert hashes["code"] == provenance.code_hash()


def test_files_are_listed_with_their_hashes(folder: Path):
    files = load(folder)["files"]
    assert set(files) == {"metrics.json", "notebook.ipynb", "predictions.jsonl", "report.html"}
    assert all(sha256_of(folder / name) == digest for name, digest in files.items())


def test_it_names_nobody(folder: Path):
    text = (folder / "manifest.json").read_text()
    for private in (os.uname().nodename, str(PROJECT), str(folder.parent), str(Path.home())):
        assert private not in text
    assert getpass.getuser() not in json.loads(text)["hardware"].values()


def test_groups_reach_the_predictions(folder: Path):
    groups = [row["group"] for row in read(folder).predictions()]
    assert groups == ["d1", "d1", hashlib.sha256(b"x" * 99).hexdigest()[:16]]


def test_groups_of_other_records_are_refused(tmp_path: Path):
    run = begin("01_loss_math", profile="smoke", threads=1, output_dir=str(tmp_path))
    with pytest.raises(OutputError, match=r"expected one group per row \(1\), found 2"):
        run.save_predictions([{"id": "a"}], ["x", "y"])


def test_without_course_run_json_stays(tmp_path: Path):
    run = begin("01_loss_math", profile="smoke", threads=1, output_dir=str(tmp_path))
    run.save_metrics({"x": 1})
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["notebook"] == "01_loss_math" and facts["corpora"] == {} and facts["threads"] == 1 and str(tmp_path) not in str(facts)
    with pytest.raises(DataError, match="only run.json, as papermill or JupyterLab leave alone"):
        read(tmp_path)


def test_notebook_hash_is_of_what_runs_not_of_outputs(tmp_path: Path):
    book = write_book(tmp_path / "a.ipynb", "1")
    before = notebook_hash(book)
    content = json.loads(book.read_text())
    content["cells"][-1] |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}], "execution_count": 7}
    book.write_text(json.dumps(content))
    assert notebook_hash(book) == before
    content["cells"][-1]["source"] = "2"
    book.write_text(json.dumps(content))
    assert notebook_hash(book) != before


def test_code_hash_sees_names_and_contents(tmp_path: Path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    one = provenance.digest_of({"p": tmp_path / "a"})
    assert one == provenance.digest_of({"p": tmp_path / "b"}) != provenance.digest_of({"q": tmp_path / "b"})
    assert provenance.digest_of({"p": tmp_path}) != one
    (tmp_path / "b").write_text("y")
    assert one != provenance.digest_of({"p": tmp_path / "b"})


def test_data_of_ones_own_is_named_by_its_last_part(tmp_path: Path):
    begin("01_loss_math", profile="smoke", threads=1, output_dir=str(tmp_path / "r"))
    mine = tmp_path / "my notes"
    shutil.copytree(data_folder() / "medical_notes", mine, ignore=shutil.ignore_patterns("*.md", "*.json"))
    corpora.load_notes(str(mine))
    text = (tmp_path / "r" / "run.json").read_text()
    assert list(json.loads(text)["corpora"]) == ["my notes"] and str(tmp_path) not in text


def test_a_notebook_that_fails_before_begin_has_a_manifest_too(no_kernel, fake: Path, tmp_path: Path):
    from course_lib.engine import Failure
    no_kernel(lambda *_: Failure("cell 1: ImportError: x"))
    folder = execute(RunRequest(FAKE, {"seed": 1}, source=fake), tmp_path).folder
    jsonschema.validate(load(folder), SCHEMA["manifest"])
    assert load(folder)["settings"] == {} and load(folder)["seed"] == 1 and load(folder)["profile"] is None


# ---- reading ------------------------------------------------------------------------
@pytest.mark.parametrize(("change", "message"), [
    ({"schema": 2}, "expected manifest schema 1; found 2, of another version"),
    ({"outcome": "good"}, "expected manifest.json by its schema .*outcome"),
    ({"seconds": "3"}, "expected manifest.json by its schema .*seconds"),
    ({"host": "x"}, "expected manifest.json by its schema"),
    ({"files": {"metrics.json": "0" * 64}}, "expected metrics.json as the run left it"),
    ({"files": {"history.csv": "0" * 64, "metrics.json": "-"}}, "by its schema"),
])
def test_manifests_that_are_refused(copy: Path, change, message):
    (copy / "manifest.json").write_text(json.dumps(load(copy) | change))
    with pytest.raises(DataError, match=message):
        read(copy)
    if "by its schema" in message:  # the two validators agree
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(load(copy), SCHEMA["manifest"])


@pytest.mark.parametrize("metrics", [{"by_type": {"A": 1}}, {"x": None}, {"x": [1]}, {"": 1}, [1]])
def test_metrics_of_another_schema(copy: Path, metrics):
    text = json.dumps(metrics)
    (copy / "metrics.json").write_text(text)
    files = load(copy)["files"] | {"metrics.json": hashlib.sha256(text.encode()).hexdigest()}
    (copy / "manifest.json").write_text(json.dumps(load(copy) | {"files": files}))
    with pytest.raises(DataError, match="expected metrics.json by its schema|expected a JSON object in metrics.json"):
        read(copy)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(metrics, SCHEMA["metrics"])


@pytest.mark.parametrize("text", ["", "[]", "{", "\0", '{"seconds": NaN}'])
def test_a_manifest_that_is_none(copy: Path, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="expected (a JSON object|JSON) in manifest.json"):
        read(copy)


def test_a_folder_that_is_not_ours(tmp_path: Path):
    with pytest.raises(DataError, match="expected manifest.json, as `course run` writes it; found no such file"):
        read(tmp_path)
    with pytest.raises(DataError, match="found no such folder"):
        read(tmp_path / "nowhere")


def test_results_that_were_edited(copy: Path):
    (copy / "predictions.jsonl").write_text("")
    assert read(copy).changed_files() == ["predictions.jsonl"]
    with pytest.raises(DataError, match="predictions.jsonl as the run left it .*found a file that was changed since"):
        read(copy).predictions()
    (copy / "predictions.jsonl").unlink()
    with pytest.raises(DataError, match="which the manifest lists; found no such file"):
        read(copy).predictions()
    (copy / "metrics.json").write_text("{}")
    with pytest.raises(DataError, match="metrics.json as the run left it"):
        read(copy)


def test_predictions_of_another_form(no_kernel, fake: Path, tmp_path: Path):
    for number, (line, message) in enumerate([('{"id": 1}', "expected id, gold and predicted in predictions.jsonl line 2"),
                                              ("{", "expected a JSON object in predictions.jsonl line 2")]):
        def leave(folder: Path, parameters: dict[str, Any], line: str = line) -> None:
            results(folder, parameters)
            (folder / "predictions.jsonl").write_text('{"id": "\u2028", "gold": 1, "predicted": 2}\n' + line + "\n", encoding="utf-8")
        no_kernel(leave)
        folder = execute_into(RunRequest(FAKE, source=fake), tmp_path / f"r{number}").folder
        with pytest.raises(DataError, match=message):
            read(folder).predictions()


def test_runs_are_found_as_people_name_them(copy: Path, monkeypatch):
    root = copy.parents[1]
    assert find("copy", root) == find("02_medical_ner/copy", root) == find(str(copy)) == copy
    monkeypatch.chdir(copy.parent)
    assert find("copy").resolve() == copy
    with pytest.raises(CourseError, match="found 'copi'. Did you mean 'copy'"):
        find("copi", root)
    with pytest.raises(CourseError, match="expected a run folder or the id of one"):
        find("x", root / "empty")
    (root / "03_finance_qa" / "copy").mkdir(parents=True)  # make report gives one id to a run of each notebook
    monkeypatch.chdir(root)
    with pytest.raises(DataError, match="found it below 02_medical_ner, 03_finance_qa. Give the notebook too: 02_medical_ner/copy"):
        find("copy", root)
    assert find("03_finance_qa/copy", root).parent.name == "03_finance_qa"
