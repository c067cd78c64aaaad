"""The in-process engine: real serialization, the same every time, and no surprise left behind."""

import logging
import os
import random
import threading

import numpy as np
import pytest
import torch
from apps import (
    BAD,
    PAYLOAD,
    Server,
    answer,
    client,
    client_where,
    counting,
    echo,
    federation,
    good,
    instructions,
    model,
    numbers,
    partition,
    record,
)
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.supercore.task_identity import TaskIdentity

from fedlab.engines import NotEnoughNodesError, simulate
from fedlab.engines.waiting import refuse_to_wait, wait_for_nodes
from fedlab.models import pythia_14m
from fedlab.strategies import BandwidthTrackingFedAvg


def fedavg(**settings):
    return BandwidthTrackingFedAvg(fraction_evaluate=0.0, **settings)


# --- the bytes ----------------------------------------------------------------------------------


def test_one_more_float32_in_a_reply_is_four_more_bytes_of_payload():
    """Pythia itself; the reply is refused, and its bytes are counted all the same."""
    start = record({name: t.numpy() for name, t in pythia_14m().state_dict().items()})

    def longer(message, context):
        reply = echo(message, context)
        if partition(context) == 1:
            reply.content["arrays"]["extra"] = record({"x": np.zeros(1, np.float32)})["x"]
        return reply

    ledger = simulate(Server(fedavg(), start, num_rounds=1), client(longer), nodes=2).ledger
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

    simulate(Server(fedavg(), sent, num_rounds=1), client(train), nodes=2)
    first, second = got
    for name, array in sent.items():
        assert first[name].data == second[name].data == array.data
        assert first[name] is not array
        assert first[name] is not second[name]


def test_arrays_of_several_chunks_arrive_whole():
    big = np.random.default_rng(1).standard_normal(3_000_000, dtype=np.float32)
    server = Server(fedavg(), record({"big": big}), num_rounds=1)
    ledger = simulate(server, client(echo), nodes=2).ledger
    np.testing.assert_array_equal(server.arrays["big"], big)
    assert ledger.traffic == 4 * 12_000_000


# --- the same every time ------------------------------------------------------------------------


def learner():
    """A client that really trains, with dropout and noise from three generators."""

    def train(message, context):
        net = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
        )
        net.load_state_dict(message.content["arrays"].to_torch_state_dict())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            loss = net(torch.randn(16, 4)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        arrays = {name: value.numpy() for name, value in net.state_dict().items()}
        arrays["0.bias"] = arrays["0.bias"] + np.random.randn(8).astype(np.float32)
        return answer(message, arrays, {"num-examples": random.randint(1, 9), "loss": loss.item()})

    return client(train)


def trained(seed, **settings):
    shapes = {"0.weight": (8, 4), "0.bias": (8,), "2.weight": (2, 8), "2.bias": (2,)}
    start = record({name: np.full(shape, 0.1, np.float32) for name, shape in shapes.items()})
    server = Server(fedavg(fraction_train=0.5), start, num_rounds=3)
    result = simulate(server, learner(), nodes=6, seed=seed, **settings)
    return result.ledger.transfers, server.arrays


def test_two_runs_with_one_seed_are_bitwise_identical():
    transfers, arrays = trained(7)
    torch.rand(1), np.random.rand(1), random.random()  # the caller's numbers go on in between
    again, arrays_again = trained(7)
    assert transfers == again
    assert len({t.node for t in transfers}) > 2
    for name, values in arrays.items():
        assert values.tobytes() == arrays_again[name].tobytes()


def test_another_seed_selects_and_trains_otherwise():
    (transfers, arrays), (others, other_arrays) = trained(7), trained(8)
    assert [t.node for t in transfers] != [t.node for t in others]
    assert arrays["0.weight"].tobytes() != other_arrays["0.weight"].tobytes()


def generators():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        torch.random.get_rng_state().numpy().tobytes(),
    )


def test_a_run_leaves_the_callers_random_numbers_as_they_were():
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    before = generators()
    trained(7)
    assert generators() == before
    with pytest.raises(LookupError):
        federation(lambda grid: (random.random(), next(iter(()), None), {}["no"]), client(echo))
    assert generators() == before


def test_without_a_seed_the_callers_generators_are_used():
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    before = generators()
    first = trained(None)
    assert all(a != b for a, b in zip(generators(), before, strict=True))
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    assert trained(None)[0] == first[0]


@pytest.mark.parametrize("seed", [0, -5, 2**40])
def test_any_whole_number_is_a_seed(seed):
    assert trained(seed)[0] == trained(seed)[0]


def test_runs_share_nothing_but_what_they_are_given():
    app = client(good)
    server = Server(fedavg(), num_rounds=2)
    first = simulate(server, app, nodes=3)
    second = simulate(server, app, nodes=3)
    assert first.ledger is not second.ledger
    assert first.ledger.transfers == second.ledger.transfers
    assert len(first.ledger.transfers) == 12
    for name, values in numbers(server.results[0].arrays).items():
        np.testing.assert_array_equal(values, server.arrays[name])


