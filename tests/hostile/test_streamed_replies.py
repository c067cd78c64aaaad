"""Whatever a client does to a stream: named, counted, left out of the mean, and the round ends."""

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    W,
    answer,
    client,
    client_where,
    echo,
    good,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from bad_clients import BAD
from flwr.app import ArrayRecord

from fedlab.engines import simulate
from fedlab.strategies import StreamingFedAvg

OTHER_METRICS = ["a metric too many", "a list of another length"]


def run(train, strategy=None, *, arrays=None, rounds=1, nodes=3):
    strategy = strategy or StreamingFedAvg(fraction_evaluate=0.0)
    server = Server(strategy, arrays, num_rounds=rounds, timeout=20)
    ledger = simulate(server, client(train), nodes=nodes).ledger
    assert strategy.ledger.transfers == ledger.transfers
    return server, ledger


def mean_of(clients):
    """Good client k returns the model plus k with the weight 2**k."""
    total = sum(2**k for k in clients)
    return sum(2**k * k for k in clients) / total


@pytest.mark.parametrize("window", [None, 1])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply_is_named_counted_and_left_out_of_the_mean(name, window):
    bad = BAD[name]
    strategy = StreamingFedAvg(fraction_evaluate=0.0, window=window)
    server = Server(strategy, num_rounds=1, timeout=20)
    ledger = simulate(server, client_where(bad.act, {1}), nodes=3).ledger
    if name in OTHER_METRICS and [t.node for t in ledger.failures] != [1]:
        return  # it came first: see below
    (failure,) = ledger.failures
    assert (failure.node, failure.round, failure.outcome) == (1, 1, bad.outcome)
    assert bad.reason in failure.reason
    assert failure.payload == bad.payload
    assert (ledger.downlink, ledger.uplink) == (3 * PAYLOAD, 2 * PAYLOAD + bad.payload)
    for values in server.arrays.values():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, np.full_like(values, mean_of([0, 2])), rtol=1e-6)
    assert strategy.ledger.transfers == ledger.transfers


def test_the_ledger_of_bad_clients_is_fedavgs():
    names = ["raises", "a NaN", "another shape", "garbage", "no weight", "returns None"]

    def train(message, context):
        k = partition(context)
        return (BAD[names[k]].act if k < len(names) else good)(message, context)

    def transfers(strategy):
        _, ledger = run(train, strategy, rounds=2, nodes=9)
        ordered = sorted(ledger.transfers, key=lambda t: (t.round, t.direction, t.node))
        return [(t.node, t.round, t.direction, t.levels, t.outcome, t.reason) for t in ordered]

    assert transfers(StreamingFedAvg(fraction_evaluate=0.0)) == transfers(tracking())


@pytest.mark.parametrize("name", OTHER_METRICS)
def test_odd_metrics_are_outvoted_as_soon_as_more_have_come(name):
    """A stream cannot wait for the majority: it compares with what came so far.

    When the odd one comes first it is in the mean, the second is rejected, and from the third on
    all goes well. In FedAvg, which has all replies at once, the odd one is rejected.
    """
    order = []

    def train(message, context):
        order.append(partition(context))
        return (BAD[name].act if len(order) == 1 else good)(message, context)

    server, ledger = run(train, nodes=6)
    (failure,) = ledger.failures
    assert failure.node == order[1]
    assert BAD[name].reason in failure.reason
    rest = order[2:]
    weighed = (1 * 0 + sum(2**k * k for k in rest)) / (1 + sum(2**k for k in rest))
    np.testing.assert_allclose(server.arrays["w"], np.full(W, weighed), rtol=1e-6)
    assert list(server.results[0].train_metrics_clientapp[1]) == []  # the majority's: no loss


@pytest.mark.parametrize("name", ["raises", "a NaN", "returns None", "no weight"])
@pytest.mark.parametrize("window", [None, 1])
def test_when_all_fail_the_run_says_so_and_the_model_is_unchanged(name, window):
    start = record(model(0.25))
    strategy = StreamingFedAvg(fraction_evaluate=0.0, window=window)
    with pytest.warns(RuntimeWarning, match="none of 3 clients sent a usable update") as warned:
        server, ledger = run(BAD[name].act, strategy, arrays=start, rounds=2)
    assert len(warned) == 2
    assert len(ledger.failures) == 6
    assert server.results[0].arrays is start
    assert server.results[0].train_metrics_clientapp == {}


def test_a_round_without_a_usable_update_keeps_the_model_of_the_round_before():
    def first_round_only(message, context):
        if message.content["config"]["server-round"] > 1:
            raise OSError("gone")
        return good(message, context)

    with pytest.warns(RuntimeWarning, match=r"round 2: none of 3 clients.*OSError: gone"):
        server, _ = run(first_round_only, rounds=2)
    np.testing.assert_allclose(server.arrays["b"], np.full(3, mean_of([0, 1, 2])), rtol=1e-6)


def test_a_huge_number_is_rejected_and_not_left_to_overflow_the_mean():
    def train(message, context):
        huge = {0: 3e38, 1: -3e38}.get(partition(context), 1.0)
        return answer(message, {n: np.full_like(v, huge) for n, v in model().items()})

    server, ledger = run(train)
    said = "w: 6 of 6 values are beyond a quarter of float32's range"
    assert sorted((t.node, t.outcome) for t in ledger.failures) == [
        (0, "rejected"),
        (1, "rejected"),
    ]
    assert all(said in t.reason for t in ledger.failures)
    np.testing.assert_array_equal(server.arrays["w"], np.ones(W))


def test_what_has_no_mean_in_floats_is_rejected_by_name_and_ends_no_run():
    with pytest.warns(RuntimeWarning, match="none of 3 clients"):
        server, ledger = run(echo, arrays=record({"z": np.full(2, 1j, np.complex64)}))
    assert {t.outcome for t in ledger.failures} == {"rejected"}
    assert "z: expected a numpy array of real numbers, got complex64" in ledger.failures[0].reason
    np.testing.assert_array_equal(server.arrays["z"], [1j, 1j])


def test_an_empty_model_ends_no_run():
    with pytest.warns(RuntimeWarning, match="none of 3 clients"):
        server, ledger = run(echo, arrays=ArrayRecord(), rounds=2)
    assert (ledger.traffic, server.arrays) == (0, {})


def test_a_client_that_changes_its_mind_about_dtypes_is_cast_or_rejected():
    def train(message, context):
        arrays = numbers(good(message, context).content)
        dtype = [np.float16, np.float64, np.int32][partition(context)]
        weight = {"num-examples": 2 ** partition(context)}
        return answer(message, {n: v.astype(dtype) for n, v in arrays.items()}, weight)

    server, ledger = run(train)
    (failure,) = ledger.failures
    assert (failure.node, failure.reason) == (2, "w: expected float32, got int32")
    assert server.arrays["w"].dtype == np.float32
    np.testing.assert_allclose(server.arrays["w"], np.full(W, mean_of([0, 1])), rtol=1e-6)


def test_a_students_own_bug_in_folding_metrics_ends_the_run_as_in_fedavg():
    def average(contents, weighted_by):
        raise LookupError("a student's own bug")

    strategy = StreamingFedAvg(fraction_evaluate=0.0, train_metrics_aggr_fn=average)
    with pytest.raises(LookupError, match="a student's own bug"):
        run(good, strategy)
