"""Waiting that ends: for nodes that will not come, and for replies of a run that was stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from logging import LogRecord

from flwr.app import Message
from flwr.serverapp import Grid

from fedlab.engines.in_process import InProcessGrid
from fedlab.grids import GridLayer


class NotEnoughNodesError(RuntimeError):
    """The strategy waits for more nodes than the federation has."""


def refuse_to_wait(record: LogRecord, nodes: int, stop: threading.Event) -> None:
    """Raise NotEnoughNodesError when Flower's log says that it waits for nodes that will not come.

    Flower itself would wait for ever. record: of its log. nodes: how many there are. stop: set when
    the run was stopped, and none will come any more.
    """
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


def wait_for_nodes(grid: Grid, nodes: int, stop: threading.Event) -> None:
    """Wait until all nodes are there, or the run was stopped.

    Ray's come one by one while the server already runs, and Flower's strategies count whom to ask
    before they wait: a busy machine's first round would be smaller.
    """
    while not stop.is_set() and len(list(grid.get_node_ids())) < nodes:
        stop.wait(0.05)


class Stoppable(GridLayer):
    """Waits for replies in steps, so that an interrupted run does not wait out its timeout."""

    def __init__(self, grid: Grid, stop: threading.Event) -> None:
        super().__init__(grid)
        self._stop = stop

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Pull. Raises RuntimeError when the run was stopped."""
        if self._stop.is_set():
            raise RuntimeError("the run was stopped")
        return super().pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push, then pull what has come until all is there, time is up, or the run is stopped."""
        waiting = dict.fromkeys(self.push_messages(messages))
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        replies: list[Message] = []
        while waiting and time.monotonic() < deadline:
            wanted = [next(iter(waiting))] if self._one_by_one else list(waiting)
            arrived = self.pull_messages(wanted)
            for reply in arrived:
                waiting.pop(reply.metadata.reply_to_message_id, None)
            replies += arrived
            if waiting and not arrived:
                self._stop.wait(0.05)
        return replies

    @property
    def _one_by_one(self) -> bool:
        """In process, a pull runs the client: one at a time, so that a deadline can stop it."""
        return isinstance(self.grid, InProcessGrid)
