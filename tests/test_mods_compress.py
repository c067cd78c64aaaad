"""The mod that compresses: what travels, and with error feedback what is owed."""

import numpy as np
import pytest
from apps import (
    Server,
    answer,
    client,
    echo,
    good,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from flwr.app import Array
from sent import adds, sent_by

from fedlab.codecs import CodecError, parse
from fedlab.engines import simulate
from fedlab.mods import compress

HALF = parse("float16")
RESIDUAL = "fedlab.residual.arrays"


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
    content = sent_by(echo, [compress("int8")], kind=kind).content
    np.testing.assert_array_equal(numbers(content)["w"], model()["w"])


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
        server = Server(tracking(), num_rounds=1)
        with pytest.warns(RuntimeWarning, match="none of 2 clients sent a usable update"):
            ledger = simulate(server, app).ledger
        assert [t.outcome for t in ledger.failures] == ["failed"] * 2
        assert f"CodecError: {reason}" in ledger.failures[0].reason


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
    server = Server(tracking(**few), num_rounds=rounds)
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
    server = Server(tracking(), num_rounds=1)
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
    server = Server(tracking(**alone), num_rounds=3)
    with pytest.warns(RuntimeWarning, match="round 2: none of 1 clients.*the line is cut"):
        simulate(server, app, nodes=1)
    for name, update in UPDATE.items():  # two rounds counted, and round 2 owes nothing to anybody
        np.testing.assert_allclose(server.arrays[name] + states[0][name], 2 * update, rtol=1e-5)
