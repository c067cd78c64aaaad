"""An encoded broadcast: to the byte on the way, and added to what the clients made of it."""

import numpy as np
import pytest
from apps import Server, answer, client, echo, good, model, numbers, record
from coded_runs import NODES, noisy, run
from flwr.app import Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from fedlab.codecs import CodecError
from fedlab.engines import simulate
from fedlab.mods import compress
from fedlab.strategies import StreamingFedAvg


@pytest.mark.parametrize(("codec", "share"), [("float16", 2), ("int8", 4)])
def test_an_encoded_downlink_takes_a_half_or_a_quarter_to_the_byte(codec, share):
    start = {"w": np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)}
    rounds = 2
    server, ledger = run(
        noisy, [compress("float16")], arrays=record(start), rounds=rounds, downlink=codec
    )
    assert ledger.failures == []
    header, scales = 24 + 8 + len(codec), 2 * (64 * 64 // 64) if codec == "int8" else 0
    assert ledger.downlink == rounds * NODES * (start["w"].nbytes // share + header + scales)
    assert server.arrays["w"].dtype == np.float32


def test_updates_are_added_to_what_the_clients_made_of_the_broadcast():
    start = {"w": np.full(5, 1 / 3, np.float32), "b": np.full(2, 1e-9, np.float32)}
    received = []

    def train(message, context):
        received.append(numbers(message.content)["w"][0])
        return echo(message, context)

    server, ledger = run(
        train, [compress("float16")], arrays=record(start), rounds=1, downlink="float16"
    )
    assert ledger.failures == []
    assert set(received) == {np.float32(np.float16(1 / 3))}
    np.testing.assert_allclose(server.arrays["w"], np.float32(np.float16(1 / 3)), rtol=1e-7)
    assert server.arrays["b"].tolist() == [0, 0]  # below float16: so it was for the clients


def test_what_is_no_float_goes_down_as_it_is():
    start = {"w": np.ones(3, np.float32), "n": np.array([2**60 + 1])}
    seen = []

    def train(message, context):
        seen.append(numbers(message.content)["n"].item())
        return answer(message, numbers(message.content))

    _, ledger = run(train, [compress("int8")], arrays=record(start), rounds=1, downlink="int8")
    assert (ledger.failures, set(seen)) == ([], {2**60 + 1})


@pytest.mark.parametrize("codec", ["topk:0.1", "threshold:0.1", "randomk:0.5", "topk:0.1|int8"])
def test_a_codec_that_leaves_weights_out_is_refused_for_the_downlink(codec):
    with pytest.raises(CodecError, match="expected a codec that keeps all weights"):
        run(good, downlink=codec)


def test_an_unknown_downlink_says_which_there_are():
    with pytest.raises(CodecError, match="unknown codec 'zip'"):
        run(good, downlink="zip")


@pytest.mark.parametrize("train", [good, echo])
def test_a_client_that_cannot_decode_the_broadcast_is_a_failure_with_a_name(train):
    with pytest.warns(RuntimeWarning, match="none of 5 clients"):
        server, ledger = run(train, arrays=record(model(1.0)), rounds=1, downlink="float16")
    assert len(ledger.failures) == NODES
    assert all("fedlab." in t.reason or "encoded" in t.reason for t in ledger.failures)
    for values in server.arrays.values():
        assert (values == 1).all()


def test_a_downlink_that_cannot_hold_the_weights_names_the_tensor():
    with pytest.raises(CodecError, match=r"w: values from .* do not fit into float16"):
        run(good, [compress("int8")], arrays=record(model(1e6)), downlink="float16")


def test_evaluation_sees_the_decoded_broadcast_too():
    seen = []

    def evaluate(message, context):
        seen.append(numbers(message.content)["w"][0, 0])
        metrics = MetricRecord({"num-examples": 1, "loss": 0.5})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    server = Server(FedAvg(), record(model(1.0)), num_rounds=1)
    app = client(echo, evaluate, mods=[compress("int8")])
    assert simulate(server, app, downlink="float16").ledger.failures == []
    assert seen == [1, 1]


@pytest.mark.parametrize("window", [None, 1, 2])
def test_a_stream_decodes_whatever_its_window(window):
    def streaming(**settings):
        return StreamingFedAvg(window=window, **settings)

    plain, _ = run(good, rounds=3)
    coded, ledger = run(
        good, [compress("topk:1.0")], strategy=streaming, rounds=3, downlink="float16"
    )
    assert ledger.failures == []
    for tensor, values in plain.arrays.items():  # a mean of 1.3 is rounded on its way down
        np.testing.assert_allclose(coded.arrays[tensor], values, rtol=1e-3)
