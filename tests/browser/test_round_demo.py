"""The round in motion as an instructor has it: played, paused and stepped, in JupyterLab."""

import json
import re
import time

import pytest
from notebook_page import START

from fedlab.widgets import RoundDemo

pytestmark = pytest.mark.browser

SHOW = (
    "from fedlab.widgets import RoundDemo\n"
    'demo = RoundDemo("pythia-14m", incoming=1_000_000, clients=2)\n'
    "demo"
)
AGAIN = "demo"  # another view of the same model
RESET = (
    "demo.playing = demo.large = False\n"
    "demo.step = demo.failing = 0; demo.clients = 2; demo.rounds = 1\n"
    'demo.fraction = 1; demo.speed = "fast"'
)
SAY = (
    "import json\n"
    "print(json.dumps([demo.step, demo.playing, demo.readout().headline,"
    " dict(demo.readout().rows)]))"
)
DRIVE = "demo.step = 4"
PLAY = "demo.step = 0; demo.playing = True"
FAIL = "demo.failing = 1; demo.step = demo.last - 1"
BEYOND = "demo.step = 99"
SHORTER = "demo.clients = 12; demo.step = 20; demo.clients = 4; demo.step = 2"
NARROW = 'import ipywidgets\nipywidgets.VBox([RoundDemo(clients=12)], layout={"width": "300px"})'
LARGE = "demo.large = True; demo.clients = 12"
LINKED = (
    'box = ipywidgets.FloatText()\nlink = ipywidgets.jslink((box, "value"), (demo, "step"))\nbox'
)
BUSY = (  # until the browser is done
    "import time\nfrom pathlib import Path\n"
    "for _ in range(600):\n    if Path('done').exists():\n        break\n    time.sleep(0.05)"
)
CELLS = [SHOW, RESET, SAY, AGAIN, DRIVE, PLAY, FAIL, BEYOND, NARROW, LARGE, SHORTER, LINKED, BUSY]
# where the messages are that one sees, in percent of their way from the server
PLACES = """demo => [...demo.querySelectorAll(".fedlab-message")]
  .filter((each) => Number(each.style.opacity) > 0).map((each) => parseFloat(each.style.left))"""
