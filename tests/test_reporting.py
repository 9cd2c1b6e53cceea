"""Pages that contact nobody, figures for those who cannot see them, a failed notebook that is kept."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from outside import Tags, fetched

from course_lib import report
from course_lib.data.records import Span
from course_lib.errors import ConfigError
from course_lib.evaluation.bootstrap import Interval
from course_lib.evaluation.calibration import reliability
from course_lib.report import index_page, main, run_notebook
from course_lib.reporting import figures
from course_lib.reporting.export import clean_outputs, notebook_to_html, settle_text
from course_lib.reporting.html import aligned_tokens, marked_text, side_by_side, table
from course_lib.reporting.style import COLORS, MARKERS, new_figure, show


# ---- text and tables ----------------------------------------------------------------
@pytest.mark.parametrize(("text", "settled"), [
    ("plain\nlines\n", "plain\nlines\n"), ("10%\r50%\r100% done\n", "100% done\n"), ("long bar\rok", "okng bar"),
    ("bar 100%\r        \rend", "end"), ("\r\r", ""), ("x\r\ny", "x\ny"),
])
def test_settled_text_is_what_a_terminal_shows(text, settled):
    assert settle_text(text) == settled


def test_clean_outputs():
    cell = new_code_cell("1", outputs=[
        new_output("stream", name="stdout", text="a\rb\n"), new_output("stream", name="stdout", text="bar\r   \r"),
        new_output("display_data", {"text/plain": "kept"}),
    ], metadata={"execution": {"iopub.execute_input": "2026"}, "tags": ["x"]})
    book = new_notebook(cells=[cell, new_markdown_cell("# t")], metadata={"widgets": {"state": 1}, "kernelspec": {"name": "python3", "display_name": "Python 3"}})
    cleaned = clean_outputs(book)
    assert [o.get("text", "") for o in cleaned.cells[0].outputs] == ["b\n", ""]
    assert cleaned.cells[0].metadata == {"tags": ["x"]} and "widgets" not in cleaned.metadata and "kernelspec" in cleaned.metadata


def test_a_bar_in_many_outputs_is_settled_as_one():
    """Kernels may send each drawing of a bar as an output of its own, all beginning with a carriage return."""
    texts = ["  0%|    |", "\r 50%|##  |", "\r100%|####|", "\r          \r", "epoch 1: loss 0.5\n"]
    outputs = [*(new_output("stream", name="stdout", text=t) for t in texts), new_output("stream", name="stderr", text="x\n"),
               new_output("stream", name="stdout", text="end\n")]
    cleaned = clean_outputs(new_notebook(cells=[new_code_cell("1", outputs=outputs)]))
    assert [(o.name, o.text) for o in cleaned.cells[0].outputs] == [
        ("stdout", "epoch 1: loss 0.5\n"), ("stderr", "x\n"), ("stdout", "end\n")]


def test_marked_text_escapes_and_names_the_label():
    html = marked_text("a <b> & fever", [Span(2, 5, "TAG<")], caption="<i>").data
    assert "<b>" not in html and "&lt;b&gt;" in html and "TAG&lt;" in html and "&lt;i&gt;" in html and "&amp; fever" in html
    assert re.sub(r"<small.*?</small>|<[^>]+>", "", html) == "&lt;i&gt;a &lt;b&gt; &amp; fever"
    assert html.count("<mark") == 1


def test_overlapping_spans_show_each_character_once():
    html = marked_text("chest pain left", [Span(0, 10, "A"), Span(2, 5, "B"), Span(6, 15, "C")]).data
    assert re.sub(r"<[^>]*>", "", re.sub(r"<small.*?</small>", "", html)) == "chest pain left"
    assert re.findall(r">([ABC])</small>", html) == ["A", "B", "C"], "each label is still there"


def test_labels_differ_by_line_as_well_as_by_colour():
    html = marked_text("ab", [Span(0, 1, "A"), Span(1, 2, "B")]).data
    assert "2px solid" in html and "2px dashed" in html


def test_table():
    html = table([{"name": "<x>", "value": 0.12345}, {"name": "y", "value": 1.0}], caption="a & b", digits=2).data
    assert "<caption>a &amp; b</caption>" in html and "&lt;x&gt;" in html and "0.12<" in html and "0.123" not in html
    assert table(pd.DataFrame({"a": [1]})).data.count("<tr") == 2
    assert side_by_side(table([{"a": 1}]), table([{"b": 2}])).data.count("<table") == 2


def test_aligned_tokens_say_what_is_ignored():
    html = aligned_tokens([{"piece": "met", "tag": "B-<"}, {"piece": "##form", "tag": "ignored"}], "cap").data
    assert html.count('scope="row"') == 2 and html.count("#f2f2f2") == 2 and "B-&lt;" in html and "<caption>cap" in html


# ---- figures ------------------------------------------------------------------------
FIGURES = {
    "interval_bars": lambda: figures.interval_bars({"model": Interval(0.8, 0.75, 0.85), "rule": (0.5, 0.4, 0.6)}, "F1"),
    "score_ladder": lambda: figures.score_ladder({"entity": 0.7, "token": 0.98}, "score"),
    "reliability_curve": lambda: figures.reliability_curve({"before": reliability(np.linspace(0, 1, 40), [True, False] * 20)}),
    "histogram": lambda: figures.histogram({"gold": [1.0, 2.0, 2.0], "other": [3.0, 4.0]}, "length"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_a_text_for_those_who_cannot_see_them(name):
    (image,) = Tags(FIGURES[name]().data).of("img")
    assert image["alt"] and len(image["alt"]) > 30 and re.search(r"\d\.\d\d", image["alt"])
    assert image["src"].startswith("data:image/png;base64,")


def test_every_shared_figure_is_tested():
    public = {n for n, f in vars(figures).items() if callable(f) and getattr(f, "__module__", "") == figures.__name__}
    assert public == set(FIGURES)


def test_figures_are_closed_and_their_text_escaped():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure, _ = new_figure()
    (image,) = Tags(show(figure, 'a "quoted" <text>').data).of("img")
    assert image["alt"] == 'a "quoted" <text>' and plt.get_fignums() == before
    assert len(set(COLORS)) == len(COLORS) and len(set(MARKERS)) == len(MARKERS)


# ---- pages --------------------------------------------------------------------------
@pytest.fixture(scope="module")
def page() -> str:
    book = new_notebook(cells=[
        new_markdown_cell("# Loss\nInline $p_i = \\frac{1}{n}$ and\n\n$$L = -\\sum_i \\log p_i$$\n\n\\begin{equation}a < b\\end{equation}\n\n<b>bold</b>"),
        new_code_cell("x", execution_count=1, outputs=[new_output("display_data", {"text/html": figures.score_ladder({"a": 0.5}, "s").data}),
                                                       new_output("stream", name="stdout", text="it <is> done")]),
    ], metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}})
    return notebook_to_html(book, "My title")


def test_formulas_are_mathml(page):
    assert len(Tags(page).of("math")) == 3 and "<mfrac>" in page and "\\frac" not in page.replace('alttext="', "")
    assert 'display="block"' in page and 'display="inline"' in page


def test_page_contacts_nobody(page):
    assert fetched(page) == []
    assert Tags(page).of("script") == []
    lowered = page.lower()
    assert "mathjax" not in lowered and "require.min.js" not in lowered and "cdnjs" not in lowered


@pytest.mark.parametrize("outside", [
    "<script src='https://x/y.js'></script>", "<link href='//a/b.css'>", "<style>@import 'b.css';</style>", "<style>a { src: url( \"//c/f.woff\") }</style>",
    "<p style='background: url(http://d)'>", "<img srcset='http://e 2x'>", "<svg><image href='http://f'/></svg>", "<object data='g'></object>",
    "<script>import('https://h/m.js')</script>",
])
def test_the_check_for_fetched_things_can_fail(outside):
    assert len(fetched(outside)) == 1


def test_what_is_in_the_file_is_not_fetched():
    assert fetched("<img src='data:image/png;base64,xx'><a href='https://x'>x</a><style>/* url(http://y) */ a { src: url(data:x) }</style>") == []


def test_a_browser_is_told_to_contact_nobody(page):
    """Whatever a cell of one's own displays: the policy comes before everything that could load."""
    (policy,) = [meta["content"] for meta in Tags(page).of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy and "http" not in policy and "*" not in policy and "script" not in policy
    assert page.index("Content-Security-Policy") < min(page.index("<style"), page.index("<img"), 1024)


def test_page_shows_outputs_and_title(page):
    assert "<title>My title</title>" in page and "it &lt;is&gt; done" in page and "<b>bold</b>" in page
    assert all(image.get("alt") for image in Tags(page).of("img"))


def test_a_formula_nobody_can_read_costs_no_report(monkeypatch):
    def broken(*_args: Any, **_more: Any) -> str:
        raise IndexError
    monkeypatch.setattr("course_lib.reporting.export.convert", broken)
    html = notebook_to_html(new_notebook(cells=[new_markdown_cell("$a < b$ after")]), "t")
    assert "<code>a &lt; b</code>" in html and "after" in html


SUMMARY: dict[str, Any] = {
    "profile": "smoke", "seconds": 12.3, "environment": {"torch": "2.13<x>"},
    "notebooks": [
        {"name": "02_medical_ner", "status": "ok", "seconds": 9.6, "run": "runs/02/x",
         "metrics": {"test_entity_f1": 0.81234, "test_entity_f1_low": 0.7, "test_entity_f1_high": 0.9, "count": 3, "who": "<me>"}},
        {"name": "03_finance_qa", "status": "failed", "seconds": 1.0, "run": "runs/03/x", "metrics": {}, "error": "cell 3: <ValueError>"},
    ],
}


def test_index_page():
    html = index_page(SUMMARY)
    assert "href='02_medical_ner.html'" in html and "0.812" in html and "0.700 to 0.900" in html
    assert "test_entity_f1_low" not in html and ">3<" in html and "&lt;me&gt;" in html and "2.13&lt;x&gt;" in html
    assert "failed" in html and "cell 3: &lt;ValueError&gt;" in html and "not for clinical or investment use" in html
    assert fetched(html) == [] and "<html lang='en'>" in html


def test_index_page_with_half_an_interval():
    assert "0.5" in index_page(SUMMARY | {"notebooks": [SUMMARY["notebooks"][0] | {"metrics": {"x": 0.5, "x_low": 0.4}}]})


# ---- running notebooks --------------------------------------------------------------
def write_book(path: Path, *sources: str) -> Path:
    parameters = new_code_cell('profile = "auto"\nseed = 0\noutput_dir = ""', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[parameters, *map(new_code_cell, sources)], metadata=kernel), path)
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One kernel start for the checks below: metrics are written, then a cell fails."""
    folder = tmp_path_factory.mktemp("ran")
    source = write_book(folder / "01_loss_math.ipynb", "import json, pathlib\npathlib.Path(output_dir, 'metrics.json').write_text(json.dumps({'seed': seed}))",
                        "print('a\\rb')", "raise ValueError('on <purpose>')", "print('never')")
    entry = run_notebook("01_loss_math", folder / "run", {"profile": "smoke", "seed": 7}, source=source)
    return {"entry": entry, "folder": folder / "run"}


def test_failed_notebook_is_kept_with_its_banner(ran):
    assert ran["entry"]["status"] == "failed" and "ValueError: on <purpose>" in ran["entry"]["error"]
    book = nbformat.read(ran["folder"] / "notebook.ipynb", as_version=4)
    assert "An Exception was encountered at" in book.cells[0].source
    assert not book.cells[-1].outputs and book.cells[-1].source == "print('never')"
    html = (ran["folder"] / "report.html").read_text()
    assert "An Exception was encountered at" in html and fetched(html) == []


def test_what_a_failed_notebook_wrote_is_collected(ran):
    assert ran["entry"]["metrics"] == {"seed": 7} and ran["entry"]["name"] == "01_loss_math" and ran["entry"]["seconds"] > 0
    book = nbformat.read(ran["folder"] / "notebook.ipynb", as_version=4)
    assert any(o.get("text") == "b\n" for cell in book.cells for o in cell.get("outputs", []))


def test_a_kernel_that_dies_is_a_failed_notebook(tmp_path: Path):
    """Out of memory kills the kernel; the notebooks after it must still run."""
    source = write_book(tmp_path / "01_loss_math.ipynb", "import os\nos._exit(1)")
    assert run_notebook("01_loss_math", tmp_path / "run", {"profile": "smoke", "seed": 0}, source=source)["status"] == "failed"


def test_wrong_parameters_start_no_kernel(tmp_path: Path):
    with pytest.raises(ConfigError, match="Did you mean 'profile'"):
        run_notebook("01_loss_math", tmp_path / "run", {"profil": "smoke"})
    assert not (tmp_path / "run").exists()


@pytest.fixture
def pretend(monkeypatch, tmp_path: Path) -> Path:
    """Notebooks that run in no time; 02 fails."""
    def run(name: str, folder: Path, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        folder.mkdir(parents=True)
        (folder / "report.html").write_text(f"page of {name}")
        status = "failed" if name.startswith("02") else "ok"
        return {"name": name, "status": status, "seconds": 1.0, "metrics": parameters, "run": folder.name}
    monkeypatch.setenv("COURSE_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(report, "run_notebook", run)
    return tmp_path / "out"


def test_report_goes_on_after_a_failure_and_exits_with_one(pretend, capsys):
    assert main(["--profile", "smoke", "--seed", "3", "--out", str(pretend)]) == 1
    summary = json.loads((pretend / "summary.json").read_text())
    assert [n["status"] for n in summary["notebooks"]] == ["ok", "ok", "failed", "ok"]
    assert summary["notebooks"][0]["metrics"] == {"profile": "smoke", "seed": 3} and summary["profile"] == "smoke"
    assert {p.name for p in pretend.iterdir()} >= {"index.html", "summary.json", "02_medical_ner.html"}
    assert "02_medical_ner: failed" in capsys.readouterr().out


def test_report_of_chosen_notebooks(pretend):
    assert main(["01_loss_math", "--profile", "smoke", "--out", str(pretend)]) == 0
    assert sorted(p.name for p in pretend.iterdir()) == ["01_loss_math.html", "index.html", "summary.json"]


@pytest.mark.parametrize("arguments", [["05_nothing"], ["--profile", "cpo"]])
def test_wrong_request_exits_with_two(arguments, pretend, capsys):
    assert main([*arguments, "--out", str(pretend)]) == 2
    assert "expected one of" in capsys.readouterr().err and not pretend.exists()


def test_ctrl_c_ends_with_130(pretend, monkeypatch, capsys):
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr(report, "run_notebook", stop)
    assert main(["--profile", "smoke", "--out", str(pretend)]) == 130 and "interrupted" in capsys.readouterr().err


def test_this_interpreter_is_the_kernel():
    """``python3`` must mean the environment of the tests."""
    from jupyter_client.kernelspec import KernelSpecManager

    command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    assert command in ("python", "python3") or Path(command).resolve() == Path(sys.executable).resolve()
