"""What a control makes of any value, and what it says: in Python, in the view, the same."""

import math
from decimal import Decimal
from fractions import Fraction

import ipywidgets
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from states import allowed

from fedlab.widgets import BandwidthDemo, CompressionDemo, DeviceMemoryDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice
from fedlab.widgets.notes import written

CONTROLS = [
    pytest.param(demo, control, id=f"{demo.__name__}-{control.name}")
    for demo in (BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo, CompressionDemo)
    for control in demo.controls()
]
NUMBERS = [each for each in CONTROLS if not isinstance(each.values[1], Choice)]
CHOICES = [each for each in CONTROLS if isinstance(each.values[1], Choice)]
# as JSON brings them from the browser, and so as both sides know them
ANY = st.one_of(
    st.floats(),
    st.integers(-(10**14), 10**14),
    st.integers(-20, 20).map(lambda n: n / 2),
    st.text(),
    st.sampled_from(["", "30", "NaN", " \t\n", "sgd", "x" * 25, "x" * 26]),
    st.none(),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(BandwidthDemo)


@pytest.fixture
def demo():
    return BandwidthDemo("pythia-14m", cohort=2)


def made(kind):
    return kind(np.ones(3)) if kind is CompressionDemo else kind()


def shape(value):
    """A value as JSON can carry it: the test's Node knows what a Number is."""
    odd = isinstance(value, float) and not (math.isfinite(value) and value)
    return {"Number": written(value)} if odd else value


# --- the two sides


@pytest.mark.parametrize(("kind", "control"), CONTROLS)
def test_the_view_takes_what_python_takes_and_says_the_same(node, kind, control):
    spec = control.spec()

    @settings(max_examples=150, deadline=None)
    @given(ANY, allowed(control))
    @example(math.nan, control.default_value)
    @example(math.inf, control.default_value)
    @example(-math.inf, control.default_value)
    @example(-0.4, control.default_value)
    @example(-0.0, control.default_value)
    @example(0.49999999999999994, control.default_value)  # + 0.5 is 1
    @example(1.5, control.default_value)
    @example(2.5, control.default_value)
    def agree(came, current):
        value, note = control.taken(came, current)
        assert node.ask("taken", shape(came), current, spec) == {"value": value, "note": note}

    agree()


@pytest.mark.parametrize(("kind", "control"), NUMBERS)
def test_a_number_that_is_typed_is_taken_as_one_that_is_set(node, kind, control):
    spec = control.spec()

    @settings(max_examples=150, deadline=None)
    @given(st.one_of(st.floats(-1e15, 1e15), st.integers(-(10**14), 10**14), allowed(control)))
    def agree(came):
        value, note = control.taken(came, control.low)
        text = written(came / control.per_unit)
        seen = node.ask("typed", text, control.low, spec)
        assert seen["value"] == value
        if came / control.per_unit * control.per_unit == came:  # else the text says less
            assert seen["note"] == note

    agree()


@settings(max_examples=500)
@given(st.one_of(st.floats(), st.integers(-(2**53), 2**53).map(float)))
@example(1e-6)
@example(1e-7)
@example(9.5e20)
@example(1e21)
@example(5e-324)
def test_a_number_is_written_as_the_view_writes_it(node, number):
    assert node.ask("shown", shape(number), {"perUnit": 1}) == written(number)


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ("30", 30, ""),
        (" 1e3 ", 1000, ""),
        ("-5", 1, "-5 is too small; the least is 1"),
        ("1e400", 10**6, "1e400 is too large; the most is 1000000"),
        ("Infinity", 10**6, "Infinity is too large; the most is 1000000"),
        ("abc", 2, '"abc" is no number; it stays 2'),
        ("NaN", 2, '"NaN" is no number; it stays 2'),
        ("12,5", 2, '"12,5" is no number; it stays 2'),
        ("", 2, "nothing is no number; it stays 2"),
        ("a" * 26, 2, f'"{"a" * 25}…" is no number; it stays 2'),
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


# --- in Python


@pytest.mark.parametrize(("kind", "control"), NUMBERS)
@pytest.mark.parametrize("bad", [math.nan, np.nan, "abc", "30", "", None, True, [1], 1j, b"1"])
def test_what_is_no_number_changes_nothing_and_is_said(kind, control, bad):
    demo = made(kind)
    before = getattr(demo, control.name)
    setattr(demo, control.name, bad)
    assert getattr(demo, control.name) == before
    assert list(demo.notes) == [control.name]
    assert " is no number; it stays " in demo.notes[control.name]
    setattr(demo, control.name, before)  # a later good value, even the same
    assert demo.notes == {}


@pytest.mark.parametrize(("kind", "control"), NUMBERS)
@pytest.mark.parametrize("way", [1, -1], ids=["large", "small"])
@pytest.mark.parametrize("size", [math.inf, 10**400, 1e300, Fraction(10**400), np.float64(1e99)])
def test_what_is_outside_the_limits_becomes_a_limit_and_is_said(kind, control, size, way):
    demo = made(kind)
    setattr(demo, control.name, way * size)
    limit = control.high if way == 1 else control.low
    assert getattr(demo, control.name) == limit
    assert type(getattr(demo, control.name)) is type(control.low)
    words = "too large; the most is" if way == 1 else "too small; the least is"
    said = control.shown(limit).removesuffix(f" {control.unit}")
    assert demo.notes[control.name].endswith(f" is {words} {said}")
    setattr(demo, control.name, control.low)
    assert demo.notes == {}


@pytest.mark.parametrize(("kind", "control"), CHOICES)
def test_what_is_no_option_changes_nothing_and_is_said(kind, control):
    demo = made(kind)
    before = getattr(demo, control.name)
    for bad in ("", "abc", before.upper(), None, 1, math.nan, [before]):
        setattr(demo, control.name, bad)
        assert getattr(demo, control.name) == before
        quote = f'"{bad}"' if isinstance(bad, str) else "that"
        options = ", ".join(control.options)
        assert demo.notes == {control.name: f"{quote} is none of {options}; it stays {before}"}
    setattr(demo, control.name, before)
    assert demo.notes == {}


def test_a_count_is_rounded_half_upwards(demo):
    for came, cohort in ((2.4, 2), (2.5, 3), (3.5, 4), (np.float32(7.9), 8)):
        demo.cohort = came
        assert (demo.cohort, type(demo.cohort)) == (cohort, int)
        assert demo.notes["cohort"].endswith(f" is rounded to {cohort}")


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3), np.uint8(3), 3.0, Fraction(3)])
def test_a_whole_number_of_any_kind_is_an_int(demo, number):
    demo.cohort = number
    assert (demo.cohort, type(demo.cohort), demo.notes) == (3, int, {})


