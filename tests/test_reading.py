"""The course can be read by everyone: headings, alt texts, tables beside figures, contrast, glossary, links."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import colors

from course_lib.kit import glossary
from course_lib.kit.cells import Notebook, figures, headings, is_text, read, source
from course_lib.parameters import NOTEBOOKS
from course_lib.reporting import style
from course_lib.reporting.twin import MOST_ROWS, look, twin

ROOT = Path(__file__).resolve().parents[1]
BOOKS = [*NOTEBOOKS, *(f"solutions/{path.stem}" for path in sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb")))]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("data/**/*.md"), *ROOT.glob("notebooks/*.md"), *ROOT.glob("benchmarks/*.md"),
                *ROOT.glob("course_lib/**/*.md")])
SOURCES = sorted([*ROOT.glob("course_lib/**/*.py"), *ROOT.glob("course_lib/kit/pages/*.css")])
WHITE, BLACK = "#ffffff", "#000000"


def luminance(colour: str) -> float:
    """WCAG 2.2: relative luminance of a colour."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2.2: contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def books() -> list[tuple[str, Notebook]]:
    return [(name, read(name)) for name in BOOKS]


def outputs(notebook: Notebook) -> list[str]:
    return [output.get("data", {}).get("text/html", "") for cell in notebook["cells"] for output in cell.get("outputs", [])]


# Headings

def in_order(levels: list[int]) -> bool:
    return bool(levels) and levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize("name", BOOKS)
def test_headings_of_notebooks_are_in_order(name: str) -> None:
    found = [heading for cell in read(name)["cells"] if is_text(cell) for heading in headings(source(cell))]
    assert in_order([level for level, _ in found]), found
    assert all(text for _, text in found)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_headings_of_pages_are_in_order(page: Path) -> None:
    found = [level for level, _ in headings(page.read_text(encoding="utf-8"))]
    if page.name == "GLOSSARY.md":  # words stand one level below, as entries
        found = [level - 1 if level > 1 else level for level in found]
    assert in_order(found), found


def test_order_by_hand() -> None:
    assert in_order([1, 2, 3, 2, 2, 3, 4, 2]) and not in_order([1, 3]) and not in_order([2, 3]) and not in_order([1, 2, 1]) and not in_order([])


# Pictures and their tables

@pytest.mark.parametrize("name", BOOKS)
def test_every_picture_has_an_alt_text(name: str) -> None:
    notebook = read(name)
    pages = [*outputs(notebook), *(source(c) for c in notebook["cells"] if is_text(c))]
    tags = [tag for page in pages for tag in re.findall(r"<img\b[^>]*>", re.sub(r"base64,[^\"']*", "", page))]
    for tag in tags:
        alt = re.search(r'alt="([^"]*)"', tag)
        assert alt and 20 < len(html.unescape(alt.group(1))) < 600, tag
    for page in pages:
        assert all(len(alt) > 20 for alt in re.findall(r"!\[([^\]]*)\]\(", page))
    assert tags or name not in NOTEBOOKS


def test_pictures_of_pages_have_an_alt_text() -> None:
    found = [alt for page in PAGES for alt in re.findall(r"!\[([^\]]*)\]\(", page.read_text(encoding="utf-8"))]
    assert found and all(len(alt) > 20 for alt in found)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_figure_has_a_table_twin(name: str) -> None:
    shown = 0
    for page in outputs(read(name)):
        for after in page.split('<img alt="')[1:]:
            shown += 1
            assert re.match(r'[^>]*>\s*<details class="twin"><summary>[^<]+</summary><table>', after), f"no table: {after[:80]}"
    assert shown == len(figures(read(name))) >= 1


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_named_series_of_a_figure_look_different_without_colour(name: str) -> None:
    tables = [table for page in outputs(read(name)) for twins in re.findall(r'<details class="twin">(.*?)</details>', page, re.DOTALL)
              for table in re.findall(r"<table>.*?</table>", twins, re.DOTALL)]
    assert tables
    for table in tables:
        assert not alike(table), (alike(table), table[:600])


