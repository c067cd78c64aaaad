"""Small ServerApps and ClientApps: good ones, and everything that a client can do wrong.

The model is two tensors, 36 bytes. Good client k returns them plus k, with the weight 2**k, so that
every mean of them is exact in float32.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.app.error import Error
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedlab.engines import RunResult, simulate
from fedlab.grids import GridLayer, MeteredGrid
from fedlab.ledger import Ledger

W, B = (2, 3), (3,)
PAYLOAD = 4 * (6 + 3)  # bytes of the two tensors in float32


def model(fill: float = 0.0) -> dict[str, np.ndarray]:
    return {"w": np.full(W, fill, np.float32), "b": np.full(B, fill, np.float32)}


def record(arrays: dict[str, Any]) -> ArrayRecord:
    return ArrayRecord(
        {k: v if isinstance(v, Array) else Array(np.asarray(v)) for k, v in arrays.items()}
    )


def numbers(content: RecordDict | ArrayRecord) -> dict[str, np.ndarray]:
    arrays = content["arrays"] if isinstance(content, RecordDict) else content
    return {name: array.numpy() for name, array in arrays.items()}


def answer(message: Message, arrays: Any, metrics: dict[str, Any] | None = None) -> Message:
    """A reply with `arrays` and `metrics`; the weight is 1 where none is given."""
    arrays = arrays if isinstance(arrays, ArrayRecord) else record(arrays)
    told = MetricRecord({"num-examples": 1} if metrics is None else metrics)
    return Message(RecordDict({"arrays": arrays, "metrics": told}), reply_to=message)


def partition(context: Context) -> int:
    return int(context.node_config["partition-id"])


def good(message: Message, context: Context) -> Message:
    k = partition(context)
    moved = {name: value + np.float32(k) for name, value in numbers(message.content).items()}
    return answer(message, moved, {"num-examples": 2**k})


def echo(message: Message, context: Context) -> Message:
    """Returns what it got: predicted and measured sizes meet."""
    return answer(message, message.content["arrays"])


def client(
    train: Callable[[Message, Context], Any],
    evaluate: Callable[[Message, Context], Any] | None = None,
    query: Callable[[Message, Context], Any] | None = None,
    mods: list[Any] | None = None,
) -> ClientApp:
    app = ClientApp(mods=mods)
    app.train()(train)
    if evaluate is not None:
        app.evaluate()(evaluate)
    if query is not None:
        app.query()(query)
    return app


def client_where(bad: Callable[[Message, Context], Any], which: set[int]) -> ClientApp:
    """Good clients, save the partitions in `which`, which do what `bad` does."""

    def train(message: Message, context: Context) -> Any:
        return (bad if partition(context) in which else good)(message, context)

    return client(train)


class Server(ServerApp):
    """Starts a strategy and keeps its results, one a run."""

    def __init__(self, strategy: Any, arrays: Any = None, **settings: Any) -> None:
        super().__init__()
        self.strategy = strategy
        self.results: list[Any] = []
        initial = record(model()) if arrays is None else arrays

        @self.main()
        def main(grid: Grid, context: Context) -> None:
            self.results.append(strategy.start(grid, initial, **settings))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return numbers(self.results[-1].arrays)


def federation(
    main: Callable[[Grid], None], app: ClientApp, *, nodes: int = 2, **settings: Any
) -> RunResult:
    """Run `main` by hand as the ServerApp; nothing is checked unless asked for."""
    server = ServerApp()
    server.main()(lambda grid, context: main(grid))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that nobody sent a usable update
        return simulate(server, app, nodes=nodes, **{"check": False, **settings})


def instructions(
    grid: Grid, arrays: Any = None, *, kind: str = "train", number: int = 1
) -> list[Message]:
    """One message a node, all of them with the same content, as strategies send them."""
    content = RecordDict(
        {
            "arrays": record(model()) if arrays is None else arrays,
            "config": ConfigRecord({"server-round": number}),
        }
    )
    return [Message(content, node, kind) for node in grid.get_node_ids()]


def below_the_meter(grid: GridLayer) -> Grid:
    """The grid that the run's own MeteredGrid is around."""
    return next(layer for layer in grid.layers() if isinstance(layer, MeteredGrid)).grid


def metered(grid: Grid) -> tuple[MeteredGrid, Ledger]:
    ledger = Ledger()
    return MeteredGrid(grid, ledger), ledger


# --- everything a client can do wrong -----------------------------------------------------------


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


def counting(message, context):
    """Counts its rounds in its state; partition 1 counts, then fails, in round 2."""
    state = context.state.setdefault("seen", MetricRecord({"rounds": 0}))
    state["rounds"] += 1
    if partition(context) == 1 and message.content["config"]["server-round"] == 2:
        raise ValueError("not this time")
    return answer(message, model(), {"num-examples": 1, "seen": state["rounds"]})
