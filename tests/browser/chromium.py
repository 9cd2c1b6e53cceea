"""Find a Chromium for the browser tests, or install one where that is allowed.

``python tests/browser/chromium.py`` (``make test-browser``) prints what it found.
Exit code 0 if a browser and Playwright are there, 1 with what to type if not.
With ``--browser-only`` it looks for the browser alone (``.ci/run``, before the
environment is made). Playwright downloads no browser of its own here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = ("/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_chromium() -> str | None:
    """Return the path of a browser: ``COURSE_CHROMIUM`` if set, else the first known name."""
    given = os.environ.get("COURSE_CHROMIUM", "")
    if given:
        return given if Path(given).is_file() else None
    return next((path for name in NAMES if (path := shutil.which(name))), None) or next((p for p in PLACES if Path(p).is_file()), None)


def missing(browser_only: bool = False) -> str:
    """Return what is missing and what to do about it, or an empty text."""
    if not browser_only and importlib.util.find_spec("playwright") is None:
        return "browser tests: expected the package playwright, found none. Type: make setup"
    given = os.environ.get("COURSE_CHROMIUM", "")
    if find_chromium() is None:
        found = f"no file at COURSE_CHROMIUM={given}" if given else "none"
        return (f"browser tests: expected Chromium or Chrome, found {found}. Install it (Debian, Ubuntu: sudo apt-get install "
                "chromium; Fedora: sudo dnf install chromium; macOS: brew install --cask chromium), or set COURSE_CHROMIUM to its path.")
    return ""


def install() -> None:
    """Install Debian's Chromium if this is root on a machine with apt-get; else do nothing."""
    if find_chromium() or os.environ.get("COURSE_CHROMIUM") or not shutil.which("apt-get"):
        return
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    print("browser tests: installing Chromium with apt-get (about 100 MB)", flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        if subprocess.call(["apt-get", "-qq", *arguments], env=environment, stdout=subprocess.DEVNULL):
            print(f"browser tests: apt-get {arguments[0]} failed; they will be skipped", flush=True)
            return


if __name__ == "__main__":
    install()
    problem = missing(browser_only="--browser-only" in sys.argv)
    print(problem or f"browser tests: using {find_chromium()}")
    raise SystemExit(bool(problem))
