"""All checks in order: facts from ``facts``, decisions from ``machine_checks`` and ``setup_checks``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence

from course_lib.catalogue import measured
from course_lib.doctor import facts, machine_checks, setup_checks
from course_lib.doctor.check import Check, guarded, with_python
from course_lib.doctor.packages import survey
from course_lib.locations import LAB, SET_UP

Step = tuple[str, Callable[[], Check | Sequence[Check]], str]


def examine(steps: Sequence[Step] | None = None) -> list[Check]:
    """Look at everything, or at some steps; one that cannot be looked at does not stop the others."""
    steps = [*light_steps(), *other_steps()] if steps is None else steps
    return with_python([check for step in steps for check in guarded(*step)], facts.python_command())


def light_steps() -> list[Step]:
    """What ``--fix`` can mend. Imports nothing heavy, so that packages can be replaced afterwards."""
    return [
        ("python", lambda: machine_checks.python_version(sys.version_info[:3]), SET_UP),
        ("packages", lambda: setup_checks.packages(survey()), "git checkout -- pyproject.toml constraints.txt"),
        ("kernel", lambda: setup_checks.kernel(facts.kernel_state()), "python -m pip install -c constraints.txt -e ."),
        ("runs folder", _run_folder, 'export COURSE_RUNS_DIR="$HOME/course-runs"'),
    ]


def other_steps() -> list[Step]:
    """The rest, from the quickest to the slowest."""
    reinstall = "python -m pip install --force-reinstall -c constraints.txt torch"
    return [
        ("environment", lambda: setup_checks.home(facts.torch_inside()), LAB),
        ("cores", lambda: machine_checks.cores(facts.core_count(), facts.core_quota()), "nproc"),
        ("memory", lambda: machine_checks.memory(*facts.memory_gib()), "free -h"),
        ("disk", lambda: machine_checks.disk(facts.free_gib()), "df -h ."),
        ("temporary folder", lambda: machine_checks.temporary_folder(facts.temporary_length(), os.name != "nt"), "df -h ."),
        ("port", lambda: machine_checks.port(facts.port_problem()), "ip address show lo"),
        ("bf16", _bf16, reinstall),
        ("gpu", lambda: machine_checks.gpu(facts.graphics()), reinstall),
        ("profile", _profile, reinstall),
        ("checkpoints", lambda: list(_checkpoints()), "python -m pip install -c constraints.txt -e ."),
        ("bundled corpora", lambda: list(_bundled_corpora()), "git checkout -- data"),
        ("public corpora", lambda: list(_public_corpora()), 'export COURSE_CACHE_DIR="$HOME/course-cache"'),
    ]


def _run_folder() -> Check:
    state, reason = facts.run_folder_state()
    return machine_checks.run_folder(state, reason, named=bool(os.environ.get("COURSE_RUNS_DIR")))


def _bf16() -> Check:
    from course_lib.machine import describe

    machine = describe()
    return machine_checks.bf16(machine.fp32_rate, machine.bf16_rate, machine.cpu_bf16)


def _profile() -> Check:
    from course_lib.machine import describe

    machine, times = describe(), measured()
    best = machine_checks.recommended(machine.memory, bool(machine.gpu))
    minutes = sum(times.minutes.values())
    text = f"; all notebooks took {minutes:.0f} minutes {times.where}" if times.profile == best and minutes else ""
    return machine_checks.profile(best, bool(machine.gpu), os.environ.get("COURSE_PROFILE", ""), text)


def _checkpoints() -> Iterator[Check]:
    from course_lib.models.checkpoints import BUNDLED_SHA256, CHECKPOINTS

    offline = facts.offline_switch()
    for name, checkpoint in CHECKPOINTS.items():
        if checkpoint.source == "bundled":
            yield setup_checks.bundled_checkpoint(*facts.bundled_weights(), BUNDLED_SHA256)
        else:
            cached = facts.in_hub_cache(checkpoint.location, checkpoint.revision)
            yield setup_checks.hub_checkpoint(name, checkpoint.megabytes, cached, offline)


def _bundled_corpora() -> Iterator[Check]:
    from course_lib.data.bundled import BUNDLED

    for name, corpus in BUNDLED.items():
        expected, found = facts.bundled_sums(corpus.folder)
        yield setup_checks.bundled_corpus(name, expected, found, named=bool(os.environ.get("COURSE_DATA_DIR")))


def _public_corpora() -> Iterator[Check]:
    from course_lib.data.registry import PUBLIC

    given = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    if mirror := setup_checks.mirror(given, os.path.isdir(os.path.expanduser(given))):
        yield mirror
    for name, corpus in PUBLIC.items():
        files = facts.public_files(corpus.folder, [(f.name, f.sha256, f.size) for f in corpus.parts.values()])
        yield setup_checks.public_corpus(name, files, facts.offline_switch())
