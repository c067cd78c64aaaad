"""The round in motion as an instructor steps it, drives it from Python, and sees it drawn."""

import re

import pytest
from demo_view import button, drag, overflowing, radio, slider
from round_demo import (
    BEYOND,
    CELLS,
    DRIVE,
    FAIL,
    LARGE,
    LINKED,
    PLAY,
    SHORTER,
    agreed,
    at_its_beginning,
    expect_headline,
    picture,
    round_notebook,
)

from fedlab.widgets import RoundDemo

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return round_notebook(open_notebook)


@pytest.fixture
def demo(notebook):
    return at_its_beginning(notebook)


def test_the_keyboard_steps_and_plays(notebook, demo):
    keyboard = notebook.page.keyboard
    button(demo, "Play").focus()
    for name in ("Step back", "Step"):
        keyboard.press("Tab")
        assert notebook.page.evaluate("document.activeElement.textContent") == name
    keyboard.press("Enter")
    expect_headline(demo, "Step 1 of 6: client 1 has its model")
    keyboard.press("Space")
    expect_headline(demo, "Step 2 of 6: client 2 has its model")
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    expect_headline(demo, "Step 1 of 6")
    slider(demo, "Step").focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowUp")
    expect_headline(demo, "Step 3 of 6: 2 clients trained")
    keyboard.press("ArrowLeft")
    expect_headline(demo, "Step 2 of 6")
    assert slider(demo, "Step").get_attribute("aria-valuetext") == "2 of 6"
    keyboard.press("End")
    expect_headline(demo, "Step 6 of 6")
    button(demo, "Step").press("Enter")  # beyond the end there is nothing
    assert agreed(notebook, demo) == [6, False]
    button(demo, "Start again").press("Enter")
    expect_headline(demo, "Step 0 of 6")
    button(demo, "Step back").press("Enter")
    assert agreed(notebook, demo) == [0, False]
    radio(demo, "slow").check()
    button(demo, "Play").press("Space")
    button(demo, "Pause").press("Enter")
    assert agreed(notebook, demo)[1] is False


def test_the_slider_of_steps_follows_the_mouse(notebook, demo):
    drag(slider(demo, "Step"), 0.1, 0.5)
    expect_headline(demo, "Step 3 of 6: 2 clients trained")
    assert agreed(notebook, demo) == [3, False]
    drag(slider(demo, "Step"), 0.5, 1)
    expect_headline(demo, "Step 6 of 6")
    assert agreed(notebook, demo) == [6, False]


def test_python_drives_it(notebook, demo):
    notebook.run(CELLS.index(DRIVE))
    expect_headline(demo, "Step 4 of 6: the update of client 1 is back; 113.54 MB of 114.54 MB")
    assert "Client 1: answered. Client 2: has its update." in picture(demo)
    notebook.run(CELLS.index(PLAY))
    expect_headline(demo, "Step 6 of 6")
    assert agreed(notebook, demo) == [6, False]


def test_a_step_beyond_the_end_is_clamped_and_said(notebook, demo):
    notebook.run(CELLS.index(BEYOND))
    expect_headline(demo, "Step 6 of 6")
    said = "99 is too large; the most is 6"
    assert demo.locator(".fedlab-player > .fedlab-note").text_content() == said
    button(demo, "Step back").click()
    assert demo.locator(".fedlab-player > .fedlab-note").text_content() == ""
    assert agreed(notebook, demo) == [5, False]


def test_a_step_set_right_after_the_run_became_shorter_stays(notebook, demo):
    notebook.run(CELLS.index(SHORTER))
    expect_headline(demo, "Step 2 of 10")
    notebook.page.wait_for_timeout(300)
    assert agreed(notebook, demo) == [2, False]


def test_a_client_that_never_answers_is_named_and_on_the_bill(notebook, demo):
    notebook.run(CELLS.index(FAIL))
    expect_headline(demo, "Step 5 of 6: client 2 never answers, though 56.27 MB went to it")
    assert "Client 2: no answer." in picture(demo)
    assert demo.locator(".fedlab-lost").text_content() == "✕ 0 B"
    agreed(notebook, demo)
    rows = dict(row.split("\n", 1) for row in demo.locator("dl > div").all_inner_texts())
    assert rows["Downlink so far"] == "112.54 MB of 112.54 MB"
    assert rows["Uplink so far"] == "1.00 MB of 1.00 MB"
    assert rows["Updates that never come"] == "1 of 2; 56.27 MB went out for them"


def test_a_linked_field_may_hold_anything(notebook, demo):
    notebook.run(CELLS.index(LINKED))
    field = notebook.page.locator(".widget-text input")
    for text, start in (("2.6", "Step 3 of 6"), ("-5", "Step 0 of 6"), ("99", "Step 6 of 6")):
        field.fill(text)
        field.press("Enter")
        expect_headline(demo, start)
        agreed(notebook, demo)


def test_a_box_is_as_long_as_its_size(notebook, demo):
    slider(demo, "Step").fill("2")
    box = demo.locator(".fedlab-down i").first.bounding_box()
    demo.get_by_role("textbox", name="One client to server").fill("28.135424")
    slider(demo, "Step").fill("3")
    half = demo.locator(".fedlab-up i").first.bounding_box()
    assert half["width"] / box["width"] == pytest.approx(0.5, abs=0.01)
    demo.get_by_role("textbox", name="One client to server").fill("1")
    agreed(notebook, demo)


def test_a_fraction_that_selects_nobody_has_nothing_to_play(notebook, demo):
    demo.get_by_role("textbox", name="Fraction").fill("0.4")
    expect_headline(demo, "Nobody is selected")
    for name in ("Play", "Step", "Step back", "Start again"):
        assert button(demo, name).get_attribute("aria-disabled") == "true"
        button(demo, name).press("Enter")
    assert picture(demo).endswith("Client 1: not selected. Client 2: not selected.")
    agreed(notebook, demo)


def test_everything_has_a_name_and_its_own_keys(demo):
    named = demo.locator("input, button").all()
    assert len(named) == 2 * 6 + 3 + 1 + 4 + 1  # settings, speeds, steps, buttons, large type
    for each in named:
        assert each.get_attribute("data-lm-suppress-shortcuts") == "true"
    assert demo.get_by_role("slider", name=re.compile(r"\w{3}")).count() == 7
    assert demo.get_by_role("button", name=re.compile(r"\w{3}")).count() == 5
    assert demo.get_by_role("radiogroup", name="Speed").get_by_role("radio").count() == 3
    assert demo.locator("output").get_attribute("aria-live") == "polite"
    assert picture(demo) == "The server has model 0. Client 1: waits. Client 2: waits."


def test_twelve_clients_in_a_narrow_column_overflow_nowhere(notebook, demo):
    narrow = notebook.page.locator(".fedlab-demo").nth(2)
    assert narrow.bounding_box()["width"] <= 300
    for step in range(0, RoundDemo(clients=12).last + 1, 5):
        slider(narrow, "Step").fill(str(step))
        assert overflowing(narrow) == []


def test_large_type_fits_a_projector(notebook, demo):
    notebook.page.set_viewport_size({"width": 1920, "height": 1080})
    notebook.run(CELLS.index(LARGE))
    slider(demo, "Step").fill("6")
    assert overflowing(demo) == []
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    assert overflowing(demo) == []


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook):
    assert notebook.problems() == []
