"""Streaming: FedAvg's numbers, metrics and ledger, one reply at a time."""

import inspect
import itertools
import math
import random

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    answer,
    client,
    echo,
    federation,
    good,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.engines import simulate
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

WINDOWS = [None, 1, 2, 100]


def streaming(**settings):
    return StreamingFedAvg(fraction_evaluate=0.0, **settings)


def run(strategy, train=good, *, nodes=5, arrays=None, rounds=2, **more):
    server = Server(strategy, arrays, num_rounds=rounds, timeout=60)
    return server, simulate(server, client(train), nodes=nodes, **more).ledger


def noisy(message, context):
    """Numbers and weights of all sizes, scalars and lists as metrics."""
    k = partition(context)
    rng = np.random.default_rng(k)
    moved = {
        name: (value + rng.standard_normal(value.shape)).astype(value.dtype)
        for name, value in numbers(message.content).items()
    }
    told = {
        "num-examples": [3, 0.25, 10**12, 7, 1e-9][k],
        "loss": k / 7,
        "per-class": [float(k), 0.5],
    }
    return answer(message, moved, told)


def same(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        np.testing.assert_allclose(array, other[name], **tolerance)


# --- beside FedAvg -------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [good, noisy])
@pytest.mark.parametrize("window", WINDOWS)
def test_arrays_metrics_and_ledger_are_fedavgs(window, train):
    (plain, ledger), (streamed, its) = run(tracking(), train), run(streaming(window=window), train)
    assert ledger.failures == its.failures == []
    same(streamed.arrays, plain.arrays, rtol=1e-6, atol=1e-6)
    for number, metrics in plain.results[0].train_metrics_clientapp.items():
        theirs = streamed.results[0].train_metrics_clientapp[number]
        assert list(theirs) == list(metrics)
        for name, value in metrics.items():
            assert theirs[name] == pytest.approx(value)
    assert sorted(map(rest, its.transfers)) == sorted(map(rest, ledger.transfers))
    assert streamed.strategy.ledger.transfers == its.transfers


def rest(transfer):
    """All of it but the id, which counts in the order of pushing."""
    return repr(transfer)[repr(transfer).index("node=") :]


@given(
    weights=st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15)
def test_any_weights_give_fedavgs_mean(weights, seed):
    def train(message, context):
        rng = np.random.default_rng([seed, partition(context)])
        moved = {n: rng.standard_normal(v.shape, np.float32) for n, v in model().items()}
        return answer(message, moved, {"num-examples": weights[partition(context)]})

    few = {"min_train_nodes": len(weights), "min_available_nodes": len(weights)}
    plain, _ = run(tracking(**few), train, nodes=len(weights), rounds=1)
    streamed, _ = run(streaming(**few), train, nodes=len(weights), rounds=1)
    same(streamed.arrays, plain.arrays, rtol=0, atol=3e-6)


def test_every_window_gives_the_same_bits():
    seen = [run(streaming(window=window), noisy)[0].arrays for window in WINDOWS]
    for one, other in itertools.pairwise(seen):
        same(one, other, rtol=0, atol=0)


def test_the_same_seed_asks_the_same_nodes():
    def asked(strategy):
        _, ledger = run(strategy, nodes=20, seed=7)
        return [(t.round, t.node) for t in ledger.transfers if t.direction == "down"]

    some = {"fraction_train": 0.3}
    assert asked(streaming(**some)) == asked(tracking(**some))
    assert sorted(asked(streaming(window=2, **some))) == sorted(asked(tracking(**some)))


def test_configure_train_makes_fedavgs_messages_one_by_one():
    def configured(strategy, grid):
        random.seed(3)
        config = ConfigRecord({"lr": 0.1})
        made = strategy.configure_train(4, record(model()), config, grid)
        return made, [(m.metadata.dst_node_id, m.metadata.message_type) for m in made]

    def main(grid):
        (lazy, ours), (_, theirs) = configured(streaming(), grid), configured(tracking(), grid)
        assert ours == theirs
        assert inspect.isgenerator(lazy)

    federation(main, client(echo), nodes=4)


def test_a_fraction_of_zero_trains_nobody_and_evaluates():
    def evaluate(message, context):
        told = MetricRecord({"num-examples": 1 + partition(context), "loss": partition(context)})
        return Message(RecordDict({"m": told}), reply_to=message)

    server = Server(StreamingFedAvg(fraction_train=0.0), num_rounds=2)
    ledger = simulate(server, client(echo, evaluate), nodes=2).ledger
    assert {t.message_type for t in ledger.transfers} == {"evaluate"}
    assert server.results[0].evaluate_metrics_clientapp[2]["loss"] == pytest.approx(2 / 3)
    same(server.arrays, model())


def test_training_and_evaluating_take_turns_through_a_window():
    def evaluate(message, context):
        loss = float(numbers(message.content)["w"][0, 0])
        return Message(
            RecordDict({"m": MetricRecord({"num-examples": 1, "loss": loss})}), reply_to=message
        )

    def results(strategy):
        server = Server(strategy, num_rounds=3)
        ledger = simulate(server, client(good, evaluate), nodes=3).ledger
        return server.results[0].evaluate_metrics_clientapp, ledger.traffic

    assert results(StreamingFedAvg(window=1)) == results(BandwidthTrackingFedAvg())


def test_metrics_that_are_nan_do_not_end_the_run():
    def train(message, context):
        loss = math.nan if partition(context) == 1 else 0.5
        return answer(message, model(1.0), {"num-examples": 2, "loss": loss, "l": [loss, 1.0]})

    server, ledger = run(streaming(), train, nodes=3)
    assert ledger.failures == []
    metrics = server.results[0].train_metrics_clientapp[2]
    assert math.isnan(metrics["loss"])
    assert math.isnan(metrics["l"][0])
    assert metrics["l"][1] == pytest.approx(1.0)


def test_a_students_own_average_of_metrics_gets_every_record():
    seen = []

    def average(contents, weighted_by):
        seen.append([dict(content["metrics"]) for content in contents])
        assert all(list(content) == ["metrics"] for content in contents)
        return MetricRecord({"most": max(c["metrics"][weighted_by] for c in contents)})

    server, _ = run(streaming(train_metrics_aggr_fn=average), nodes=4)
    assert [len(told) for told in seen] == [4, 4]
    assert sorted(told["num-examples"] for told in seen[0]) == [1, 2, 4, 8]
    assert server.results[0].train_metrics_clientapp[2] == {"most": 8}


def test_halves_stay_halves_on_the_wire():
    arrays = record({name: value.astype(np.float16) for name, value in model(0.5).items()})
    server, ledger = run(streaming(), noisy, arrays=arrays, rounds=3)
    assert {t.payload for t in ledger.transfers} == {PAYLOAD // 2}
    down = [t for t in ledger.transfers if t.direction == "down"]
    assert len({(t.payload, t.record) for t in down}) == 1
    assert server.arrays["w"].dtype == np.float16


@pytest.mark.parametrize("float_from", [0, 1, 2])
def test_integers_become_doubles_as_in_fedavg_and_may_come_as_either(float_from):
    """BatchNorm's counter: from round 2 on, some clients return what they got, some int64."""

    def train(message, context):
        arrays = numbers(message.content)
        if partition(context) >= float_from:
            arrays["steps"] = (arrays["steps"] + 1).astype(np.int64)
        return answer(message, arrays, {"num-examples": 1})

    start = record(model() | {"steps": np.array(0, np.int64), "mask": np.array([True, False])})
    (plain, _), (streamed, ledger) = (
        run(strategy, train, nodes=3, arrays=start, rounds=3)
        for strategy in (tracking(), streaming())
    )
    assert ledger.failures == []
    assert streamed.arrays["steps"].dtype == streamed.arrays["mask"].dtype == np.float64
    same(streamed.arrays, plain.arrays, rtol=1e-12)


def test_two_strategies_in_one_run_keep_their_own_ledgers():
    first, second = streaming(window=1), streaming()

    def main(grid):
        for strategy, rounds in ((first, 1), (second, 2)):
            strategy.start(grid, record(model()), num_rounds=rounds)

    whole = federation(main, client(good), nodes=3, check=True).ledger
    assert (len(first.ledger.transfers), len(second.ledger.transfers)) == (6, 12)
    assert whole.transfers == first.ledger.transfers + second.ledger.transfers
