"""The round in motion as an instructor plays it: clock, pause, and messages on their way."""

import pytest
from demo_view import button, radio
from notebook_page import START
from round_demo import (
    BUSY,
    CELLS,
    PLACES,
    SENTENCES,
    WATCH,
    agreed,
    at_its_beginning,
    expect_headline,
    halfway,
    round_notebook,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return round_notebook(open_notebook)


@pytest.fixture
def demo(notebook):
    return at_its_beginning(notebook)


def test_it_plays_to_its_end_by_itself_and_python_hears_of_it(notebook, demo):
    button(demo, "Play").click()
    expect_headline(demo, "Step 6 of 6: the server averaged 2 updates into model 1; all 114.54 MB")
    button(demo, "Play").wait_for()
    assert agreed(notebook, demo) == [6, False]
    again = [sentence[:11] for sentence in demo.evaluate(SENTENCES)]  # from the start
    assert again == [f"Step {step} of 6" for step in range(7)]


def test_messages_move_from_frame_to_frame(notebook, demo):
    radio(demo, "normal").check()
    button(demo, "Play").click()
    seen = demo.evaluate(WATCH)
    assert len([place for place in seen if 0 < place < 100]) > 3


def test_where_motion_is_to_be_reduced_they_jump_from_step_to_step(notebook, demo):
    notebook.page.emulate_media(reduced_motion="reduce")
    button(demo, "Play").click()
    assert set(demo.evaluate(WATCH)) == {0, 100}
    assert agreed(notebook, demo) == [6, False]
    notebook.page.emulate_media(reduced_motion="no-preference")


def test_a_pause_holds_a_message_on_its_way_and_asks_for_no_frame(notebook, demo):
    places = halfway(demo)
    assert len(places) == 1
    ticks = notebook.page.evaluate("window.ticks")
    assert ticks > 0
    notebook.page.wait_for_timeout(500)
    assert demo.evaluate(PLACES) == places
    assert notebook.page.evaluate("window.ticks") == ticks
    assert agreed(notebook, demo) == [0, False]
    button(demo, "Play").click()  # and on from there
    expect_headline(demo, "Step 1 of 6")
    button(demo, "Pause").click()


def test_from_halfway_one_steps_to_its_end_or_back_to_its_start(notebook, demo):
    halfway(demo)
    button(demo, "Step back").click()
    assert demo.evaluate(PLACES) == []
    assert agreed(notebook, demo) == [0, False]
    halfway(demo)
    button(demo, "Step").click()
    assert demo.evaluate(PLACES) == [100]
    assert agreed(notebook, demo) == [1, False]


def test_two_views_show_the_same(notebook, demo):
    other = notebook.page.locator(".fedlab-demo").nth(1)
    assert halfway(demo) == other.evaluate(PLACES)
    button(other, "Step back").click()
    assert demo.evaluate(PLACES) == other.evaluate(PLACES) == []
    radio(demo, "fast").check()
    said = demo.evaluate(SENTENCES)  # two views skip no step
    assert [sentence[:11] for sentence in said] == [f"Step {step} of 6" for step in range(1, 7)]
    assert agreed(notebook, other) == agreed(notebook, demo) == [6, False]


def test_stepping_while_it_plays_pauses_it(notebook, demo):
    demo.evaluate("""demo => ["play", "step"].forEach(
      (name) => demo.querySelector(`.fedlab-${name}`).click())""")
    assert agreed(notebook, demo) == [1, False]


def test_it_plays_while_the_kernel_is_busy(notebook, demo, jupyter_lab):
    notebook.page.evaluate(START, ["notebook:run-cell", CELLS.index(BUSY)])
    button(demo, "Play").click()
    expect_headline(demo, "Step 6 of 6")
    assert not notebook.page.evaluate("window.ran")
    (jupyter_lab.root / "done").touch()
    notebook.page.wait_for_function("window.ran")
    assert agreed(notebook, demo) == [6, False]


def test_when_its_views_are_gone_the_clock_stops(notebook, demo):
    radio(demo, "slow").check()
    button(demo, "Play").click()
    expect_headline(demo, "Step 1 of 6")
    notebook.page.evaluate(START, ["notebook:clear-all-cell-outputs", None])
    notebook.page.wait_for_function("() => !document.querySelector('.fedlab-demo')")
    ticks = notebook.page.evaluate("window.ticks")
    notebook.page.wait_for_timeout(300)
    assert notebook.page.evaluate("window.ticks") == ticks


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook):
    assert notebook.problems() == []
