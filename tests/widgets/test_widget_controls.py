"""What a reader changes: observed, linked, shown where no kernel runs, dragged in the view."""

import subprocess
import sys

import ipywidgets
import pytest

from fedlab.widgets import BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = [
    pytest.param(demo, control, id=f"{demo.__name__}-{control.name}")
    for demo in (BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo)
    for control in demo.controls()
]
ENDS = ((0, "low"), (-1, "high"))


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


@pytest.mark.parametrize(("kind", "control"), CONTROLS)
def test_every_control_is_observed_and_linked_both_ways(kind, control):
    one, other, seen = kind(), kind(), []
    one.observe(lambda change: seen.append(change.new), control.name)
    link = ipywidgets.link((one, control.name), (other, control.name))
    spec = control.spec()
    first, last = (spec["options"][n][0] if "options" in spec else spec[end] for n, end in ENDS)
    setattr(one, control.name, first)
    setattr(other, control.name, last)
    assert getattr(one, control.name) == last
    setattr(one, control.name, first)
    assert getattr(other, control.name) == first
    assert seen[-2:] == [last, first]
    link.unlink()
    assert one.notes == other.notes == {}


def test_large_type_is_a_setting_like_any_other():
    one, other = BandwidthDemo(), DeviceMemoryDemo()
    assert not one.large
    ipywidgets.link((one, "large"), (other, "large"))
    one.large = True
    assert other.large
    assert one.get_state("large") == {"large": True}
    assert "large" not in repr(one)


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
    assert f">\n<caption>{demo.readout().headline}</caption>" in data["text/html"]
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
