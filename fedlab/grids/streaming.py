"""The streaming layer: replies are handed up one at a time, as they come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from flwr.app import Message
from flwr.serverapp import Grid

from fedlab.grids.layer import GridLayer
from fedlab.grids.metered import MeteredGrid
from fedlab.units import whole_number

_PAUSE_SECONDS = 0.05  # between two looks for replies, when none has come


class StreamingGrid(GridLayer):
    """Pulls one reply at a time and lets go of it before the next: the outermost layer.

    `send_and_receive` pushes, and returns a stream where other grids return a list: it can be gone
    through once. A strategy that folds replies as they come saves memory by it (`StreamingFedAvg`);
    Flower's own collect them in a list first: they give the same result and save nothing.

    window: how many messages may be unanswered at once; None pushes all of them first. On a real
    network replies wait in the SuperLink until they are pulled, and a window bounds how many do;
    but Flower sends a broadcast once for all that are pushed together, so a window costs bytes.

    Raises ValueError for a window below 1.
    """

    def __init__(self, grid: Grid, *, window: int | None = None) -> None:
        super().__init__(grid)
        self.window = None if window is None else whole_number(window, "window")

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        """Push as many as the window allows; the stream pulls replies, and pushes the others."""
        for layer in self.layers():
            layer.begin()
        exchange = _Exchange(self.grid, messages, self.window, timeout)
        exchange.push()
        return exchange.replies()


class _Exchange:
    """One round trip: what is still to be sent, and what waits for its reply."""

    def __init__(
        self, grid: Grid, messages: Iterable[Message], window: int | None, timeout: float | None
    ) -> None:
        self.grid = grid
        self.unsent = iter(messages)  # a strategy may make them one by one
        self.window = window
        self.waiting: list[str] = []
        self.refused: list[str] = []
        self.deadline = time.monotonic() + (math.inf if timeout is None else timeout)

    def push(self) -> None:
        """Fill the window; a SuperLink may refuse a message, and then gives no id for it."""
        while batch := list(islice(self.unsent, self._free())):
            taken = dict.fromkeys(filter(None, self.grid.push_messages(batch)))
            self.waiting += taken
            named = (message.metadata.message_id for message in batch)
            self.refused += [message_id for message_id in named if message_id not in taken]

    def _free(self) -> int | None:
        return None if self.window is None else self.window - len(self.waiting)

    def replies(self) -> Iterator[Message]:
        """Each reply once, in the order in which they are found; nothing here holds on to it."""
        while self.waiting and time.monotonic() < self.deadline:
            nothing_came = True
            for message_id in list(self.waiting):
                if time.monotonic() >= self.deadline:
                    break
                arrived = list(self.grid.pull_messages([message_id]))
                if arrived:
                    nothing_came = False
                    self.waiting.remove(message_id)
                    self.push()
                    yield arrived.pop()
            if nothing_came:
                time.sleep(_PAUSE_SECONDS)
        self._end()

    def _end(self) -> None:
        """Name those that did not answer in time, and those that were not asked any more."""
        if isinstance(self.grid, GridLayer):
            for layer in self.grid.layers():
                layer.give_up(self.waiting + self.refused)
            if (metered := self.grid.find(MeteredGrid)) is not None:
                metered.never_sent(list(self.unsent))
