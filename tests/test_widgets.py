"""The explorers without a browser: what they compute, what they leave behind, how they fail."""

from __future__ import annotations

import html
import math
import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from samples import LABELS, TAGS, note

from course_lib.data.labels import IGNORE_INDEX
from course_lib.data.marks import has_broken_mark, marked_note, read_marks, with_marks
from course_lib.errors import ConfigError, DataError
from course_lib.evaluation.qa import Window, decode_question
from course_lib.reporting.export import clean_outputs
from course_lib.tasks.qa import QaPredictor
from course_lib.training import TrainingConfig, train
from course_lib.widgets import (
    Reading,
    alignment_explorer,
    answer_explorer,
    entity_reader,
    loss_explorer,
    read_with,
    run_viewer,
    still_alignment,
    still_answer,
    still_entities,
    still_loss,
    still_run,
)
from course_lib.widgets import answers as answers_module
from course_lib.widgets import runs as runs_module
from course_lib.widgets.alignment import known_spans, place_labels
from course_lib.widgets.answers import probabilities
from course_lib.widgets.loss import gradient, penalised_loss, walk
from course_lib.widgets.panel import status
from course_lib.widgets.runs import smooth

VIEW = "application/vnd.jupyter.widget-view+json"


def find(text):
    """A predictor of two words, the second less sure."""
    return [SimpleNamespace(start=m.start(), end=m.end(), label=kind, confidence=sure)
            for kind, word, sure in (("MEDICINE", "aspirin", 0.9), ("SYMPTOM", "cough", 0.4)) for m in re.finditer(word, text)]


def read(question, context):
    """A predictor that knows one answer, "profit", with 8; silence scores 4."""
    words = [(m.start(), m.end()) for m in re.finditer(r"\w+", context)]
    scores = np.array([2.0, 9.0] + [4.0 if context[s:e] == "profit" else 0.5 for s, e in words], dtype=np.float32)
    places = np.array([(-1, -1), (-1, -1), *words], dtype=np.int32)
    window = Window(scores, scores, places[:, 0].copy(), places[:, 1].copy())
    return Reading((window,), decode_question([window], 3))


@pytest.fixture
def panels(tokenizer):
    return {
        "loss": loss_explorer(), "alignment": alignment_explorer(tokenizer, LABELS, note("n", "Takes metformin.", MEDICINE="metformin")),
        "entities": entity_reader(find, "aspirin for a cough"), "answers": answer_explorer(read, "What fell?", "The profit fell."),
        "run": run_viewer("f1"),
    }


# ---- what all share -----------------------------------------------------------
def test_every_control_has_a_label(panels):
    controls = [c for panel in panels.values() for c in panel.children[:-1]]
    assert len(controls) == 4 + 3 + 2 + 4 + 3
    assert all(c.description.strip() for c in controls)


def test_a_notebook_keeps_the_still_picture_and_no_widget(panels):
    for name, panel in panels.items():
        bundle = panel._repr_mimebundle_()
        assert set(bundle) == {VIEW, "text/html", "text/plain"}, name
        cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data=bundle)])
        book = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": 1}})
        clean_outputs(book)
        assert set(book.cells[0].outputs[0].data) == {"text/html", "text/plain"} and "widgets" not in book.metadata
        assert panel.view.text == book.cells[0].outputs[0].data["text/plain"] and len(panel.view.text) > 20


def test_still_twins_are_what_the_explorers_show_first(tokenizer):
    sample = note("n", "Takes metformin.", MEDICINE="metformin")
    assert still_loss().data == loss_explorer().view.html
    assert still_alignment(tokenizer, LABELS, sample).data == alignment_explorer(tokenizer, LABELS, sample).view.html
    assert still_alignment(tokenizer).data == alignment_explorer(tokenizer).view.html
    assert still_entities(find, "a cough").data == entity_reader(find, "a cough").view.html
    assert still_answer(read, "What?", "The profit.").data == answer_explorer(read, "What?", "The profit.").view.html


