"""JupyterLab on the loopback address, and a notebook in it as a person uses it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 300_000  # milliseconds: a busy machine is slow, and nothing here measures speed
READY = "#jp-main-statusbar >> text=Python 3 (ipykernel) | Idle"
"""Not before: a notebook that is run while its kernel is still being found asks for one in a dialog."""
DONE = ".jp-OutputArea-output >> text=all cells have run"


@dataclass(frozen=True)
class Lab:
    """A running server: its address, its token, and the folder it shows."""

    address: str
    token: str
    folder: Path


@contextmanager
def jupyterlab(folder: Path, work: Path) -> Iterator[Lab]:
    """Start JupyterLab on ``folder`` with settings of its own; stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder)
    settings = work / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews":"false","checkForUpdates":false}', encoding="utf-8")
    environment = dict(
        os.environ, COURSE_PROGRESS="1", HF_HUB_OFFLINE="1", COURSE_RUNS_DIR=str(work / "runs"), COURSE_PROGRESS_DIR=str(work / "progress"),
        JUPYTER_CONFIG_DIR=str(work / "config"), JUPYTERLAB_SETTINGS_DIR=str(work / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(work / "workspaces"), JUPYTER_RUNTIME_DIR=str(work / "runtime"), IPYTHONDIR=str(work / "ipython"),
    )
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={lab.token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly",
    ]
    with (work / "lab.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(lab, server, work / "lab.log")
            yield lab
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)


def _wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start; its last words:\n{log.read_text(encoding='utf-8')[-2000:]}")


@dataclass
class Book:
    """A notebook open in a page; collects console errors and requests to other places."""

    page: Any
    lab: Lab
    name: str
    shots: Path
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(self) -> None:
        own = (self.lab.address, self.lab.address.replace("http", "ws", 1), "data:", "blob:")
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda r: None if r.url.startswith(own) else self.elsewhere.append(r.url))
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(f"{self.lab.address}/lab/tree/{self.name}?token={self.lab.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_selector(READY)

    def run_all(self) -> None:
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def saved(self) -> dict[str, Any]:
        """Save the notebook with the keyboard, and return what the file then holds."""
        path = self.lab.folder / self.name
        before = path.stat().st_mtime_ns
        self.page.locator(".jp-Cell-inputArea").first.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        for _ in range(600):
            if path.stat().st_mtime_ns != before:
                break
            self.page.wait_for_timeout(200)
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def panel(self, name: str) -> Any:
        """Return the explorer of that name, scrolled into sight."""
        panel = self.page.locator(f".jp-OutputArea-output .course-{name}").first
        panel.wait_for(state="attached")
        panel.scroll_into_view_if_needed()
        return panel

    def shoot(self, name: str, panel: Any = None) -> None:
        """Keep a picture of an explorer (of the page if none is given)."""
        self.shots.mkdir(parents=True, exist_ok=True)
        (panel or self.page).screenshot(path=str(self.shots / f"{name}.png"))

    def active(self) -> str:
        """Say what has the keyboard's focus: the explorer's name and the label of the control."""
        return str(self.page.evaluate(
            """() => { const a = document.activeElement, p = a.closest('[class*="course-"]');
                       const name = p ? [...p.classList].find(c => c.startsWith('course-')) : '';
                       const line = a.closest('.widget-inline-hbox');
                       const label = line && line.querySelector('label, .widget-label');
                       return name + ' ' + (label ? label.textContent : a.tagName); }"""))

    def tab_to(self, wanted: str, key: str = "Tab", most: int = 120) -> None:
        """Press Tab until the control ``wanted`` ("course-loss learning rate") has the focus."""
        seen = []
        for _ in range(most):
            self.page.keyboard.press(key)
            seen.append(self.active())
            if seen[-1].startswith(wanted):
                return
        raise AssertionError(f"Tab does not reach {wanted!r}; it went {seen}")
