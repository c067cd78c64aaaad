"""What a server holds: component by component, as by hand and as the aggregators do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layered import tied

from fedlab.aggregators import TreeMean
from fedlab.memory import ServerMemory
from fedlab.memory.server import tree_levels
from fedlab.sizes import TensorSpec
from fedlab.units import Bytes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"aggregation": "list"}, (100, 0, 2000, 0, 100, 0)),
        ({"aggregation": "list", "rounds": 2}, (100, 100, 2000, 2000, 0, 0)),
        ({"aggregation": "list", "storage": "mapped"}, (0, 0, 2000, 0, 100, 0)),
        ({"aggregation": "running"}, (100, 0, 0, 0, 100, 100)),
        ({"aggregation": "running", "rounds": 5, "window": 8}, (100, 100, 0, 0, 100, 800)),
        ({"aggregation": "running", "window": 21}, (100, 0, 0, 0, 100, 2000)),
        ({"aggregation": "async", "window": 3, "storage": "half"}, (50, 0, 0, 0, 100, 300)),
        ({"aggregation": "tree", "fan_out": 3}, (100, 0, 0, 0, 300, 100)),
        ({"aggregation": "running", "update": 7, "window": 2}, (100, 0, 0, 0, 100, 14)),
        ({"aggregation": "list", "update": 7}, (100, 0, 140, 0, 100, 0)),
    ],
)
def test_the_servers_components_are_those_by_hand(settings, expected):
    memory = ServerMemory(100, updates=20, **settings)
    names = ("global model", "initial model", "updates kept", "previous round", "sums", "in flight")
    assert memory.components == dict(zip(names, expected, strict=True))
    assert memory.total == sum(expected)
    assert memory.table().loc["total", "bytes"] == f"{sum(expected):,}"


def test_a_sum_of_halves_is_in_float32_and_of_integers_in_float64():
    model = {"w": np.zeros(100, np.float16), "n": np.zeros(3, np.int32), "d": np.zeros(2)}
    memory = ServerMemory(model, updates=5, aggregation="running")
    assert memory.components["in flight"] == memory.components["global model"] == 200 + 12 + 16
    assert memory.components["sums"] == 400 + 24 + 16
    assert ServerMemory([TensorSpec("w", (9,), "bfloat16")], updates=1).components["sums"] == 36


def test_tied_tensors_are_stored_once_and_sent_and_summed_each():
    components = ServerMemory(tied(), updates=3, aggregation="running").components
    once = 784 * 784 * 4
    assert (components["global model"], components["sums"]) == (once, 2 * once)
    assert components["in flight"] == 2 * once


@given(updates=st.integers(1, 300), fan_out=st.integers(2, 12))
def test_a_tree_holds_as_many_sums_as_predicted(updates, fan_out):
    mean, most = TreeMean(fan_out), 0
    for _ in range(updates):
        mean.add({"w": np.zeros(1, np.float32)}, 1)
        most = max(most, mean.sums)
    assert most == tree_levels(updates, fan_out)
    memory = ServerMemory(Bytes(40), updates=updates, aggregation="tree", fan_out=fan_out)
    assert memory.components["sums"] == 40 * most


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"updates": 0}, "updates: expected a whole number, 1 or more, got 0"),
        ({"updates": True}, "updates: expected a whole number"),
        ({"updates": 2.0}, "updates: expected a whole number"),
        ({"aggregation": "running", "window": 0}, "window: expected a whole number, 1 or more"),
        ({"window": 1}, "window: a list keeps every update"),
        ({"fan_out": 1}, "fan_out: expected a whole number, 2 or more, got 1"),
        ({"rounds": 0}, "rounds: expected a whole number, 1 or more"),
        ({"aggregation": "median"}, "aggregation: expected list, running, tree or async"),
        ({"storage": "tape"}, "storage: expected resident, mapped or half, got 'tape'"),
        ({"update": -1}, "update: expected a whole number of bytes"),
    ],
)
def test_a_server_that_cannot_be_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        ServerMemory(100, **{"updates": 20, **settings})
