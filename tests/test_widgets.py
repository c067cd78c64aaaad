"""The demos without a browser: their traits, what they say, and the same words from JavaScript."""

import json
import math
import shutil
import subprocess
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedlab.bandwidth import FederatedRun
from fedlab.sizes import size_of
from fedlab.units import Bytes, duration
from fedlab.widgets import BandwidthDemo

PYTHIA = 56_270_848
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def demo():
    return BandwidthDemo("pythia-14m", cohort=2)


# --- what it says


def test_the_readout_is_the_formulas(demo):
    run = FederatedRun(PYTHIA, cohort=2)
    rows = dict(demo.readout().rows)
    assert rows["Clients per round"] == "2 of 2"
    assert rows["Downlink, all rounds"] == str(run.downlink)
    assert rows["Uplink, all rounds"] == str(run.uplink)
    assert rows["Both ways, one round"] == str(run.per_round)
    assert rows["Traffic, all rounds"] == "225.08 MB (214.66 MiB), 225,083,392 B"
    assert rows["One client's upload, one round"] == duration(PYTHIA * 8 / 20e6) == "22.5 s"
    assert rows["All traffic through one such link"] == duration(225_083_392 * 8 / 20e6)


def test_without_a_model_it_asks_the_lessons_question():
    assert BandwidthDemo().run().traffic == 212_000_000


def test_a_model_sets_both_directions_and_a_size_goes_before_it():
    weights = {"w": np.zeros((784, 64), np.float32)}
    size = size_of(weights)
    both, less = BandwidthDemo(weights), BandwidthDemo(weights, incoming=1000)
    assert (both.outgoing, both.incoming) == (size, size)
    assert (less.outgoing, less.incoming) == (size, 1000)
    assert BandwidthDemo(outgoing=7).incoming == 7


def test_a_fraction_that_selects_nobody_is_a_sentence(demo):
    demo.fraction = 0.4
    said = demo.readout()
    assert said.headline.startswith("Nobody is selected: int(2 × 0.4) is 0.")
    assert said.rows == ()
    assert "Nobody" in repr(demo)
    assert "Nobody" in demo._repr_mimebundle_()[0]["text/html"]


def test_the_repr_says_the_numbers_in_one_line(demo):
    assert "\n" not in repr(demo)
    assert "cohort=2" in repr(demo)
    for value in dict(demo.readout().rows).values():
        assert value in repr(demo)


def test_the_fallback_is_a_table_with_the_numbers(demo):
    data, _ = demo._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/html", "text/plain"}
    assert data["text/html"].startswith("<table>")
    assert "56.270848 MB" in data["text/html"]
    for value in dict(demo.readout().rows).values():
        assert f"<td>{value}</td>" in data["text/html"]


def test_the_fallback_of_an_equal_demo_is_the_same_text(demo):
    again = BandwidthDemo("pythia-14m", cohort=2)
    for mime in ("text/html", "text/plain"):
        assert again._repr_mimebundle_()[0][mime] == demo._repr_mimebundle_()[0][mime]


def test_importing_fedlab_imports_no_widget():
    code = "import sys, fedlab; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- its traits


def test_a_change_is_observed_and_linked(demo):
    seen, slider = [], ipywidgets.IntSlider(value=5, min=1, max=100)
    demo.observe(lambda change: seen.append(change.new), "cohort")
    ipywidgets.link((slider, "value"), (demo, "cohort"))
    assert demo.cohort == 5
    slider.value = 9
    demo.cohort = 12
    assert seen == [5, 9, 12]
    assert slider.value == 12


def test_what_the_browser_sends_arrives(demo):
    demo.set_state({"cohort": 30, "fraction": 1, "outgoing": 10**12})
    assert (demo.cohort, demo.fraction, demo.outgoing) == (30, 1.0, 10**12)
    assert isinstance(demo.fraction, float)


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3), 3.0])
def test_a_whole_number_of_any_kind_is_an_int(demo, number):
    demo.cohort = number
    assert type(demo.cohort) is int


@pytest.mark.parametrize("name", ["outgoing", "incoming", "cohort", "fraction", "rounds"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -5, 10**400, "abc", None, True, [1], 1j])
def test_a_bad_value_is_refused_with_the_limits_and_changes_nothing(demo, name, bad):
    before = getattr(demo, name)
    with pytest.raises(
        traitlets.TraitError, match=rf"{name}: expected a .*number from .* to .*got"
    ):
        setattr(demo, name, bad)
    assert getattr(demo, name) == before


