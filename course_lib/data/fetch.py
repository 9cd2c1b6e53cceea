"""Public files: fetched once, checked every time, read without a network after that.

A file is looked for in the folder ``COURSE_DATA_MIRROR``, then in the cache
(``COURSE_CACHE_DIR``, else the system's place for caches), and only then
fetched, by pooch, from the address ``COURSE_DATA_MIRROR`` or its public one.
Mirror and cache have one layout, ``<corpus>/<file name>``, so that a copy of a
cache serves as a mirror. No file gets its name before its SHA-256 is right.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

from course_lib.data.registry import RemoteFile
from course_lib.errors import DataError
from course_lib.files import sha256_of

MIRROR, CACHE, OFFLINE = "COURSE_DATA_MIRROR", "COURSE_CACHE_DIR", ("COURSE_OFFLINE", "HF_HUB_OFFLINE")
TRY_AGAIN = (408, 416, 425, 429)  # and every status from 500: the server may answer better later


@dataclass(frozen=True)
class Patience:
    """How long to try: each wait (seconds) is twice the last; ``timeout`` is for one silence of the server."""

    tries: int = 3
    wait: float = 2.0
    timeout: float = 30.0


def fetch(corpus: str, file: RemoteFile, *, licence: str = "", patience: Patience | None = None) -> Path:
    """Return the path of a public file with the right content, fetching it if need be.

    ``corpus`` is the folder's name in mirror and cache. Raises ``DataError``
    for wrong content, a failed download, or a file that is not here offline.
    """
    where = f"{corpus}/{file.name}"
    if not file.sha256:
        raise DataError(
            f"{where}: expected a known SHA-256, found none in the registry; nothing is downloaded unchecked. Fetch the file "
            f"yourself ({file.address}), put it with the other parts into a folder, named train, dev and test, and load that "
            "folder by its path."
        )
    folder, address = _mirror(where)
    if folder and (folder / where).is_file():
        return _checked(folder / where, file, where)
    cached = cache_folder() / where
    if _is_sound(cached, file, where):
        return cached
    advice = f"Put the file into a folder as {where} and name that folder in {MIRROR}"
    if folder:
        raise DataError(f"{where}: expected it in the folder named by {MIRROR} or in the cache, found it in neither. "
                        f"Put the file there, or unset {MIRROR} to download it from {urlsplit(file.address).hostname}.")
    if offline := [name for name in OFFLINE if _is_on(name)]:
        raise DataError(f"{where}: expected it in the cache, because {offline[0]} forbids a download; found it not there. "
                        f"{advice}, or unset {' and '.join(offline)} once.")
    host = f"the address in {MIRROR}" if address else urlsplit(file.address).hostname
    size = f"{file.size / 1e6:.1f} MB" if file.size else "size unknown"
    print(f"Downloading {where} ({size}) from {host}; licence: {licence or 'see its source'}", flush=True)
    return _download(address or file.address, cached, file, where, patience or Patience())


def cache_folder() -> Path:
    """Return where fetched files are kept: ``COURSE_CACHE_DIR``, else the system's place for caches."""
    given = os.environ.get(CACHE, "")
    return Path(given).expanduser() if given else Path(pooch.os_cache("course_lib"))


def _is_on(name: str) -> bool:
    """Read a switch as huggingface_hub reads its own."""
    return os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")


def _mirror(where: str) -> tuple[Path | None, str]:
    """Return the mirror's folder, or the file's address on it; (None, "") without a mirror."""
    given = os.environ.get(MIRROR, "").strip()
    if given.lower().startswith(("http://", "https://")):
        return None, f"{given.rstrip('/')}/{where}"
    if given and not Path(given).expanduser().is_dir():
        raise DataError(f"{MIRROR}: expected a folder that is there or an http(s) address, found {given!r}. Correct or unset it.")
    return (Path(given).expanduser() if given else None), ""


