"""The bandwidth demo as a reader has it: a slider and a keyboard, in JupyterLab, in Chromium."""

import re
import time

import pytest
from demo_view import drag, note, number, slider

from fedlab.bandwidth import FederatedRun
from fedlab.sizes import size_of
from fedlab.units import duration

pytestmark = pytest.mark.browser

SIZE = size_of("pythia-14m")
SHOW = (
    "from fedlab.widgets import BandwidthDemo\n"
    'demo = BandwidthDemo(model="pythia-14m", cohort=2)\n'
    "demo"
)
READ = "print(demo.outgoing, demo.incoming, demo.cohort, demo.fraction, demo.rounds)"
FRACTION = "Fraction selected each round"
RESET = (
    f"demo.outgoing = demo.incoming = {int(SIZE)}\ndemo.cohort = 2; demo.fraction = demo.rounds = 1"
)


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook([SHOW, READ, RESET, "BandwidthDemo()"])
    notebook.run_all()
    notebook.page.locator(".fedlab-demo").nth(1).wait_for()
    return notebook


@pytest.fixture
def demo(notebook):
    """The first demo as the lesson shows it, whatever the test before did to it."""
    demo = notebook.page.locator(".fedlab-demo").first
    notebook.run(2)
    demo.scroll_into_view_if_needed()
    expect_readout(demo)
    return demo


@pytest.fixture
def keyboard(notebook):
    return notebook.page.keyboard


def expect_python(notebook, outgoing=SIZE, *, cohort=2, fraction=1.0, rounds=1):
    """The traits arrive. A cell run at once may overtake the last message, so ask again."""
    arrived = f"{int(outgoing)} {int(SIZE)} {cohort} {fraction} {rounds}\n"
    deadline = time.monotonic() + 5
    while (said := notebook.run(1)) != arrived and time.monotonic() < deadline:
        pass
    assert said == arrived


def expect_readout(demo, outgoing=SIZE, **counts):
    """The view shows what FederatedRun computes here, in this process."""
    from playwright.sync_api import expect

    run = FederatedRun(outgoing, SIZE, **({"cohort": 2} | counts))
    expect(demo.locator("output")).to_have_text(re.compile(rf"= {re.escape(str(run.traffic))}$"))
    rows = demo.locator("dl > div")
    shown = dict(row.split("\n", 1) for row in rows.all_inner_texts())
    assert shown == {
        "Clients per round": f"{run.clients_per_round:,} of {run.cohort:,}",
        "Downlink, all rounds": str(run.downlink),
        "Uplink, all rounds": str(run.uplink),
        "Both ways, one round": str(run.per_round),
        "Traffic, all rounds": f"{run.traffic}, {int(run.traffic):,} B",
        "One client's upload, one round": duration(run.upload_seconds(20e6)),
        "All traffic through one such link": duration(run.seconds(20e6)),
    }


def test_arrow_keys_move_a_slider_and_python_hears_of_it(notebook, demo, keyboard):
    slider(demo, "Clients in the cohort").focus()
    keyboard.press("ArrowRight")
    expect_readout(demo, cohort=3)
    keyboard.press("ArrowUp")
    keyboard.press("ArrowUp")
    keyboard.press("ArrowLeft")
    expect_readout(demo, cohort=4)
    keyboard.press("End")
    expect_readout(demo, cohort=10**6)
    keyboard.press("Home")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    expect_python(notebook, cohort=3)


def test_a_slider_follows_the_mouse(notebook, demo):
    drag(slider(demo, "Server to one client"), 0.2, 0.7)
    outgoing = round(float(number(demo, "Server to one client").input_value()) * 10**6)
    assert outgoing > 10 * SIZE
    expect_readout(demo, outgoing)
    expect_python(notebook, outgoing)


@pytest.mark.parametrize("leave", ["Enter", "Tab"])
def test_a_typed_number_is_taken(notebook, demo, keyboard, leave):
    number(demo, "Rounds").press("Control+a")
    keyboard.type("37")
    expect_readout(demo, rounds=37)  # while typing, before the field is left
    keyboard.press(leave)
    expect_readout(demo, rounds=37)
    assert note(demo, "Rounds").text_content() == ""
    expect_python(notebook, rounds=37)


@pytest.mark.parametrize(
    ("text", "cohort", "says"),
    [
        ("-5", 1, "-5 is too small; the least is 1"),
        ("1e400", 10**6, "1e400 is too large; the most is 1000000"),
        ("abc", 2, '"abc" is no number; it stays 2'),
        ("2.7", 3, "2.7 is rounded to 3"),
    ],
)
def test_typed_nonsense_is_clamped_and_said(notebook, demo, keyboard, text, cohort, says):
    name = "Clients in the cohort"
    number(demo, name).press("Control+a")
    keyboard.type(text)
    keyboard.press("Enter")
    assert note(demo, name).text_content() == says
    assert number(demo, name).input_value() == str(cohort)
    expect_readout(demo, cohort=cohort)
    keyboard.press("Tab")  # leaving a field says nothing new
    assert note(demo, name).text_content() == says
    expect_python(notebook, cohort=cohort)
    slider(demo, name).press("ArrowLeft")
    slider(demo, name).press("Home")
    slider(demo, name).press("ArrowRight")
    assert note(demo, name).text_content() == ""
    expect_python(notebook)


def test_a_fraction_that_selects_nobody_is_a_sentence(notebook, demo):
    number(demo, FRACTION).fill("0.4")
    said = "Nobody is selected: int(2 × 0.4) is 0. Raise the fraction or the cohort."
    assert demo.locator("output").text_content() == said
    assert demo.locator("dl > div").count() == 0
    slider(demo, FRACTION).press("End")
    expect_readout(demo)
    expect_python(notebook)


def test_the_bars_begin_at_one_line_and_have_one_scale(notebook, demo):
    number(demo, "One client to server").fill("5.627")
    down, up = (bar.bounding_box() for bar in demo.locator(".fedlab-bar").all())
    assert down["x"] == up["x"]
    assert up["width"] / down["width"] == pytest.approx(0.1, abs=0.01)
    number(demo, "One client to server").fill(str(SIZE / 10**6))
    expect_python(notebook)


def test_every_input_has_a_name_and_its_own_keys(demo):
    any_name = re.compile(r"\w{3}")
    assert slider(demo, any_name).count() == number(demo, any_name).count() == 6
    inputs = demo.locator("input").all()
    assert len(inputs) == 12
    for each in inputs:
        assert each.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_a_label_leads_to_its_own_demo(notebook, demo, keyboard):
    second = notebook.page.locator(".fedlab-demo").nth(1)
    second.get_by_text("Rounds", exact=True).click()
    keyboard.press("Control+a")
    keyboard.type("9")
    expect_readout(demo)
    assert number(second, "Rounds").input_value() == "9"


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook, demo):
    assert notebook.problems() == []
