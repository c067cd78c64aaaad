"""Everything that a client can do wrong, and what the ledger must say of it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from apps import PAYLOAD, Server, W, answer, client_where, model, record, tracking
from flwr.app import Array, Context, Message, MetricRecord, RecordDict
from flwr.app.error import Error

from fedlab.engines import simulate
from fedlab.ledger import Ledger


def npy(header: str, data: bytes = b"", **announced: Any) -> Array:
    """An Array whose `.npy` header is the given text."""
    text = header.encode("latin-1")
    blob = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data
    settings = {"dtype": "float32", "shape": W, "stype": "numpy.ndarray", "data": blob}
    return Array(**{**settings, **announced})


def blob(stype: str, data: bytes) -> Array:
    return Array(dtype="float32", shape=W, stype=stype, data=data)


@dataclass(frozen=True)
class Bad:
    """What a client does, and what the ledger must say: outcome, a part of the reason, payload."""

    act: Callable[[Message, Context], Any]
    outcome: str
    reason: str
    payload: int


def _sends(arrays: Any, reason: str, payload: int, metrics: dict[str, Any] | None = None) -> Bad:
    make = arrays if callable(arrays) else lambda: arrays
    return Bad(lambda m, c: answer(m, make(), metrics), "rejected", reason, payload)


def _does(act: Callable[[Message, Context], Any], reason: str) -> Bad:
    return Bad(act, "failed", reason, 0)


def _weighs(metrics: dict[str, Any], reason: str) -> Bad:
    return _sends(model, reason, PAYLOAD, metrics)


def _raises(message: Message, context: Context) -> Message:
    raise ValueError("the disk is full")


def _exits(message: Message, context: Context) -> Message:
    sys.exit(3)


def _speechless(message: Message, context: Context) -> Message:
    class SpeechlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise SpeechlessError


def _answers_nothing(message: Message, context: Context) -> Message:
    return Message(message.content, message.metadata.src_node_id, "train")


def _unsendable_number(message: Message, context: Context) -> Message:
    return answer(message, model(), {"num-examples": 1, "big": 2**70})


def _unsendable_array(message: Message, context: Context) -> Message:
    arrays = record(model())
    arrays["w"].data = np.zeros(W, np.float32)
    return answer(message, arrays)


def _two_metric_records(message: Message, context: Context) -> Message:
    reply = answer(message, model())
    reply.content["more"] = MetricRecord({"loss": 0.5})
    return reply


def _no_metric_record(message: Message, context: Context) -> Message:
    return Message(RecordDict({"arrays": record(model())}), reply_to=message)


def _no_arrays(message: Message, context: Context) -> Message:
    return Message(RecordDict({"metrics": MetricRecord({"num-examples": 1})}), reply_to=message)


def _two_array_records(message: Message, context: Context) -> Message:
    reply = answer(message, model())
    reply.content["again"] = record(model(1.0))
    return reply


def with_one(value: float, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    arrays = {name: array.astype(dtype) for name, array in model().items()}
    arrays["w"][1, 2] = value
    return arrays


_FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
_SIX = np.zeros(W, np.float32).tobytes()
_PROMISE = npy(_FLOATS % "(1000000000000,)", b"1234", shape=(10**12,))
_OBJECTS = npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", b"\x80\x04N.")
_LIST_SHAPE = npy(_FLOATS % "[2, 3]", _SIX)
_OTHER_SHAPE = npy(_FLOATS % "(3, 2)", _SIX)

BAD: dict[str, Bad] = {
    "raises": _does(_raises, "ValueError: the disk is full"),
    "exits": _does(_exits, "SystemExit: 3"),
    "raises what cannot be printed": _does(_speechless, "SpeechlessError"),
    "returns None": _does(lambda m, c: None, "returned NoneType instead of a Message"),
    "returns a dict": _does(lambda m, c: {"w": 1}, "returned dict instead of a Message"),
    "returns the instruction": _does(lambda m, c: m, "answers nothing"),
    "answers nothing": _does(_answers_nothing, "answers nothing"),
    "says it failed": _does(
        lambda m, c: Message(Error(1, "no\ndata \x1b[31mhere"), reply_to=m), "no data here"
    ),
    "says nothing of why": _does(lambda m, c: Message(Error(1, ""), reply_to=m), "no reason given"),
    "sends a number beyond protobuf": _does(_unsendable_number, "cannot be sent: metrics"),
    "sends what is no bytes": _does(_unsendable_array, "cannot be sent: arrays: w is an Array of"),
    "another shape": _sends(
        lambda: model() | {"w": np.zeros((3, 2), np.float32)},
        "w: expected shape (2, 3), got (3, 2)",
        PAYLOAD,
    ),
    "a shape that broadcasts": _sends(
        lambda: model() | {"w": np.zeros((1, 3), np.float32)},
        "w: expected shape (2, 3), got (1, 3)",
        12 + 12,
    ),
    "a NaN": _sends(lambda: with_one(np.nan), "w: 1 of 6 values are NaN or infinite", PAYLOAD),
    "an infinity": _sends(lambda: with_one(-np.inf), "w: 1 of 6 values are NaN", PAYLOAD),
    "a double beyond float32": _sends(
        lambda: with_one(1e300, np.float64), "w as float32: 1 of 6 values are NaN", 2 * PAYLOAD
    ),
    "integers": _sends(lambda: with_one(1, np.int32), "expected float32, got int32", PAYLOAD),
    "complex numbers": _sends(
        lambda: with_one(1, np.complex64), "expected float32, got complex64", 2 * PAYLOAD
    ),
    "a tensor is missing": _sends(
        lambda: {"w": model()["w"]}, "arrays: missing or unexpected tensors b", 24
    ),
    "a tensor too many": _sends(
        lambda: model() | {"x": np.zeros(1, np.float32)},
        "arrays: missing or unexpected tensors x",
        PAYLOAD + 4,
    ),
    "no arrays": Bad(_no_arrays, "rejected", "expected the array records ['arrays'], got []", 0),
    "two array records": Bad(
        _two_array_records, "rejected", "got ['again', 'arrays']", 2 * PAYLOAD
    ),
    "a metric too many": _weighs({"num-examples": 1, "loss": 0.1}, "the other replies': loss"),
    "a list of another length": _weighs({"num-examples": 1, "l": [1.0]}, "other replies': l"),
    "no weight": _weighs(
        {"examples": 1},
        "expected a finite weight above 0 under 'num-examples' in its metrics, got none",
    ),
    "the weight 0": _weighs({"num-examples": 0}, "got 0"),
    "a negative weight": _weighs({"num-examples": -4}, "got -4"),
    "a weight that is NaN": _weighs({"num-examples": float("nan")}, "got nan"),
    "an infinite weight": _weighs({"num-examples": float("inf")}, "got inf"),
    "a weight beyond counting": _weighs({"num-examples": 1e308}, "got 1e+308"),
    "a list for a weight": _weighs({"num-examples": [1, 2]}, "got [1, 2]"),
    "two metric records": Bad(
        _two_metric_records, "rejected", "expected one MetricRecord, got 2", PAYLOAD
    ),
    "no metric record": Bad(
        _no_metric_record, "rejected", "expected one MetricRecord, got 0", PAYLOAD
    ),
    "garbage": _sends(
        lambda: model() | {"w": blob("numpy.ndarray", b"garbage")},
        "w: expected a .npy header, got b'garbage'",
        7 + 12,
    ),
    "nothing for a tensor": _sends(
        lambda: model() | {"w": blob("numpy.ndarray", b"")}, "w: expected a .npy header", 12
    ),
    "a codec nobody asked for": _sends(
        lambda: model() | {"w": blob("topk", b"12345")}, "got 'topk'", 5 + 12
    ),
    "a header that promises terabytes": _sends(
        lambda: model() | {"w": _PROMISE},
        "header promises shape (1000000000000,) of float32, 4000000000000 bytes; 4 came",
        len(_PROMISE.data) + 12,
    ),
    "a header with Python objects": _sends(
        lambda: model() | {"w": _OBJECTS},
        "expected plain numbers, got dtype object",
        len(_OBJECTS.data) + 12,
    ),
    "a header that numpy refuses": _sends(
        lambda: model() | {"w": _LIST_SHAPE},
        "unreadable .npy header",
        len(_LIST_SHAPE.data) + 12,
    ),
    "another shape than announced": _sends(
        lambda: model() | {"w": _OTHER_SHAPE},
        "announced as shape (2, 3) of float32, came as (3, 2) of float32",
        len(_OTHER_SHAPE.data) + 12,
    ),
}


def one_bad_of_three(
    bad: Callable[[Message, Context], Any],
    strategy: Any = None,
    start: Any = None,
    *,
    mods: list[Any] | None = None,
    rounds: int = 1,
) -> tuple[Server, Ledger]:
    """Partition 0 is bad; 1 and 2 return the model plus 1 and plus 2, with the weights 2 and 4."""
    server = Server(strategy or tracking(), start, num_rounds=rounds, timeout=20)
    return server, simulate(server, client_where(bad, {0}, mods), nodes=3).ledger
