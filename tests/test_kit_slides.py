"""Slides: every cell but those left out by rule is on one, none overflows, nothing is asked of a network, the script inside starts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from course_lib.kit.cells import headings, is_notes, read, source
from course_lib.kit.deck import ROOM, Piece, columns, is_left_out
from course_lib.kit.slides import slides
from course_lib.parameters import NOTEBOOKS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUEST = re.compile(r"""(?:\bsrc|\bhref)\s*=\s*["']?\s*(?!data:|#|["'])[^"'\s>]+|url\(\s*["']?(?!data:)|@import""")


def text(words: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": words}


def code(words: str, *outputs: dict[str, Any], tag: str = "") -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {"tags": [tag] if tag else []}, "source": words, "outputs": list(outputs)}


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
    assert column[-2][-1].startswith("out") and len(column[-1]) == 1 and column[-1][0].startswith("a0 = 1"), "not the result first"


LONG = "\n".join(f"a{i} = 1" for i in range(7))


def test_what_long_code_shows_stands_above_it() -> None:
    assert shapes(text("## One"), code(LONG, printed("7")), text("After.")) == [[["## One", "7"], [LONG], ["After."]]]
    short = LONG.rpartition("\n")[0]
    assert shapes(text("## One"), code(short, printed("7")), text("After.")) == [[["## One", short, "7", "After."]]]
    assert shapes(text("## One"), code(LONG), text("After.")) == [[["## One", LONG, "After."]]]


def test_what_a_cell_printed_is_text_and_never_markup() -> None:
    made = slides({"cells": [text("## One"), code("f()", printed("<script>alert(1)</script>"))]}, "<b>")
    assert "&lt;script&gt;alert(1)" in made and "<script>alert(1)" not in made and "<title>&lt;b&gt;</title>" in made


def test_an_exercise_stays_with_its_verdict_and_the_section_comes_back() -> None:
    stub = f"# exercise 00.1\n{LONG}"
    column, = columns({"cells": [text("## One\n\nText.\n\n### Exercise 00.1"), code(stub, printed("not tried"), tag="exercise"), text("After.")]})
    assert [[piece.text for piece in slide.pieces] for slide in column][1:] == [["### Exercise 00.1", stub, "not tried"], ["After."]]
    assert [slide.section for slide in column] == ["One", "Exercise 00.1", "One"]


@pytest.mark.parametrize("cell", [code("x = 1", tag="parameters"), code("x = 1", tag="no-slide"), text("Words.", "no-slide"),
                                  code("import a\nfrom b import c"), code("from a import begin\n\nrun = begin('00', globals())"),
                                  code("m = {}\nrun.save_metrics(m)"), code("run.save_predictions([])")])
def test_cells_that_nobody_listens_to_are_left_out(cell: dict[str, Any]) -> None:
    assert is_left_out(cell) and shapes(text("## One"), cell) == [[["## One"]]]


@pytest.mark.parametrize("cell", [code("import a\na.b()"), code("%matplotlib inline"), code("print('begin(x)')"), code("# only words"), text("import a"),
                                  code("# exercise 00.1\nfrom course_lib.exercises import check"), code("x = 1", tag="exercise")])
def test_other_cells_stay(cell: dict[str, Any]) -> None:
    assert not is_left_out(cell) and shapes(cell)


def test_no_heading_stands_alone() -> None:
    full = "\n".join(f"a{i} = 1" for i in range(20))
    assert shapes(text("## One"), text("### Inside"), text("Words."), text("## Two"), code(full)) == [
        [["## One", "### Inside", "Words."]], [["## Two", full]]]


def test_a_long_table_is_cut_and_keeps_its_head() -> None:
    rows = "".join(f"<tr><td>{i}</td></tr>" for i in range(27))
    table = f"<table><caption>T</caption><thead><tr><th>n</th></tr></thead><tbody>{rows}</tbody></table>"
    parts = [slide[0] for slide in shapes(code("show()", {"output_type": "execute_result", "data": {"text/html": table}}))[0]]
    cut = [part for part in parts if part.startswith("<table")] or parts[1:]
    assert len(cut) == 2 and all("<caption>T</caption>" in part and "<th>n</th>" in part and part.endswith("</table>") for part in cut)
    assert re.findall(r"<td>(\d+)", "".join(cut)) == [str(i) for i in range(27)] and all(Piece("html", part).lines <= ROOM for part in cut)


def test_notes_go_to_the_speaker_only() -> None:
    made = columns({"cells": [text("## One\n\nText."), text("Ask *first*.", "notes"), text("## Two")]})
    assert made[0][0].notes == ["Ask *first*."] and not made[1][0].notes
    asked, answer = columns({"cells": [text("## One\n\nText."), text("Ask.", "notes"), code("x", printed("answer"))]})[0]
    assert asked.notes == ["Ask."] and [piece.text for piece in answer.pieces] == ["x", "answer"] and answer.section == "One"
    page = slides({"cells": [text("## One\n\nText."), text("Ask *first*.", "notes")]}, "Book")
    assert page.count("Ask <em>first</em>.") == 1 and re.search(r"<aside class='notes'><p>Ask <em>first</em>", page)


def test_the_table_beside_a_figure_stays_out() -> None:
    html = {"output_type": "execute_result", "data": {"text/html": '<img alt="a" src="data:,"><details class="twin"><table></table></details>',
                                                      "text/plain": "<HTML>"}}
    assert shapes(code("show()", html)) == [[["show()", '<img alt="a" src="data:,">']]]


def test_room_is_counted() -> None:
    assert Piece("text", "word " * 140).lines == pytest.approx(10.6) and Piece("text", "$$x$$").lines == 2.5
    assert Piece("text", "- " + "word " * 20 + "\n- b").lines == pytest.approx(2 + 1 + 0.2 + 0.6), "an item that wraps takes two lines"
    assert Piece("text", "# " + "word " * 10).lines == pytest.approx(2 * 1.7 + 0.6) and Piece("text", "# Word").lines == pytest.approx(2.3)
    assert Piece("code", "a\nb\nc\n" + "d" * 100).lines == pytest.approx(0.8 * 5 + 1) and Piece("html", 2 * "<img src='data:,'>").lines > 2 * 15
    assert Piece("html", "<table><tr></tr><tr></tr></table>").lines == pytest.approx(2.8) and Piece("html", "<p>" + "x" * 180).lines == 4
    wide = b64encode(bytes(16) + (800).to_bytes(4, "big") + (200).to_bytes(4, "big")).decode()
    assert Piece("html", f'<img src="data:image/png;base64,{wide}">').lines == pytest.approx(1090 / 4 / 33.6 + 0.5)


def test_code_that_wraps_hangs() -> None:
    page = slides({"cells": [code('def f():\n    """One.\n\n    Two < three."""\n\n    return 1')]}, "Book")
    found = re.findall(r"<span class='line' style='padding-left:(\d+)ch;text-indent:-(\d+)ch'>", page)
    assert found == [(n, n) for n in ("4", "8", "4", "8", "4", "8")] and "Two &lt; three." in page


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_cell_is_on_a_slide(name: str) -> None:
    notebook = read(name)
    made = columns(notebook)
    shown = "\n".join(piece.text for column in made for slide in column for piece in slide.pieces)
    cells = [cell for cell in notebook["cells"] if not is_notes(cell) and not is_left_out(cell)]
    missing = [line for cell in cells for line in source(cell).splitlines() if line.strip() and line != "# NBVAL_CHECK_OUTPUT" and line not in shown]
    assert not missing and len(cells) > 50
    assert 3 <= sum(map(is_left_out, notebook["cells"])) <= 6, "a rule leaves out more than it should"
    stands = [slide for column in made for slide in column]
    assert not [slide.section for slide in stands if all(piece.heads for piece in slide.pieces)], "a heading stands alone"
    too_long = [slide for slide in stands if slide.lines > ROOM]
    assert len(too_long) <= 0.1 * len(stands), [slide.section for slide in too_long]


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


OVERFLOW = """const over = [];
for (const slide of Reveal.getSlides()) {
  const at = Reveal.getIndices(slide); Reveal.slide(at.h, at.v);
  const box = slide.getBoundingClientRect(), parts = [...slide.querySelectorAll('.body *')].filter(part => !part.closest('math'));
  const past = parts.map(part => part.getBoundingClientRect()).filter(edge => edge.width && (edge.right > box.right + 2 || edge.bottom > box.bottom + 2));
  const hidden = parts.filter(part => getComputedStyle(part).overflowX !== 'visible' && part.scrollWidth > part.clientWidth + 2);
  if (past.length || hidden.length || slide.querySelector('.scroll')) over.push([at.h, at.v, slide.innerText.slice(0, 60)]);
}
document.body.dataset.slides = Reveal.getSlides().length; document.body.dataset.over = JSON.stringify(over);"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium")
def test_no_slide_is_larger_than_its_stage(tmp_path: Path) -> None:
    """Visits every slide of notebook 02, which has the widest table and the longest code."""
    page = slides(read("02_medical_ner"), "02").rpartition("</body>")[0]  # a script inside holds that tag, too
    made = f"{page}<script>addEventListener('load', () => setTimeout(() => {{{OVERFLOW}}}, 500))</script></body></html>"
    (tmp_path / "02.html").write_text(made, encoding="utf-8")
    call = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,720",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000", "--dump-dom", (tmp_path / "02.html").as_uri()]
    done = subprocess.run(call, capture_output=True, text=True, timeout=240, check=False)
    body = re.search(r"<body [^>]*data-over=[^>]*>", done.stdout)
    assert body and (count := re.search(r'data-slides="(\d+)"', body[0])) and int(count[1]) > 60, done.stderr[-500:]
    over = re.search(r'data-over="([^"]*)"', body[0])
    assert over and json.loads(unescape(over[1])) == []
