"""Slides: every cell is on one, nothing is asked of a network, the script inside starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from course_lib.kit.cells import headings, is_notes, read, source
from course_lib.kit.deck import ROOM, Piece, Slide, columns
from course_lib.kit.slides import slides
from course_lib.parameters import NOTEBOOKS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUEST = re.compile(r"""(?:\bsrc|\bhref)\s*=\s*["']?\s*(?!data:|#|["'])[^"'\s>]+|url\(\s*["']?(?!data:)|@import""")


def text(words: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": words}


def code(words: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": words, "outputs": list(outputs)}


def printed(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": words}


def shapes(*cells: dict[str, Any]) -> list[list[list[str]]]:
    return [[[piece.text for piece in slide.pieces] for slide in column] for column in columns({"cells": list(cells)})]


def test_headings_make_columns_and_slides() -> None:
    found = shapes(text("# Book\n\nIntro.\n\n## One\n\nText.\n\n### Inside\n\nMore."), code("x = 1", printed("1\n")), text("## Two"))
    assert found == [[["# Book\n\nIntro."]], [["## One\n\nText."], ["### Inside\n\nMore.", "x = 1", "1"]], [["## Two"]]]


def test_a_sign_in_code_is_no_heading() -> None:
    fenced = "Look:\n\n```python\n# not a heading\n\nx = 1\n```"
    assert shapes(text(fenced)) == [[[fenced]]]
    assert headings(fenced + "\n## Yes") == [(2, "Yes")]


def test_what_does_not_fit_goes_below() -> None:
    long = "\n\n".join(f"Paragraph {i}. " + "word " * 60 for i in range(6))
    column, = shapes(text("## Long\n\n" + long), code("\n".join(f"a{i} = 1" for i in range(15)), printed("\n".join("out" for _ in range(3)))))
    assert len(column) >= 3 and column[0][0].startswith("## Long\n\nParagraph 0")
    assert "\n\n".join(part for slide in column for part in slide if part.startswith(("##", "Para"))).split() == ("## Long " + long).split()
    made = [slide for col in columns({"cells": [text("## Long\n\n" + long)]}) for slide in col]
    assert all(slide.lines <= ROOM for slide in made) and {slide.section for slide in made} == {"Long"}
    assert column[-1][0].startswith("a0 = 1") and column[-1][1].startswith("out"), "code was parted from its result"


def test_notes_go_to_the_speaker_only() -> None:
    made = columns({"cells": [text("## One\n\nText."), text("Ask *first*.", "notes"), text("## Two")]})
    assert made[0][0].notes == ["Ask *first*."] and not made[1][0].notes
    page = slides({"cells": [text("## One\n\nText."), text("Ask *first*.", "notes")]}, "Book")
    assert page.count("Ask <em>first</em>.") == 1 and re.search(r"<aside class='notes'><p>Ask <em>first</em>", page)


def test_the_table_beside_a_figure_stays_out() -> None:
    html = {"output_type": "execute_result", "data": {"text/html": '<img alt="a" src="data:,"><details class="twin"><table></table></details>',
                                                      "text/plain": "<HTML>"}}
    assert shapes(code("show()", html)) == [[["show()", '<img alt="a" src="data:,">']]]


def test_room_is_counted() -> None:
    assert Piece("text", "word " * 140).lines == pytest.approx(10.6) and Piece("text", "$$x$$").lines == 2.5
    assert Piece("code", "a\nb\nc\nd").lines == pytest.approx(3.6) and Piece("html", "<img><img>").lines == 26
    assert Piece("html", "<table><tr></tr><tr></tr></table>").lines == pytest.approx(3.2) and Piece("html", "<p>" + "x" * 180).lines == 4
    assert Slide("", [Piece("text", "- a\n- b"), Piece("stream", "x")]).lines == pytest.approx(2.6 + 1.35)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_cell_is_on_a_slide(name: str) -> None:
    notebook = read(name)
    made = columns(notebook)
    shown = "\n".join(piece.text for column in made for slide in column for piece in slide.pieces)
    cells = [cell for cell in notebook["cells"] if not is_notes(cell)]
    missing = [line for cell in cells for line in source(cell).splitlines() if line.strip() and line != "# NBVAL_CHECK_OUTPUT" and line not in shown]
    assert not missing and len(cells) > 50
    count = sum(map(len, made))
    too_long = [slide for column in made for slide in column if slide.lines > ROOM]
    assert all(len(slide.pieces) == 1 for slide in too_long) and len(too_long) <= 0.1 * count, [s.section for s in too_long]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "01.html"
    path.write_text(slides(read("01_loss_math"), "Loss & math"), encoding="utf-8")
    return path


def test_nothing_is_asked_of_a_network(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    outside = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not REQUEST.findall(outside), REQUEST.findall(outside)[:5]
    assert "sourceMappingURL" not in html and html.count("<script>") == 3 and "<script src" not in html
    assert outside.count("<math") > 20 and "Loss &amp; math" in html
    assert REQUEST.findall("<img src='http://x/y.png'><link href=style.css>@import 'a'") == ["src='http://x/y.png", "href=style.css", "@import"]


def test_reveal_comes_with_its_licence() -> None:
    folder = Path(slides.__code__.co_filename).parent / "pages" / "reveal"
    assert "Permission is hereby granted, free of charge" in (folder / "LICENSE").read_text()
    assert "reveal.js 4.6" in (folder / "reveal.js").read_text(encoding="utf-8")[:60]


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium")
def test_the_page_starts_in_a_browser_with_no_network(page: Path, tmp_path: Path) -> None:
    """Every host name is made unknown; reveal.js marks the slide that is shown, and formulas are drawn."""
    call = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=4000", "--dump-dom", f"{page.as_uri()}#/3"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=240, check=False)
    assert re.search(r'class="reveal [^"]*\bready\b', done.stdout), done.stderr[-500:]
    present = re.findall(r'<section[^>]*class="[^"]*\bpresent\b[^"]*"[^>]*>', done.stdout)
    assert len(present) >= 2 and 'aria-hidden="true"' in done.stdout
