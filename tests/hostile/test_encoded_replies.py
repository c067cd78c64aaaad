"""Whatever a client says is an encoded update: named, counted, left out, and the round goes on."""

import numpy as np
import pytest
import zstandard
from apps import (
    Server,
    client,
    good,
    model,
    numbers,
    partition,
    record,
)
from blobs import mutant, resealed, with_body
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam, Krum

from fedlab.codecs import parse
from fedlab.codecs.arrays import encode
from fedlab.engines import simulate
from fedlab.meters import traced_peak
from fedlab.mods import compress, send_only
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

CODEC = parse("topk:0.5|float16")  # of w: 3 values of 6
NEWS = "fedlab.send-only"
UPDATE = np.float32([[1, -2, 3], [0, 0, 0]])
HONEST = CODEC.encode(UPDATE)


def encoded(data=HONEST, text="topk:0.5|float16", *, shape=(2, 3), dtype="float32", kind="update"):
    return Array(dtype=dtype, shape=shape, stype=f"fedlab.{kind}/{text}", data=data)


def body(count=3, values=(1, 2, 3), gaps=b"\x00\x00\x00\x00"):
    halves = np.array(values, "<f2").tobytes()
    return with_body(HONEST, count.to_bytes(4, "little") + halves + gaps)


def bomb():
    return body(gaps=b"\x01" + zstandard.ZstdCompressor().compress(bytes(10**7)))


def plain(codec, array, **announced):
    return encoded(parse(codec).encode(array, seed=0), codec, **announced)


def changed(at, value):
    blob = bytearray(HONEST)
    blob[at] = value
    return encoded(resealed(blob))


