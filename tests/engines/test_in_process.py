"""The in-process engine: real serialization, nodes with a state of their own, and quiet."""

import os

import numpy as np
import pytest
from apps import (
    Server,
    client,
    counting,
    echo,
    federation,
    good,
    instructions,
    model,
    partition,
    record,
    tracking,
)
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from fedlab.engines import NotEnoughNodesError, simulate
from fedlab.models import pythia_14m


def test_one_more_float32_in_a_reply_is_four_more_bytes_of_payload():
    """Pythia itself; the reply is refused, and its bytes are counted all the same."""
    start = record({name: t.numpy() for name, t in pythia_14m().state_dict().items()})

    def longer(message, context):
        reply = echo(message, context)
        if partition(context) == 1:
            reply.content["arrays"]["extra"] = record({"x": np.zeros(1, np.float32)})["x"]
        return reply

    ledger = simulate(Server(tracking(), start, num_rounds=1), client(longer), nodes=2).ledger
    assert ledger.traffic == 225_083_392 + 4
    assert [t.payload for t in ledger.transfers if t.direction == "down"] == [56_270_848] * 2
    assert {t.node: t.payload for t in ledger.transfers} == {0: 56_270_848, 1: 56_270_852}
    assert [t.reason for t in ledger.failures] == ["arrays: missing or unexpected tensors extra"]


def test_what_a_client_gets_is_inflated_from_bytes_and_shares_nothing():
    sent = record(model(1.0))
    got = []

    def train(message, context):
        got.append(message.content["arrays"])
        return echo(message, context)

    simulate(Server(tracking(), sent, num_rounds=1), client(train), nodes=2)
    first, second = got
    for name, array in sent.items():
        assert first[name].data == second[name].data == array.data
        assert first[name] is not array
        assert first[name] is not second[name]


def test_arrays_of_several_chunks_arrive_whole():
    big = np.random.default_rng(1).standard_normal(3_000_000, dtype=np.float32)
    server = Server(tracking(), record({"big": big}), num_rounds=1)
    ledger = simulate(server, client(echo), nodes=2).ledger
    np.testing.assert_array_equal(server.arrays["big"], big)
    assert ledger.traffic == 4 * 12_000_000


def test_each_node_knows_its_partition_and_how_many_there_are():
    def query(message, context):
        told = {**context.node_config, "node": context.node_id, "run": context.run_id}
        return Message(RecordDict({"metrics": MetricRecord(told)}), reply_to=message)

    def main(grid):
        assert grid.get_node_ids() == [0, 1, 2]
        for k, reply in enumerate(grid.send_and_receive(instructions(grid, kind="query"))):
            expected = {"partition-id": k, "num-partitions": 3, "node": k, "run": grid.run.run_id}
            assert dict(reply.content["metrics"]) == expected
            assert reply.metadata.src_node_id == k

    federation(main, client(echo, query=query), nodes=3)


@pytest.mark.parametrize(
    "needs",
    [
        {"min_train_nodes": 5},
        {"min_available_nodes": 5},
        {"min_evaluate_nodes": 5, "fraction_evaluate": 1.0},
    ],
)
def test_fewer_nodes_than_the_strategy_needs_is_an_error_at_once(needs):
    server = Server(FedAvg(**{"fraction_evaluate": 0.0, **needs}), num_rounds=1)
    with pytest.raises(NotEnoughNodesError) as caught:
        simulate(server, client(echo, echo), nodes=3)
    assert str(caught.value) == (
        "the strategy needs 5 nodes and this federation has 3; raise nodes to 5, or lower the "
        "strategy's min_available_nodes, min_train_nodes and min_evaluate_nodes"
    )


@pytest.mark.parametrize("nodes", [0, -1, 1.5, "2", None, True])
def test_a_number_of_nodes_below_one_is_refused(nodes):
    with pytest.raises(ValueError, match=r"^nodes: expected a whole number, 1 or more, got"):
        simulate(Server(tracking()), client(echo), nodes=nodes)


@pytest.mark.parametrize("engine", ["warp", "", None, "Ray"])
def test_an_unknown_engine_is_refused(engine):
    with pytest.raises(ValueError, match=r"^engine: expected 'in-process' or 'ray', got"):
        simulate(Server(tracking()), client(echo), engine=engine)


def seen_by_round(grid, rounds=3):
    return [
        {
            reply.metadata.src_node_id: reply.content["metrics"]["seen"]
            for reply in grid.send_and_receive(instructions(grid, number=number))
            if reply.has_content()
        }
        for number in range(1, rounds + 1)
    ]


def test_a_clients_state_lasts_from_round_to_round_and_a_failed_round_leaves_none():
    seen = []
    federation(lambda grid: seen.extend(seen_by_round(grid)), client(counting))
    assert seen == [{0: 1, 1: 1}, {0: 2}, {0: 3, 1: 2}]


def test_a_new_run_starts_with_empty_state():
    app, seen = client(counting), []
    for _ in range(2):
        federation(lambda grid: seen.extend(seen_by_round(grid, rounds=1)), app)
    assert seen == [{0: 1, 1: 1}] * 2


def test_what_a_reply_may_carry_comes_back_as_it_was():
    def query(message, context):
        content = RecordDict(
            {
                "größe": ConfigRecord({"t": "ü", "b": b"\x00\xff", "l": [True, False], "e": []}),
                "m": MetricRecord({"x": [0.5, -1.5], "n": 2**64 - 1}),
                "empty": record({"none": np.zeros((0, 3), np.float32), "one": np.float64(1)}),
            }
        )
        return Message(content, reply_to=message)

    def main(grid):
        (reply,) = grid.send_and_receive(instructions(grid, kind="query"))
        assert dict(reply.content["größe"]) == {
            **{"t": "ü", "b": b"\x00\xff", "l": [True, False], "e": []}
        }
        assert dict(reply.content["m"]) == {"x": [0.5, -1.5], "n": 2**64 - 1}
        assert reply.content["empty"]["none"].numpy().shape == (0, 3)

    federation(main, client(echo, query=query), nodes=1)


def test_a_run_prints_nothing_unless_asked_and_flowers_log_when_asked(capfd):
    server = Server(tracking(), num_rounds=1)
    capfd.readouterr()
    simulate(server, client(good), nodes=2)
    assert capfd.readouterr() == ("", "")
    simulate(server, client(good), nodes=2, verbose=True)
    shown = capfd.readouterr()
    assert "INFO    : [ROUND 1/1]" in shown.out
    assert "INFO    : Strategy execution finished in … s" in shown.out
    assert "\x1b" not in shown.out
    assert shown.err == ""


def test_a_run_sends_flower_no_telemetry():
    from flwr.supercore import telemetry

    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"
    assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