def test_a_problem_is_shown_where_it_happens_and_goes_away():
    def fragile(text):
        if "bad" in text:
            raise KeyError("no such <word>")
        return find(text)

    panel = entity_reader(fragile, "a cough")
    panel.control("text").value = "bad"
    shown = panel.children[-1].value
    assert 'role="alert"' in shown and "KeyError" in shown and "&lt;word&gt;" in shown and "<word>" not in shown
    panel.control("text").value = "a cough again"
    assert "alert" not in panel.children[-1].value and "a " in panel.view.text
    with pytest.raises(KeyError):
        entity_reader(fragile, "bad")


# ---- loss ---------------------------------------------------------------------
def test_walk_is_gradient_descent_as_autograd_does_it():
    z0, label, rate, strength = -1.2, 1, 1.7, 0.2
    z, path = torch.tensor(z0, dtype=torch.float64), [z0]
    for _ in range(5):
        z = z.detach().requires_grad_()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(1.0).double()) + strength * (z - z0) ** 2
        loss.backward()
        assert loss.item() == pytest.approx(float(penalised_loss(z.item(), z0, label, strength)), abs=1e-12)
        assert z.grad.item() == pytest.approx(float(gradient(z.item(), z0, label, strength)), abs=1e-12)
        z = z - rate * z.grad
        path.append(z.item())
    assert walk(z0, label, rate, strength, steps=5) == pytest.approx(path, abs=1e-12)


@pytest.mark.parametrize(("strength", "rate", "words"), [
    (0.1, 2.0, "come to rest"), (0.52, 2.0, "leaps ever further"), (0.36, 2.0, "zigzags"), (0.0, 0.01, "still moving"), (0.0, 10.0, "never quite")])
def test_words_say_how_the_walk_ends(strength, rate, words):
    panel = loss_explorer()
    panel.control("strength").value, panel.control("rate").value = strength, rate
    assert words in panel.view.text
    assert panel.view.text in panel.view.html.replace("&#x27;", "'"), "the alt text and the line below say the same"


def twin_tables(page):
    """The tables below a figure: rows of cells, without the head. Straight lines across the picture say "y = 0"."""
    return [[[html.unescape(cell) for cell in re.findall(r"<td>([^<]*)</td>", row)] for row in re.findall(r"<tr>.*?</tr>", table)[1:]]
            for table in re.findall(r"<table>.*?</table>", page, re.DOTALL)]


def series(table):
    """From rows of (series, x, y) to the points of each series, in order."""
    points = {}
    for name, x, y in table:
        points.setdefault(name, []).append((float(x), float(y)))
    return points


@pytest.mark.parametrize(("p0", "y", "rate", "pull"), [(0.2, 1, 2.0, 0.1), (0.7, 0, 0.5, 0.3), (0.6, 1, 1.0, 0.0)])
def test_what_is_drawn_follows_the_formulas(p0, y, rate, pull):
    """The numbers of the figure, as its table holds them, against the formulas of notebook 01 written out."""
    def price(p):
        return -math.log(p if y else 1 - p)

    def slope(z, strength):
        return 1 / (1 + math.exp(-z)) - y + 2 * strength * (z - z0)

    def penalised(z):
        return price(1 / (1 + math.exp(-z))) + pull * (z - z0) ** 2

    def close(found, expected):
        return found == pytest.approx(expected, rel=2e-3, abs=2e-3)  # the table rounds to four digits

    z0 = math.log(p0 / (1 - p0))
    of_loss, of_slope, of_walk = (table for table in twin_tables(still_loss(p0, y, rate, pull).data) if "=" not in table[0][2])

    curve, tangent, (here,) = series(of_loss).values()
    assert len(curve) == 12 and all(close(loss, price(p)) for p, loss in curve)
    assert close(here[0], p0) and close(here[1], price(p0))
    assert close((tangent[1][1] - tangent[0][1]) / (tangent[1][0] - tangent[0][0]), -1 / p0 if y else 1 / (1 - p0))
    assert close(tangent[0][1] - price(p0), (tangent[0][0] - p0) * (-1 / p0 if y else 1 / (1 - p0))), "it touches the curve at the start"

    alone, pulled, steps = list(series(of_slope).values())[-3:]  # the zero line stands before them
    assert len(alone) == len(pulled) == len(steps) == 12
    assert all(close(g, slope(z, 0.0)) for z, g in alone)
    assert all(close(g, slope(z, pull)) for z, g in [*pulled, *steps])

    basin, path, (start,) = series(of_walk).values()
    assert all(close(loss, penalised(z)) for z, loss in [*basin, *path, start]) and close(start[0], z0)
    z = z0
    walked = [z0, *(z := z - rate * slope(z, pull) for _ in range(12))]
    assert all(close(found, expected) for (found, _), expected in zip(path[:4], walked, strict=False)), (path, walked)
    assert close(path[-1][0], walked[-1])


