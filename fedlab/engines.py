"""Engines that run a ServerApp and its ClientApps: in this process, or under Ray.

Both put the metering and the checking layer around the grid, guard the clients, and return the
ledger. Flower's private names are touched in this file alone (`tests/engines/test_private.py` says
which version it knows).
"""

from __future__ import annotations

import copy
import importlib.util
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import LogRecord
from typing import Any, Literal

import numpy as np

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read when flwr is first imported
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; quiet

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.supercore import telemetry
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from fedlab.grids import CheckingGrid, GridLayer, MeteredGrid
from fedlab.guards import GuardedClientApp
from fedlab.ledger import Ledger
from fedlab.logs import flower_log
from fedlab.records import objects_of

telemetry.FLWR_TELEMETRY_ENABLED = os.environ["FLWR_TELEMETRY_ENABLED"]  # flwr came first

Engine = Literal["in-process", "ray"]


class NotEnoughNodesError(RuntimeError):
    """The strategy waits for more nodes than the federation has."""


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
    seed: int | None = 0,
    weighted_by: str = "num-examples",
    check: bool = True,
    verbose: bool = False,
) -> RunResult:
    """Run a federation on this machine and return what it moved.

    nodes: how many clients there are; each gets `partition-id` (0 to nodes-1) and `num-partitions`
    in its node_config. engine: "in-process" (deterministic, real serialization, no processes) or
    "ray" (Flower's own simulation engine). seed: of `random`, numpy and torch for the run, restored
    after it; None leaves them alone. weighted_by: the metric that weighs a reply. check: turn
    unusable replies into named failures (off for strategies whose replies are not model updates,
    such as boosted trees). verbose: print Flower's log.

    A client that fails is in `ledger.failures`, not an exception. What the ServerApp raises is
    raised here. Raises ValueError for nodes below 1 or an unknown engine, NotEnoughNodesError when
    the strategy waits for nodes that will not come.
    """
    if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 1:
        raise ValueError(f"nodes: expected a whole number, 1 or more, got {nodes!r}")
    if engine not in ("in-process", "ray"):
        raise ValueError(f"engine: expected 'in-process' or 'ray', got {engine!r}")
    ledger = Ledger()
    stop = threading.Event()
    metered: list[MeteredGrid] = []
    layered = ServerApp()

    @layered.main()
    def main(grid: Grid, context: Context) -> None:
        metered.append(MeteredGrid(_Stoppable(grid, stop), ledger))
        checked = CheckingGrid(metered[0], weighted_by=weighted_by) if check else metered[0]
        server_app(checked, context)

    def watch(record: LogRecord) -> bool:
        _refuse_to_wait(record, nodes, stop)
        return True

    run = _run_in_process if engine == "in-process" else _run_under_ray
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


def _refuse_to_wait(record: LogRecord, nodes: int, stop: threading.Event) -> None:
    """Flower waits for ever for nodes that will not come, and says so in its log."""
    if str(record.msg).startswith("Waiting for nodes to connect") and isinstance(
        record.args, tuple
    ):
        connected, required = record.args
        if stop.is_set() or connected >= nodes or required > nodes:  # type: ignore[operator]
            raise NotEnoughNodesError(
                f"the strategy needs {required} nodes and this federation has {nodes}; "
                f"raise nodes to {required}, or lower the strategy's min_available_nodes, "
                "min_train_nodes and min_evaluate_nodes"
            )


