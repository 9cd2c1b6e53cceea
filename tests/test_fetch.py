"""Fetching public files: over a real server on this machine that cuts, lies, stalls and is not there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from course_lib import locations
from course_lib.data import corpora, load, load_notes, load_questions, registry, stage_questions
from course_lib.data.fetch import Patience, cache_folder, fetch
from course_lib.data.formats import tatqa
from course_lib.data.registry import PUBLIC, PublicCorpus, RemoteFile
from course_lib.errors import DataError
from course_lib.files import sha256_of

WORDS = b"".join(b"word%d%s\tO\n\nfever\tB-SYMPTOM\n\n" % (i, b"-" * 1000) for i in range(40))
CUT, KEPT = 20_000, 1 << 14  # bytes sent before the cut, and those of them that came in whole chunks
FILE = RemoteFile("https://raw.githubusercontent.com/someone/toy/" + "0" * 40 + "/train.tsv", hashlib.sha256(WORDS).hexdigest(), len(WORDS))
QUICK = Patience(tries=3, wait=0.01, timeout=10)  # a busy machine must not look like a silent server
SHORT = Patience(tries=3, wait=0.01, timeout=0.3)
SHARED = os.environ.get("COURSE_DATA_MIRROR", "")
with_corpora = pytest.mark.skipif(not Path(SHARED or "?").is_dir(), reason="COURSE_DATA_MIRROR names no folder with the real corpora")

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test planned: one behaviour a request, the last one for ever."""

    protocol_version = "HTTP/1.0"
    plan: list[Answer]
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Range")))
        (self.plan.pop(0) if len(self.plan) > 1 else self.plan[0])(self)

    def answer(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def good(handler: Handler) -> None:
    handler.answer(WORDS)


def cut(handler: Handler) -> None:
    """Promise everything, send a part, hang up; a range is not obeyed."""
    handler.answer(WORDS[:CUT], length=len(WORDS))


def goes_on(handler: Handler) -> None:
    """Send the range that is asked for."""
    start = int(re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"]).group(1))
    handler.answer(WORDS[start:], 206, Content_Range=f"bytes {start}-{len(WORDS) - 1}/{len(WORDS)}")


def goes_on_elsewhere(handler: Handler) -> None:
    handler.answer(WORDS[:50], 206)


def other_bytes(handler: Handler) -> None:
    handler.answer(WORDS.replace(b"fever", b"cough"))


def web_page(handler: Handler) -> None:
    handler.answer(b"\n<!DOCTYPE html><html>Please log in to the guest network</html>", Content_Type="text/html")


def status(code: int) -> Answer:
    return lambda handler: handler.answer(b"no", code)


def moved(handler: Handler) -> None:
    handler.answer(b"", 302, Location="/elsewhere.tsv")


def stalls(handler: Handler) -> None:
    """Accept the connection and say nothing."""
    time.sleep(5)


def slow(handler: Handler) -> None:
    """Slow, but never silent for long."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(WORDS)))
    handler.end_headers()
    for start in range(0, len(WORDS), len(WORDS) // 7):
        time.sleep(0.25)
        handler.wfile.write(WORDS[start : start + len(WORDS) // 7])
        handler.wfile.flush()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, and leave to connect."""
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("COURSE_DATA_MIRROR", "COURSE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(corpora, "_introduced", set())
    return tmp_path / "cache"


Server = Callable[..., list[tuple[str, str | None]]]


@pytest.fixture
def serve(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a server with a plan, name it as the mirror, and return the list of requests it will see."""
    servers = []

    def start(*plan: Answer) -> list[tuple[str, str | None]]:
        handler = type("Planned", (Handler,), {"plan": list(plan), "seen": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://127.0.0.1:{server.server_port}/")
        return handler.seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def left_in(folder: Path) -> list[str]:
    """Every file below a folder, temporary ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refused(expected: str, file: RemoteFile = FILE, patience: Patience = QUICK) -> str:
    with pytest.raises(DataError, match=expected) as caught:
        fetch("toy", file, patience=patience)
    return str(caught.value)


# ---- what goes well -------------------------------------------------------------
def test_good_file_is_fetched_once(serve, cache, capsys):
    seen = serve(good, status(500))
    path = fetch("toy", FILE, licence="CC BY 4.0", patience=QUICK)
    assert path.read_bytes() == WORDS and left_in(cache) == ["toy/train.tsv"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert "Downloading toy/train.tsv (0.0 MB) from the address in COURSE_DATA_MIRROR; licence: CC BY 4.0" in capsys.readouterr().out
    assert fetch("toy", FILE, patience=QUICK) == path and seen == [("/toy/train.tsv", None)]
    assert capsys.readouterr().out == ""


def test_cache_is_read_without_a_network(serve, cache, monkeypatch):
    """Offline first: the server is asked nothing while the file in the cache is right."""
    serve(good)
    path = fetch("toy", FILE, patience=QUICK)
    monkeypatch.setenv("COURSE_DATA_MIRROR", "http://127.0.0.1:9")
    assert fetch("toy", FILE, patience=QUICK) == path
    monkeypatch.delenv("COURSE_DATA_MIRROR")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert fetch("toy", FILE, patience=QUICK) == path


@pytest.mark.parametrize("again", [good, goes_on, cut, goes_on_elsewhere])
def test_cut_connection_is_tried_again(serve, cache, again, capsys):
    """From the start, or from where it stopped; a server that goes on wrongly is asked for all."""
    seen = serve(cut, again, good)
    assert fetch("toy", FILE, patience=QUICK).read_bytes() == WORDS and left_in(cache) == ["toy/train.tsv"]
    assert [ask for _, ask in seen][:2] == [None, f"bytes={KEPT}-"]
    assert len(seen) == (3 if again in (cut, goes_on_elsewhere) else 2)
    assert again is not goes_on_elsewhere or seen[2][1] is None, "after wrong bytes nothing is kept"
    assert "found the connection cut after 16,384 bytes; try 2 of 3" in capsys.readouterr().out


def test_rest_comes_from_a_server_that_redirects(serve, cache):
    serve(cut, moved, goes_on)
    assert fetch("toy", FILE, patience=QUICK).read_bytes() == WORDS


@pytest.mark.parametrize("first", [status(503), status(429), other_bytes])
def test_passing_trouble(serve, cache, first):
    seen = serve(first, good)
    assert fetch("toy", FILE, patience=QUICK).read_bytes() == WORDS and len(seen) == 2


def test_slow_server_is_waited_for(serve, cache):
    seen = serve(slow)
    patience, started = Patience(tries=1, timeout=1.5), time.perf_counter()
    assert fetch("toy", FILE, patience=patience).read_bytes() == WORDS
    assert time.perf_counter() - started > patience.timeout and len(seen) == 1


def test_waits_grow(serve, cache, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("course_lib.data.fetch.time.sleep", waits.append)
    serve(status(500))
    with pytest.raises(DataError):
        fetch("toy", FILE, patience=Patience(tries=4, wait=2, timeout=1))
    assert waits == [2, 4, 8]


# ---- what goes wrong ------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "requests", "said"),
    [
        (cut, 3, "expected the whole file, found the connection cut after 16,384 bytes \\(3 tries\\)"),
        (other_bytes, 3, f"expected SHA-256 {FILE.sha256}, found [0-9a-f]{{64}} \\([\\d,]+ bytes\\) \\(3 tries\\)"),
        (web_page, 1, "expected data, found a web page: the login page of a network or proxy"),
        (status(404), 1, "expected the file, found status 404 \\(Not Found\\)"),
        (status(403), 1, "expected the file, found status 403"),
        (status(500), 3, "expected the file, found status 500"),
    ],
)
def test_failure_says_what_came_and_leaves_nothing(serve, cache, answer, requests, said):
    seen = serve(answer)
    message = refused(f"toy/train.tsv: {said}")
    assert len(seen) == requests and left_in(cache) == []
    assert "put the file into a folder as toy/train.tsv and name that folder in COURSE_DATA_MIRROR" in message
    assert str(cache) not in message and "127.0.0.1" not in message


def test_silent_server(serve, cache):
    seen = serve(stalls)
    refused("toy/train.tsv: expected an answer within 0.3 s, found none \\(3 tries\\)", patience=SHORT)
    assert len(seen) == 3 and left_in(cache) == []


def test_no_server(cache, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://127.0.0.1:{port}")
    refused("toy/train.tsv: expected a connection, found none \\(ConnectionError\\) \\(3 tries\\). Check the network")
    assert left_in(cache) == []


def test_address_that_cannot_be_read(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", "http://")
    refused("expected an http\\(s\\) address in COURSE_DATA_MIRROR, found one that cannot be read")


@pytest.mark.parametrize("mirror", ["ftp://127.0.0.1/corpora", "no/such/folder"])
def test_mirror_that_is_neither_folder_nor_address(cache, monkeypatch, mirror):
    monkeypatch.setenv("COURSE_DATA_MIRROR", mirror)
    refused(f"COURSE_DATA_MIRROR: expected a folder that is there or an http\\(s\\) address, found '{mirror}'. Correct or unset it")


def test_unknown_checksum_is_never_fetched(serve, cache):
    seen = serve(good)
    message = refused("expected a known SHA-256, found none in the registry; nothing is downloaded unchecked", RemoteFile(FILE.address, ""))
    assert FILE.address in message and "load that folder by its path" in message and seen == []


@pytest.mark.parametrize("switch", ["COURSE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_never_connects(serve, cache, monkeypatch, switch):
    seen = serve(good)
    monkeypatch.setenv(switch, "true")
    refused(f"expected it in the cache, because {switch} forbids a download; found it not there. Put the file into a folder as toy/train.tsv")
    monkeypatch.setenv(switch, "0")
    assert fetch("toy", FILE, patience=QUICK).is_file() and len(seen) == 1


# ---- cache and mirror folder ----------------------------------------------------
def test_damaged_file_in_the_cache_is_put_aside(serve, cache, capsys):
    """Also when nothing better comes: it does not stay under its name."""
    serve(status(404), good)
    place = cache / "toy" / "train.tsv"
    place.parent.mkdir(parents=True)
    place.write_bytes(WORDS[:-1])
    refused("status 404")
    assert left_in(cache) == ["toy/train.tsv.damaged"]
    assert "toy/train.tsv: the cached copy had other content and was put aside as train.tsv.damaged" in capsys.readouterr().out
    assert fetch("toy", FILE, patience=QUICK).read_bytes() == WORDS


def test_good_file_put_aside_by_mistake_comes_back(cache, monkeypatch):
    """Another process replaces the damaged file between the look and the move."""
    place = cache / "toy" / "train.tsv"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged")
    answers = iter([sha256_of(place)])
    place.write_bytes(WORDS)
    monkeypatch.setattr("course_lib.data.fetch.sha256_of", lambda path: next(answers, None) or sha256_of(path))
    assert fetch("toy", FILE, patience=QUICK) == place and left_in(cache) == ["toy/train.tsv"]


def test_damaged_file_put_aside_by_another_process_first(serve, cache, monkeypatch):
    """The file goes between the look and the move: no reason to stop."""
    serve(good)
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "train.tsv").write_bytes(b"damaged")

    def look_and_lose(path: Path) -> str:
        monkeypatch.setattr("course_lib.data.fetch.sha256_of", sha256_of)
        path.unlink()
        return "0" * 64

    monkeypatch.setattr("course_lib.data.fetch.sha256_of", look_and_lose)
    assert fetch("toy", FILE, patience=QUICK).read_bytes() == WORDS and left_in(cache) == ["toy/train.tsv"]


def test_cache_that_is_a_file(serve, cache):
    serve(good)
    cache.write_text("")
    refused("cache of downloads: expected a folder that can be read and written, with free space, found: .*COURSE_CACHE_DIR")


def test_cache_is_where_the_system_keeps_caches(cache, monkeypatch, tmp_path):
    assert cache_folder() == cache
    monkeypatch.delenv("COURSE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "system"))
    assert "course_lib" in cache_folder().parts


def test_mirror_folder_is_used_in_place(cache, monkeypatch, tmp_path):
    own = tmp_path / "stick" / "toy"
    own.mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(own.parent))
    refused("toy/train.tsv: expected it in the folder named by COURSE_DATA_MIRROR or in the cache, found it in neither. "
            "Put the file there, or unset COURSE_DATA_MIRROR to download it from raw.githubusercontent.com")
    (own / "train.tsv").write_bytes(WORDS)
    assert fetch("toy", FILE) == own / "train.tsv" and left_in(cache) == []
    (own / "train.tsv").write_bytes(WORDS + b"\n")
    refused(f"expected SHA-256 {FILE.sha256}, found [0-9a-f]{{64}} in the folder named by COURSE_DATA_MIRROR")
    assert left_in(own) == ["train.tsv"]


def test_cache_helps_out_where_the_mirror_folder_lacks_a_file(serve, cache, monkeypatch, tmp_path):
    serve(good)
    path = fetch("toy", FILE, patience=QUICK)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path))
    assert fetch("toy", FILE) == path


def test_many_threads_at_once(serve, cache):
    serve(cut, other_bytes, good)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: fetch("toy", FILE, patience=QUICK).read_bytes(), range(8)))
    assert paths == [WORDS] * 8 and left_in(cache) == ["toy/train.tsv"]


ELSEWHERE = """
from course_lib.data.fetch import Patience, fetch
from course_lib.data.registry import RemoteFile
fetch("toy", RemoteFile({address!r}, {sha256!r}), patience=Patience(tries=3, wait=0.01, timeout=60))
"""


def test_two_processes_at_once(serve, cache):
    """With a damaged file in the cache to make it hard."""
    serve(slow)
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "train.tsv").write_bytes(b"damaged")
    script = ELSEWHERE.format(address=FILE.address, sha256=FILE.sha256)
    workers = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        assert (worker.communicate()[1], worker.returncode) == ("", 0)
    assert (cache / "toy" / "train.tsv").read_bytes() == WORDS
    assert left_in(cache) == ["toy/train.tsv", "toy/train.tsv.damaged"]


# ---- the registry ---------------------------------------------------------------
def test_every_public_file_is_pinned():
    files = {file.address: file for corpus in PUBLIC.values() for file in corpus.parts.values()}
    assert len(files) == 10 and set(PUBLIC) == {"ncbi_disease", "bc5cdr", "tatqa", "tatqa_relevant", "tatqa_published", "xquad"}
    for file in files.values():
        assert re.match(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/", file.address), file
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) or file.name == "tatqa_dataset_train.json", file
    for corpus in PUBLIC.values():
        assert corpus.reader in corpora.READERS and corpus.licence.startswith("CC BY") and re.search(r"20\d\d", corpus.citation)
        assert set(corpus.parts) in ({"train", "validation", "test"}, {"all"}), corpus.name


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> PublicCorpus:
    parts = {part: RemoteFile(FILE.address.replace("train", part), FILE.sha256) for part in ("train", "validation", "test")}
    corpus = PublicCorpus("toy", "ner", "conll", "toy", parts, "CC0", "Nobody 2020", notice="A toy.")
    monkeypatch.setitem(registry.PUBLIC, "toy", corpus)
    return corpus


def test_public_corpus_over_the_network(serve, toy, capsys):
    serve(good)
    corpus = load_notes("toy")
    assert [len(part) for part in corpus.parts.values()] == [80, 80, 80]
    assert (corpus.split, corpus.notice, corpus.licence) == ("as published", "A toy.", "CC0")
    assert capsys.readouterr().out.count("toy: licence CC0\ntoy: cite Nobody 2020\n") == 1
    load("toy")
    assert capsys.readouterr().out == "", "licence and citation are shown once a process"


def test_other_task_is_refused_before_a_download(serve, toy):
    seen = serve(good)
    with pytest.raises(DataError, match="Use it in 02_medical_ner"):
        load_questions("toy")
    assert seen == []


def test_published_tatqa_is_not_downloaded_unchecked(serve):
    seen = serve(good)
    with pytest.raises(DataError, match="tatqa/tatqa_dataset_train.json: expected a known SHA-256"):
        load_questions("tatqa_published")
    assert seen == []


# ---- the real corpora, where they are -------------------------------------------
@pytest.fixture
def real(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA_MIRROR", SHARED)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    return Path(SHARED)


@with_corpora
def test_real_ncbi_disease(real, capsys):
    corpus = load_notes("ncbi_disease")
    assert [len(notes) for notes in corpus.parts.values()] == [5424, 923, 940]
    assert {span.label for note in corpus.train for span in note.spans} == {"Disease"}
    assert sum(len(note.spans) for note in corpus.test) == 960
    assert "doi:10.1016/j.jbi.2013.12.006" in capsys.readouterr().out


@with_corpora
def test_real_bc5cdr_is_not_in_this_folder(real):
    with pytest.raises(DataError, match="bc5cdr/train.tsv: expected it in the folder named by COURSE_DATA_MIRROR or in the cache"):
        load("bc5cdr")


@with_corpora
@pytest.mark.parametrize("name", ["tatqa", "tatqa_relevant"])
def test_real_tatqa(real, name, capsys):
    corpus = load_questions(name)
    questions = [question for part in corpus.parts.values() for question in part]
    assert len(questions) == 390 and len({q.document for q in questions}) == 214
    assert len(questions) + sum(corpus.repairs.values()) >= 1663, "every question is there or counted"
    assert [len({q.document for q in part}) for part in corpus.parts.values()] == [150, 32, 32]
    assert "comparable with nobody" in corpus.notice and "data/splits/tatqa.json" in corpus.split
    assert f"{name}: repaired or left out: " in capsys.readouterr().out


@with_corpora
def test_relevant_paragraph_is_a_shorter_passage_of_the_same_questions(real):
    whole, part = load_questions("tatqa"), load_questions("tatqa_relevant")
    pairs = list(zip(whole.test, part.test, strict=True))
    assert all(a.id == b.id and len(b.context) <= len(a.context) for a, b in pairs) and len(pairs) > 40
    assert any(len(b.context) < len(a.context) for a, b in pairs)


@with_corpora
def test_stored_split_covers_every_excerpt_once_and_is_as_made(real):
    stored = json.loads((locations.data_folder() / "splits" / "tatqa.json").read_text(encoding="utf-8"))
    source = real / "tatqa" / "tatqa_dataset_test_gold.json"
    kept = {question.document for question in tatqa.read_questions(source)}
    times = Counter(document for part in corpora.PARTS for document in stored[part])
    assert times == dict.fromkeys(kept, 1)
    assert {part: stored[part] for part in corpora.PARTS} == corpora.make_split(kept, stored["salt"])
    assert stored["source_sha256"] == sha256_of(source)


@with_corpora
def test_real_xquad(real):
    corpus = load_questions("xquad")
    parts = list(corpus.parts.values())
    titles = [{question.title for question in part} for part in parts]
    assert sum(map(len, parts)) == 1190 and sum(map(len, titles)) == len(set.union(*titles)) == 48
    assert "by document" in corpus.split and "report no SQuAD or XQuAD score" in corpus.notice


@with_corpora
def test_xquad_before_another_corpus_is_used_whole(real):
    """Nobody published parts of it, and nobody scores on it here."""
    assert len(stage_questions("xquad", load_questions("tatqa"))) == 1190


@with_corpora
@pytest.mark.parametrize("name", ["xquad", "tatqa_relevant"])
def test_a_stage_never_shows_what_the_target_holds_out(real, name, capsys):
    """Also where the same questions come under another name, or the corpus is its own stage."""
    target = load_questions("xquad" if name == "xquad" else "tatqa")
    held_out = {question.id for question in [*target.validation, *target.test]}
    staged = stage_questions(name, target)
    assert staged and not {question.id for question in staged} & held_out
    if name == "xquad":
        assert len(staged) == len(target.train) and "328 questions left out" in capsys.readouterr().out
