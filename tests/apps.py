"""Small ServerApps and ClientApps, and runs of them; what a bad client does is in bad_clients.

The model is two tensors, 36 bytes. Good client k returns them plus k, with the weight 2**k, so that
every mean of them is exact in float32.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedlab.engines import RunResult, simulate
from fedlab.grids import GridLayer, MeteredGrid
from fedlab.ledger import Ledger
from fedlab.strategies import BandwidthTrackingFedAvg

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


def counting(message: Message, context: Context) -> Message:
    """Counts its rounds in its state; partition 1 counts, then fails, in round 2."""
    state = context.state.setdefault("seen", MetricRecord({"rounds": 0}))
    state["rounds"] += 1
    if partition(context) == 1 and message.content["config"]["server-round"] == 2:
        raise ValueError("not this time")
    return answer(message, model(), {"num-examples": 1, "seen": state["rounds"]})


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


def client_where(
    bad: Callable[[Message, Context], Any], which: set[int], mods: list[Any] | None = None
) -> ClientApp:
    """Good clients, save the partitions in `which`, which do what `bad` does."""

    def train(message: Message, context: Context) -> Any:
        return (bad if partition(context) in which else good)(message, context)

    return client(train, mods=mods)


def tracking(**settings: Any) -> BandwidthTrackingFedAvg:
    """A strategy that trains only."""
    return BandwidthTrackingFedAvg(fraction_evaluate=0.0, **settings)


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


def rows(ledger: Ledger) -> list[tuple[Any, ...]]:
    """What travelled and what became of it, whatever the nodes are called and who came first."""
    return sorted(
        (t.round, t.message_type, t.direction, t.payload, t.record, t.message, t.outcome, t.reason)
        for t in ledger.transfers
    )


def below_the_meter(grid: GridLayer) -> Grid:
    """The grid that the run's own MeteredGrid is around."""
    return next(layer for layer in grid.layers() if isinstance(layer, MeteredGrid)).grid


def metered(grid: Grid) -> tuple[MeteredGrid, Ledger]:
    ledger = Ledger()
    return MeteredGrid(grid, ledger), ledger
