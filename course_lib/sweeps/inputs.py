"""Is what a finished run was computed from still what it was? A sweep keeps the run either way, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from course_lib.execution import RunRequest, checked_source
from course_lib.manifest import notebook_hash
from course_lib.parameters import NOTEBOOKS
from course_lib.provenance import code_hash, short_name


class Inputs:
    """The notebook, the code and the corpora as they are now, each read once.

    ``source`` is another file of the notebook; one that cannot be executed is refused with a ``ConfigError``.
    """

    def __init__(self, notebook: str, source: Path | None = None) -> None:
        self.table = NOTEBOOKS[notebook]
        self.source = checked_source(RunRequest(notebook, source=source))
        self.files: dict[str, str] = {}
        self.corpora: dict[str, str] = {}

    def changed(self, parameters: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of inputs that differ from ``before``, the hashes in a run's manifest."""
        self.files = self.files or {"notebook": notebook_hash(self.source), "code": code_hash()}
        names = [f"the {name}" for name, digest in self.files.items() if before[name] != digest]
        for corpus in self._corpora(parameters):
            known = before["corpora"].get(short_name(corpus))
            if known and known != self._digest(corpus):
                names.append(f"corpus {short_name(corpus)}")
        return tuple(names)

    def _corpora(self, parameters: Mapping[str, Any]) -> Iterator[str]:
        """Yield the corpora of a run but the public ones, whose checksums are part of the code."""
        from course_lib.data.registry import PUBLIC

        if "corpus" in self.table:
            names = [parameters.get("corpus", self.table["corpus"].default), *parameters.get("stages", [])]
            yield from (name for name in dict.fromkeys(names) if name not in PUBLIC)

    def _digest(self, corpus: str) -> str:
        from course_lib.data.corpora import digest

        if corpus not in self.corpora:
            self.corpora[corpus] = digest(corpus)
        return self.corpora[corpus]
