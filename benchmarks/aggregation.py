"""The server's side beside its peers: the time of a fold, and what is held while N clients report.

A fold of one 56 MB update (Pythia-14m, 76 tensors) beside torch's bare in-place `add_` with a
weight, on warm buffers, the best of 40 taken in turns; then beside Flower's
`aggregate_arrayrecords`, time for each client and peak in models; then whole federations of a 1 MiB
model, two rounds, each in a fresh process.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from time import perf_counter

import numpy as np
import torch
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords
from rich.console import Console
from rich.table import Table
from timing import in_turns

from fedlab import ServerMemory
from fedlab.aggregators import RunningMean
from fedlab.aggregators.checks import checked, described
from fedlab.aggregators.fold import Fold
from fedlab.engines import simulate
from fedlab.meters import peak_resident, traced_peak
from fedlab.sizes import size_of, tensors_of
from fedlab.strategies import StreamingFedAvg
from fedlab.units import Bytes

Update = dict[str, np.ndarray]
SHAPES = {spec.name: spec.shape for spec in tensors_of("pythia-14m")}
SIZE = size_of("pythia-14m")
CLIENTS = 10
MODEL = Bytes(2**20)


def update(seed: int) -> Update:
    """A Pythia's worth of numbers."""
    random = np.random.default_rng(seed)
    return {n: random.standard_normal(shape, np.float32) for n, shape in SHAPES.items()}


def fold_beside_torch() -> Table:
    """torch only adds; RunningMean.add looks for NaN and infinity first, and then folds."""
    came, mean = update(1), RunningMean()
    mean.add(update(0), 1)
    expected = described(came, "")
    tensors, fold = checked(came, expected, ""), Fold(expected)
    fold.add(tensors, Fraction(1))
    sums = [torch.zeros(shape) for shape in SHAPES.values()]

    def bare() -> None:
        for total, tensor in zip(sums, tensors.values(), strict=True):
            total.add_(tensor, alpha=0.5)

    torch_ms, fold_ms, add_ms = in_turns(
        bare, lambda: fold.add(tensors, Fraction(1)), lambda: mean.add(came, 1)
    )
    table = Table("what", "ms", "ratio", title=f"Folding one update of {SIZE.short}")
    table.add_row("torch add_ with a weight", f"{torch_ms:.1f}", "1")
    table.add_row("the fold of RunningMean", f"{fold_ms:.1f}", f"{fold_ms / torch_ms:.2f} times")
    table.add_row("checked, then folded", f"{add_ms:.1f}", f"{add_ms / torch_ms:.2f} times")
    return table


def mean_beside_flower() -> Table:
    """The whole mean of ten clients, whose updates arrive one by one."""

    def replies() -> Iterator[RecordDict]:
        for seed in range(CLIENTS):
            arrays = ArrayRecord({name: Array(array) for name, array in update(seed).items()})
            yield RecordDict(
                {"arrays": arrays, "metrics": MetricRecord({"num-examples": seed + 1})}
            )

    def flower() -> float:
        held = list(replies())
        started = perf_counter()
        aggregate_arrayrecords(held, "num-examples")
        return perf_counter() - started

    def ours() -> float:
        mean, seconds = RunningMean(), 0.0
        for seed in range(CLIENTS):
            came = update(seed)
            started = perf_counter()
            mean.add(came, seed + 1)
            seconds += perf_counter() - started
            del came
        return seconds

    table = Table("what", "ms a client", "ratio", "peak, in models", title="The mean of 10 clients")
    ours_seconds, flower_seconds = min(ours() for _ in range(3)), min(flower() for _ in range(3))
    for name, work, seconds in (
        ("fedlab RunningMean", ours, ours_seconds),
        ("Flower aggregate_arrayrecords", flower, flower_seconds),
    ):
        with traced_peak() as peak:
            work()
        ms = f"{1000 * seconds / CLIENTS:.1f}"
        table.add_row(name, ms, f"{seconds / ours_seconds:.1f}", f"{peak.size / SIZE:.1f}")
    return table


def client_app() -> ClientApp:
    """A client that sends back what it got, plus one."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        arrays = message.content["arrays"]
        changed = ArrayRecord({name: Array(a.numpy() + 1) for name, a in arrays.items()})
        metrics = MetricRecord({"num-examples": 1})
        return Message(RecordDict({"arrays": changed, "metrics": metrics}), reply_to=message)

    return app


def run(serve: Callable[[Grid, ArrayRecord], object], clients: int) -> None:
    """A federation of the 1 MiB model."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        arrays = {str(n): Array(np.full(2**14, n, np.float32)) for n in range(16)}
        serve(grid, ArrayRecord(arrays))

    simulate(app, client_app(), nodes=clients)


def streaming(grid: Grid, arrays: ArrayRecord) -> None:
    StreamingFedAvg(fraction_evaluate=0.0, window=8).start(grid, arrays, num_rounds=2)


def fedavg(grid: Grid, arrays: ArrayRecord) -> None:
    FedAvg(fraction_evaluate=0.0).start(grid, arrays, num_rounds=2)


def one_exchange(grid: Grid, arrays: ArrayRecord) -> None:
    """What one client in flight costs an in-process run, beside the model that the server holds."""
    content = RecordDict({"arrays": arrays, "config": ConfigRecord()})
    grid.pull_messages(grid.push_messages([Message(content, 0, "train")]))


def growth(console: Console) -> Table:
    """Peak resident memory of whole runs, the one client in flight taken off."""

    def peak(serve: Callable[[Grid, ArrayRecord], object], clients: int) -> Bytes:
        with console.status(f"{serve.__name__}, {clients:,} clients …"):
            return peak_resident(run, serve, clients, warm_up=lambda: run(serve, 2))

    in_flight = peak(one_exchange, 2) - MODEL
    table = Table(
        "clients",
        "streaming",
        "FedAvg",
        "FedAvg, predicted",
        title="Server peak in MiB, a model of 1 MiB, two rounds",
        caption=f"less the {in_flight.MiB:.1f} MiB that one client in flight takes in this process",
    )
    for clients in (10, 100, 1_000, 10_000):
        row = [f"{clients:,}", f"{(peak(streaming, clients) - in_flight).MiB:.1f}"]
        if clients <= 1_000:  # 20 GB at 10,000
            row += [f"{(peak(fedavg, clients) - in_flight).MiB:,.0f}"]
            row += [f"{ServerMemory(MODEL, updates=clients, rounds=2).total.MiB:,.0f}"]
        table.add_row(*row)
    return table


def main() -> None:
    console = Console(width=100)
    console.print(fold_beside_torch())
    console.print(mean_beside_flower())
    console.print(growth(console))


if __name__ == "__main__":
    main()
