"""The mods: what a client receives and sends, counted, compressed, or left out."""

import itertools

import numpy as np
import pytest
import torch
from apps import (
    BAD,
    PAYLOAD,
    Server,
    answer,
    below_the_meter,
    client,
    client_where,
    echo,
    federation,
    good,
    instructions,
    model,
    numbers,
    partition,
    record,
)
from flwr.app import Array, ConfigRecord
from flwr.clientapp.mod import arrays_size_mod
from flwr.serverapp.strategy import FedAvg

from fedlab.codecs import CodecError, parse
from fedlab.engines import simulate
from fedlab.mods import COUNT, compress, count, send_only, trainable
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg


def reports(train, mods):
    replies = []

    def main(grid):
        replies.extend(grid.send_and_receive(instructions(grid)))

    ledger = federation(main, client(train, mods=mods), nodes=1).ledger
    return replies[0], ledger


def test_count_reports_what_came_and_what_went_as_the_ledger_does():
    def train(message, context):
        return answer(message, model() | {"more": np.zeros(1, np.float32)})

    reply, ledger = reports(train, [count(report=True)])
    assert reply.content[COUNT] == ConfigRecord({"received": PAYLOAD, "sent": PAYLOAD + 4})
    assert (ledger.downlink, ledger.uplink) == (PAYLOAD, PAYLOAD + 4)


def test_count_adds_nothing_unless_asked_to_report():
    reply, _ = reports(echo, [count()])
    assert list(reply.content) == ["arrays", "metrics"]


def test_a_report_does_not_disturb_fedavg():
    def run(mods):
        server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=2)
        assert simulate(server, client(good, mods=mods), nodes=3).ledger.failures == []
        return server.arrays

    plain, counted = run([]), run([count(report=True)])
    for name, values in plain.items():
        np.testing.assert_array_equal(counted[name], values)


def test_count_logs_the_numbers_alone_and_flowers_mod_counts_more(capsys):
    server = Server(FedAvg(fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1))
    app = client(echo, mods=[count(), arrays_size_mod])
    simulate(server, app, nodes=1, verbose=True)
    printed = capsys.readouterr().out
    assert f"count: received {PAYLOAD} bytes of numbers" in printed
    assert f"count: sent {PAYLOAD} bytes of numbers" in printed
    assert str(record(model()).count_bytes()) in printed  # arrays_size_mod: headers and names too
    assert record(model()).count_bytes() == PAYLOAD + 2 * 128 + len("w" + "b")


@pytest.mark.parametrize("name", ["raises", "returns None", "says it failed"])
def test_a_failure_keeps_its_own_reason_behind_the_mod(name):
    reply, _ = reports(BAD[name].act, [count(report=True)])
    assert BAD[name].reason in reply.error.reason.replace("\n", " ").replace("\x1b[31m", "")


def test_one_mod_serves_all_clients_and_rounds():
    server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=2)
    app = client_where(BAD["raises"].act, {1})
    app = client(app._registered_funcs["train.default"], mods=[count(report=True)])
    ledger = simulate(server, app, nodes=3).ledger
    assert [(t.round, t.node) for t in ledger.failures] == [(1, 1), (2, 1)]
    assert ledger.uplink == 2 * 2 * PAYLOAD
    assert set(numbers(server.results[0].arrays)) == {"w", "b"}


# --- compress ------------------------------------------------------------------------------------

HALF = parse("float16")
RESIDUAL = "fedlab.residual.arrays"


def sent_by(train, mods, *, arrays=None, kind="train", rounds=1):
    """What one client's last reply holds below the layer that decodes it."""
    replies = []

    def main(grid):
        bare = below_the_meter(grid)
        for number in range(1, rounds + 1):
            replies[:] = bare.send_and_receive(instructions(grid, arrays, kind=kind, number=number))

    federation(main, client(train, train, mods=mods), nodes=1)
    return replies[0]


def adds(update):
    """A client that adds the same update to whatever it is sent."""

    def train(message, context):
        moved = {
            name: (value + update[name]).astype(value.dtype) if name in update else value
            for name, value in numbers(message.content).items()
        }
        return answer(message, moved)

    return train


def test_compress_sends_the_difference_encoded_in_the_bytes_that_were_predicted():
    start = record({"w": np.full((2, 3), 10, np.float32), "b": np.full(3, 1, np.float32)})
    update = {"w": np.full((2, 3), 0.5, np.float32), "b": np.arange(3, dtype=np.float32)}
    arrays = sent_by(adds(update), [compress("float16")], arrays=start).content["arrays"]
    for name, expected in update.items():
        assert arrays[name].stype.startswith("fedlab.")
        assert arrays[name].stype.endswith("float16")
        assert (arrays[name].dtype, tuple(arrays[name].shape)) == ("float32", expected.shape)
        assert len(arrays[name].data) == HALF.size(expected.shape)
        np.testing.assert_array_equal(HALF.decode(arrays[name].data, expected.shape), expected)