def alike(table: str) -> list[str]:
    """Looks that two named series of one table share."""
    cells = {html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", table)}
    looks = [m.group(2) for cell in cells if (m := re.fullmatch(r"(.*) \(([^()]*)\)", cell)) and not re.fullmatch(r"series \d+", m.group(1))]
    return sorted({a for a in looks if looks.count(a) > 1})


def drawn(*lines: dict[str, Any]) -> str:
    figure, axis = style.new_figure()
    for line in lines:
        axis.plot([0, 1], [0, 1], **line)
    made = twin(figure)
    matplotlib.pyplot.close(figure)
    return made


def test_alike_by_hand() -> None:
    assert alike(drawn({"label": "a"}, {"label": "b"})) == []
    assert alike(drawn({"label": "a", "linestyle": "-", "marker": ""}, {"label": "b", "linestyle": "-", "marker": ""})) == ["solid line"]
    assert alike(drawn({"linestyle": "-", "marker": ""}, {"linestyle": "-", "marker": ""})) == [], "nobody has to tell unnamed ones apart"


def test_all_series_of_the_style_look_different() -> None:
    looks = set()
    figure, axis = style.new_figure()
    for _ in style.COLORS:
        looks.add(look(axis.plot([0, 1])[0]))
    dashes = {look(axis.plot([0, 1], linestyle=dash, marker="")[0]) for dash in style.DASHES}
    matplotlib.pyplot.close(figure)
    assert len(looks) == len(style.COLORS) == 7 and len(dashes) == 6, (looks, dashes)


def cells(table: str) -> list[list[str]]:
    return [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)]


def test_a_twin_holds_the_data_of_lines() -> None:
    figure, axis = style.new_figure()
    axis.plot(np.arange(100), np.arange(100) ** 2, label="square", linestyle="--", marker="")
    axis.axhline(7, label="seven", linestyle=":")
    axis.set(xlabel="step", ylabel="loss")
    lines, border = re.findall(r"<table>.*?</table>", twin(figure), re.DOTALL)
    matplotlib.pyplot.close(figure)
    rows = cells(lines)
    assert rows[0] == ["step", "square (dashed line)"] and rows[1] == ["0", "0"] and rows[-1] == ["99", "9801"] and len(rows) == MOST_ROWS + 1
    assert cells(border)[1] == ["seven", "dotted line", "loss = 7"]


def test_a_twin_holds_bars_intervals_histograms_and_images() -> None:
    from course_lib.reporting import figures as drawing

    for show, wanted in (
        (lambda: drawing.score_ladder({"strict": 0.8, "lenient & more": 0.9}, "F1"), [["strict", "0.8"], ["lenient &amp; more", "0.9"]]),
        (lambda: drawing.interval_bars({"a": (0.5, 0.4, 0.6), "b": (0.7, 0.6, 0.8)}, "F1"), [["a", "0.5", "0.4", "0.6"], ["b", "0.7", "0.6", "0.8"]]),
        (lambda: drawing.histogram({"u": [1, 2, 2, 3.0], "v": [2.0]}, "margin", bins=2), [["u (n = 4)", "1 to 2", "1"], ["u (n = 4)", "2 to 3", "3"], ["v (n = 1)", "2 to 3", "1"]]),
    ):
        assert cells(re.findall(r"<table>.*?</table>", show().data, re.DOTALL)[0])[1:] == wanted
    figure, axis = style.new_figure()
    axis.imshow([[1, 0.25], [0.25, 1]])
    axis.set(xticks=[0, 1], xticklabels=["p", "q"], yticks=[0, 1], yticklabels=["r", "s"])
    assert cells(twin(figure)) == [["", "p", "q"], ["r", "1", "0.25"], ["s", "0.25", "1"]]
    matplotlib.pyplot.close(figure)


