"""What one job does: train, multiply matrices, predict, or stream sentences. Runs in a process of its own."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import torch

from benchmarks.contenders import Setup, train_contender
from benchmarks.examples import load_slice
from benchmarks.large import measure_large
from benchmarks.meters import Clock, gpu_peak_mib, peak_mib
from benchmarks.settings import Job, Settings
from course_lib.machine import Plan, describe, matmul_rate
from course_lib.timing import encoder_weights, probe_rate


def measure(settings: Settings, plan: Plan, job: Job) -> dict[str, Any]:
    """Do one job and return its numbers."""
    if job.part in ("training", "f1"):
        return measure_training(settings, plan, job)
    if job.part == "rates":
        return measure_rates(settings, plan)
    if job.part == "inference":
        return measure_inference(settings, plan, job.seed)
    return measure_large(settings, job.number)


def measure_training(settings: Settings, plan: Plan, job: Job) -> dict[str, Any]:
    """Train one contender; speed and memory are of training alone, the score comes after."""
    data = load_slice(settings)
    task = data.task(settings)
    clock = Clock(task.tokenizer.pad_token_id)
    setup = Setup(settings, plan, task, data.training, job.seed, job.epochs, clock)
    busy, began = time.process_time(), time.perf_counter()
    model = train_contender(job.name, setup)
    share = (time.process_time() - busy) / (time.perf_counter() - began) / torch.get_num_threads()
    numbers: dict[str, Any] = clock.result(job.epochs, settings.cold_steps)
    numbers |= {"peak_mib": peak_mib(), "gpu_peak_mib": gpu_peak_mib(), "processor_share": share, **setup.counts}
    numbers |= {"encoder_weights": encoder_weights(model), "threads": torch.get_num_threads(),
                "attention": getattr(model.config, "_attn_implementation", "")}
    if job.scored:  # fp32 and the same decoding for all
        numbers["entity_f1"] = task.validate(model, task.encode(data.validation), "fp32")["entity_f1"]
    return numbers


def measure_rates(settings: Settings, plan: Plan) -> dict[str, Any]:
    """Measure the matrix-product rate (GFLOP/s) in both precisions at several sizes."""
    rates: dict[str, Any] = {}
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        rates[precision] = {
            str(size): matmul_rate(dtype, size, settings.rate_seconds) if plan.device == "cpu"
            else probe_rate(Plan(plan.device, precision, plan.batch_size), describe(), size)
            for size in settings.rate_sizes
        }
    return rates


def measure_inference(settings: Settings, plan: Plan, seed: int) -> dict[str, Any]:
    """Time prediction from texts to entities with the package's own functions, tokenization included."""
    data = load_slice(settings)
    task = data.task(settings)
    model = task.build(seed).to(plan.device).eval()  # weights do not change the time
    texts = itertools.cycle(data.validation)
    rows = []
    for size, batches in settings.inference:
        seconds = []
        for _ in range(batches + min(5, batches)):
            notes = list(itertools.islice(texts, size))
            began = time.perf_counter()
            task.predict(model, task.encode(notes), plan.precision)
            seconds.append(time.perf_counter() - began)
        seconds = seconds[-batches:]  # the first ones set up memory and kernels
        p50, p95 = np.percentile(seconds, [50, 95])
        rows.append({"batch_size": size, "batches": batches, "sentences_per_second": size * batches / sum(seconds),
                     "p50_seconds": float(p50), "p95_seconds": float(p95)})
    return {"rows": rows, "peak_mib": peak_mib(), "gpu_peak_mib": gpu_peak_mib(), "threads": torch.get_num_threads()}