def test_compress_takes_a_codec_or_its_text_and_refuses_a_text_that_is_none():
    for codec in (HALF, "float16"):
        reply = sent_by(good, [compress(codec)])
        assert reply.content["arrays"]["w"].stype.endswith("float16")
    with pytest.raises(CodecError, match="unknown codec 'zip'"):
        compress("zip")


def test_what_is_no_float_or_was_not_sent_passes_as_it_is():
    start = {"w": np.zeros(3, np.float32), "n": np.array(2**60 + 1), "e": np.zeros(0, np.float32)}

    def train(message, context):
        arrays = numbers(message.content) | {"new": np.ones(2, np.float32)}
        return answer(message, arrays | {"w": arrays["w"].astype(np.float64)}, {"num-examples": 7})

    content = sent_by(train, [compress("int8")], arrays=record(start)).content
    assert content["metrics"]["num-examples"] == 7
    arrays = {name: content["arrays"][name].numpy() for name in ("w", "n", "new")}
    assert arrays["n"] == 2**60 + 1
    assert (arrays["w"].dtype, arrays["new"].tolist()) == (np.float64, [1, 1])
    assert content["arrays"]["e"].stype.endswith("int8")


@pytest.mark.parametrize("kind", ["evaluate", "query"])
def test_only_training_is_compressed(kind):
    replies = []

    def main(grid):
        bare = below_the_meter(grid)
        replies.extend(bare.send_and_receive(instructions(grid, kind=kind)))

    federation(main, client(echo, echo, echo, mods=[compress("int8")]), nodes=1)
    np.testing.assert_array_equal(numbers(replies[0].content)["w"], model()["w"])


def test_a_client_that_trains_into_the_record_it_received_sends_what_it_learned():
    def in_place(message, context):
        arrays = message.content["arrays"]
        for name in arrays:
            arrays[name] = Array(arrays[name].numpy() + np.float32(2))
        return answer(message, arrays)

    arrays = sent_by(in_place, [compress("float16")]).content["arrays"]
    assert HALF.decode(arrays["b"].data, (3,)).tolist() == [2, 2, 2]


def test_an_update_that_cannot_be_encoded_is_that_clients_failure_by_the_tensors_name():
    for value, reason in ((np.nan, "b: "), (np.inf, "b: "), (1e6, "b: values from")):
        app = client(adds({"b": np.float32(value)}), mods=[compress("float16")])
        server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), num_rounds=1)
        with pytest.warns(RuntimeWarning, match="none of 2 clients sent a usable update"):
            ledger = simulate(server, app).ledger
        assert [t.outcome for t in ledger.failures] == ["failed"] * 2
        assert f"CodecError: {reason}" in ledger.failures[0].reason


# --- error feedback ------------------------------------------------------------------------------

RANDOM = np.random.default_rng(0)
UPDATE = {"w": RANDOM.standard_normal((2, 3)).astype(np.float32), "b": np.float32([1, 2, 3])}


def keeping(states):
    """A mod that keeps each client's residual as it stands after the round."""

    def mod(message, context, call_next):
        reply = call_next(message, context)
        held = context.state.get(RESIDUAL, {})
        states[partition(context)] = {name: array.numpy() for name, array in held.items()}
        return reply

    return mod


def learned(codec, rounds, *, nodes=1, **settings):
    """What the server has after so many rounds of the same update, and what the clients owe it."""
    states = {}
    app = client(adds(UPDATE), mods=[keeping(states), compress(codec, **settings)])
    few = {"min_train_nodes": nodes, "min_available_nodes": nodes}
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0, **few), num_rounds=rounds)
    assert simulate(server, app, nodes=nodes).ledger.failures == []
    return server.arrays, states


LOSSY = ("topk:0.3", "randomk:0.3", "threshold:2.5", "ternary:0.5", "topk:0.3|int4")


@pytest.mark.parametrize("codec", [*LOSSY, "int2", "int2:stochastic", "int8"])
def test_what_a_client_has_learned_is_what_arrived_and_what_it_still_owes(codec):
    rounds = 40
    arrays, states = learned(codec, rounds)
    for name, update in UPDATE.items():
        owed = states[0][name]
        np.testing.assert_allclose(arrays[name] + owed, rounds * update, rtol=1e-4, atol=1e-4)
        assert np.abs(owed).max() < 0.5 * np.abs(rounds * update).max()


def test_without_feedback_what_is_left_out_is_lost_and_nothing_is_kept():
    arrays, states = learned("topk:0.3", 20, error_feedback=False)
    assert arrays["b"].tolist() == [0, 0, 60]  # only the largest, time after time
    assert states == {0: {}}
    with_feedback, _ = learned("topk:0.3", 20)
    assert (with_feedback["b"] > [15, 30, 45]).all()


