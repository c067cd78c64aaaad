"""The server memory demo: `ServerMemory`'s numbers, and its formula once more in JavaScript."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from states import largest, put, smallest, states

from fedlab.memory import ServerMemory
from fedlab.memory.server import tree_levels
from fedlab.sizes import TensorSpec
from fedlab.widgets import ServerMemoryDemo

WAYS = {"list": "list", "running": "running mean", "tree": "tree", "async": "async buffer"}
MIB = 2**20


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(ServerMemoryDemo)


@pytest.mark.parametrize(("way", "name"), WAYS.items())
def test_the_readout_is_the_memorys(way, name):
    demo = ServerMemoryDemo(
        5 * MIB, updates=1000, aggregation=way, rounds=3, window=8, fan_out=4, storage="half"
    )
    servers = {
        each: ServerMemory(
            5 * MIB,
            updates=1000,
            aggregation=each,
            rounds=3,
            window=None if each == "list" else 8,
            fan_out=4,
            storage="half",
        )
        for each in WAYS
    }
    server, said = servers[way], dict(demo.readout().rows)
    assert f"{name} takes {server.total} on the server" in demo.readout().headline
    for component, size in server.components.items():
        assert said[component.capitalize()] == f"{size}, {server.table()['share'][component]}"
    for each, label in WAYS.items():
        total = servers[each].total
        assert said[f"Total, {label}"] == f"{total}, {total / (5 * MIB):,.1f} models"


def test_a_list_grows_with_the_participants_and_the_others_do_not():
    few, many = (dict(ServerMemoryDemo(updates=n).readout().rows) for n in (10, 1_000_000))
    assert few["Total, list"] == "60.00 MB (57.22 MiB), 12.0 models"
    assert many["Total, list"] == "5.00 TB (4.55 TiB), 1,000,002.0 models"
    for way in ("Total, running mean", "Total, async buffer"):
        assert few[way] == many[way] == "15.00 MB (14.31 MiB), 3.0 models"
    assert many["Total, tree"] == "40.00 MB (38.15 MiB), 8.0 models"


def test_a_list_keeps_two_rounds_from_the_second_on():
    demo = ServerMemoryDemo(updates=100)
    assert "102.0 × the model" in demo.readout().headline
    demo.rounds = 2
    assert "202.0 × the model" in demo.readout().headline


def test_a_window_with_a_list_is_left_out():
    demo = ServerMemoryDemo(window=50)
    assert dict(demo.readout().rows)["In flight"] == "0 B, 0.0%"
    demo.aggregation = "running"
    assert dict(demo.readout().rows)["In flight"].startswith("250.00 MB")


def test_a_model_is_as_large_as_it_travels():
    tied = [TensorSpec("in", (7, 3)), TensorSpec("out", (7, 3), tied_to="in")]
    assert ServerMemoryDemo(tied).model_size == 2 * 7 * 3 * 4


def test_one_participant_is_no_crowd():
    demo = ServerMemoryDemo(updates=1, aggregation="async")
    assert demo.readout().headline.startswith("For 1 participant an async buffer takes")


@settings(max_examples=600)
@given(states(ServerMemoryDemo))
@example(largest(ServerMemoryDemo))
@example(smallest(ServerMemoryDemo))
@example(smallest(ServerMemoryDemo) | {"model_size": 3, "storage": "half"})  # 1.5 becomes 2
def test_the_view_computes_what_python_does(node, state):
    server = put(ServerMemoryDemo(), state).memory(state["aggregation"])
    seen = node.ask("formula", state)
    assert seen["held"] == {name: str(int(size)) for name, size in server.components.items()}
    assert seen["total"] == str(int(server.total))


@settings(max_examples=300)
@given(st.integers(1, 10**6), st.integers(2, 1000))
@example(110, 10)
@example(111, 10)
def test_the_view_counts_a_trees_levels_as_python_does(node, updates, fan_out):
    assert node.ask("treeLevels", updates, fan_out) == tree_levels(updates, fan_out)
