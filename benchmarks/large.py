"""Does memory stay flat when a corpus is large? Generated sentences through reading, encoding and batching."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.meters import AnonymousPeak, peak_mib, status_mib
from benchmarks.settings import Settings
from course_lib.data import LabelSet
from course_lib.data.arrow import lengths_of
from course_lib.data.batching import length_grouped_batches
from course_lib.data.formats.conll import iter_notes
from course_lib.data.ner_features import encode_notes
from course_lib.errors import DataError
from course_lib.models.forward import rows_of
from course_lib.tasks import NerTask

WORDS = (
    "the a of in with patients gene mutation protein tumour cells were was found analysis families loss expression carriers "
    "showed an risk that for two by region linkage onset deletion exon allele normal clinical features associated study"
).split()
DISEASES = ("breast cancer", "ataxia", "Wilson disease", "myotonic dystrophy", "colorectal adenoma", "phenylketonuria")


def write_sentences(path: Path, count: int, seed: int = 0) -> None:
    """Write ``count`` sentences of 8 to 40 words with one disease each as a CoNLL file, a line at a time."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for _ in range(count):
            words = rng.choices(WORDS, k=rng.randint(7, 38))
            lines = [f"{word}\tO" for word in words]
            disease = rng.choice(DISEASES).split()
            place = rng.randrange(len(lines))
            lines[place:place] = [f"{word}\t{'I' if i else 'B'}-Disease" for i, word in enumerate(disease)]
            file.write("\n".join(lines) + "\n\n")


def measure_large(settings: Settings, count: int) -> dict[str, Any]:
    """Stream ``count`` sentences from a file to tensors; return memory (MiB) and seconds."""
    task = NerTask(settings.checkpoint, LabelSet(("Disease",)), settings.max_length, settings.overlap)
    tokenizer = task.tokenizer
    with tempfile.TemporaryDirectory() as folder, AnonymousPeak() as anonymous:
        source, table = Path(folder) / "sentences.tsv", Path(folder) / "features.arrow"
        write_sentences(source, count)
        start = {"start_mib": status_mib("VmRSS"), "start_anonymous_mib": status_mib("RssAnon")}
        began = time.perf_counter()
        features = encode_notes(
            iter_notes(source), tokenizer, task.labels, max_length=settings.max_length, overlap=settings.overlap, path=table,
            keep_notes=False,
        )
        encoded = time.perf_counter()
        rows = tokens = 0
        for batch in length_grouped_batches(lengths_of(features.dataset), settings.batch_size, seed=settings.seed, epoch=1):
            tensors = task.collate(rows_of(features.dataset, batch))
            rows, tokens = rows + len(batch), tokens + int(tensors["attention_mask"].sum())
        ended = time.perf_counter()
        end = {"end_anonymous_mib": status_mib("RssAnon"), "end_file_mib": status_mib("RssFile", "RssShmem")}
        sizes = {"text_mib": source.stat().st_size / 2**20, "features_mib": table.stat().st_size / 2**20}
        read, windows = features.counts["notes"], len(features.dataset)
        del features, tensors  # unmap the file before it is removed
    if rows != windows or read != count:
        raise DataError(f"benchmark: expected {count} sentences and every row in one batch, found {read} sentences, and {rows} "
                        f"of {windows} rows in batches. Something was lost on the way: compare reading, encoding and batching.")
    return {"sentences": count, "rows": rows, "tokens": tokens, "encode_seconds": encoded - began,
            "batch_seconds": ended - encoded, "peak_mib": peak_mib(), "peak_anonymous_mib": anonymous.mib,
            **start, **end, **sizes}
