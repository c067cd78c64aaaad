"""Whatever a client does: named, counted, left out of the mean, and the round completes."""

import flowers
import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    answer,
    below_the_meter,
    client,
    client_where,
    federation,
    good,
    instructions,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from bad_clients import BAD, one_bad_of_three
from flwr.serverapp.strategy import FedAvg

from fedlab.engines import simulate
from fedlab.grids import CheckingGrid
from fedlab.strategies import BandwidthTrackingFedAvg

STRATEGIES = flowers.STRATEGIES | {"BandwidthTrackingFedAvg": BandwidthTrackingFedAvg}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply_is_named_counted_and_left_out_of_the_mean(name):
    bad = BAD[name]
    server, ledger = one_bad_of_three(bad.act)
    (failure,) = ledger.failures
    assert (failure.node, failure.round, failure.outcome) == (0, 1, bad.outcome)
    assert bad.reason in failure.reason
    assert "\n" not in failure.reason
    assert failure.payload == bad.payload
    assert (failure.record > 0) == (failure.message > 0) == (bad.outcome == "rejected")
    assert ledger.downlink == 3 * PAYLOAD
    assert ledger.uplink == 2 * PAYLOAD + bad.payload
    for values in server.arrays.values():  # (2 x 1 + 4 x 2) / 6, as FedAvg computes it
        mean = np.float32(1) * (2 / 6) + np.float32(2) * (4 / 6)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, np.full_like(values, mean))
    assert server.strategy.ledger.transfers == ledger.transfers


def mixed(message, context):
    """Five bad of thirteen, each in its own way; the good ones return distinct updates."""
    acts = ["raises", "a NaN", "another shape", "a metric too many", "garbage"]
    k = partition(context)
    if k < len(acts):
        return BAD[acts[k]].act(message, context)
    moved = {name: v + np.float32(0.1 * k) for name, v in numbers(message.content).items()}
    return answer(message, moved, {"num-examples": k})


def only_good_ones(message, context):
    k = partition(context) + 5
    moved = {name: v + np.float32(0.1 * k) for name, v in numbers(message.content).items()}
    return answer(message, moved, {"num-examples": k})


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_with_five_bad_clients_of_thirteen_ends_as_without_them(name):
    def run(train, nodes):
        strategy = STRATEGIES[name](fraction_evaluate=0.0, min_train_nodes=nodes)
        server = Server(strategy, record(model(1.0)), num_rounds=2, timeout=20)
        return server, simulate(server, client(train), nodes=nodes).ledger

    server, ledger = run(mixed, 13)
    alone, _ = run(only_good_ones, 8)
    assert sorted((t.round, t.node) for t in ledger.failures) == [
        (number, node) for number in (1, 2) for node in range(5)
    ]
    assert all(t.reason for t in ledger.failures)
    for tensor, expected in alone.arrays.items():
        np.testing.assert_allclose(server.arrays[tensor], expected, rtol=1e-5)
        assert not np.array_equal(expected, model(1.0)[tensor])


def test_without_the_checking_layer_one_bad_client_ends_the_run():
    server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=1)
    with pytest.raises(Exception, match="same keys"):
        simulate(server, client_where(BAD["a metric too many"].act, {0}), nodes=3, check=False)


@pytest.mark.parametrize("name", ["raises", "a NaN", "returns None", "no weight"])
def test_when_all_fail_the_run_says_so_and_the_model_is_unchanged(name):
    start = record(model(0.25))
    server = Server(tracking(), start, num_rounds=2, timeout=20)
    with pytest.warns(RuntimeWarning) as warned:
        result = simulate(server, client(BAD[name].act), nodes=3)
    texts = [str(w.message) for w in warned]
    for number in (1, 2):
        (text,) = (t for t in texts if t.startswith(f"round {number}:"))
        assert "none of 3 clients sent a usable update; the global model is unchanged" in text
        assert BAD[name].reason in text
    assert len(result.ledger.failures) == 6
    assert server.results[0].arrays is start
    np.testing.assert_array_equal(server.arrays["w"], model(0.25)["w"])


def test_a_round_without_a_usable_update_keeps_the_model_of_the_round_before():
    def first_round_only(message, context):
        if message.content["config"]["server-round"] > 1:
            raise OSError("gone")
        return good(message, context)

    server = Server(tracking(), num_rounds=2)
    with pytest.warns(RuntimeWarning, match=r"round 2: none of 2 clients.*OSError: gone"):
        simulate(server, client(first_round_only), nodes=2)
    mean = np.float32(0) * (1 / 3) + np.float32(1) * (2 / 3)
    np.testing.assert_array_equal(server.arrays["b"], np.full(3, mean))


def test_a_client_cannot_reach_the_server_through_what_it_is_handed():
    def train(message, context):
        message.metadata.dst_node_id = 99
        message.metadata.group_id = "mine"
        for array in message.content["arrays"].values():
            array.data = b"overwritten"
        message.content["config"]["server-round"] = 77
        del message.content["config"]
        return answer(message, model(1.0))

    start = record(model(0.5))
    server = Server(tracking(), start, num_rounds=2)
    ledger = simulate(server, client(train), nodes=2).ledger
    assert {(t.node, t.round) for t in ledger.transfers} == {(0, 1), (1, 1), (0, 2), (1, 2)}
    np.testing.assert_array_equal(numbers(start)["w"], model(0.5)["w"])


def test_a_checking_layer_without_a_meter_still_rejects():
    def main(grid):
        replies = CheckingGrid(below_the_meter(grid)).send_and_receive(instructions(grid))
        assert [reply.has_error() for reply in replies] == [True, False]
        assert replies[0].error.code == 422
        assert replies[0].metadata.reply_to_message_id
        assert replies[0].metadata.src_node_id == 0

    app = client_where(BAD["a NaN"].act, {0})
    federation(main, app)