# What is sent as w, and a part of the reason
TENSORS = {
    "nothing": (encoded(b""), "w: expected at least 24 bytes of header, got 0"),
    "garbage": (encoded(b"garbage" * 9), "w: expected the magic b'fedl', got b'garb'"),
    "half of it": (encoded(HONEST[: len(HONEST) // 2]), "w: header announces"),
    "a byte too many": (encoded(HONEST + b"\x00"), "w: header announces"),
    "a bit flipped": (encoded(HONEST[:-1] + b"\x01"), "w: its checksum is wrong"),
    "another magic": (changed(0, 0), "w: expected the magic b'fedl', got b'\\x00edl'"),
    "another version": (changed(4, 9), "w: expected version 1 of the format, got 9"),
    "another dtype": (changed(5, 3), "w: expected float32, got float64"),
    "another shape": (changed(24, 3), "w: expected shape (2, 3), got (3, 3)"),
    "a shape announced": (
        encoded(shape=(3, 2)),
        "w: expected float32 of shape (2, 3), announced as float32 of shape (3, 2)",
    ),
    "terabytes announced": (
        encoded(shape=(10**12,)),
        "w: expected float32 of shape (2, 3), announced as float32 of shape (1000000000000,)",
    ),
    "a dtype announced": (encoded(dtype="float64"), "w: expected float32 of shape (2, 3), annou"),
    "no dtype": (encoded(dtype="x" * 999), "announced as xxxxxxxxxxxxxxxxxxxx of shape"),
    "another tensor's update": (plain("float16", np.ones(3, np.float32)), "w: expected shape"),
    "another codec's blob": (encoded(text="int8"), "w: expected the codec 'int8', got b'topk"),
    "an unknown codec": (encoded(text="zip"), "w: unknown codec 'zip'; there are, for example"),
    "a codec without a name": (encoded(text=""), "w: unknown codec ''"),
    "a codec's name without end": (encoded(text="x" * 10**5), "w: expected a codec's text of at"),
    "a codec of nonsense": (encoded(text="topk:nan"), "w: 'topk:nan': expected a fraction"),
    "a block of nonsense": (encoded(text="int8:block=-4"), "expected a block of 4 to 65536"),
    "weights for an update": (encoded(kind="weights"), "w: expected an encoded tensor of kind"),
    "no kind": (encoded(kind=""), "w: expected an encoded tensor of kind 'update', got ''"),
    "escapes in its name": (encoded(text="\x1b[31m\nzip"), "w: unknown codec"),
    "too many values": (encoded(body(count=4)), "w: expected 3 kept values of 6, got 4"),
    "billions of values": (encoded(body(count=2**32 - 1)), "w: expected 3 kept values of 6"),
    "a NaN": (encoded(body(values=(1, np.nan, 3))), "w: expected finite values"),
    "an infinity": (encoded(body(values=(1, 2, np.inf))), "w: expected finite values"),
    "a position outside": (encoded(body(gaps=b"\x00\x00\x00\x04")), "w: position 6 is outside"),
    "a form of nonsense": (encoded(body(gaps=b"\x07")), "w: expected a form of positions, 0 or 1"),
    "a bomb": (encoded(bomb()), "w: expected up to 3 bytes of gaps, a frame announces 10000000"),
    "a scale of infinity": (
        encoded(
            with_body(parse("int8").encode(UPDATE), b"\x80\x7f" + bytes(6)),
            "int8",
        ),
        "w: expected scales that keep float32 finite",
    ),
    "positions that fall": (
        encoded(
            with_body(
                parse("topk:0.5").encode(UPDATE),
                np.float32([1, 2, 3]).tobytes() + np.array([2, 1, 0], "<u2").tobytes(),
            ),
            "topk:0.5",
        ),
        "w: expected increasing positions, got others",
    ),
    "a stype of ours without more": (
        Array(dtype="float32", shape=(2, 3), stype="fedlab.", data=HONEST),
        "w: expected an encoded tensor of kind 'update'",
    ),
}


def reply(message, arrays, *, news=None, **more):
    content = {"arrays": arrays, "metrics": MetricRecord({"num-examples": 1})} | more
    if news is not None:
        content[NEWS] = news if not isinstance(news, dict) else ConfigRecord(news)
    return Message(RecordDict(content), reply_to=message)


def one_tensor(array):
    return ArrayRecord({"b": Array(model()["b"]), "w": array})


BOTH = record(model(1.0))

# Whole contents: what is replied to a message, and a part of the reason
CONTENTS = {
    "an update of no tensor": (
        lambda m: reply(m, ArrayRecord({**BOTH, "x": encoded()})),
        "x: no such tensor was sent",
    ),
    "an update under another record": (
        lambda m: reply(m, BOTH, other=ArrayRecord({"w": encoded()})),
        "w: no such tensor was sent",
    ),
    "another record, and news": (
        lambda m: reply(m, BOTH, news={"left-out": 0}, other=BOTH),
        "other",
    ),
    "arrays for news": (lambda m: reply(m, BOTH, news=record(model())), ""),
    "metrics for news": (lambda m: reply(m, BOTH, news=MetricRecord({"left-out": 0})), "left-out"),
    "the news of more": (lambda m: reply(m, BOTH, news={"left-out": 1}), "left-out"),
    "the news of fewer": (
        lambda m: reply(m, ArrayRecord({"w": BOTH["w"]}), news={"left-out": 0}),
        "left-out",
    ),
    "news of nonsense": (
        lambda m: reply(m, BOTH, news={"left-out": [0], "x": "\x1b" * 10**4}),
        "left-out",
    ),
    "news and no record": (
        lambda m: Message(
            RecordDict(
                {
                    "metrics": MetricRecord({"num-examples": 1}),
                    NEWS: ConfigRecord({"left-out": 2}),
                }
            ),
            reply_to=m,
        ),
        "",
    ),
    "a tensor missing without news": (
        lambda m: reply(m, ArrayRecord({"w": encoded()})),
        "arrays: missing or unexpected tensors b",
    ),
    "the broadcast under news of its own": (
        lambda m: reply(m, ArrayRecord({NEWS: encoded()}), news={"left-out": 2}),
        "no such tensor was sent",
    ),
}
SENDS = {
    **{
        name: (lambda m, array=array: reply(m, one_tensor(array)), reason)
        for name, (array, reason) in TENSORS.items()
    },
    **CONTENTS,
}
STRATEGIES = {"Tracking": BandwidthTrackingFedAvg, "Streaming": StreamingFedAvg}


def but_for_the_first(mod):
    """The mod, save in partition 0, which needs none to do harm."""

    def some(message, context, call_next):
        if partition(context) == 0:
            return call_next(message, context)
        return mod(message, context, call_next)

    return some


def one_bad_of_three(bad, strategy=BandwidthTrackingFedAvg, *, mod=None, rounds=1, start=None):
    """Partition 0 is bad; 1 and 2 send the model plus 1 and plus 2, with the weights 2 and 4."""

    def train(message, context):
        return bad(message) if partition(context) == 0 else good(message, context)

    server = Server(
        strategy(fraction_evaluate=0.0, min_train_nodes=3), start, num_rounds=rounds, timeout=20
    )
    mods = [but_for_the_first(mod or compress("float16"))]
    return server, simulate(server, client(train, mods=mods), nodes=3).ledger


MEAN = np.float32(1) * (2 / 6) + np.float32(2) * (4 / 6)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", SENDS)
def test_a_forged_update_is_named_counted_and_left_out_of_the_mean(name, strategy):
    bad, reason = SENDS[name]
    server, ledger = one_bad_of_three(bad, STRATEGIES[strategy])
    (failure,) = ledger.failures
    assert (failure.node, failure.round, failure.outcome) == (0, 1, "rejected")
    assert reason in failure.reason
    assert failure.reason.isprintable()
    assert len(failure.reason) < 400
    good_ones = 2 * sum(parse("float16").size(a.shape) for a in model().values())
    assert ledger.uplink == good_ones + failure.payload
    for values in server.arrays.values():
        np.testing.assert_allclose(values, MEAN, rtol=1e-6)


@pytest.mark.parametrize("name", TENSORS)
def test_the_reason_says_which_client_it_was(name):
    _, ledger = one_bad_of_three(SENDS[name][0])
    assert ledger.failures[0].reason.startswith("client 0: w: ")


def test_an_update_that_adds_up_to_infinity_is_refused():
    huge = np.full((2, 3), 3e38, np.float32)

    def bad(message):
        return reply(message, one_tensor(encode(parse("topk:0.5"), huge, "update")))

    _, ledger = one_bad_of_three(bad, start=record(model(3e38)))
    (failure,) = ledger.failures
    assert (failure.node, failure.outcome) == (0, "rejected")
    assert failure.reason == "w: 3 of 6 values are NaN or infinite"


@pytest.mark.parametrize("strategy", [FedAdam, lambda **kw: Krum(num_malicious_nodes=1, **kw)])
def test_flowers_own_strategies_go_on_without_forgers(strategy):
    for name in ("garbage", "a bomb", "a NaN", "arrays for news"):
        server, ledger = one_bad_of_three(SENDS[name][0], strategy, rounds=2)
        assert [(t.node, t.outcome) for t in ledger.failures] == [(0, "rejected")] * 2
        assert all(np.isfinite(values).all() for values in server.arrays.values())


def test_hundreds_of_mutants_never_end_a_run_nor_poison_the_mean():
    """Each round one client sends a mutant of an honest blob; what it gets in is finite."""
    random, texts = (
        np.random.default_rng(0),
        ("topk:0.5|float16", "int8", "topk:0.5", "ternary:0.5"),
    )
    sent = []

    def bad(message):
        text = texts[len(sent) % len(texts)]
        sent.append(mutant(parse(text).encode(UPDATE, seed=0), random))
        return reply(message, one_tensor(encoded(sent[-1], text)))

    server, ledger = one_bad_of_three(bad, rounds=100)
    assert len(sent) == 100
    assert 50 < len(ledger.failures) <= 100
    assert {t.node for t in ledger.failures} == {0}
    assert all(t.reason.startswith("client 0: w: ") for t in ledger.failures)
    assert all(np.isfinite(values).all() for values in server.arrays.values())


def test_a_forger_does_not_change_what_others_may_leave_out():
    frozen = {"thirds": np.full(4, 1 / 3, np.float32), "steps": np.array(2**60 + 1)}

    def bad(message):
        arrays = numbers(message.content)
        whole = record({name: values + 1 for name, values in arrays.items() if name != "w"})
        whole["w"] = encoded(b"garbage")
        return reply(message, whole)

    server, ledger = one_bad_of_three(
        bad, mod=send_only(["w", "b"]), rounds=3, start=record(model() | frozen)
    )
    assert [t.node for t in ledger.failures] == [0, 0, 0]
    for name, values in frozen.items():
        assert server.arrays[name].dtype == values.dtype
        assert server.arrays[name].tobytes() == values.tobytes()


def test_a_forged_claim_to_leave_all_out_freezes_nothing_that_others_train():
    def bad(message):
        return reply(message, ArrayRecord(), news={"left-out": 2})

    server, ledger = one_bad_of_three(bad, rounds=3)
    assert ledger.failures == []
    for values in server.arrays.values():  # as an update of nothing, with the weight 1 of 7
        np.testing.assert_allclose(values, 3 * 10 / 7, rtol=1e-3)


def test_a_bomb_in_a_reply_allocates_next_to_nothing():
    bad, _ = SENDS["a bomb"]
    one_bad_of_three(bad)  # what is imported and compiled the first time
    with traced_peak() as peak:
        one_bad_of_three(bad)
    assert peak.size < 2_000_000


def test_an_encoded_update_that_the_client_was_right_to_send_is_taken():
    server, ledger = one_bad_of_three(
        lambda m: reply(m, one_tensor(encode(CODEC, UPDATE, "update")))
    )
    assert ledger.failures == []
    np.testing.assert_allclose(server.arrays["w"], (UPDATE + 2 * 1 + 4 * 2) / 7, rtol=1e-3)