def test_the_figures_of_the_package_keep_their_series_apart() -> None:
    import pandas as pd

    from course_lib.evaluation.calibration import Reliability
    from course_lib.reporting import figures as drawing
    from course_lib.widgets import still_run

    steps = pd.DataFrame({"step": range(60), "loss": np.linspace(2, 0.1, 60)})
    parts = {name: Reliability(np.array([0.1, 0.9]), np.array([0.2, 0.8]), np.array([5, 5])) for name in ("before", "after")}
    epochs = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_f1": [0.1, 0.5]})
    pages = [still_run(steps, epochs, "f1", "F1").data,
             drawing.reliability_curve(parts).data]
    tables = [table for page in pages for table in re.findall(r"<table>.*?</table>", page, re.DOTALL)]
    assert len(tables) == 3 and not [alike(table) for table in tables if alike(table)]


# Contrast

def test_contrast_by_hand() -> None:
    assert contrast(WHITE, BLACK) == pytest.approx(21) and contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast("#abcdef", "#abcdef") == pytest.approx(1)


@pytest.mark.parametrize("colour", style.COLORS)
def test_lines_stand_out_from_white(colour: str) -> None:
    assert contrast(colour, WHITE) >= 3, f"{colour}: {contrast(colour, WHITE):.2f}"


def _numbers(value: ast.AST) -> tuple[float, ...]:
    """The parts of a colour written as ``(0.9, 0.9, 0.9)``."""
    parts = [c.value for c in value.elts if isinstance(c, ast.Constant)] if isinstance(value, ast.Tuple | ast.List) else []
    return tuple(float(p) for p in parts) if all(isinstance(p, int | float) for p in parts) else ()


