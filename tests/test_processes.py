"""The same training in two processes: gloo on the loopback address, equal losses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("train_in_processes.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def trained(checkpoint: str, out: Path, processes: int) -> dict[str, Any]:
    """Run the script; ``accelerate launch --cpu`` would silently start one process, so torchrun does it."""
    launcher = ["-m", "torch.distributed.run", "--nnodes", "1", "--nproc_per_node", str(processes),
                "--master_addr", "127.0.0.1", "--master_port", str(free_port())] if processes > 1 else []
    environment = dict(os.environ, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo", HF_HUB_OFFLINE="1", COURSE_PROGRESS="0")
    done = subprocess.run([sys.executable, *launcher, str(SCRIPT), checkpoint, str(out)], env=environment,
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(out.read_text())
    return result


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the loopback interface is called lo on Linux only")
def test_two_processes_give_the_loss_of_one(tiny: str, tmp_path: Path) -> None:
    one, two = (trained(tiny, tmp_path / f"{n}.json", n) for n in (1, 2))
    assert (one["processes"], two["processes"]) == (1, 2)
    assert len(one["losses"]) == len(two["losses"]) == 2 * 4, "13 notes in batches of 4 are 4 steps an epoch, the last uneven"
    assert two["losses"] == pytest.approx(one["losses"], abs=1e-5)
    assert two["largest_difference_between_processes"] == 0.0
    assert two["validation"] == pytest.approx(one["validation"])
