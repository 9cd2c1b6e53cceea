"""Decisions for machines we have and for those we do not."""

from __future__ import annotations

import pytest
import torch

from course_lib.errors import ConfigError
from course_lib.machine import Machine, Plan, describe, matmul_rate, plan_for, resolve_profile

LAPTOP = Machine(cores=4, memory=16, fp32_rate=200, bf16_rate=40)
SERVER = Machine(cores=2, memory=16, fp32_rate=174, bf16_rate=700)
A100 = Machine(cores=8, memory=64, gpu="A100", gpu_memory=40, gpu_bf16=True, fp32_rate=200, bf16_rate=40)
T4 = Machine(cores=2, memory=12, gpu="T4", gpu_memory=15, gpu_bf16=False, fp32_rate=100, bf16_rate=600)
SMALL = Machine(cores=4, memory=16, gpu="GTX 1650", gpu_memory=4, gpu_bf16=False)
MAC = Machine(cores=8, memory=16, mps=True, fp32_rate=500, bf16_rate=900)


@pytest.mark.parametrize(("machine", "profile", "plan"), [
    (LAPTOP, "cpu", Plan("cpu", "fp32", 16)),  # bf16 would be emulated
    (SERVER, "cpu", Plan("cpu", "bf16", 16)),
    (SERVER, "smoke", Plan("cpu", "bf16", 16)),
    (A100, "gpu", Plan("cuda", "bf16", 16)),
    (T4, "gpu", Plan("cuda", "fp32", 16)),  # what the CPU can do does not matter
    (SMALL, "gpu", Plan("cuda", "fp32", 8)),
    (A100, "cpu", Plan("cpu", "fp32", 16)),  # cpu means cpu
    (MAC, "cpu", Plan("mps", "fp32", 16)),
    (MAC, "smoke", Plan("cpu", "bf16", 16)),
], ids=lambda v: getattr(v, "gpu", None) or str(v)[:12])
def test_plan(machine, profile, plan):
    assert plan_for(machine, profile) == plan


def test_batch_size_on_a_small_gpu_is_halved_but_never_zero():
    assert plan_for(SMALL, "gpu", batch_size=1).batch_size == 1
    assert plan_for(Machine(4, 16, gpu="x", gpu_memory=8.0), "gpu", batch_size=12).batch_size == 12


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("machine", [LAPTOP, SERVER])
def test_precision_asked_for_is_precision_used(machine, precision):
    assert plan_for(machine, "cpu", precision).precision == precision


def test_unknown_precision():
    with pytest.raises(ConfigError, match="precision: expected one of auto, fp32, bf16; found 'bf61'. Did you mean 'bf16'"):
        plan_for(LAPTOP, "cpu", "bf61")


def test_cuda_asked_for_and_absent():
    for machine in (LAPTOP, MAC):
        with pytest.raises(ConfigError, match="profile gpu: expected a CUDA GPU, found none.*nvidia-smi"):
            plan_for(machine, "gpu")


@pytest.mark.parametrize(("fp32", "bf16", "native"), [(100, 131, True), (100, 130, False), (100, 90, False), (0, 0, False), (0, 500, False)])
def test_native_bf16_is_clearly_faster(fp32, bf16, native):
    assert Machine(1, 1, fp32_rate=fp32, bf16_rate=bf16).cpu_bf16 is native


def test_profile_auto(monkeypatch):
    assert resolve_profile("auto", LAPTOP) == resolve_profile("auto", MAC) == "cpu"
    assert resolve_profile("auto", A100) == "gpu"
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert resolve_profile("auto", A100) == "smoke"
    assert resolve_profile("cpu", A100) == "cpu"  # a name given outweighs the environment
    monkeypatch.setenv("COURSE_PROFILE", "")
    assert resolve_profile("auto", LAPTOP) == "cpu"


@pytest.mark.parametrize("value", ["smok", "auto", "CPU"])
def test_profile_of_the_environment_is_checked(monkeypatch, value):
    monkeypatch.setenv("COURSE_PROFILE", value)
    with pytest.raises(ConfigError, match="environment variable COURSE_PROFILE: expected one of smoke, cpu, gpu"):
        resolve_profile("auto", LAPTOP)


def test_unknown_profile():
    with pytest.raises(ConfigError, match="profile: expected one of auto, smoke, cpu, gpu; found 'cpo'. Did you mean 'cpu'"):
        resolve_profile("cpo", LAPTOP)


def test_this_machine():
    machine = describe()
    assert machine is describe() and machine.cores >= 1 and machine.memory > 0.5
    assert machine.fp32_rate > 0 and machine.bf16_rate > 0
    assert bool(machine.gpu) == torch.cuda.is_available()
    assert matmul_rate(torch.float32, size=64, seconds=0.01) > 0