def _say_what_failed(ledger: Ledger) -> None:
    for number in sorted({t.round for t in ledger.transfers}):
        replies = [
            t
            for t in ledger.transfers
            if t.round == number and t.direction == "up" and t.message_type.startswith("train")
        ]
        if replies and all(t.outcome != "ok" for t in replies):
            warnings.warn(
                f"round {number}: none of {len(replies)} clients sent a usable update; the global "
                f"model is unchanged. First reason: {replies[0].reason}",
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


class _Stoppable(GridLayer):
    """Waits for replies in steps, so that an interrupted run does not wait out its timeout."""

    def __init__(self, grid: Grid, stop: threading.Event) -> None:
        super().__init__(grid)
        self._stop = stop

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push, then pull what has come until all is there, time is up, or the run is stopped."""
        waiting = dict.fromkeys(self.push_messages(messages))
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        replies: list[Message] = []
        while waiting and time.monotonic() < deadline:
            if self._stop.is_set():
                raise RuntimeError("the run was stopped")
            arrived = self.pull_messages(list(waiting)[:1] if self._one_by_one else list(waiting))
            for reply in arrived:
                waiting.pop(reply.metadata.reply_to_message_id, None)
            replies += arrived
            if waiting and not arrived:
                self._stop.wait(0.05)
        return replies

    @property
    def _one_by_one(self) -> bool:
        """In process, a pull runs the client: one at a time, so that a deadline can stop it."""
        return isinstance(self.grid, _InProcessGrid)


class _InProcessGrid(Grid):
    """Runs each ClientApp in this process when its reply is pulled.

    Every message is deflated into bytes and inflated from them, both ways, by Flower's own code, as
    its deployment engine does. Pulling lazily means that one client's copies exist at a time.
    """

    def __init__(self, app: ClientApp, nodes: int, run: Run) -> None:
        self._app = app
        self._run = run
        self._pushed: dict[str, Message] = {}
        self._count = 0
        self._contexts = {
            node: Context(
                run_id=run.run_id,
                node_id=node,
                node_config={"partition-id": node, "num-partitions": nodes},
                state=RecordDict(),
                run_config={},
            )
            for node in range(nodes)
        }

    def set_run(self, run: Run) -> None:
        self._run = run

    @property
    def run(self) -> Run:
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        messages, ids = list(messages), []
        for message in messages:  # all or none
            if message.metadata.dst_node_id not in self._contexts:
                raise ValueError(
                    f"no node {message.metadata.dst_node_id}: expected one of "
                    f"0 to {len(self._contexts) - 1}"
                )
        for message in messages:
            self._count += 1
            ids.append(_name(message, f"message-{self._count:06}"))
            self._pushed[ids[-1]] = message
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        wanted = (self._pushed.pop(i, None) for i in message_ids)
        return [self._answered(message) for message in wanted if message is not None]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        return self.pull_messages(self.push_messages(messages))

    def _answered(self, instruction: Message) -> Message:
        context = self._contexts[instruction.metadata.dst_node_id]
        reply = self._app(_through_bytes(instruction), context)
        _name(reply, f"{instruction.metadata.message_id}-reply")
        return _through_bytes(reply)


def _name(message: Message, message_id: str) -> str:
    """Give a message its id, as the SuperLink would."""
    message.metadata.__dict__["_message_id"] = message_id
    return message_id


def _through_bytes(message: Message) -> Message:
    """What arrives when `message` is sent: the same content, inflated from deflated bytes."""
    if message.has_error():
        return message
    contents = {name: part.deflate() for name, part in objects_of(message.content).items()}
    arrived = inflate_object_from_contents(message.content.object_id, contents)
    about = copy.copy(message.metadata)
    received = Message(metadata=about, content=arrived)  # type: ignore[call-overload]
    return received  # type: ignore[no-any-return]


def _run_in_process(server_app: ServerApp, client_app: ClientApp, nodes: int) -> None:
    kept = (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    try:
        grid = _InProcessGrid(client_app, nodes, Run.create_empty(run_id=1))
        server_app(grid, Context(1, 0, {}, RecordDict(), {}))
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = kept


def _run_under_ray(server_app: ServerApp, client_app: ClientApp, nodes: int) -> None:
    if importlib.util.find_spec("ray") is None:
        raise ValueError("engine 'ray' needs Ray: pip install 'flwr[simulation]'")
    from flwr.simulation import run_simulation

    python_path = os.environ.get("PYTHONPATH")
    try:
        run_simulation(
            server_app,
            client_app,
            num_supernodes=nodes,
            backend_config={
                "init_args": {"log_to_driver": False, "logging_level": "ERROR"},
                "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            },
        )
    finally:  # Flower writes sys.path into it, for Ray's workers
        os.environ.pop("PYTHONPATH", None)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path
