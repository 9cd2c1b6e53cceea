"""One run of a sweep in a process of its own: ``python -m course_lib.sweeps.task``.

The request comes as one line of JSON on stdin, the reply goes as one to stdout.
stdin stays open as long as the sweep lives: when it ends, however the sweep
ended, the run is interrupted. The same ``perform`` is the task on a cluster.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

GRACE = 10.0
"""Seconds an interrupted run has to shut its kernel down."""


def perform(request: dict[str, Any], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Execute one run; return its outcome, error and seconds. Refusals and failures are replies, not exceptions."""
    os.environ.update(environment or {})
    if os.path.isdir(request["folder"]):  # paths among the parameters are meant from where the sweep was typed
        os.chdir(request["folder"])
    from course_lib.errors import CourseError
    from course_lib.execution import RunRequest, execute

    begin = time.monotonic()
    source = Path(request["source"]) if request.get("source") else None
    wanted = RunRequest(request["notebook"], request["parameters"], request["profile"], request["id"], source)
    try:
        result = execute(wanted, Path(request["out"]))
        outcome, error = result.outcome, result.error
    except CourseError as refusal:  # one with an exit code of its own was executed, and could not be kept
        outcome, error = "failed" if hasattr(refusal, "exit_code") else "refused", str(refusal)
    except Exception as failure:  # a kernel that does not answer, a full disk: this run failed, the sweep goes on
        outcome, error = "failed", f"{type(failure).__name__}: {failure}"
    return {"outcome": outcome, "error": error and error[:4000], "seconds": round(time.monotonic() - begin, 2)}


def main() -> int:
    """Read a request, perform it, reply; return 130 when the sweep has gone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a sweep in the background has it ignored
    request = json.loads(_line(0))
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints, stdout holds the reply alone
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    try:
        answer = perform(request)
    except KeyboardInterrupt:
        return 130
    print(json.dumps(answer), file=reply, flush=True)
    return 0


def _line(handle: int) -> bytes:
    """Read up to the first newline, straight from the descriptor (a buffered reader would be shared with the thread)."""
    text = b""
    while not text.endswith(b"\n") and (byte := os.read(handle, 1)):
        text += byte
    return text


def _end_with_sweep() -> None:
    while os.read(0, 4096):
        pass
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # a thread that runs has a number
    time.sleep(GRACE)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
