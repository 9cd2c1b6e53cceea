"""papermill as this course uses it: private sockets, progress, Ctrl-C that ends, values that stay data."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def without_iri_grammar() -> Iterator[None]:
    """Spare an import of seconds: jsonschema builds a grammar of IRIs, a format that notebooks do not use.

    jsonschema (which nbformat imports) takes ``rfc3987_syntax`` if it is there; beside JupyterLab it is.
    """
    name = "rfc3987_syntax"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


with without_iri_grammar():
    import asyncio

    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from traitlets.config import Config


class _Client(PapermillNotebookClient):
    """Leaves Ctrl-C to us: nbclient's own handlers would end the kernel and call it dead."""

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                asyncio.get_running_loop().remove_signal_handler(number)
                signal.signal(number, self.handlers[number])
        await super().async_start_new_kernel(**kwargs)


class _Engine(NBClientEngine):
    """papermill's engine with this client; calls ``on_progress`` with (cells done, cells in all)."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        on_progress = kwargs.pop("on_progress", None)
        kwargs.pop("input_path", None)
        total = len(nb_man.nb.cells)
        client = _Client(nb_man, kernel_name=kernel_name, startup_timeout=kwargs.pop("start_timeout", 60), **kwargs)
        client.handlers = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}
        if on_progress:
            client.on_cell_start = lambda cell, cell_index: on_progress(cell_index, total)  # noqa: ARG005
        result = client.execute()
        if on_progress:
            on_progress(total, total)
        return result


papermill_engines.register("course", _Engine)


@contextmanager
def private_sockets() -> Iterator[Config]:
    """Let the kernel be reached through files of its own instead of TCP ports.

    No port is opened, and kernels started at the same time cannot meet on one.
    Windows has no such sockets: there the default stays.
    """
    config = Config()
    if os.name == "nt":
        yield config
        return
    with tempfile.TemporaryDirectory(prefix="k") as folder:  # short: socket names have a limit
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = os.path.join(folder, "k")
        yield config


@dataclass(frozen=True)
class Failure:
    """Why a notebook failed: one line, and the failing cell with the last lines of its error."""

    message: str
    detail: str = ""


def run_cells(
    source: Path, target: Path, parameters: Mapping[str, Any], on_progress: Callable[[int, int], None] | None = None,
) -> Failure | None:
    """Execute ``source`` into ``target`` in the current folder; return None, or what failed.

    papermill formats paths like templates, so braces in them are doubled. The
    parameters become literals in a cell of their own.
    """
    try:
        with private_sockets() as config:
            papermill.execute_notebook(
                _plain(source), _plain(target), parameters=dict(parameters), kernel_name="python3", engine_name="course",
                progress_bar=False, config=config, on_progress=on_progress,
            )
    except papermill.PapermillExecutionError as failure:
        last = [line for part in failure.traceback[-3:] for line in _COLOURS.sub("", part).splitlines()][-12:]
        detail = "\n".join([*(f"    {line}" for line in failure.source.splitlines()), *last])
        return Failure(f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}", detail)
    except NoSuchKernel as error:
        raise ConfigError(f"kernel: expected one named python3, found {error}. Type: course doctor --fix") from error
    except (DeadKernelError, CellTimeoutError, RuntimeError) as failure:
        return Failure(f"{type(failure).__name__}: {failure}")
    return None


def _plain(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")
