"""The real notebooks under ``smoke`` through ``course run`` and ``course verify``; each command is a process of its own.

Two executions of 02 or 03 for each of four ways of computing, in which each
precision meets each number of threads; ``COURSE_TEST_ALL=1`` takes all eight.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from books import METRICS, write_book
from outside import fetched
from transformers import AutoTokenizer, BertConfig, BertModel

from course_lib.execution import RunRequest, execute
from course_lib.manifest import SCHEMAS
from course_lib.models.checkpoints import resolve
from course_lib.runfolder import read

ROOT = Path(__file__).resolve().parents[2]
CHANGED: dict[str, list[str]] = {
    "00_environment_setup": ["seed=5"],
    "01_loss_math": ["seed=5"],
    "02_medical_ner": ["seed=5", "max_train_records=10", "epochs=2", "silver_records=6", "seeds=[5, 6]", "threads=1", "precision=fp32"],
    "03_finance_qa": ["seed=5", "max_train_records=10", "learning_rate=1e-4", "silver_records=5", "threads=2", "precision=fp32"],
}
EXPECTED = {
    "00_environment_setup": {"checks_passed", "checks_failed"},
    "01_loss_math": {"total_seconds"},
    "02_medical_ner": {
        "test_entity_f1", "test_entity_f1_low", "test_entity_f1_high", "test_entity_f1_unseen", "baseline_entity_f1",
        "token_accuracy", "train_seconds", "tokens_per_second", "test_entity_f1_sd",
    },
    "03_finance_qa": {
        "test_f1", "test_f1_low", "test_f1_high", "test_exact_match", "test_exact_match_low", "test_exact_match_high",
        "baseline_f1", "no_answer_accuracy", "train_seconds",
    },
}
Finished = Callable[..., dict[str, Any]]


def course(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type a command in ``folder``, as somebody would who keeps reports elsewhere."""
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_PROFILE"} | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "course_lib", *arguments], cwd=folder, env=environment, capture_output=True,
                          text=True, check=False, timeout=1800)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs by notebook and parameters, each executed once."""
    base, known = tmp_path_factory.mktemp("weekly {reports}"), dict[tuple[str, ...], dict[str, Any]]()

    def run(name: str, *parameters: str) -> dict[str, Any]:
        if (name, *parameters) not in known:
            typed = [part for parameter in parameters for part in ("-p", parameter)]
            done = course("run", name, *typed, "--profile", "smoke", "--out", "my runs", "--json", folder=base)
            assert done.returncode == 0, done.stderr[-3000:]
            known[name, *parameters] = json.loads(done.stdout) | {"path": base / json.loads(done.stdout)["folder"], "base": base}
        return known[name, *parameters]

    return run


# ---- course run ---------------------------------------------------------------------
@pytest.mark.parametrize("name", list(CHANGED))
def test_runs_with_changed_parameters(name: str, finished: Finished) -> None:
    answer = finished(name, *CHANGED[name])
    folder, metrics = answer["path"], answer["metrics"]
    assert EXPECTED[name] <= set(metrics), EXPECTED[name] - set(metrics)
    for key in [k for k in metrics if k.endswith("_low")]:
        assert metrics[key] <= metrics[key[:-4]] <= metrics[f"{key[:-4]}_high"], key
    manifest = json.loads((folder / "manifest.json").read_text())
    for schema, value in (("manifest", manifest), ("metrics", metrics)):
        jsonschema.validate(value, json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
    assert manifest["seed"] == 5 and manifest["profile"] == "smoke" and str(answer["base"]) not in json.dumps(manifest)
    if name[:2] in ("02", "03"):
        assert set(manifest["hashes"]["corpora"]) == {manifest["settings"]["corpus"]} and manifest["hashes"]["checkpoint"]
        assert (folder / "model" / "model.safetensors").is_file()
        rows = read(folder).predictions()
        assert len(rows) == metrics["test_records"] and all(row["group"] for row in rows)
        assert (folder / "history.csv").read_text().startswith("epoch,")


@pytest.mark.parametrize("name", list(CHANGED))
def test_the_page_of_a_run_contacts_nobody(name: str, finished: Finished) -> None:
    page = (finished(name, *CHANGED[name])["path"] / "report.html").read_text(encoding="utf-8")
    assert fetched(page) == [] and "default-src 'none'" in page
    assert name[:2] != "01" or page.count("<math") > 10, "formulas are in the file"


# ---- course verify ------------------------------------------------------------------
WAYS = [(name, precision, threads) for name in ("02_medical_ner", "03_finance_qa") for precision in ("fp32", "bf16") for threads in (1, 2)]
FOUR = [("02_medical_ner", "fp32", 1), ("02_medical_ner", "bf16", 2), ("03_finance_qa", "fp32", 2), ("03_finance_qa", "bf16", 1)]


def save_thin_checkpoint(folder: Path) -> Path:
    """Save a random BERT of 2 layers, 32 wide, with the default checkpoint's tokenizer."""
    source, more = resolve("minilm")
    tokenizer = AutoTokenizer.from_pretrained(source, **more)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                         initializer_range=0.2)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("name", "precision", "threads"), WAYS if os.environ.get("COURSE_TEST_ALL") else FOUR)