def colour_words(tree: ast.AST) -> list[tuple[str, int]]:
    """Colours given by keyword to a drawing call: ``color=``, ``colors=``, ``edgecolor=``; and those in tables of such keywords."""
    found = []
    for node in ast.walk(tree):
        pairs = [(k.arg, k.value) for k in node.keywords] if isinstance(node, ast.Call) else []
        if isinstance(node, ast.Dict):
            pairs = [(k.value, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)]
        for name, value in pairs:
            if name in ("color", "colors", "edgecolor", "c"):
                found += [(str(c.value), c.lineno) for c in ast.walk(value) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
                found += [(colors.to_hex(parts), value.lineno) for parts in [_numbers(value)] if len(parts) in (3, 4)]
    return [(text, line) for text, line in found if colors.is_color_like(text)]


LINES = ("plot", "axhline", "axvline", "axline", "errorbar", "step", "hlines", "vlines", "scatter")


def thin_lines(tree: ast.AST) -> list[tuple[float, int]]:
    """``alpha`` of what is drawn as a line or a marker; filled areas may shine through."""
    return [(float(k.value.value), node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr in LINES for k in node.keywords if k.arg == "alpha" and isinstance(k.value, ast.Constant)]


def over_white(colour: str, alpha: float) -> str:
    return colors.to_hex([1 - alpha * (1 - part) for part in colors.to_rgb(colour)])


def too_pale(code: str) -> list[tuple[str, int]]:
    tree = ast.parse(code)
    shining = dict((line, alpha) for alpha, line in thin_lines(tree))
    found = [(c, line) for c, line in colour_words(tree)
             if c.lower() not in ("white", "none") and contrast(over_white(c, shining.get(line, 1.0)), WHITE) < 3]
    return found + [(f"alpha={alpha}", line) for alpha, line in thin_lines(tree)
                    if min(contrast(over_white(c, alpha), WHITE) for c in style.COLORS) < 3]


@pytest.mark.parametrize("name", BOOKS)
def test_colours_of_figures_in_notebooks_stand_out(name: str) -> None:
    for number, cell in enumerate(read(name)["cells"]):
        if not is_text(cell) and not source(cell).lstrip().startswith("%"):
            assert not too_pale(source(cell)), f"cell {number}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".py"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_colours_of_figures_in_the_package_stand_out(path: Path) -> None:
    assert not too_pale(path.read_text(encoding="utf-8"))


def test_pale_colours_are_found() -> None:
    assert too_pale('axis.plot(x, color="#bbbbbb")\nGREY = {"color": "0.7"}\naxis.text(0, 0, "a", color="black" if x else "#eee")') == [
        ("#bbbbbb", 1), ("0.7", 2), ("#eee", 3)]
    assert too_pale("axis.plot(x, color=(0.9, 0.9, 0.9))") == [("#e6e6e6", 1)] and not too_pale("axis.plot(x, color=(0.1, 0.1, 0.4))")
    assert too_pale('axis.plot(x, color="black", alpha=0.1)') == [("black", 1), ("alpha=0.1", 1)]
    assert not too_pale('axis.fill_between(x, y, alpha=0.1)')


COLOUR = r"(#[0-9a-fA-F]{3,8}\b|rgba?\([^)]*\)|[a-z]{3,20}\b)"
STYLE_RULE = re.compile(r"(?<![-\w])color:\s*" + COLOUR)
GROUND = re.compile(r"background(?:-color)?:\s*" + COLOUR)


def as_colour(text: str) -> str | None:
    """A colour of a style sheet as ``#rrggbb``, over white where it shines through; None for a word that names none (``inherit``)."""
    rgb = re.fullmatch(r"rgba?\(([^)]*)\)", text)
    if rgb and "{" not in text:  # else filled in where it is used
        red, green, blue, *rest = [float(part) for part in re.split(r"[,\s/]+", rgb[1].strip())]
        return over_white(colors.to_hex([red / 255, green / 255, blue / 255]), rest[0] if rest else 1.0)
    return over_white(text, colors.to_rgba(text)[3]) if not rgb and colors.is_color_like(text) else None


def style_blocks(text: str) -> list[str]:
    """Declarations that belong together: between braces of a style sheet, or in one ``style=`` attribute."""
    return re.findall(r"\{([^{}]*)\}", text) + re.findall(r"style=\\?[\"']([^\"']*)", text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_text_of_pages_can_be_read(path: Path) -> None:
    for block in style_blocks(path.read_text(encoding="utf-8")):
        found = GROUND.search(block)
        ground = (as_colour(found.group(1)) if found else None) or WHITE
        for ink in filter(None, map(as_colour, STYLE_RULE.findall(block))):
            ratio = contrast(ink, ground)
            assert ratio >= 4.5, f"{ink} on {ground}: {ratio:.2f}"


def test_text_contrast_is_looked_at() -> None:
    blocks = [b for path in SOURCES for b in style_blocks(path.read_text(encoding="utf-8")) if STYLE_RULE.search(b)]
    assert len(blocks) >= 12
    assert STYLE_RULE.findall("color:#999;background-color:#fff") == ["#999"] and contrast("#999", WHITE) < 4.5
    for pale in ("lightgrey", "rgb(220,220,220)", "rgba(0, 0, 0, 0.3)", "#00000030"):
        assert contrast(as_colour(STYLE_RULE.findall(f"color:{pale}")[0]) or BLACK, WHITE) < 4.5, pale
    assert as_colour("inherit") is None and as_colour("rgb(0 0 0)") == BLACK


def test_marks_can_be_read_and_told_apart_without_colour() -> None:
    from course_lib.reporting.html import _MARKS

    assert all(contrast(BLACK, ground) >= 7 for ground, _ in _MARKS) and len({line for _, line in _MARKS}) == len(_MARKS)


def test_code_on_slides_can_be_read() -> None:
    from course_lib.kit.slides import _style

    readable = _style()
    inks = {definition["color"] for _, definition in readable if definition["color"]}  # type: ignore[attr-defined]
    assert len(inks) >= 5 and all(contrast(f"#{ink}", readable.background_color) >= 4.5 for ink in inks)  # type: ignore[attr-defined]


def test_numbers_on_a_heat_map_can_be_read() -> None:
    """Text on a cell of the map "Blues": white from 0.71 on, black below; the rule of notebook 00, read from its cell."""
    (cell,) = [source(c) for c in read("00_environment_setup")["cells"] if not is_text(c) and "imshow" in source(c)]
    found = re.search(r'color="white" if value > ([\d.]+) else "black"', cell)
    assert found, cell
    for value in np.linspace(0, 1, 201):
        ground = colors.to_hex(matplotlib.colormaps["Blues"](float(value)))
        ink = WHITE if value > float(found.group(1)) else BLACK
        assert contrast(ink, ground) >= 4.5, f"{value:.2f}: {contrast(ink, ground):.2f}"


# Glossary and links

def test_a_word_is_linked_before_it_is_explained_too() -> None:
    book = {"cells": [{"cell_type": "markdown", "source": text} for text in ("# A", "The gradient will mark this.")]}
    names = {word.name for word in glossary.wanted_in("00", book)}
    assert "gradient" in names and not names & {"mark", "baseline"}
    assert "gradient" not in {word.name for word in glossary.wanted_in("02", book)}, "explained by then"


def test_the_glossary_is_in_order() -> None:
    names = [word.name for word in glossary.words()]
    assert names == sorted(names, key=str.casefold) and len(names) == len(set(names)) >= 40
    assert {word.home for word in glossary.words()} == {name[:2] for name in NOTEBOOKS}
    assert all(8 <= len(word.text.split()) <= 45 or len(word.text.split()) >= 4 for word in glossary.words())


def test_each_word_is_linked_at_its_first_use() -> None:
    assert not glossary.problems(), "type: python -m course_lib.kit.glossary --write"


def test_first_use_by_hand() -> None:
    word = glossary.Word("loss", "01", "")
    text = "## The loss\n\nSet `loss` or $loss$ or [loss](x.md).\n\n```\nloss\n```\n\nlossy; the **losses** and a loss.\n\n## Exercises\n\nloss"
    begin, end = glossary.first_use(text, word) or (0, 0)
    assert text[begin:end] == "losses" and text[begin - 2 : begin] == "**"
    assert glossary.first_use("## The loss\n\n## Exercises\n\nThe loss", word) is None
    book = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": s} for s in ("# A loss", "The Loss.", "The loss.")]}
    made, never = glossary.with_links(book, [word, glossary.Word("head", "01", "")])
    assert [c["source"] for c in made["cells"]] == ["# A loss", "The [Loss](GLOSSARY.md#loss).", "The loss."] and never == ["head"]
    assert glossary.with_links(made, [word])[0] == made


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", re.sub(r"[`*_]", "", heading).lower()).replace(" ", "-")


def test_every_link_leads_to_a_file_and_a_place() -> None:
    places = [(ROOT / "notebooks" / f"{name}.ipynb", source(cell)) for name, book in books() for cell in book["cells"] if is_text(cell)]
    places += [(page, page.read_text(encoding="utf-8")) for page in PAGES]
    looked = 0
    for path, text in places:
        for target in re.findall(r"\]\((?!https?:|mailto:|data:)([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
            looked += 1
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            assert file.exists(), f"{path.name}: {target}"
            if anchor and file.suffix == ".md":
                assert anchor in {slug(h) for _, h in headings(file.read_text(encoding="utf-8"))}, f"{path.name}: {target}"
    assert looked > 60


COMMAND = re.compile(r"(?<![\w.-])(?:make (?P<make>[a-z-]+)|course (?P<course>[a-z]+)(?= |`|$)|python -m (?P<module>[\w.]+))(?P<rest>[^`#|;\n]*)")


def unknown_words(command: str, rest: str) -> list[str]:
    """Options, and the word after ``course build``, that a command does not know."""
    from course_lib.cli.app import load

    known = {name for parameter in load(command).params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    wrong = [option for option in re.findall(r"(?<!\S)--?[a-z][\w-]*", rest) if option not in known]
    if command == "build" and (word := re.match(r" ([a-z]+)", rest)) and word[1] not in ("student", "instructor", "slides"):
        wrong.append(word[1])
    return wrong


def test_words_that_a_command_does_not_know_are_found() -> None:
    assert unknown_words("progress", " --gather hand-ins") == ["--gather"] and unknown_words("build", " sliders 02 --out kit") == ["sliders"]
    assert unknown_words("build", " slides 02 --out kit") == [] and unknown_words("run", " 02_medical_ner -p epochs=1") == []


def test_every_command_in_the_text_exists() -> None:
    from course_lib.cli.app import COMMANDS

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [source(cell) for _, book in books() for cell in book["cells"] if is_text(cell)] + [p.read_text(encoding="utf-8") for p in PAGES]
    looked = 0
    for text in texts:
        for quoted in re.findall(r"`([^`\n]+)`|^    +(\S.*)$|^((?:make|course|python|\.venv)\b.*)$", text, re.MULTILINE):
            for match in COMMAND.finditer("".join(quoted)):
                looked += 1
                if match["make"]:
                    assert match["make"] in targets, match.group()
                elif match["course"]:
                    assert match["course"] in COMMANDS, match.group()
                    assert not unknown_words(match["course"], match["rest"]), match.group()
                elif match["module"].split(".")[0] in ("course_lib", "benchmarks"):
                    path = ROOT / match["module"].replace(".", "/")
                    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), match.group()
    assert looked > 10


FILE = re.compile(r"`((?:course_lib|data|tests|notebooks|benchmarks|solutions)/[\w./-]+)`")


def test_every_file_in_the_text_exists() -> None:
    texts = [source(cell) for _, book in books() for cell in book["cells"] if is_text(cell)] + [p.read_text(encoding="utf-8") for p in PAGES]
    found = {name for text in texts for name in FILE.findall(text) if "NN" not in name}
    lost = [name for name in found if not (ROOT / ("notebooks" if name.startswith("solutions/") else "") / name).exists()]
    assert len(found) > 8 and not lost and any(name.startswith("solutions/") for name in found), lost


FIELD = ("optimizer", "optimizers", "program", "programs", "math", "license", "licensed", "practice", "checks", "check", "specialty")
"""American to codespell, but what the field (or a file name) says, or right in British English in another sense."""


def british_only(text: str, folder: Path) -> list[str]:
    """What codespell finds with its own list of British and American spellings, turned round."""
    import subprocess
    import sys

    import codespell_lib

    own = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
    pairs = [line.split("->") for line in own.read_text(encoding="utf-8").splitlines() if "->" in line]
    turned = {american.strip(): gb for gb, us in pairs for american in us.split(",") if american.strip()}
    words = folder / "turned.txt"
    words.write_text("".join(f"{us}->{gb}\n" for us, gb in turned.items()), encoding="utf-8")
    call = [sys.executable, "-m", "codespell_lib", "-D", str(words), "-L", ",".join(FIELD), "-"]
    done = subprocess.run(call, input=text, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if "==>" in line]


def test_prose_is_spelt_in_british_english(tmp_path: Path) -> None:
    cells = [source(cell) for _, book in books() for cell in book["cells"] if is_text(cell)]
    pages = [page.read_text(encoding="utf-8") for page in PAGES if "reveal" not in page.parts]
    text = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", " ", "\n\n".join([*cells, *pages]), flags=re.DOTALL)
    assert len(text.split()) > 9000 and british_only(text, tmp_path) == [], british_only(text, tmp_path)
    assert len(british_only("The color of normalized behavior, by an optimizer.", tmp_path)) == 3


def sentences_of(path: Path) -> list[str]:
    """What a module says to people: its strings with several words, and its docstrings; no style sheets."""
    strings = [node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)
               and isinstance(node.value, str) and len(node.value.split()) > 2]
    return [re.sub(r"``[^`]*``|`[^`]*`|(?<![\w-])[a-z-]+:[#\w][^;}]*|<[^>]*>|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)", " ", text) for text in strings]


def test_apostrophes_hide_no_words(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text('"""The learner\'s color was normalized by somebody\'s favorite rule, not \'behavior\'."""')
    assert len(british_only("\n".join(sentences_of(page)), tmp_path)) == 3


def test_messages_of_the_package_are_spelt_in_british_english(tmp_path: Path) -> None:
    text = "\n\n".join(sentence for path in SOURCES if path.suffix == ".py" for sentence in sentences_of(path))
    assert len(text.split()) > 9000 and british_only(text, tmp_path) == [], british_only(text, tmp_path)
