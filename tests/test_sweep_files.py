"""Sweep files: every mistake is named with file, line and key; the runs and their ids are what the file says."""

from __future__ import annotations

import re
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from course_lib.errors import ConfigError
from course_lib.sweeps.definition import Definition, read_definition
from course_lib.sweeps.plan import check_plan, check_values, planned, run_id

NER = "02_medical_ner"
ROOT = Path(__file__).resolve().parents[1]
HEAD = f"notebook: {NER}\nprofile: smoke\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path: Path, text: str) -> Definition:
    return read_definition(written(tmp_path, text))


# (text, line, what the message must hold besides file and line)
MISTAKES = {
    "empty file": ("", None, ["empty file"]),
    "not a mapping": ("- 1\n- 2\n", 1, ["expected keys such as notebook and grid"]),
    "not YAML": (HEAD + "grid: {epochs: [1, 2\nseeds: [1]\n", 4, ["expected YAML"]),
    "a tab": (HEAD + "grid:\n\tepochs: [1]\n", 4, ["expected YAML"]),
    "an alias": (HEAD + "base: &b {epochs: 1}\nlist: [*b]\n", 4, ["alias"]),
    "a Python object": (HEAD + "seeds: [1]\nbase: {epochs: !!python/object/apply:os.system ['true']}\n", 4, ["base.epochs", "expected"]),
    "a text that is code stays a text": (HEAD + "grid: {epochs: [\"__import__('os')\"]}\n", 3, ["grid.epochs", "expected int or None"]),
    "no notebook": ("profile: smoke\nseeds: [1]\n", 1, ["expected a key notebook"]),
    "unknown notebook": ("notebook: 02_medical_nr\nseeds: [1]\n", 1, ["key notebook", f"Did you mean '{NER}'?"]),
    "notebook twice": (f"notebook: {NER}\nseeds: [1]\nnotebook: {NER}\n", 3, ["key notebook", "also on line 1"]),
    "unknown key": (HEAD + "sedes: [1]\n", 3, ["key sedes", "Did you mean 'seeds'?"]),
    "unknown profile": (f"notebook: {NER}\nprofile: cpo\nseeds: [1]\n", 2, ["key profile", "Did you mean 'cpu'?"]),
    "nothing varies": (HEAD + "base: {epochs: 1}\n", 1, ["expected one of grid, list, seeds"]),
    "grid and list": (HEAD + "grid: {epochs: [1]}\nlist: [{epochs: 2}]\n", 4, ["key list", "grid on line 3"]),
    "unknown parameter": (HEAD + "grid:\n  epochs: [1, 2]\n  learning_rat: [1e-3]\n", 5,
                          ["grid.learning_rat", "Did you mean 'learning_rate'?"]),
    "parameter twice": (HEAD + "grid:\n  epochs: [1]\n  epochs: [2]\n", 5, ["grid.epochs", "also on line 4"]),
    "parameter in base and grid": (HEAD + "base:\n  epochs: 1\ngrid:\n  epochs: [1]\n", 6, ["grid.epochs", "line 4"]),
    "seed beside seeds": (HEAD + "seeds: [1]\nbase:\n  seed: 3\n", 5, ["base.seed", "line 3"]),
    "seed in a list beside seeds": (HEAD + "seeds: [1]\nlist:\n  - {epochs: 1}\n  - seed: 3\n", 6, ["list.1.seed"]),
    "grid of a single value": (HEAD + "grid:\n  epochs: 3\n", 4, ["grid.epochs", "expected a list of values", "brackets"]),
    "empty list of values": (HEAD + "grid:\n  epochs: []\n", 4, ["grid.epochs", "empty list"]),
    "empty grid": (HEAD + "grid: {}\n", 3, ["key grid", "found none"]),
    "grid without a value": (HEAD + "grid:\n", 3, ["key grid", "found nothing"]),
    "list of numbers": (HEAD + "list: [1]\n", 3, ["list[0]", "expected parameters"]),
    "seeds that are not numbers": (HEAD + "seeds: [1, two]\n", 3, ["seeds[1]", "'two' (str)"]),
    "seeds that are not a list": (HEAD + "seeds: 5\n", 3, ["key seeds", "expected a list of whole numbers"]),
    "wrong type": (HEAD + "grid:\n  learning_rate: [1e-3]\n  epochs: [1, 2.5]\n", 5, ["grid.epochs", "expected int or None, found 2.5"]),
    "impossible value": (HEAD + "grid:\n  epochs: [1, 0]\n", 4, ["grid.epochs", "from 1 to 1000, found 0"]),
    "wrong type in base": (HEAD + "seeds: [1, 2]\nbase:\n  learning_rate: fast\n", 5, ["base.learning_rate", "found 'fast'"]),
    "wrong type in the second set": (HEAD + "list:\n  - {epochs: 1}\n  - {epochs: many}\n", 5, ["list.1.epochs", "run 2 of 2", "'many'"]),
    "a number too large": (HEAD + "grid: {learning_rate: [1e999]}\n", 3, ["grid.learning_rate", "a finite number"]),
    "output_dir": (HEAD + "base: {output_dir: here}\nseeds: [1]\n", 3, ["base.output_dir", "--out"]),
    "profile in the grid": (HEAD + "grid: {profile: [smoke, cpu]}\n", 3, ["grid.profile", "top level"]),
    "a corpus of the other kind": (HEAD + "grid:\n  epochs: [1]\n  corpus: [ncbi_disease, finance_qa]\n", 5, ["grid.corpus", "notes with entity spans"]),
    "an unknown corpus": (HEAD + "base:\n  corpus: ncbi_diseas\nseeds: [1]\n", 4, ["base.corpus", "ncbi_disease"]),
    "a pair": (HEAD + "seeds: [1]\nbase:\n  seeds: [3, 3]\n", 5, ["base.seeds", "expected different seeds"]),
    "resources": (HEAD + "seeds: [1]\nresources: {cpu: 2}\n", 4, ["resources.cpu", "Did you mean 'cpus'?"]),
    "resources of nothing": (HEAD + "seeds: [1]\nresources: {cpus: 0}\n", 4, ["resources.cpus", "from 1 to 1024, found '0'"]),
    "retries": (HEAD + "seeds: [1]\nretries: true\n", 4, ["key retries", "found 'True' (bool)"]),
    "more threads than cpus": (HEAD + "seeds: [1]\nbase: {threads: 4}\n", 4, ["base.threads", "cpus: 4"]),
    "gpu without a gpu": (f"notebook: {NER}\nprofile: gpu\nseeds: [1]\n", 2, ["key profile", "gpus: 1"]),
    "the same run twice": (HEAD + "grid: {learning_rate: [1, 1.0]}\n", 3, ["key grid", "run 2 the same as run 1"]),
    "the same seed twice": (HEAD + "seeds: [4, 4]\n", 3, ["key seeds", "the same"]),
    "the profile's value written out": (HEAD + "list: [{epochs: 1}, {}]\n", 3, ["key list", "the same as run 1"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(case: str, tmp_path: Path) -> None:
    text, line, parts = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        definition = read(tmp_path, text)
        check_values(definition)
        check_plan(definition)
    message = str(caught.value)
    assert message.startswith("sweep.yaml" + (f", line {line}" if line else "")), message
    for part in parts:
        assert part in message


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_definition(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="directory"):
        read_definition(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"notebook: \xe9")
    with pytest.raises(ConfigError, match=r"UTF-8, found byte 0xe9 at position 10"):
        read_definition(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="at most 1 MB"):
        read_definition(path)
    path.write_text("grid: " + "[" * 5000)
    with pytest.raises(ConfigError, match=r"latin\.yaml"):
        read_definition(path)


def test_words_and_numbers_are_what_they_look_like(tmp_path: Path) -> None:
    """YAML 1.1 would read 1e-3 as a text, 010 as 8, no as false and 1:30 as 90."""
    d = read(tmp_path, HEAD + "base: {learning_rate: 1e-3, corpus: no, checkpoint: 1:30, max_train_records: 010, epochs: null}\nseeds: [1]\n")
    assert d.base == {"learning_rate": 0.001, "corpus": "no", "checkpoint": "1:30", "max_train_records": 10, "epochs": None}
    d = read(tmp_path, "\ufeff" + HEAD + "base: {corpus: '3'}\nseeds: [-0]\n")
    assert (d.base, d.seeds) == ({"corpus": "3"}, (0,))


def test_grid_list_and_seeds_give_their_products_in_order(tmp_path: Path) -> None:
    d = read(tmp_path, HEAD + "base: {precision: fp32}\ngrid: {epochs: [1, 2], learning_rate: [1e-3, 2e-3]}\nseeds: [5, 6]\n")
    runs = list(planned(d))
    assert [tuple(run.varied.values()) for run in runs] == [
        (1, 1e-3, 5), (1, 1e-3, 6), (1, 2e-3, 5), (1, 2e-3, 6), (2, 1e-3, 5), (2, 1e-3, 6), (2, 2e-3, 5), (2, 2e-3, 6)]
    assert runs[0].parameters == {"precision": "fp32", "epochs": 1, "learning_rate": 1e-3, "seed": 5, "threads": 1}
    assert [run.number for run in runs] == list(range(1, 9)) and d.count == check_plan(d) == 8
    d = read(tmp_path, HEAD + "base: {epochs: 3}\nlist: [{epochs: 4}, {corpus: ncbi_disease}]\nseeds: [1, 2, 3]\n")
    assert [(run.parameters["epochs"], run.parameters["seed"]) for run in planned(d)] == [(4, 1), (4, 2), (4, 3), (3, 1), (3, 2), (3, 3)]
    assert d.varied == ("epochs", "corpus", "seed") and d.count == check_plan(d) == 6


@pytest.mark.parametrize(("name", "runs"), [("weekly_report", 6), ("cluster", 15)])
def test_the_examples_are_sweeps(name: str, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "notebooks" / "sweeps" / f"{name}.yaml"
    definition = read_definition(path)
    check_values(definition)
    assert check_plan(definition) == definition.count == runs
    assert f"= {runs} runs" in path.read_text().splitlines()[0] and f"notebooks/sweeps/{path.name}" in path.read_text()
    assert sorted(file.stem for file in path.parent.iterdir()) == ["cluster", "weekly_report"], "each example has a line above"


def test_ids_hold_what_is_computed_and_nothing_else() -> None:
    base = run_id(NER, "smoke", {"seed": 1, "threads": 1})
    assert re.fullmatch("[0-9a-f]{16}", base)
    assert base == run_id(NER, "smoke", {"threads": 1, "seed": 1}) == run_id(NER, "smoke", {"seed": 1, "threads": 1, "learning_rate": None})
    assert base == run_id(NER, "smoke", {"seed": 1, "threads": 1, "epochs": 1}), "smoke has one epoch"
    others = [run_id(NER, "cpu", {"seed": 1, "threads": 1}), run_id(NER, "smoke", {"seed": 2, "threads": 1}),
              run_id(NER, "smoke", {"seed": 1, "threads": 2}), run_id("03_finance_qa", "smoke", {"seed": 1, "threads": 1})]
    assert len({base, *others}) == 5


def test_threads_follow_the_cpus_unless_given_and_are_part_of_the_run(tmp_path: Path) -> None:
    """Nothing that plans or places a run decides its threads: results depend on them, so they are in its parameters and its id."""

    def runs(more: str) -> list[tuple[object, str]]:
        return [(run.parameters["threads"], run.id) for run in planned(read(tmp_path, HEAD + "seeds: [1]\n" + more))]

    (one,), (two,) = runs(""), runs("resources: {cpus: 2}\n")
    assert (one[0], two[0]) == (1, 2) and one[1] != two[1]
    assert runs("resources: {cpus: 2}\nbase: {threads: 1}\n") == [one], "more room for a run does not change it"
    assert runs("base: {threads: null}\n") == [one]
    assert runs("resources: {cpus: 2}\ngrid: {threads: [1, 2]}\n") == [one, two]


def test_the_profile_follows_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"notebook: {NER}\nseeds: [1]\n"

    def profile(more: str = "") -> str:
        return next(planned(read(tmp_path, text + more))).profile

    assert profile() == "cpu"
    assert profile("resources: {gpus: 1}\n") == "gpu"
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert profile() == "smoke" and profile("profile: cpu\n") == "cpu"
    monkeypatch.setenv("COURSE_PROFILE", "gpu")
    with pytest.raises(ConfigError, match="gpus of at least 1"):
        profile()


def test_a_grid_of_a_million_is_counted_without_being_expanded(tmp_path: Path) -> None:
    hundred = ", ".join(map(str, range(1, 101)))
    path = written(tmp_path, HEAD + f"grid: {{epochs: [{hundred}], max_train_records: [{hundred}], silver_records: [{hundred}]}}\n")
    tracemalloc.start()
    definition = read_definition(path)
    check_values(definition)
    first = list(islice(planned(definition), 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert definition.count == 1_000_000 and [run.number for run in first] == [1, 2, 3]
    assert peak < 10e6, f"{peak / 1e6:.0f} MB"
    path.write_text(path.read_text().replace("99, 100], silver", "99, -1], silver"))
    with pytest.raises(ConfigError, match=r"line 3, key grid\.max_train_records: .*found -1"):  # the last value of a grid that is never expanded
        check_values(read_definition(path))