def test_a_count_is_whole(demo):
    with pytest.raises(traitlets.TraitError, match="cohort: expected a whole number"):
        demo.cohort = 2.5


# --- the same words from JavaScript


class Node:
    """A Node process that runs the module the browser gets: one JSON question, one JSON answer."""

    def __init__(self, folder):
        (folder / "demo.mjs").write_text(BandwidthDemo()._esm, encoding="utf-8")
        (folder / "ask.mjs").write_text(
            'import { createInterface } from "node:readline";\n'
            'import * as demo from "./demo.mjs";\n'
            "const text = (_, value) => typeof value === 'bigint' ? String(value) : value;\n"
            "for await (const line of createInterface({ input: process.stdin })) {\n"
            "  const [name, ...args] = JSON.parse(line);\n"
            "  console.log(JSON.stringify(demo[name](...args), text));\n"
            "}\n",
            encoding="utf-8",
        )
        self.process = subprocess.Popen(
            [shutil.which("node"), "ask.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, name, *args):
        self.process.stdin.write(json.dumps([name, *args]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    if shutil.which("node") is None:
        pytest.skip("no node on the PATH: install Node.js 18 or newer to run the demos' JavaScript")
    process = Node(tmp_path_factory.mktemp("node"))
    yield process
    process.close()


def limits(name):
    control = next(c for c in BandwidthDemo.controls() if c.name == name)
    return {"min_value": control.low, "max_value": control.high}


def sizes(name):
    decade = st.integers(0, 12).flatmap(lambda power: st.integers(0, 10**power))
    return decade.filter(lambda size: size <= limits(name)["max_value"])


def counts(name):
    return st.one_of(st.integers(1, 100), st.integers(**limits(name)))


states = st.fixed_dictionaries(
    {
        "outgoing": sizes("outgoing"),
        "incoming": sizes("incoming"),
        "cohort": counts("cohort"),
        "fraction": st.one_of(
            st.integers(1, 100).map(lambda percent: percent / 100), st.floats(**limits("fraction"))
        ),
        "rounds": counts("rounds"),
        "link_mbps": st.one_of(st.just(20.0), st.floats(**limits("link_mbps"))),
    }
)
LARGEST = {c.name: c.high for c in BandwidthDemo.controls()}
SMALLEST = {c.name: c.low for c in BandwidthDemo.controls()}


@settings(max_examples=1000, deadline=None)
@given(states)
@example(LARGEST)
@example(SMALLEST)
@example(LARGEST | {"cohort": 100, "fraction": 0.29})  # int(0.29 x 100) is 28
def test_the_view_computes_and_says_what_python_does(node, state):
    demo = BandwidthDemo(**state)
    said = demo.readout()
    seen = node.ask("readout", state)
    assert seen["headline"] == said.headline
    assert tuple((label, value) for label, value, *_ in seen["rows"]) == said.rows
    if said.rows:
        run, numbers = demo.run(), node.ask("formula", state)
        assert numbers == {
            "clients": str(run.clients_per_round),
            "downlink": str(int(run.downlink)),
            "uplink": str(int(run.uplink)),
            "perRound": str(int(run.per_round)),
            "traffic": str(int(run.traffic)),
        }


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.floats(0, 1e12), st.integers(0, 10**7).map(lambda n: n / 8)), st.integers(0, 2))
def test_a_number_is_rounded_as_python_does(node, number, digits):
    assert node.ask("fixed", number, digits) == f"{number:.{digits}f}"


@settings(max_examples=500, deadline=None)
@given(st.floats(0, 1e17))
@example(3599.9)
@example(2.5 * 3600)
@example(48 * 3600.0)
def test_a_duration_is_said_as_python_says_it(node, seconds):
    assert node.ask("duration", seconds) == duration(seconds)


def test_a_size_next_to_a_power_of_1000_is_said_as_python_says_it(node):
    for power in range(3, 19, 3):
        for size in range(10**power - 3, 10**power + 3):
            run = {"outgoing": size, "incoming": 0, "cohort": 1, "fraction": 1.0, "rounds": 1}
            if size <= LARGEST["outgoing"]:
                seen = node.ask("readout", {**run, "link_mbps": 20.0})
                assert seen["rows"][1][1] == str(Bytes(size))


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


@settings(max_examples=300, deadline=None)
@given(sizes("outgoing"))
def test_a_size_survives_its_own_number_field(node, size):
    control = BandwidthDemo.outgoing
    text = control.shown(size).removesuffix(" MB")
    assert node.ask("typed", text, 0, control.spec()) == {"value": size, "note": ""}
