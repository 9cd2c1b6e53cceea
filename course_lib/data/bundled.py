"""The corpora that come with the checkout, and their files, each checked before it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import DataError
from course_lib.files import sha256_of
from course_lib.locations import data_folder


@dataclass(frozen=True)
class Bundled:
    """A corpus that comes with the checkout."""

    task: str
    folder: str
    suffix: str
    licence: str
    citation: str


BUNDLED = {
    "medical_notes": Bundled("ner", "medical_notes", ".jsonl", "CC BY 4.0", "This course: data/medical_notes/README.md"),
    "finance_qa": Bundled("qa", "finance_qa", ".json", "CC BY 4.0", "This course: data/finance_qa/README.md"),
}


def bundled_files(files: Mapping[str, str]) -> dict[str, Path]:
    """Return the paths of bundled files, each checked against the checksum committed beside it."""
    listing = data_folder() / "CHECKSUMS.sha256"
    if not listing.is_file():
        raise DataError(f"bundled corpus: expected data/{listing.name}, found no such file. Type: git checkout -- data")
    lines = [line.split(maxsplit=1) for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    known = {name: digest for digest, name in lines}
    for name in files.values():
        if not (data_folder() / name).is_file():
            raise DataError(f"bundled corpus: expected data/{name}, found no such file. Type: git checkout -- data")
        if sha256_of(data_folder() / name) != known.get(name):
            raise DataError(f"bundled corpus: expected data/{name} as committed, found other content. "
                            "Type: git checkout -- data   (or load your changed copy by its path)")
    return {part: data_folder() / name for part, name in files.items()}