def test_a_run_inside_a_run_disturbs_neither():
    inner = []

    def main(grid):
        before = grid.send_and_receive(instructions(grid))
        inner.append(simulate(Server(fedavg(), num_rounds=1), client(good), nodes=3).ledger)
        after = grid.send_and_receive(instructions(grid))
        assert len(before) == len(after) == 2

    outer = federation(main, client(echo)).ledger
    assert (len(inner[0].transfers), len(outer.transfers)) == (6, 8)


# --- nodes --------------------------------------------------------------------------------------


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
        simulate(Server(fedavg()), client(echo), nodes=nodes)


@pytest.mark.parametrize("engine", ["warp", "", None, "Ray"])
def test_an_unknown_engine_is_refused(engine):
    with pytest.raises(ValueError, match=r"^engine: expected 'in-process' or 'ray', got"):
        simulate(Server(fedavg()), client(echo), engine=engine)


# --- client state -------------------------------------------------------------------------------


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


# --- what ends a run, and what does not ---------------------------------------------------------


def test_the_interrupt_key_in_a_client_ends_the_run():
    def train(message, context):
        raise KeyboardInterrupt

    identity = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    with pytest.raises(KeyboardInterrupt):
        simulate(Server(fedavg()), client(train), nodes=2)
    assert (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id) == identity
    assert len(simulate(Server(fedavg(), num_rounds=1), client(echo)).ledger.transfers) == 4


def test_a_run_leaves_the_identity_of_the_task_it_runs_in_as_it_was():
    kept = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    try:
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 7, 8, 9
        federation(lambda grid: None, client(echo))
        assert (TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id) == (7, 8, 9)
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = kept


def waiting(connected, required):
    text = "Waiting for nodes to connect: %d connected (minimum required: %d)."
    return logging.LogRecord("flwr", 20, "f.py", 1, text, (connected, required), None)


def test_waiting_for_nodes_ends_when_they_cannot_come_or_the_run_is_stopped():
    stop = threading.Event()
    refuse_to_wait(waiting(1, 3), 3, stop)  # they are on their way
    with pytest.raises(NotEnoughNodesError):
        refuse_to_wait(waiting(1, 4), 3, stop)
    stop.set()
    with pytest.raises(NotEnoughNodesError):
        refuse_to_wait(waiting(1, 3), 3, stop)


class Arriving:
    """A grid whose nodes come one by one, as Ray's do."""

    def __init__(self):
        self.asked = 0

    def get_node_ids(self):
        self.asked += 1
        return range(self.asked)


def test_a_run_begins_when_all_its_nodes_are_there_or_it_was_stopped():
    grid, stop = Arriving(), threading.Event()
    wait_for_nodes(grid, 3, stop)
    assert grid.asked == 3
    stop.set()
    wait_for_nodes(grid, 10**9, stop)
    assert grid.asked == 3


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(4), KeyboardInterrupt()])
def test_what_the_server_app_raises_is_raised(error):
    def main(grid):
        raise error

    with pytest.raises(type(error)) as caught:
        federation(main, client(echo))
    assert caught.value is error


def test_a_client_that_fails_is_in_the_ledger_and_no_exception():
    app = client_where(BAD["raises"].act, {2})
    result = simulate(Server(fedavg(), num_rounds=2), app, nodes=3)
    assert [(t.round, t.node, t.outcome) for t in result.ledger.failures] == [
        (1, 2, "failed"),
        (2, 2, "failed"),
    ]
    assert result.ledger.traffic == 2 * 5 * PAYLOAD


def test_an_app_without_the_function_that_is_asked_for_fails_by_name():
    server = Server(fedavg(), num_rounds=1)
    with pytest.warns(RuntimeWarning, match="No train function registered"):
        simulate(server, ClientApp(), nodes=2)


def test_the_warning_points_at_the_caller():
    with pytest.warns(RuntimeWarning) as warned:
        simulate(Server(fedavg(), num_rounds=1), client(BAD["raises"].act), nodes=2)
    assert warned[0].filename == __file__


def test_a_server_that_does_nothing_leaves_an_empty_ledger():
    result = federation(lambda grid: None, client(echo))
    assert result.ledger.transfers == []
    assert (result.engine, result.seconds >= 0) == ("in-process", True)


def test_the_server_apps_lifespan_is_lived():
    app, calls = ServerApp(), []

    @app.lifespan()
    def lifespan(context):
        calls.append("enter")
        yield
        calls.append("leave")

    @app.main()
    def main(grid, context):
        calls.append("main")

    simulate(app, client(echo))
    assert calls == ["enter", "main", "leave"]


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


# --- quiet --------------------------------------------------------------------------------------


def test_a_run_prints_nothing_unless_asked_and_flowers_log_when_asked(capfd):
    server = Server(fedavg(), num_rounds=1)
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
