"""simulate: a federation on this machine, metered and checked."""

from __future__ import annotations

import random
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from logging import LogRecord
from typing import Any, Literal

import numpy as np
from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedlab.codecs import Codec
from fedlab.engines.in_process import run_in_process
from fedlab.engines.under_ray import run_under_ray
from fedlab.engines.waiting import Stoppable, refuse_to_wait, wait_for_nodes
from fedlab.grids import CheckingGrid, DecodingGrid, MeteredGrid
from fedlab.guards import GuardedClientApp
from fedlab.ledger import Ledger
from fedlab.logs import flower_log
from fedlab.units import whole_number

Engine = Literal["in-process", "ray"]


@dataclass(frozen=True)
class RunResult:
    """What a run leaves: its ledger, how long it took, and on which engine."""

    ledger: Ledger
    seconds: float
    engine: Engine


def simulate(
    server_app: ServerApp,
    client_app: ClientApp,
    *,
    nodes: int = 2,
    engine: Engine = "in-process",
    address: str | None = None,
    seed: int | None = 0,
    weighted_by: str = "num-examples",
    downlink: Codec | str | None = None,
    check: bool = True,
    verbose: bool = False,
) -> RunResult:
    """Run a federation on this machine, or on a Ray cluster, and return what it moved.

    nodes: how many clients there are; each gets `partition-id` (0 to nodes-1) and `num-partitions`
    in its node_config. engine: "in-process" (deterministic, real serialization, no processes) or
    "ray" (Flower's own simulation engine). seed: of `random`, numpy and torch for the run, restored
    after it; None leaves them alone. weighted_by: the metric that weighs a reply. downlink: a codec
    for what the server sends, see `DecodingGrid`; the clients need `compress` to decode it. check:
    turn unusable replies into named failures (off for strategies whose replies are not model
    updates, such as boosted trees). verbose: print Flower's log.

    address: of a Ray cluster that is to run the clients, with engine="ray": "host:port" or "auto"
    on one of its machines, "ray://host:10001" from elsewhere; None starts Ray here for this run.
    The server stays in this process, and the cluster goes on afterwards. Each of its machines
    needs this one's versions of Python, Ray, Flower and fedlab, and whatever the client imports:
    Flower gives this process's sys.path to Ray's workers, and copies no files.

    A client that fails is in `ledger.failures`, not an exception. What the ServerApp raises is
    raised here. Raises ValueError for nodes below 1, an engine that is unknown or not installed, or
    an address without Ray, CodecError for a downlink that leaves values out, ConnectionError when
    no cluster can be joined there (within a minute), NotEnoughNodesError when the strategy waits
    for nodes that will not come.

    >>> from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    >>> from fedlab.strategies import BandwidthTrackingFedAvg
    >>> server, client = ServerApp(), ClientApp()
    >>> @client.train()
    ... def train(message, context):  # nothing is learned: what travels weighs the same
    ...     arrays, metrics = message.content["arrays"], MetricRecord({"num-examples": 1})
    ...     return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)
    >>> @server.main()
    ... def main(grid, context):
    ...     model = ArrayRecord([np.zeros(5, np.float32)])
    ...     BandwidthTrackingFedAvg(fraction_evaluate=0.0).start(grid, model, num_rounds=1)
    >>> simulate(server, client, nodes=2).ledger.traffic  # 20 B x 2 clients x 2 ways
    Bytes(80)
    """
    nodes = whole_number(nodes, "nodes")
    if engine not in ("in-process", "ray"):
        raise ValueError(f"engine: expected 'in-process' or 'ray', got {engine!r}")
    if address is not None and engine != "ray":
        raise ValueError(f"address: a Ray cluster's needs engine='ray', got engine={engine!r}")
    ledger = Ledger()
    stop = threading.Event()
    metered: list[MeteredGrid] = []
    layered = ServerApp()

    @layered.main()
    def main(grid: Grid, context: Context) -> None:
        wait_for_nodes(grid, nodes, stop)
        metered.append(MeteredGrid(Stoppable(grid, stop), ledger))
        decoded = DecodingGrid(metered[0], downlink=downlink)
        server_app(CheckingGrid(decoded, weighted_by=weighted_by) if check else decoded, context)

    def watch(record: LogRecord) -> bool:
        refuse_to_wait(record, nodes, stop)
        return True

    under_ray = partial(run_under_ray, address=address)
    run = run_in_process if engine == "in-process" else under_ray
    started = time.perf_counter()
    try:
        with flower_log(show=verbose, watch=watch), _seeded(seed):
            run(layered, GuardedClientApp(client_app), nodes)
    finally:
        stop.set()
    for grid in metered:
        grid.close("never answered")
    _say_what_failed(ledger)
    return RunResult(ledger, time.perf_counter() - started, engine)


def _say_what_failed(ledger: Ledger) -> None:
    usable: set[int] = set()  # rounds
    reasons: dict[int, list[str]] = {}  # by round
    for transfer in ledger:
        if transfer.direction == "up" and transfer.message_type.startswith("train"):
            if transfer.outcome == "ok":
                usable.add(transfer.round)
            else:
                reasons.setdefault(transfer.round, []).append(transfer.reason)
    for number in sorted(reasons.keys() - usable):
        warnings.warn(
            f"round {number}: none of {len(reasons[number])} clients sent a usable update; the "
            f"global model is unchanged. First reason: {reasons[number][0]}",
            RuntimeWarning,
            stacklevel=3,
        )


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Seed random, numpy and (where it is loaded) torch; put their states back afterwards."""
    if seed is None:
        yield
        return
    torch: Any = sys.modules.get("torch")
    python, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.random.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)
        if torch:
            torch.random.set_rng_state(torch_state)
