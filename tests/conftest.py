"""Fixtures of all tests: offline, silent, one tiny random checkpoint, runs in a temporary folder."""

from __future__ import annotations

import os
import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so started in the background; commands under test are sent Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: no test may reach for the hub
os.environ["COURSE_PROGRESS"] = "0"

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings
from samples import LABELS, four_notes, four_questions, make_tokenizer, save_tiny_checkpoint
from transformers import PreTrainedTokenizerBase

from course_lib.data.records import Note, Question
from course_lib.tasks import NerTask, QaTask
from course_lib.training import loop

# Shared machines are slow at times: no deadline; the same examples on every run, nothing kept on disk.
settings.register_profile("course", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def calm_machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs go to a temporary folder; a tiny model is fastest, and repeats exactly, on one thread."""
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path_factory.getbasetemp() / "runs"))
    monkeypatch.setenv("COURSE_PROGRESS", "0")
    monkeypatch.setenv("COURSE_PROGRESS_DIR", str(tmp_path_factory.getbasetemp() / "progress"))
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a random BERT: 2 layers, 32 wide, 512 positions."""
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("tiny-bert")))


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    return make_tokenizer()


@pytest.fixture
def notes() -> list[Note]:
    return four_notes()


@pytest.fixture
def questions() -> list[Question]:
    return four_questions()


@pytest.fixture
def ner_task(tiny: str) -> NerTask:
    """Entity recognition without dropout, so that numbers repeat however rows are batched."""
    return NerTask(tiny, LABELS, max_length=32, overlap=12, dropout=0.0)


@pytest.fixture
def qa_task(tiny: str) -> QaTask:
    return QaTask(tiny, max_length=48, overlap=8, dropout=0.0)


@pytest.fixture
def with_dropout(tiny: str) -> NerTask:
    """The same with dropout, so that random numbers matter."""
    return NerTask(tiny, LABELS, max_length=32, overlap=12, dropout=0.1)


@pytest.fixture
def plain_sgd(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of gradient descent at rate 1: the change of the weights is the gradient."""
    monkeypatch.setattr(loop, "build_optimizer", lambda model, config: torch.optim.SGD(model.parameters(), lr=config.learning_rate))
