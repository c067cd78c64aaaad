"""What a client may say is an encoded update, each with a part of the reason to leave it out."""

import numpy as np
import zstandard
from apps import model, record
from blobs import resealed, with_body
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from fedlab.codecs import parse

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