def test_two_processes_give_the_same_bits(name: str, precision: str, threads: int, finished: Finished, tmp_path: Path) -> None:
    """Same parameters and seed: the same metrics (times aside) and predictions, as ``course verify`` finds them."""
    way = [f"precision={precision}", f"threads={threads}"]
    if precision == "bf16":  # emulated where the processor has none: a hundred times slower, so a tiny model
        way.append(f"checkpoint={save_thin_checkpoint(tmp_path / 'thin')}")
    changed = [] if not set(way) <= set(CHANGED[name]) else CHANGED[name]  # one that was executed above
    answer = finished(name, *(changed or ["max_train_records=8", "silver_records=4", *way]))
    done = course("verify", str(answer["path"]), "--json", folder=answer["base"])
    verdict = json.loads(done.stdout)
    assert done.returncode == 0 and verdict["same"], (verdict, done.stderr[-2000:])
    assert verdict["rule"] == "to the bit" and verdict["differences"] == verdict["inputs"] == []
    manifest = json.loads((answer["path"] / "manifest.json").read_text())
    assert (manifest["precision"], manifest["threads"]) == (precision, threads)


def test_the_ways_that_are_always_tried_meet_each_other() -> None:
    assert set(FOUR) < set(WAYS) and len(WAYS) == 8
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert len({(way[one], way[two]) for way in FOUR}) == 4


# ---- kill -9 ------------------------------------------------------------------------
KILLED = """
import json, os, random, signal, sys, time
from pathlib import Path
from course_lib import engine, execution, manifest
import course_lib.reporting.export, psutil  # imported once, not by every child
base, source, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
def start(out):
    if (pid := os.fork()) == 0:
        try:
            execution.execute(execution.RunRequest("01_loss_math", {"seed": 3}, "smoke", run_id="r", source=source), out)
            os._exit(0)
        finally:
            os._exit(1)
    return pid
begin = time.monotonic()
assert os.waitstatus_to_exitcode(os.waitpid(start(base / "whole"), 0)[1]) == 0
whole, codes, chance = time.monotonic() - begin, [], random.Random(20)
for number in range(count):
    moment, begin, pid = chance.random() * whole, time.monotonic(), start(base / f"killed-{number}")
    ended, status = 0, 0
    while not ended and time.monotonic() - begin < moment:
        time.sleep(0.005)
        ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:  # the machine has become faster: later moments are drawn from a shorter run
        whole = time.monotonic() - begin
    else:
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    codes.append(os.waitstatus_to_exitcode(status))
print(json.dumps(codes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_twenty_moments_of_a_run_with_its_kernel(tmp_path: Path) -> None:
    """SIGKILL at random moments from the start to the end: what has the run's name is whole, and a run can follow."""
    source = write_book(tmp_path / "01_loss_math.ipynb", METRICS, "1")
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, source, "20"], capture_output=True, text=True, timeout=1800,
                          env=dict(os.environ, PYTHONPATH=str(ROOT)), check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    codes = json.loads(done.stdout.splitlines()[-1])
    assert len(codes) == 20 and set(codes) <= {-9, 0} and codes.count(-9) >= 10
    left = {out: [p.name for p in (out / "01_loss_math").glob("*")] + [p.name for p in (out / "01_loss_math").glob(".*")]
            for out in tmp_path.glob("killed-*")}
    half = [out for out, names in left.items() if any(name.endswith(".part") for name in names)]
    assert len(half) >= 5, "most moments lie within the run"
    for out, names in left.items():
        assert all(name == "r" or (name.startswith(".r-") and name.endswith(".part")) for name in names), names
        if "r" in names:
            assert read(out / "01_loss_math" / "r").metrics["score"] == 3 / 7 and read(out / "01_loss_math" / "r").changed_files() == []
    again = random.Random(1).choice(sorted(out for out in half if "r" not in left[out]))
    assert execute(RunRequest("01_loss_math", {"seed": 3}, "smoke", run_id="r", source=source), again).outcome == "ok"
