"""The decoding layer: whole models for any strategy, to the byte on the way, and bit for bit."""

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    answer,
    below_the_meter,
    client,
    echo,
    federation,
    good,
    instructions,
    metered,
    model,
    numbers,
    partition,
    record,
)
from flwr.app import Array, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedProx, Krum

from fedlab.codecs import CodecError, parse
from fedlab.engines import simulate
from fedlab.grids import CheckingGrid, DecodingGrid
from fedlab.mods import compress, count, send_only
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

STRATEGIES = {
    "FedAvg": FedAvg,
    "FedAdam": FedAdam,
    "FedMedian": FedMedian,
    "FedProx": lambda **kw: FedProx(proximal_mu=0.1, **kw),
    "Krum": lambda **kw: Krum(num_malicious_nodes=1, **kw),
    "BandwidthTrackingFedAvg": BandwidthTrackingFedAvg,
    "StreamingFedAvg": StreamingFedAvg,
    "StreamingFedAvg in a window": lambda **kw: StreamingFedAvg(window=2, **kw),
}
NODES = 5


def run(train, mods=(), *, strategy=BandwidthTrackingFedAvg, arrays=None, rounds=2, **settings):
    some = {"fraction_evaluate": 0.0, "min_train_nodes": NODES, "min_available_nodes": NODES}
    server = Server(strategy(**some), arrays, num_rounds=rounds, timeout=60)
    ledger = simulate(server, client(train, mods=list(mods)), nodes=NODES, **settings).ledger
    return server, ledger


def noisy(message, context):
    """Each client learns something else, in each round."""
    number = message.content["config"]["server-round"]
    rng = np.random.default_rng([partition(context), number])
    moved = {
        name: value + rng.standard_normal(value.shape).astype(value.dtype)
        for name, value in numbers(message.content).items()
    }
    return answer(message, moved, {"num-examples": 1 + partition(context)})


def sizes(codec, arrays):
    return sum(parse(codec).size(np.shape(a), np.asarray(a).dtype) for a in arrays.values())


# --- the uplink ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_any_strategy_makes_of_exact_updates_what_it_makes_without_a_codec(name):
    plain, _ = run(good, strategy=STRATEGIES[name])
    coded, ledger = run(good, [compress("float16")], strategy=STRATEGIES[name])
    assert ledger.failures == []
    for tensor, values in plain.arrays.items():
        assert coded.arrays[tensor].dtype == values.dtype
        # whole numbers are exact in float16; FedAdam's are not after its first round
        np.testing.assert_allclose(coded.arrays[tensor], values, rtol=1e-6, atol=2e-4)


@pytest.mark.parametrize(
    "codec", ["topk:0.5", "int8", "int4:stochastic", "ternary:0.5", "bfloat16"]
)
@pytest.mark.parametrize("name", ["FedAdam", "Krum", "StreamingFedAvg"])
def test_any_codec_travels_under_any_strategy(name, codec):
    server, ledger = run(noisy, [compress(codec)], strategy=STRATEGIES[name], rounds=3)
    assert ledger.failures == []
    for tensor, values in model().items():
        assert server.arrays[tensor].shape == values.shape
        assert np.abs(server.arrays[tensor]).max() > 0


@pytest.mark.parametrize(("codec", "off"), [("float16", 2e-3), ("bfloat16", 2e-2), ("int8", 3e-2)])
def test_a_round_is_the_uncompressed_one_within_the_codecs_error(codec, off):
    (plain, _), (coded, _) = run(noisy, rounds=1), run(noisy, [compress(codec)], rounds=1)
    for tensor, values in plain.arrays.items():
        assert 0 < np.abs(coded.arrays[tensor] - values).max() < off


@pytest.mark.parametrize("codec", ["float16", "topk:0.4", "randomk:0.4", "int8", "int2:block=8"])
def test_the_uplink_is_what_the_codec_predicts_to_the_byte(codec):
    rounds, arrays = 3, model() | {"scalar": np.float32(1), "half": np.ones(7, np.float16)}
    assert parse(codec).fixed
    _, ledger = run(noisy, [compress(codec)], arrays=record(arrays), rounds=rounds)
    assert ledger.failures == []
    assert ledger.uplink == rounds * NODES * sizes(codec, arrays)
    assert ledger.downlink == rounds * NODES * sum(np.asarray(a).nbytes for a in arrays.values())


def test_updates_are_added_to_the_tensor_in_its_own_dtype():
    start = {
        "half": np.full(4, 0.1, np.float16),
        "single": np.full(4, 0.1, np.float32),
        "double": np.full(4, 0.1, np.float64),
    }

    def train(message, context):
        return answer(
            message, {n: v + v.dtype.type(0.5) for n, v in numbers(message.content).items()}
        )

    server, ledger = run(train, [compress("topk:1.0")], arrays=record(start), rounds=1)
    assert ledger.failures == []
    for name, values in start.items():
        assert server.arrays[name].dtype == values.dtype
        eps = np.finfo(values.dtype).eps
        np.testing.assert_allclose(server.arrays[name], values + 0.5, rtol=4 * eps)


def test_a_client_that_does_not_compress_may_be_among_those_that_do():
    some = all_but_the_first(compress("float16"))
    (plain, _), (mixed, ledger) = run(good), run(good, [some])
    assert ledger.failures == []
    for tensor, values in plain.arrays.items():
        np.testing.assert_allclose(mixed.arrays[tensor], values, rtol=1e-6)


def test_the_bytes_that_are_counted_on_the_client_are_those_in_the_ledger():
    seen = []

    def main(grid):
        layer, ledger = metered(below_the_meter(grid))
        checked = CheckingGrid(DecodingGrid(layer, downlink="float16"))
        seen.extend(checked.send_and_receive(instructions(grid)))
        seen.append(ledger)

    app = client(good, mods=[count(report=True), compress("int8")])
    federation(main, app, nodes=1)
    reply, ledger = seen
    down, up = sizes("float16", model()), sizes("int8", model())
    assert dict(reply.content["fedlab.count"]) == {"received": down, "sent": up}
    assert (ledger.downlink, ledger.uplink) == (down, up)


def test_by_hand_pushed_and_pulled_replies_are_whole_too():
    got = {}

    def main(grid):
        layer, _ = metered(below_the_meter(grid))
        checked = CheckingGrid(DecodingGrid(layer, downlink="float16"))
        for number in (1, 2):
            messages = instructions(grid, record(model(2.0)), number=number)
            ids = checked.push_messages(messages)
            for message_id in reversed(ids):  # one by one, in another order
                for reply in checked.pull_messages([message_id]):
                    got[number, message_id] = numbers(reply.content)["w"][0, 0]
            assert messages[0].content["arrays"]["w"].numpy()[0, 0] == 2.0  # not changed

    federation(main, client(good, mods=[compress("float16")]), nodes=3)
    assert sorted(got.values()) == [2, 2, 3, 3, 4, 4]


# --- the downlink --------------------------------------------------------------------------------


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


# --- tensors that were left out ------------------------------------------------------------------

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


def all_but_the_first(mod):
    def some(message, context, call_next):
        if partition(context) == 0:
            return call_next(message, context)
        return mod(message, context, call_next)

    return some


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


# --- where the layer is --------------------------------------------------------------------------


def test_decoding_twice_is_refused():
    def main(grid):
        with pytest.raises(ValueError, match="this grid decodes already"):
            DecodingGrid(grid, downlink="float16")

    federation(main, client(good))


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