def _checked(path: Path, file: RemoteFile, where: str) -> Path:
    """Return a file of the mirror folder, used where it is, if its content is right."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise DataError(f"{where}: expected a file that can be read in the folder named by {MIRROR}, found: {error.strerror}. "
                        "Correct its permissions.") from error
    if found != file.sha256:
        raise DataError(f"{where}: expected SHA-256 {file.sha256}, found {found} in the folder named by {MIRROR}. "
                        f"Replace that file, or unset {MIRROR}.")
    return path


def _is_sound(cached: Path, file: RemoteFile, where: str) -> bool:
    """Is the file in the cache, with the right content? One with other content is put aside."""
    try:
        if not cached.is_file():
            return False
        if sha256_of(cached) == file.sha256:
            return True
        aside = cached.with_name(cached.name + ".damaged")
        os.replace(cached, aside)
        if sha256_of(aside) == file.sha256:  # another process has just replaced the damaged file by a good one
            os.replace(aside, cached)
            return True
    except FileNotFoundError:
        return False  # another process put it aside first
    except OSError as error:
        raise _no_cache(error) from error
    print(f"{where}: the cached copy had other content and was put aside as {aside.name}", flush=True)
    return False


def _no_cache(error: OSError) -> DataError:
    return DataError(f"cache of downloads: expected a folder that can be read and written, with free space, found: "
                     f"{error.strerror or type(error).__name__}. Name another one in {CACHE}.")


def _download(address: str, target: Path, file: RemoteFile, where: str, patience: Patience) -> Path:
    """Have pooch fetch to a temporary name, check, and rename: many processes may do so at once."""

    def downloader(url: str, output_file: str, _pooch: Any) -> None:
        _receive(url, Path(output_file), file, where, patience)

    pooch.get_logger().setLevel(logging.WARNING)  # it would print the path of the cache
    try:
        pooch.retrieve(address, f"sha256:{file.sha256}", fname=target.name, path=target.parent, downloader=downloader)
    except OSError as error:  # the network's errors are DataErrors by now
        raise _no_cache(error) from error
    return target


def _receive(url: str, draft: Path, file: RemoteFile, where: str, patience: Patience) -> None:
    """Fill ``draft`` with the right content, or raise ``DataError`` that says what came instead."""
    for attempt in range(1, patience.tries + 1):
        try:
            _receive_rest(url, draft, patience.timeout)
        except requests.RequestException as error:
            problem, may_help = _problem(error, draft.stat().st_size, patience)
        else:
            found = sha256_of(draft)
            if found == file.sha256:
                draft.chmod(0o644)  # temporary files are private; a cache may serve a whole room
                return
            problem, may_help = _other_content(draft, file, found)
            draft.write_bytes(b"")
        if attempt == patience.tries or not may_help:
            tried = f" ({attempt} tries)" if attempt > 1 else ""
            raise DataError(f"{where}: {problem}{tried}. Check the network, then run again; or put the file into a folder "
                            f"as {where} and name that folder in {MIRROR}.")
        print(f"{where}: {problem}; try {attempt + 1} of {patience.tries}", flush=True)
        time.sleep(patience.wait * 2 ** (attempt - 1))


def _receive_rest(url: str, draft: Path, timeout: float) -> None:
    """Append to ``draft`` what an earlier try left out, if the server can go on in the middle; else all."""
    start = draft.stat().st_size
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with draft.open("ab") as output:

        def begin(response: requests.Response, **_kwargs: Any) -> None:
            if response.status_code != 206 and not response.is_redirect:
                output.truncate(0)  # the whole file comes, not the rest

        # Only whole chunks are kept of a connection that is cut, so they are small.
        options = {"timeout": timeout, "headers": headers, "hooks": {"response": begin}}
        pooch.HTTPDownloader(chunk_size=1 << 14, **options)(url, output, None)


def _problem(error: requests.RequestException, received: int, patience: Patience) -> tuple[str, bool]:
    """Say what a failed try met, and whether another may end better."""
    if error.response is not None and not error.response.ok:
        status = error.response.status_code
        return (f"expected the file, found status {status} ({error.response.reason}) in answer",
                status in TRY_AGAIN or status >= 500)
    if isinstance(error, requests.exceptions.SSLError):
        return "expected a trusted certificate, found one that is not (a proxy may stand between)", False
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return f"expected an http(s) address in {MIRROR}, found one that cannot be read", False
    if received or isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"expected the whole file, found the connection cut after {received:,} bytes", True
    if isinstance(error, requests.exceptions.Timeout):
        return f"expected an answer within {patience.timeout:g} s, found none", True
    return f"expected a connection, found none ({type(error).__name__})", True


def _other_content(draft: Path, file: RemoteFile, found: str) -> tuple[str, bool]:
    """Say what came in place of the file; a web page comes again, other bytes may not."""
    with draft.open("rb") as content:
        beginning = content.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return "expected data, found a web page: the login page of a network or proxy, or an error page", False
    return f"expected SHA-256 {file.sha256}, found {found} ({draft.stat().st_size:,} bytes)", True