def test_a_walk_that_runs_away_stays_a_number():
    path = walk(0.5, 1, 30.0, 1.5)
    assert np.abs(path).max() == 60 and len(path) == 13
    assert "leaps ever further" in still_loss(0.6, 1, 30.0, 1.5).data


def test_a_slow_walk_is_not_at_rest():
    panel = loss_explorer(probability=0.99, rate=0.01, strength=0.1)
    assert "gradient p − y = -0.01" in panel.view.text and "still moving" in panel.view.text


def test_every_loss_control_moves_the_picture():
    panel, seen = loss_explorer(), set()
    for name, value in (("probability", 0.7), ("label", 0), ("rate", 0.5), ("strength", 0.3)):
        seen.add(panel.view.html)
        panel.control(name).value = value
    assert len(seen | {panel.view.html}) == 5


@pytest.mark.parametrize("wrong", [{"probability": 1.0}, {"label": 2}, {"rate": 0.0}, {"strength": -1.0}, {"rate": math.nan}, {"strength": math.inf}])
@pytest.mark.parametrize("show", [still_loss, loss_explorer])
def test_impossible_settings_are_refused(show, wrong):
    with pytest.raises(ConfigError, match="expected a probability between 0 and 1"):
        show(**wrong)


@pytest.mark.parametrize(("beyond", "words"), [
    ({"strength": 99.0}, "a strength that its slider reaches, found 99.0; the nearest is 1.5"),
    ({"rate": 0.001}, "a rate that its slider reaches, found 0.001; the nearest is 0.01"),
    ({"probability": 0.999}, "a probability that its slider reaches, found 0.999; the nearest is 0.99")])
