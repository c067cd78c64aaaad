"""What a reader changes: numbers and choices, checked in Python, typed and dragged in the view."""

import math
import subprocess
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from states import allowed

from fedlab.widgets import BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = [
    pytest.param(demo, control, id=f"{demo.__name__}-{control.name}")
    for demo in (BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo)
    for control in demo.controls()
]
NUMBERS = [each for each in CONTROLS if not isinstance(each.values[1], Choice)]
CHOICES = [each for each in CONTROLS if isinstance(each.values[1], Choice)]


@pytest.fixture
def demo():
    return BandwidthDemo("pythia-14m", cohort=2)


# --- the traits


def test_a_change_is_observed_and_linked(demo):
    seen, slider = [], ipywidgets.IntSlider(value=5, min=1, max=100)
    demo.observe(lambda change: seen.append(change.new), "cohort")
    ipywidgets.link((slider, "value"), (demo, "cohort"))
    assert demo.cohort == 5
    slider.value = 9
    demo.cohort = 12
    assert seen == [5, 9, 12]
    assert slider.value == 12


def test_a_choice_is_observed_and_linked():
    demo, buttons = DeviceMemoryDemo(), ipywidgets.RadioButtons(options=["sgd", "adam", "adamw"])
    seen = []
    demo.observe(lambda change: seen.append(change.new), "optimizer")
    ipywidgets.link((demo, "optimizer"), (buttons, "value"))
    buttons.value = "adam"
    demo.optimizer = "adamw"
    assert seen == ["adam", "adamw"]
    assert buttons.value == "adamw"


def test_what_the_browser_sends_arrives(demo):
    demo.set_state({"cohort": 30, "fraction": 1, "outgoing": 10**12})
    assert (demo.cohort, demo.fraction, demo.outgoing) == (30, 1.0, 10**12)
    assert isinstance(demo.fraction, float)


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3), 3.0])
def test_a_whole_number_of_any_kind_is_an_int(demo, number):
    demo.cohort = number
    assert type(demo.cohort) is int


@pytest.mark.parametrize(("kind", "control"), NUMBERS)
def test_a_bad_number_is_refused_with_the_limits_and_changes_nothing(kind, control):
    demo = kind()
    before = getattr(demo, control.name)
    for bad in (math.nan, math.inf, -5, 10**400, "abc", None, True, [1], 1j):
        with pytest.raises(
            traitlets.TraitError, match=rf"{control.name}: expected a .*number from .* to .*got"
        ):
            setattr(demo, control.name, bad)
    assert getattr(demo, control.name) == before


@pytest.mark.parametrize(("kind", "control"), CHOICES)
def test_a_bad_choice_is_refused_with_the_options_and_changes_nothing(kind, control):
    demo = kind()
    before = getattr(demo, control.name)
    for bad in ("", "abc", before.upper(), None, 1, [before]):
        with pytest.raises(
            traitlets.TraitError, match=rf"{control.name}: expected one of {before}, .*, got "
        ):
            setattr(demo, control.name, bad)
    assert getattr(demo, control.name) == before


def test_a_count_is_whole(demo):
    with pytest.raises(traitlets.TraitError, match="cohort: expected a whole number"):
        demo.cohort = 2.5


# --- where no kernel runs


@pytest.mark.parametrize("kind", [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo])
def test_the_repr_says_the_numbers_in_one_line(kind):
    demo = kind()
    assert "\n" not in repr(demo)
    for control in demo.controls():
        assert f"{control.name}={getattr(demo, control.name)!r}" in repr(demo)
    for value in dict(demo.readout().rows).values():
        assert value in repr(demo)


@pytest.mark.parametrize("kind", [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo])
def test_the_fallback_is_a_table_with_the_numbers(kind):
    demo = kind()
    data, _ = demo._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/html", "text/plain"}
    assert data["text/html"].startswith(f"<table>\n<caption>{demo.readout().headline}</caption>")
    for control in demo.controls():
        shown = control.shown(getattr(demo, control.name))
        assert f'<th scope="row">{control.label}</th><td>{shown}</td>' in data["text/html"]
    for value in dict(demo.readout().rows).values():
        assert f"<td>{value}</td>" in data["text/html"]


@pytest.mark.parametrize("kind", [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo])
def test_the_fallback_of_an_equal_demo_is_the_same_text(kind):
    one, other = kind()._repr_mimebundle_()[0], kind()._repr_mimebundle_()[0]
    for mime in ("text/html", "text/plain"):
        assert one[mime] == other[mime]


def test_importing_fedlab_imports_no_widget():
    code = "import sys, fedlab; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- in the view


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(BandwidthDemo)


def test_the_sliders_stops_are_the_numbers_of_two_digits(node):
    stops = [node.ask("stop", index) for index in range(200)]
    assert stops[:102] == [*range(101), 110]
    assert stops[189:192] == [990, 1000, 1100]
    assert [node.ask("nearest", number) for number in stops] == list(range(200))


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ("30", 30, ""),
        (" 1e3 ", 1000, ""),
        ("-5", 1, "-5 is too small; the least is 1"),
        ("1e400", 10**6, "1e400 is too large; the most is 1000000"),
        ("abc", 2, "abc is no number; it stays 2"),
        ("NaN", 2, "NaN is no number; it stays 2"),
        ("12,5", 2, "12,5 is no number; it stays 2"),
        ("", 2, "nothing is no number; it stays 2"),
        ("2.4", 2, "2.4 is rounded to 2"),
    ],
)
def test_what_is_typed_is_clamped_with_a_note(node, text, value, note):
    spec = BandwidthDemo.cohort.spec()
    assert node.ask("typed", text, 2, spec) == {"value": value, "note": note}


@pytest.mark.parametrize("control", [BandwidthDemo.outgoing, DeviceMemoryDemo.example])
def test_a_size_survives_its_own_number_field(node, control):
    @settings(max_examples=300)
    @given(allowed(control))
    def survives(size):
        text = control.shown(size).removesuffix(f" {control.unit}")
        assert node.ask("typed", text, 0, control.spec()) == {"value": size, "note": ""}

    survives()