def test_each_client_owes_its_own():
    def train(message, context):
        return adds({"b": np.float32([1, 2, 3]) * (1 + partition(context))})(message, context)

    states = {}
    app = client(train, mods=[keeping(states), compress("topk:0.3")])
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), num_rounds=1)
    simulate(server, app, nodes=3)
    assert [states[k]["b"].tolist() for k in range(3)] == [[1, 2, 0], [2, 4, 0], [3, 6, 0]]


def test_a_residual_is_not_kept_when_the_client_fails_after_it():
    def failing(message, context, call_next):
        reply = call_next(message, context)
        if message.content["config"]["server-round"] == 2:
            raise OSError("the line is cut")
        return reply

    states = {}
    app = client(adds(UPDATE), mods=[failing, keeping(states), compress("topk:0.3")])
    alone = {"min_train_nodes": 1, "min_available_nodes": 1}
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0, **alone), num_rounds=3)
    with pytest.warns(RuntimeWarning, match="round 2: none of 1 clients.*the line is cut"):
        simulate(server, app, nodes=1)
    for name, update in UPDATE.items():  # two rounds counted, and round 2 owes nothing to anybody
        np.testing.assert_allclose(server.arrays[name] + states[0][name], 2 * update, rtol=1e-5)


# --- send_only, and all of them together ---------------------------------------------------------

MANY = {
    "w": np.full((4, 5), 1 / 3, np.float32),
    "b": np.full(5, 0.1, np.float32),
    "frozen": np.full((3, 3), 1 / 7, np.float32),
    "steps": np.array(2**60 + 1),
    "mask": np.array([True, False]),
}
LEARNING = {"w": np.float32(0.25), "b": np.float32(0.5)}


def test_send_only_sends_these_tensors_and_says_how_many_it_left_out():
    reply = sent_by(adds(LEARNING), [send_only(["b"])], arrays=record(MANY))
    assert list(reply.content["arrays"]) == ["b"]
    assert dict(reply.content["fedlab.send-only"]) == {"left-out": 4}
    assert reply.content["metrics"]["num-examples"] == 1


def test_a_name_that_no_reply_has_is_that_clients_failure():
    app = client(good, mods=[send_only(["w", "head"])])
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), num_rounds=1)
    with pytest.warns(RuntimeWarning):
        ledger = simulate(server, app).ledger
    assert {t.reason for t in ledger.failures} == {
        "ValueError: send_only: the reply has no tensor head"
    }


def test_a_text_for_names_is_refused():
    with pytest.raises(ValueError, match="expected a list of names, got the text 'w'"):
        send_only("w")


def test_send_only_may_send_nothing_at_all():
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), record(MANY), num_rounds=2)
    ledger = simulate(server, client(adds(LEARNING), mods=[send_only([])])).ledger
    assert (ledger.uplink, ledger.failures) == (0, [])
    for name, values in MANY.items():
        np.testing.assert_array_equal(server.arrays[name], values)


def mods_by_name():
    return {
        "count": count(report=True),
        "compress": compress("topk:0.5"),
        "send_only": send_only(["w", "b"]),
    }


@pytest.mark.parametrize("strategy", [BandwidthTrackingFedAvg, StreamingFedAvg])
@pytest.mark.parametrize("order", list(itertools.permutations(["count", "compress", "send_only"])))
def test_counting_compressing_and_leaving_out_compose_in_any_order(order, strategy):
    rounds, nodes = 4, 3
    mods = mods_by_name()
    few = {"fraction_evaluate": 0.0, "min_train_nodes": nodes}
    server = Server(strategy(**few), record(MANY), num_rounds=rounds)
    app = client(adds(LEARNING), mods=[mods[name] for name in order])
    ledger = simulate(server, app, nodes=nodes).ledger
    assert ledger.failures == []
    each = sum(parse("topk:0.5").size(MANY[name].shape) for name in LEARNING)
    assert ledger.uplink == rounds * nodes * each
    for name in MANY.keys() - LEARNING.keys():
        assert server.arrays[name].dtype == MANY[name].dtype
        np.testing.assert_array_equal(server.arrays[name], MANY[name])
    for name, step in LEARNING.items():  # half of it each round, and with feedback twice as much
        gone = (server.arrays[name] - MANY[name]).mean() / (rounds * step)
        assert 0.45 < gone < 1.01


def test_trainable_names_what_requires_a_gradient():
    linear = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    linear[0].weight.requires_grad_(False)
    assert trainable(linear) == ["0.bias", "1.weight", "1.bias"]


def test_trainable_and_send_only_leave_batch_norms_counters_as_they_were():
    start = {"0.weight": np.ones((2, 3), np.float32), "1.num_batches_tracked": np.array(5)}
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), record(start), num_rounds=3)
    app = client(adds({"0.weight": np.float32(1)}), mods=[send_only(["0.weight"])])
    assert simulate(server, app).ledger.failures == []
    assert server.arrays["1.num_batches_tracked"].dtype == np.int64
    assert server.arrays["0.weight"].min() == 4
