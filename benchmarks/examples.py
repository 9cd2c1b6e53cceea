"""The sentences everything is measured on: the first ones of a corpus, and its validation part."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.settings import Settings
from course_lib.data import LabelSet, Note, load_notes
from course_lib.errors import DataError
from course_lib.tasks import NerTask

PREFERRED, BUNDLED = "ncbi_disease", "medical_notes"


@dataclass(frozen=True)
class Slice:
    """Training and validation notes of one benchmark."""

    training: list[Note]
    validation: list[Note]
    licence: str

    def task(self, settings: Settings) -> NerTask:
        """Return the task as notebook 02 sets it up."""
        labels = LabelSet.of([*self.training, *self.validation])
        return NerTask(settings.checkpoint, labels, settings.max_length, settings.overlap)


def with_available_corpus(settings: Settings) -> tuple[Settings, str]:
    """Return settings with a corpus that can be loaded, and a remark: the bundled one stands in for NCBI-disease."""
    try:
        load_notes(settings.corpus)
    except DataError as error:
        if settings.corpus != PREFERRED:
            raise
        reason = str(error).splitlines()[0]
        print(f"benchmark: {PREFERRED} could not be had, so {BUNDLED} is used: {reason}", flush=True)
        records = min(settings.records, len(load_notes(BUNDLED).train))
        remark = f"{PREFERRED} could not be had where this was measured, so the bundled corpus stands in for it."
        return replace(settings, corpus=BUNDLED, records=records), remark
    return settings, ""


def load_slice(settings: Settings) -> Slice:
    """Return the first ``settings.records`` training notes and the validation part."""
    data = load_notes(settings.corpus)
    if len(data.train) < settings.records:
        raise DataError(
            f"benchmark: expected {settings.records} training records in {settings.corpus}, found {len(data.train)}. "
            f"Type --records {len(data.train)} or name a larger corpus."
        )
    return Slice(list(data.train[: settings.records]), list(data.validation[: settings.eval_records]), data.licence)
