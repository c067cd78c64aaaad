"""The two memory demos as a reader has them: sliders and choices, in JupyterLab, in Chromium."""

import json
import re
import time

import pytest
from notebook_page import READ_DEMO

from fedlab.widgets import DeviceMemoryDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

DEMOS = [DeviceMemoryDemo, ServerMemoryDemo]  # in the order of the first two cells
SHOW = [f"from fedlab.widgets import {demo.__name__}\n{demo.__name__}()" for demo in DEMOS]
RESET = """
for demo in (_1, _2):
    for control in demo.controls():
        setattr(demo, control.name, getattr(type(demo)(), control.name))
"""
SAY = """
import json
for demo in (_1, _2):
    said = demo.readout()
    values = {c.label: c.shown(getattr(demo, c.name)) for c in demo.controls()}
    print(json.dumps([values, said.headline, dict(said.rows)]))
"""
NARROW = """
import ipywidgets
ipywidgets.VBox([DeviceMemoryDemo(), ServerMemoryDemo()], layout={"width": "300px"})
"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook([*SHOW, RESET, SAY, NARROW])
    notebook.run_all()
    notebook.page.locator(".fedlab-demo").nth(3).wait_for()
    return notebook


@pytest.fixture
def demos(notebook):
    """Both demos as they were made, whatever the test before did to them."""
    notebook.run(2)
    demos = notebook.page.locator(".fedlab-demo")
    for place in range(len(DEMOS)):
        agreed(notebook, demos, place)
    return demos


def agreed(notebook, demos, place):
    """Python and the view show and say the same, once the last message has arrived; the values."""
    deadline = time.monotonic() + 5
    while True:
        known = json.loads(notebook.run(3).splitlines()[place])
        seen = demos.nth(place).evaluate(READ_DEMO)
        if known == seen or time.monotonic() > deadline:
            assert known == seen
            return known[0]


def test_every_combination_of_choices_is_drawn_without_an_error(notebook, demos):
    server = demos.nth(1)
    server.get_by_role("textbox", name=re.compile("Messages in flight")).fill("50")
    for way in server.get_by_role("radiogroup", name="Aggregation").get_by_role("radio").all():
        way.check()
        for kept in server.get_by_role("radiogroup", name="Global").get_by_role("radio").all():
            kept.check()
            agreed(notebook, demos, 1)
    assert notebook.problems() == []


def test_the_bars_are_the_shares(demos):
    device = demos.nth(0)
    tracks = device.locator(".fedlab-track")
    shares = re.findall(r"([\d.]+)%", device.locator("dl").inner_text())
    assert tracks.count() == len(shares) == 7
    for track, share in zip(tracks.all(), shares, strict=True):
        whole, bars = track.bounding_box(), track.locator(".fedlab-bar")
        assert bars.count() == (float(share) > 0)
        for bar in bars.all():
            part = bar.bounding_box()
            assert part["x"] == whole["x"]
            assert part["width"] == pytest.approx(float(share) / 100 * whole["width"], abs=2)


def test_the_chosen_total_has_its_components_colour(demos):
    server = demos.nth(1)

    def colours():
        bars = server.locator(".fedlab-bar").all()[-4:]
        return [bar.evaluate("bar => bar.style.background") for bar in bars]

    listed = colours()
    assert len(set(listed)) == 2
    assert listed[0] not in listed[1:]
    server.get_by_role("radio", name="tree").check()
    assert colours() == [listed[1], listed[1], listed[0], listed[1]]


def test_every_input_has_a_name_and_its_own_keys(demos):
    for place, demo in enumerate(DEMOS):
        inputs = demos.nth(place).locator("input").all()
        sizes = [len(c.options) if isinstance(c, Choice) else 2 for c in demo.controls()]
        assert len(inputs) == sum(sizes)
        for each in inputs:
            assert each.get_attribute("data-lm-suppress-shortcuts") == "true"
            # (a slider shares its label with its number field)
            named = each.get_attribute("aria-labelledby") or each.evaluate("it => it.labels.length")
            assert named


@pytest.mark.parametrize("place", [2, 3])
def test_a_narrow_demo_overflows_nowhere(demos, place):
    demo = demos.nth(place)
    assert demo.bounding_box()["width"] <= 300
    wide = demo.evaluate(
        "demo => [...demo.querySelectorAll('*')].filter(n => n.scrollWidth > n.clientWidth + 1 &&"
        " getComputedStyle(n).display !== 'inline').map(n => n.outerHTML)"
    )
    assert wide == []


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook, demos):
    assert notebook.problems() == []