def test_a_setting_beyond_its_slider_is_not_changed_in_silence(beyond, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        loss_explorer(**beyond)
    assert "<img" in still_loss(**beyond).data


# ---- alignment ----------------------------------------------------------------
def test_marks_are_read_and_written(notes):
    for sample in notes:
        assert read_marks(with_marks(sample)) == (sample.text, sample.spans)
        assert marked_note(sample.id, with_marks(sample)).spans == sample.spans
    assert sum(len(n.spans) for n in notes) == 6
    plain, marked = read_marks("[1] a [ dry cough](symptom) and [aspirin](MEDICIN)")
    assert plain == "[1] a  dry cough and aspirin" and not has_broken_mark(plain)
    assert read_marks("[ ](SYMPTOM) [a](B C)") == ("[ ](SYMPTOM) [a](B C)", ())
    spans, unknown = known_spans(marked, LABELS.types)
    assert [(plain[s.start:s.end], s.label) for s in spans] == [("dry cough", "SYMPTOM")] and unknown == ("MEDICIN",)
    with pytest.raises(DataError, match=r"text 'x': expected marks like \[aspirin\]\(MEDICINE\), the label one word"):
        marked_note("x", "Had a [renal scan](IMAGING TEST) today.")


def test_labels_in_three_ways_counted_by_hand():
    words, tags = [-1, 0, 1, 1, 1, -1], [0, TAGS["B-MEDICINE"]]  # [CLS] takes met ##form ##in [SEP]
    name, hidden = TAGS["B-MEDICINE"], IGNORE_INDEX
    assert place_labels(words, tags, "first") == [hidden, 0, name, hidden, hidden, hidden]
    assert place_labels(words, tags, "copied") == [hidden, 0, name, name, name, hidden]
    assert place_labels(words, tags, "position") == [0, name, hidden, hidden, hidden, hidden]


def test_alignment_view_counts_pieces_and_hides_on_request(tokenizer):
    panel = alignment_explorer(tokenizer, LABELS, note("n", "Takes metformin.", MEDICINE="metformin"))
    assert "7 pieces for 3 words; 3 carry a label, −100 hides 4; names marked: 1, names that the labels open (B-): 1" in panel.view.text
    panel.control("way").value = "copied"
    assert "5 carry a label, −100 hides 2; names marked: 1, names that the labels open (B-): 3" in panel.view.text
    panel.control("way").value, panel.control("hide").value = "first", True
    assert panel.view.html.count("<td") == 3 * 5 and "[CLS]" not in panel.view.html  # piece, word id, word, tag, label
    panel.control("text").value = " "
    assert "expected some words, found none" in panel.view.text
    panel.control("text").value = "Takes [aspirin](MEDICIN) ⚕"
    assert "Did you mean 'MEDICINE'?" in panel.view.text and "of the pieces are unknown" in panel.view.text
    assert "; 0% of the pieces" not in panel.view.text
    panel.control("text").value = "Takes [met](MEDICINE)formin."
    assert "'met' begins or ends inside a word" in panel.view.text and "names marked: 1, names that the labels open (B-): 0" in panel.view.text


def test_alignment_without_labels_shows_ids_and_characters(tokenizer):
    text = alignment_explorer(tokenizer, text="Takes metformin.").view.text.splitlines()
    assert text[1] == "piece | word id | word | id | characters"
    assert text[2].startswith("[CLS] | none |  | ") and text[2].endswith("none")
    assert text[4].startswith("met | 1 | metformin | ") and text[4].endswith("6 to 9")
    with pytest.raises(DataError, match="labels stand on"):
        still_alignment(tokenizer, LABELS, "fever", way="last")


def test_what_was_typed_stays_inside_the_label_of_the_table(tokenizer):
    """The table's ``aria-label`` repeats the line below it, and with it a word that was typed."""
    panel = alignment_explorer(tokenizer, LABELS, 'Takes ["><img src=x>met](MEDICINE)formin.')
    assert """'"><img src=x>met' begins or ends inside a word""" in panel.view.text
    label = re.search(r'aria-label="([^"]*)"', panel.view.html).group(1)
    assert html.unescape(label) == panel.view.text.splitlines()[0] and "<img" not in panel.view.html


def test_a_long_text_is_cut_in_the_table_and_says_so(tokenizer):
    view = alignment_explorer(tokenizer, text="fever " * 300).view
    assert "The table stops after 120 pieces" in view.text and len(view.text.splitlines()) == 122
    assert "Only the first 512" not in view.text
    assert "Only the first 512 pieces are read." in alignment_explorer(tokenizer, text="fever " * 600).view.text


# ---- entities -----------------------------------------------------------------
def test_threshold_decides_what_is_highlighted_and_predicts_once_a_text():
    calls = []
    panel = entity_reader(lambda text: calls.append(text) or find(text), "aspirin for a cough")
    assert panel.view.html.count("<mark") == 2
    for value, marks in ((0.41, 1), (0.95, 0), (0.4, 2)):
        panel.control("threshold").value = value
        assert panel.view.html.count("<mark") == marks and f": {marks}." in panel.view.text
    assert "no, below the threshold" not in panel.view.html
    assert calls == ["aspirin for a cough"]
    panel.control("text").value = "<b>aspirin</b>"
    assert "<b>" not in panel.view.html and len(calls) == 2
    panel.control("text").value = "x" * 20_001
    assert "expected at most 20,000 characters, found 20,001" in panel.view.text


def test_entities_that_overlap_show_each_character_once():
    def overlapping(text):
        return [SimpleNamespace(start=s, end=e, label=kind, confidence=0.9) for s, e, kind in ((0, 10, "SYMPTOM"), (6, 15, "PLACE"), (2, 5, "SIGN"))]

    panel = entity_reader(overlapping, "chest pain left")
    shown = re.sub(r"<small.*?</small>", "", panel.view.html.split("</div>")[0])
    assert re.sub(r"<[^>]*>", "", shown) == "chest pain left"
    assert panel.view.html.count("<mark") == 3 and "left | PLACE" in panel.view.text


def test_a_predictor_object_is_taken_too():
    assert "Entities found: 1" in entity_reader(SimpleNamespace(predict=find), "cough").view.text


# ---- answers ------------------------------------------------------------------
def test_probabilities_leave_the_question_out():
    window = Window(np.array([1, 9, 1, 2], dtype=np.float32), np.zeros(4, dtype=np.float32),
                    np.array([-1, -1, 0, 4], dtype=np.int32), np.array([-1, -1, 3, 8], dtype=np.int32))
    p = probabilities(window, window.start_logits)
    e = np.exp([1.0, 1.0, 2.0])
    assert p.tolist() == pytest.approx([e[0] / e.sum(), 0, e[1] / e.sum(), e[2] / e.sum()])
    assert window.offset_start[0] == -1, "the window is not changed"


def test_null_threshold_silences():
    panel = answer_explorer(read, "What fell?", "The profit fell.")
    assert "Answer: profit" in panel.view.text and "the best span: -4.00; above" in panel.view.text
    lines = panel.view.text.splitlines()[2:]
    assert lines[0].startswith("profit | 8.0") and sum(line.startswith("(no answer), less the threshold | 4.0") for line in lines) == 1
    panel.control("threshold").value = -4.1
    assert "No answer is given." in panel.view.text
    lines = panel.view.text.splitlines()[2:]
    assert lines[0].startswith("(no answer), less the threshold | 8.1"), "the first row is what is answered"
    shares = [float(line.split(" | ")[2]) for line in lines]
    assert shares == sorted(shares, reverse=True) and 0.99 < sum(shares) <= 1
    panel.control("n_best").value = 1
    assert [line.split(" | ")[0] for line in panel.view.text.splitlines()[2:]] == ["(no answer), less the threshold", "profit"]
    panel.control("question").value = "What rose?"
    panel.control("context").value = "Nothing <here>."
    assert "<here>" not in panel.view.html and "No answer is given." in panel.view.text


def test_at_the_threshold_itself_the_model_speaks():
    """As in exercise 03.6: silence has to score above the threshold."""
    panel = answer_explorer(read, "What fell?", "The profit fell.", threshold=-4.0)
    assert "best span: -4.00; above the threshold -4.00" in panel.view.text and "Answer: profit" in panel.view.text
    assert panel.view.text.splitlines()[2].startswith("profit"), "the first row is what is answered"


def window_of(words, scores):
    """One window over words (start, end), with one score for each; the first position scores 1."""
    logits = np.array([1.0, *scores], dtype=np.float32)
    places = np.array([(-1, -1), *words], dtype=np.int32)
    return Window(logits, logits, places[:, 0].copy(), places[:, 1].copy())


def test_the_window_with_the_answer_is_the_one_shown():
    """Three windows on "alpha beta gamma": the best span stands in the last two, and the third is surer of it."""
    alpha, beta, gamma = (0, 5), (6, 10), (11, 16)
    windows = [window_of([alpha], [2.0]), window_of([beta, gamma], [1.0, 3.0]), window_of([beta, gamma], [1.0, 5.0])]

    def shown(numbers):
        chosen = [windows[i] for i in numbers]
        return answer_explorer(lambda *_: Reading(tuple(chosen), decode_question(chosen, 1)), "What?", "alpha beta gamma").view

    assert "Answer: gamma" in shown([0, 1, 2]).text
    assert "window 3 of 3" in shown([0, 1, 2]).html and "window 2 of 3" in shown([0, 2, 1]).html and "window 1 of 2" in shown([1, 0]).html
    passage = shown([0, 1, 2]).html.split("<p role")[0]
    assert "alpha" not in passage and "beta" in passage, "a window shows its own part of the passage"


def test_a_model_is_asked_once_for_each_question():
    asked = []
    panel = answer_explorer(lambda q, c: asked.append(q) or read(q, c), "What fell?", "The profit fell.")
    panel.control("threshold").value = -5.0
    panel.control("n_best").value = 2
    assert "No answer is given." in panel.view.text and asked == ["What fell?"]
    panel.control("question").value = "What rose?"
    panel.control("question").value = "What fell?"
    assert asked == ["What fell?", "What rose?"]


def test_a_trained_model_reads_as_it_predicts(qa_task, questions):
    predictor = QaPredictor(qa_task.build(3).eval(), qa_task.tokenizer, max_length=20, overlap=6, threshold=100.0)
    for q in questions:
        found, reading = predictor.predict(q.question, context=q.context), read_with(predictor)(q.question, q.context)
        best = tuple((q.context[c.start:c.end], c.score) for c in reading.decoded.candidates[:10])
        assert [t for t, _ in best] == [t for t, _ in found.candidates]
        panel = answer_explorer(predictor, q.question, q.context)
        assert panel.control("threshold").max >= 100 and f"Answer: {found.text}" in panel.view.text
    assert len(reading.windows) > 1 and re.search(r"window \d of \d", panel.view.html)


def test_a_model_that_is_never_silent_has_a_slider_too():
    """Where every validation question has an answer, the chosen threshold is infinite."""
    panel = answer_explorer(read, "What fell?", "The profit fell.", threshold=float("inf"))
    assert panel.control("threshold").value == panel.control("threshold").max == 50 and "Answer: profit" in panel.view.text
    with pytest.raises(ConfigError, match="expected a number as threshold, found nan"):
        answer_explorer(read, threshold=float("nan"))


def test_an_answer_cut_out_of_typed_text_is_text_and_never_markup():
    panel = answer_explorer(read, "What fell?", "The <b>profit</b> fell.")
    assert "<b>" not in panel.view.html and "profit" in panel.view.html
    between = answer_explorer(read, "What fell?", "The <<<!>>> profit fell.")  # no piece holds these signs
    assert "&lt;&lt;&lt;!&gt;&gt;&gt;" in between.view.html and "<<" not in between.view.html
    assert "&lt;b&gt;" in status("<b>") and "<b>" not in status("<b>")


def test_an_empty_question_is_explained():
    predictor = SimpleNamespace(task=None)
    panel = answer_explorer(lambda q, c: read(q, c) if q.strip() else read_with(predictor)(q, c), "What?", "The profit.")
    panel.control("question").value = " "
    assert "expected a question, found an empty text" in panel.view.text


def test_shades_keep_black_text_readable():
    def luminance(rgb):
        parts = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    shades = 0
    for which in (0, 1):
        for p in (0.01, 0.3, 1.0):
            rgb = [int(v) for v in re.search(r"rgb\((\d+),(\d+),(\d+)\)", answers_module._piece("x", p, which)).groups()]
            assert (luminance(rgb) + 0.05) / 0.05 >= 4.5
            shades += 1
    assert shades == 6 and answers_module._piece("<", 0.001, 0) == "&lt;"


# ---- runs ---------------------------------------------------------------------
def test_mean_of_the_last_steps_by_hand():
    assert smooth([4, 2, 6, 8], 2).tolist() == [4, 3, 4, 7] and smooth([4, 2, 6], 1).tolist() == [4, 2, 6]
    assert smooth([4, 2, 6], 50).tolist() == [4, 3, 4] and smooth([], 5).tolist() == []


@pytest.mark.parametrize("gone", [math.nan, math.inf])
def test_a_loss_that_was_no_number_is_forgotten(gone):
    means = smooth([1.0, gone, 0.5, 0.4, 0.2], 2)
    assert not np.isfinite(means[1:3]).any() and means[[0, 3, 4]].tolist() == pytest.approx([1.0, 0.45, 0.3])
    viewer = run_viewer("f1", steps=pd.DataFrame({"step": range(1, 8), "loss": [1.0, gone, 0.5, 0.5, 0.5, 0.5, 0.5]}))
    assert "Step 7: loss 0.500" in viewer.view.text


def test_the_box_makes_the_loss_axis_logarithmic(monkeypatch):
    drawn = []
    keep = runs_module.show

    def show(figure, text):
        drawn.append([axis.get_yscale() for axis in figure.axes])
        return keep(figure, text)

    monkeypatch.setattr(runs_module, "show", show)
    viewer = run_viewer("f1", steps=pd.DataFrame({"step": [1, 2], "loss": [1.0, 0.01]}))
    before = viewer.view.html
    viewer.control("logarithmic").value = True
    assert drawn[-2:] == [["linear", "linear"], ["log", "linear"]] and viewer.view.html != before


def test_viewer_follows_a_training_run_and_does_not_change_it(ner_task, notes):
    features, config = ner_task.encode(notes), TrainingConfig(epochs=2, batch_size=2, learning_rate=1e-3)
    viewer = run_viewer("entity_f1")
    watched = train(ner_task, ner_task.build(0), features, features, config, callbacks=[viewer])
    alone = train(ner_task, ner_task.build(0), features, features, config)
    assert watched.steps["loss"].tolist() == alone.steps["loss"].tolist()
    steps, epochs = viewer._stages[-1]
    assert [r["loss"] for r in steps] == watched.steps["loss"].tolist() and len(epochs) == 2
    assert f"Step {len(watched.steps)}: loss" in viewer.view.text and "epoch 2: loss" in viewer.view.text
    shown = run_viewer("entity_f1", history=watched.history, steps=watched.steps)
    assert shown.view == viewer.view
    assert still_run(watched.steps, watched.history, "entity_f1").data == viewer.view.html


def test_stages_are_kept_apart():
    viewer = run_viewer("f1")
    for stage, losses in enumerate(([2.0, 1.5, 1.0], [0.5, 0.4])):
        for step, loss in enumerate(losses, 1):
            viewer("step", {"step": step, "epoch": 1, "loss": loss})
        viewer("epoch", {"epoch": 1, "train_loss": sum(losses) / len(losses), "validation_f1": 0.5 + stage / 10})
        viewer("end", {"best_epoch": 1, "seconds": 0.0})
    assert viewer.control("stage").options == (1, 2) and viewer.control("stage").value == 2
    assert "Step 2: loss 0.450 (first 0.500). Validation f1 0.600 after epoch 1" in viewer.view.text
    viewer.control("stage").value = 1
    assert "Step 3: loss 1.500 (first 2.000). Validation f1 0.500" in viewer.view.text
    viewer.control("smoothing").value = 1
    assert "Step 3: loss 1.000" in viewer.view.text


@pytest.mark.parametrize(("progress", "seconds_a_picture", "least", "most"), [("0", 0.0, 1, 1), ("1", 0.0, 5, 7), ("1", 0.1, 2, 4)])
def test_drawing_costs_little(monkeypatch, progress, seconds_a_picture, least, most):
    """10 seconds of training in steps of 0.1 s, with a clock of our own: drawn every 2 s, less often if drawing is slow."""
    clock, drawn = [0.0], []

    def draw(*_):
        drawn.append(clock[0])
        clock[0] += seconds_a_picture
        return runs_module.View("", "drawn")

    monkeypatch.setenv("COURSE_PROGRESS", progress)
    monkeypatch.setattr(runs_module.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(runs_module, "_curves", draw)
    viewer = run_viewer("f1")
    for step in range(1, 101):
        clock[0] += 0.1
        viewer("step", {"step": step, "epoch": 1, "loss": 1.0})
    viewer("end", {"best_epoch": 1, "seconds": 10.0})
    assert least <= len(drawn) <= most, drawn


def test_without_a_front_end_the_viewer_is_text(capsys):
    viewer = run_viewer("f1", steps=pd.DataFrame({"step": [1, 2], "loss": [1.0, 0.5]}))
    assert repr(viewer) == viewer.view.text == "Step 2: loss 0.750 (first 1.000)."
    viewer.show()
    assert "Step 2: loss" in capsys.readouterr().out
