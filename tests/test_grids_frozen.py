"""Tensors that clients leave out stay as they are, bit for bit."""

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    answer,
    below_the_meter,
    client,
    federation,
    model,
    numbers,
    partition,
    record,
)
from coded_runs import NODES, STRATEGIES, all_but_the_first, run
from flwr.app import Array

from fedlab.mods import compress, send_only
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

FROZEN = {
    "thirds": np.full((3, 3), 1 / 3, np.float32),
    "halves": np.full(3, 0.1, np.float16),
    "doubles": np.full(2, np.pi),
    "steps": np.array(2**60 + 1),
    "small": np.arange(3, dtype=np.int8),
    "mask": np.array([True, False]),
    "nothing": np.zeros((0, 4), np.float32),
    "-0": np.float32([-0.0, 1e-45]),
}
START = model(0.5) | FROZEN


def learns(message, context):
    """Adds 1 to w and b; all else goes back as it came."""
    arrays = numbers(message.content)
    for name in ("w", "b"):
        arrays[name] = arrays[name] + np.float32(1)
    return answer(message, arrays, {"num-examples": 3 + partition(context)})


def assert_untouched(arrays, names=FROZEN):
    for name in names:
        assert arrays[name].dtype == FROZEN[name].dtype, name
        assert arrays[name].tobytes() == FROZEN[name].tobytes(), name


@pytest.mark.parametrize("strategy", [BandwidthTrackingFedAvg, StreamingFedAvg])
@pytest.mark.parametrize("mods", [[], ["int8"]])
def test_frozen_tensors_are_the_same_bits_after_many_rounds(strategy, mods):
    seen = []

    def train(message, context):
        seen.append(numbers(message.content))
        return learns(message, context)

    mods = [send_only(["w", "b"]), *map(compress, mods)]
    server, ledger = run(train, mods, strategy=strategy, arrays=record(START), rounds=4)
    assert ledger.failures == []
    assert list(server.arrays) == list(START)
    assert_untouched(server.arrays)
    for arrays in seen:
        assert_untouched(arrays)
    np.testing.assert_allclose(server.arrays["w"], 4.5, rtol=1e-2)


@pytest.mark.parametrize("name", ["FedAvg", "FedAdam", "Krum"])
def test_clients_of_flowers_own_strategies_see_frozen_tensors_as_they_were(name):
    seen = []

    def train(message, context):
        seen.append(numbers(message.content))
        return learns(message, context)

    floats = {name: START[name] for name in ("w", "b", "thirds", "doubles", "steps")}
    _, ledger = run(
        train, [send_only(["w", "b"])], strategy=STRATEGIES[name], arrays=record(floats), rounds=3
    )
    assert ledger.failures == []
    for arrays in seen:
        assert_untouched(arrays, ["thirds", "doubles", "steps"])


def test_only_what_is_sent_is_paid_for():
    _, ledger = run(learns, [send_only(["w", "b"])], arrays=record(START), rounds=3)
    assert ledger.uplink == 3 * NODES * PAYLOAD


@pytest.mark.parametrize("strategy", [BandwidthTrackingFedAvg, StreamingFedAvg])
def test_one_client_that_is_rejected_does_not_unfreeze_what_the_others_leave_out(strategy):
    def train(message, context):
        reply = learns(message, context)
        if partition(context) == 0:
            reply.content["arrays"]["b"] = Array(np.full(3, np.nan, np.float32))
        return reply

    some = all_but_the_first(send_only(["w", "b"]))
    server, ledger = run(train, [some], strategy=strategy, arrays=record(START), rounds=3)
    assert [t.node for t in ledger.failures] == [0, 0, 0]
    assert_untouched(server.arrays)


def test_a_client_that_sends_frozen_tensors_back_as_they_came_does_not_unfreeze_them():
    some = all_but_the_first(send_only(["w", "b"]))
    server, ledger = run(learns, [some], arrays=record(START), rounds=3)
    assert ledger.failures == []
    assert_untouched(server.arrays)


def test_a_tensor_that_one_client_trains_and_another_leaves_out_is_averaged():
    def some(message, context, call_next):
        names = ["w"] if partition(context) else ["w", "b"]
        return send_only(names)(message, context, call_next)

    def train(message, context):
        moved = {name: v + np.float32(1) for name, v in numbers(message.content).items()}
        return answer(message, moved)

    server, ledger = run(train, [some], arrays=record(model()), rounds=2)
    assert ledger.failures == []
    np.testing.assert_allclose(server.arrays["w"], 2, rtol=1e-6)
    np.testing.assert_allclose(server.arrays["b"], 2 / NODES, rtol=1e-6)


def test_frozen_tensors_under_an_encoded_downlink_stay_the_servers_own():
    server, ledger = run(
        learns,
        [send_only(["w", "b"]), compress("int8")],
        arrays=record(START),
        rounds=3,
        downlink="float16",
    )
    assert ledger.failures == []
    assert_untouched(server.arrays)


def test_tensors_that_are_missing_without_a_word_are_still_refused():
    def forgets(message, context):
        arrays = numbers(learns(message, context).content)
        if partition(context) == 2:
            del arrays["steps"]
        return answer(message, arrays)

    _, ledger = run(forgets, arrays=record(START), rounds=1)
    (failure,) = ledger.failures
    assert failure.node == 2
    assert "arrays: missing or unexpected tensors steps" in failure.reason


def test_what_the_strategy_made_is_not_changed_by_what_travels():
    start = record(START)
    before = {name: (array.data, array.stype) for name, array in start.items()}
    run(learns, [send_only(["w"]), compress("int8")], arrays=start, rounds=2, downlink="float16")
    assert {name: (array.data, array.stype) for name, array in start.items()} == before


@pytest.mark.parametrize("strategy", [BandwidthTrackingFedAvg, StreamingFedAvg])
def test_a_strategy_by_hand_decodes_where_nothing_else_does(strategy):
    results = []

    def main(grid):
        few = {"fraction_evaluate": 0.0, "min_train_nodes": 2}
        results.append(strategy(**few).start(below_the_meter(grid), record(START), num_rounds=2))

    mods = [send_only(["w", "b"]), compress("topk:1.0")]
    federation(main, client(learns, mods=mods), nodes=2)
    assert_untouched(numbers(results[0].arrays))
    np.testing.assert_allclose(numbers(results[0].arrays)["w"], 2.5, rtol=1e-6)


def test_where_the_run_does_not_check_the_strategy_does_and_tensors_stay_frozen():
    server, ledger = run(learns, [send_only(["w", "b"])], arrays=record(START), check=False)
    assert ledger.failures == []
    assert_untouched(server.arrays)


def test_another_weight_than_the_runs_leaves_frozen_tensors_as_they_were():
    def weighs(message, context):
        return answer(
            message, numbers(learns(message, context).content), {"n": 3, "num-examples": 1}
        )

    def by_n(**settings):
        return BandwidthTrackingFedAvg(weighted_by_key="n", **settings)

    server, ledger = run(weighs, [send_only(["w", "b"])], strategy=by_n, arrays=record(START))
    assert ledger.failures == []
    assert_untouched(server.arrays)
