"""The bandwidth demo: `FederatedRun`'s numbers, and its formula once more in JavaScript."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from states import largest, put, smallest, states

from fedlab.bandwidth import FederatedRun
from fedlab.sizes import size_of
from fedlab.units import duration
from fedlab.widgets import BandwidthDemo

PYTHIA = 56_270_848


@pytest.fixture
def demo():
    return BandwidthDemo("pythia-14m", cohort=2)


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(BandwidthDemo)


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


def test_the_fallback_shows_a_size_in_its_unit(demo):
    assert "<td>56.270848 MB</td>" in demo._repr_mimebundle_()[0]["text/html"]


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


@settings(max_examples=600)
@given(states(BandwidthDemo))
@example(largest(BandwidthDemo))
@example(smallest(BandwidthDemo))
@example(largest(BandwidthDemo) | {"cohort": 100, "fraction": 0.29})  # int(0.29 x 100) is 28
def test_the_view_computes_what_python_does(node, state):
    demo = put(BandwidthDemo(), state)
    if demo.readout().rows:
        run = demo.run()
        assert node.ask("formula", state) == {
            "clients": str(run.clients_per_round),
            "downlink": str(int(run.downlink)),
            "uplink": str(int(run.uplink)),
            "perRound": str(int(run.per_round)),
            "traffic": str(int(run.traffic)),
        }
