"""The explorers where they live: moved in JupyterLab, in a browser, with mouse and with keyboard.

Each test waits for a text that only the moved control can bring about.
"""

from __future__ import annotations

from typing import Any

from lab import DONE, Book

WATCH = """() => { window.said = []; const box = document.querySelector('.course-run');
    new MutationObserver(() => { const s = box.querySelector('[role="status"]'); if (s) window.said.push(s.innerText); })
        .observe(box, {childList: true, subtree: true, characterData: true}); }"""
"""Note every text that the run viewer shows from now on."""


def expect(locator: Any) -> Any:
    """Playwright's waiting assertions, imported late so that these tests are skipped where it is missing."""
    from playwright import sync_api

    return sync_api.expect(locator)


def slide(panel: Any, label: str, key: str, times: int = 1) -> None:
    """Move a slider with keys, as it is reached by its label."""
    line = panel.locator(".widget-inline-hbox").filter(has_text=label)
    handle = line.locator(".noUi-handle")
    handle.focus()
    for _ in range(times):
        handle.press(key)


def field(panel: Any, label: str) -> Any:
    return panel.get_by_label(label, exact=True)


def pictures(panel: Any) -> str:
    return str(panel.locator("img").first.get_attribute("src"))


def test_keyboard_alone(fresh_book: Book) -> None:
    """From the first cell to a moved slider and a typed sentence without touching a mouse."""
    book, press = fresh_book, fresh_book.page.keyboard.press
    for _ in range(5):
        press("Shift+Enter")
    book.panel("run").locator('[role="status"]').wait_for()
    book.page.evaluate(WATCH)
    press("Shift+Enter")
    book.page.wait_for_selector(DONE)
    assert any(text.startswith("Step 20: loss") for text in book.page.evaluate("window.said")), "drawn only at the end"
    press("Escape")
    press("Control+Home")
    book.tab_to("course-loss start probability")
    press("ArrowRight")
    expect(book.panel("loss").locator('[role="status"]')).to_contain_text("Start at p = 0.21")
    book.tab_to("course-alignment your sentence")
    press("Control+a")
    book.page.keyboard.type("Takes [aspirin](MEDICINE) daily.")
    press("Enter")
    expect(book.panel("alignment").locator('[role="status"]')).to_contain_text("names marked: 1")
    book.shoot("keyboard")
    assert not book.errors and not book.elsewhere


def test_loss_follows_its_sliders(book: Book) -> None:
    panel = book.panel("loss")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("Start at p = 0.20 with label 1: loss 1.61, gradient p − y = -0.80")
    before = pictures(panel)
    book.shoot("loss_before", panel)
    slide(panel, "start probability", "ArrowRight", 3)
    expect(status).to_contain_text("Start at p = 0.23")
    slide(panel, "label y", "ArrowLeft")
    expect(status).to_contain_text("with label 0: loss 0.26, gradient p − y = +0.23")
    assert pictures(panel) != before
    line = panel.locator(".widget-inline-hbox").filter(has_text="pull λ")
    box = line.locator(".noUi-base").bounding_box()
    book.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    expect(status).to_contain_text("leaps ever further")
    book.shoot("loss_after", panel)


def test_alignment_follows_the_sentence(book: Book) -> None:
    panel = book.panel("alignment")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("names marked: 3, names that the labels open (B-): 3")
    book.shoot("alignment_before", panel)
    box = field(panel, "your sentence")
    box.fill("Known hypertension, takes [metoprolol](MEDICINE) and [ramipril](MEDICIN).")
    box.press("Enter")
    expect(status).to_contain_text("names marked: 1, names that the labels open (B-): 1;")
    expect(status).to_contain_text("Did you mean 'MEDICINE'?")
    expect(panel.locator("table")).to_contain_text("ignored")
    field(panel, "labels stand on").select_option(label="every piece, B- copied (a classic mistake)")
    expect(status).to_contain_text("names marked: 1, names that the labels open (B-): 4;")
    panel.get_by_label("hide what −100 hides from the loss").check()
    expect(panel.locator("table")).not_to_contain_text("[CLS]")
    book.shoot("alignment_after", panel)


def test_what_is_typed_is_text_and_never_markup(book: Book) -> None:
    panel = book.panel("entities")
    field(panel, "your text").fill("<img src=x onerror=document.title='hacked'> aspirin")
    field(panel, "your text").press("Tab")
    expect(panel.locator('[role="status"]')).to_contain_text("Entities found: 1")
    assert panel.locator("img").count() == 0
    assert book.page.title() != "hacked"


def test_reader_follows_text_and_threshold(book: Book) -> None:
    panel = book.panel("entities")
    field(panel, "your text").fill("No cough since the aspirin; aspirin goes on.")
    field(panel, "your text").press("Tab")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("Entities found: 3; with a confidence of at least 0.00: 3")
    assert panel.locator("mark").count() == 3
    slide(panel, "least confidence", "PageUp", 1)
    slide(panel, "least confidence", "End", 1)
    expect(status).to_contain_text("at least 1.00: 0")
    slide(panel, "least confidence", "ArrowLeft", 20)
    expect(status).to_contain_text("at least 0.80: 2")
    assert panel.locator("mark").count() == 2
    book.shoot("entities_after", panel)
    field(panel, "your text").fill("x" * 20_001)
    field(panel, "your text").press("Tab")
    expect(panel.locator('[role="alert"]')).to_contain_text("expected at most 20,000 characters, found 20,001")


def test_answers_follow_question_and_threshold(book: Book) -> None:
    panel = book.panel("answers")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("Answer: profit")
    book.shoot("answers_before", panel)
    field(panel, "question").fill("Which report?")
    field(panel, "question").press("Enter")
    expect(status).to_contain_text("Answer: report")
    slide(panel, "null threshold", "Home")
    expect(status).to_contain_text("No answer is given.")
    book.shoot("answers_after", panel)


def test_run_viewer_answers_when_training_is_done(book: Book) -> None:
    panel = book.panel("run")
    status = panel.locator('[role="status"]')
    expect(status).to_contain_text("Step 40: loss")
    expect(status).to_contain_text("Validation answer F1 0.700 after epoch 2")
    before = pictures(panel)
    slide(panel, "steps averaged", "End")
    book.page.wait_for_function("([p, old]) => p.querySelector('img').src !== old", arg=[panel.element_handle(), before])
    panel.get_by_label("logarithmic loss axis").check()
    book.shoot("run_after", panel)


def test_saved_without_widget_state_and_with_still_pictures(book: Book) -> None:
    saved = book.saved()
    assert "widgets" not in saved["metadata"]
    html = ["".join(o["data"]["text/html"]) for cell in saved["cells"][:5] for o in cell["outputs"] if "data" in o]
    assert len(html) == 5
    for kind, still in zip(("<img alt=", "<table", "<mark", "<table", "<img alt="), html, strict=True):
        assert kind in still, still[:200]
    assert "Step 40" in html[4], "the run viewer's last picture stays"


def test_no_error_in_the_console_and_no_request_elsewhere(book: Book) -> None:
    assert not book.errors, book.errors
    assert not book.elsewhere, book.elsewhere