# all places in which they are at some frame, until it no longer plays
WATCH = f"""demo => new Promise((done) => {{
  const seen = new Set();
  const look = () => {{
    for (const place of ({PLACES})(demo)) seen.add(place);
    if (demo.querySelector(".fedlab-pause")) requestAnimationFrame(look);
    else done([...seen]);
  }};
  requestAnimationFrame(look);
}})"""
# plays until a message is in the middle of its way, and pauses in the same frame
HALFWAY = f"""demo => new Promise((done) => {{
  const look = () => {{
    const places = ({PLACES})(demo);
    if (!places.some((place) => place > 20 && place < 80)) return requestAnimationFrame(look);
    demo.querySelector(".fedlab-pause").click();
    done(({PLACES})(demo));
  }};
  demo.querySelector(".fedlab-play").click();
  look();
}})"""
# plays to the end; all sentences on the way
SENTENCES = """demo => new Promise((done) => {
  const [said, seen] = [demo.querySelector("output"), []];
  const observer = new MutationObserver(() => seen.push(said.textContent));
  observer.observe(said, { childList: true });
  demo.querySelector(".fedlab-play").click();
  const wait = () => {
    if (demo.querySelector(".fedlab-pause")) return requestAnimationFrame(wait);
    observer.disconnect();
    done(seen);
  };
  wait();
})"""
# counts the frames that demos ask for; JupyterLab asks for some of its own
COUNT = """() => {
  const ask = window.requestAnimationFrame.bind(window);
  window.ticks = 0;
  window.requestAnimationFrame = (what) => {
    if (what.name === "tick") window.ticks += 1;
    return ask(what);
  };
}"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook(CELLS)
    notebook.page.evaluate(COUNT)
    for cell in (0, 1, 3, 8):
        notebook.run(cell)
    notebook.page.locator(".fedlab-demo").nth(2).wait_for()
    return notebook


@pytest.fixture
def demo(notebook):
    """The first view at the beginning of its run, whatever the test before did to it."""
    notebook.run(1)
    demo = notebook.page.locator(".fedlab-demo").first
    demo.scroll_into_view_if_needed()
    expect_headline(demo, "Step 0 of 6: ")
    agreed(notebook, demo)
    return demo


def expect_headline(demo, start):
    from playwright.sync_api import expect

    expect(demo.locator("output")).to_have_text(re.compile(f"^{re.escape(start)}"))


def agreed(notebook, demo):
    """Python and the view say the same, once the last message came: step and whether it plays."""
    deadline = time.monotonic() + 5
    while True:
        known = json.loads(notebook.run(2))
        seen = [
            int(slider(demo).input_value()),
            button(demo, "Pause").count() == 1,
            demo.locator("output").text_content(),
            dict(row.split("\n", 1) for row in demo.locator("dl > div").all_inner_texts()),
        ]
        if known == seen or time.monotonic() > deadline:
            assert known == seen
            return known[:2]


def button(demo, name):
    return demo.get_by_role("button", name=name, exact=True)


def radio(demo, name):
    return demo.get_by_role("radio", name=name, exact=True)


def slider(demo):
    return demo.get_by_role("slider", name="Step", exact=True)


def picture(demo):
    return demo.get_by_role("img").get_attribute("aria-label")


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


def halfway(demo):
    """Play until a message is on its way; where it is."""
    radio(demo, "slow").check()
    return demo.evaluate(HALFWAY)


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
    slider(demo).focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowUp")
    expect_headline(demo, "Step 3 of 6: 2 clients trained")
    keyboard.press("ArrowLeft")
    expect_headline(demo, "Step 2 of 6")
    assert slider(demo).get_attribute("aria-valuetext") == "2 of 6"
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


def test_stepping_while_it_plays_pauses_it(notebook, demo):
    demo.evaluate("""demo => ["play", "step"].forEach(
      (name) => demo.querySelector(`.fedlab-${name}`).click())""")
    assert agreed(notebook, demo) == [1, False]


def test_python_drives_it(notebook, demo):
    notebook.run(4)
    expect_headline(demo, "Step 4 of 6: the update of client 1 is back; 113.54 MB of 114.54 MB")
    assert "Client 1: answered. Client 2: has its update." in picture(demo)
    notebook.run(5)
    expect_headline(demo, "Step 6 of 6")
    assert agreed(notebook, demo) == [6, False]


def test_a_step_beyond_the_end_is_clamped_and_said(notebook, demo):
    notebook.run(7)
    expect_headline(demo, "Step 6 of 6")
    said = "99 is too large; the most is 6"
    assert demo.locator(".fedlab-player > .fedlab-note").text_content() == said
    button(demo, "Step back").click()
    assert demo.locator(".fedlab-player > .fedlab-note").text_content() == ""
    assert agreed(notebook, demo) == [5, False]


def test_a_step_set_right_after_the_run_became_shorter_stays(notebook, demo):
    notebook.run(10)
    expect_headline(demo, "Step 2 of 10")
    notebook.page.wait_for_timeout(300)
    assert agreed(notebook, demo) == [2, False]


def test_a_client_that_never_answers_is_named_and_on_the_bill(notebook, demo):
    notebook.run(6)
    expect_headline(demo, "Step 5 of 6: client 2 never answers, though 56.27 MB went to it")
    assert "Client 2: no answer." in picture(demo)
    assert demo.locator(".fedlab-lost").text_content() == "✕ 0 B"
    agreed(notebook, demo)
    rows = dict(row.split("\n", 1) for row in demo.locator("dl > div").all_inner_texts())
    assert rows["Downlink so far"] == "112.54 MB of 112.54 MB"
    assert rows["Uplink so far"] == "1.00 MB of 1.00 MB"
    assert rows["Updates that never come"] == "1 of 2; 56.27 MB went out for them"


def test_a_linked_field_may_hold_anything(notebook, demo):
    notebook.run(11)
    field = notebook.page.locator(".widget-text input")
    for text, start in (("2.6", "Step 3 of 6"), ("-5", "Step 0 of 6"), ("99", "Step 6 of 6")):
        field.fill(text)
        field.press("Enter")
        expect_headline(demo, start)
        agreed(notebook, demo)


def test_a_box_is_as_long_as_its_size(notebook, demo):
    slider(demo).fill("2")
    box = demo.locator(".fedlab-down i").first.bounding_box()
    demo.get_by_role("textbox", name="One client to server").fill("28.135424")
    slider(demo).fill("3")
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


def test_it_plays_while_the_kernel_is_busy(notebook, demo, jupyter_lab):
    notebook.page.evaluate(START, ["notebook:run-cell", CELLS.index(BUSY)])
    button(demo, "Play").click()
    expect_headline(demo, "Step 6 of 6")
    assert not notebook.page.evaluate("window.ran")
    (jupyter_lab.root / "done").touch()
    notebook.page.wait_for_function("window.ran")
    assert agreed(notebook, demo) == [6, False]


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


def overflowing(demo):
    """What of a demo reaches beyond its border."""
    box = demo.bounding_box()
    parts = [(each, each.bounding_box()) for each in demo.locator("*").all()]
    return [
        each.evaluate("it => it.outerHTML.slice(0, 200)")
        for each, part in parts
        if part
        and (part["x"] < box["x"] or part["x"] + part["width"] > box["x"] + box["width"] + 1)
    ]


def test_twelve_clients_in_a_narrow_column_overflow_nowhere(notebook, demo):
    narrow = notebook.page.locator(".fedlab-demo").nth(2)
    assert narrow.bounding_box()["width"] <= 300
    for step in range(0, RoundDemo(clients=12).last + 1, 5):
        slider(narrow).fill(str(step))
        assert overflowing(narrow) == []


def test_large_type_fits_a_projector(notebook, demo):
    notebook.page.set_viewport_size({"width": 1920, "height": 1080})
    notebook.run(9)
    slider(demo).fill("6")
    assert overflowing(demo) == []
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    assert overflowing(demo) == []


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