def test_a_size_is_said_in_the_unit_that_is_shown(demo):
    demo.outgoing = 2 * 10**12
    assert demo.notes == {"outgoing": "2000000 is too large; the most is 1000000"}


def test_text_that_nobody_can_print_is_said_all_the_same(demo):
    demo.cohort = "\udcff" + "x" * 10**6 + "\n"
    demo.notes["cohort"].encode("utf-8")
    assert len(demo.notes["cohort"]) < 80
    demo.cohort = Decimal("NaN")
    assert demo.notes["cohort"] == "that is no number; it stays 2"


def test_a_constructor_clamps_too():
    demo = BandwidthDemo(outgoing=-1, cohort="many", rounds=10**9, fraction=math.nan)
    assert (demo.outgoing, demo.cohort, demo.rounds) == (0, 2, 10**5)
    assert demo.notes == {
        "outgoing": "-0.000001 is too small; the least is 0",
        "incoming": "-0.000001 is too small; the least is 0",  # it follows the other
        "cohort": '"many" is no number; it stays 2',
        "fraction": "NaN is no number; it stays 1",
        "rounds": "1000000000 is too large; the most is 100000",
    }
    assert DeviceMemoryDemo(optimizer="lamb").optimizer == "sgd"
    assert CompressionDemo(np.ones(3), keep="most").keep == "topk"


def test_each_control_has_its_own_note(demo):
    demo.cohort, demo.rounds = -5, 2.7
    assert list(demo.notes) == ["cohort", "rounds"]
    demo.cohort = 7
    assert demo.notes == {"rounds": "2.7 is rounded to 3"}


def test_the_next_value_takes_a_note_away_within_a_hold_too(demo):
    with demo.hold_trait_notifications():
        demo.cohort = -5
        demo.cohort = 7
        demo.rounds = -1
    assert demo.notes == {"rounds": "-1 is too small; the least is 1"}


def test_a_link_from_a_widget_never_breaks(demo):
    text, slider = ipywidgets.Text("seven"), ipywidgets.FloatSlider(value=500, max=10**7)
    ipywidgets.link((text, "value"), (demo, "cohort"))
    assert demo.cohort == 2
    ipywidgets.link((slider, "value"), (demo, "rounds"))
    slider.value = 10**7
    assert (demo.rounds, slider.value) == (10**5, 10**7)
    assert set(demo.notes) == {"cohort", "rounds"}


# --- between Python and the view


def test_what_the_browser_sends_is_clamped_too(demo):
    demo.set_state({"cohort": -5, "fraction": None, "rounds": "x", "outgoing": 1e300})
    assert (demo.cohort, demo.fraction, demo.rounds, demo.outgoing) == (1, 1.0, 1, 10**12)
    assert set(demo.notes) == {"cohort", "fraction", "rounds", "outgoing"}


@pytest.mark.parametrize("first", ["notes", "cohort"])
def test_a_note_of_the_view_stays_with_its_value_whatever_comes_first(demo, first):
    demo.cohort = 10**9
    state = {"cohort": 1, "notes": {"cohort": "-5 is too small; the least is 1"}}
    demo.set_state(dict(sorted(state.items(), reverse=first == "notes")))
    assert (demo.cohort, demo.notes) == (1, state["notes"])
    demo.set_state({"cohort": 30})
    assert demo.notes == {}


def test_a_value_reaches_the_view_before_what_is_said_about_it(demo):
    seen = []
    demo.observe(lambda change: seen.append((change.name, demo.cohort)), ["cohort", "notes"])
    demo.cohort = -5
    assert seen == [("cohort", 1), ("notes", 1)]


# --- where it is said


@pytest.mark.parametrize("kind", [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo])
def test_the_repr_and_the_table_say_the_notes(kind):
    demo = made(kind)
    name = demo.controls()[-1].name
    setattr(demo, name, "<b>")
    assert repr(demo).endswith(f"; {name}: {demo.notes[name]}")
    table = demo._repr_mimebundle_()[0]["text/html"]
    assert "<br><em>&quot;&lt;b&gt;&quot; is " in table
    setattr(demo, name, getattr(demo, name))
    assert "<em>" not in demo._repr_mimebundle_()[0]["text/html"]
