"""The base of every layer: a Grid around a Grid."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from flwr.app import Message, RecordDict
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run

Layer = TypeVar("Layer", bound="GridLayer")


class _Own(threading.local):
    """What each thread has of its own: Flower's older strategies ask each client in one."""

    def __init__(self) -> None:
        self.sent: list[Message] = []  # not named by the engine yet


class GridLayer(Grid):
    """A Grid around a Grid, with hooks; on its own it changes nothing.

    `outgoing` sees every list of messages before it is pushed, `incoming` every list of replies
    before the strategy does; `begin` is called before a round trip, `unanswered` with what came
    back from nobody. A layer never changes what an outgoing message holds: all messages of a round
    share one content.

    >>> class Counting(GridLayer):
    ...     asked = 0
    ...
    ...     def outgoing(self, messages):
    ...         self.asked += len(messages)
    ...         return messages
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._own = _Own()
        self._open: dict[str, Message] = {}  # by message id, until answered

    def begin(self) -> None:
        """What to do before a round trip."""

    def outgoing(self, messages: list[Message]) -> list[Message]:
        """What to push in place of `messages`."""
        return messages

    def incoming(self, replies: list[Message]) -> list[Message]:
        """What to hand up in place of `replies`."""
        return replies

    def unanswered(self, messages: list[Message]) -> None:
        """What to do about `messages`, to which no reply came within the time allowed."""

    def reject(self, message_id: str, reason: str) -> None:
        """Say to the layers below that the reply to this message was no good."""
        if isinstance(self.grid, GridLayer):
            self.grid.reject(message_id, reason)

    def give_up(self, message_ids: Iterable[str]) -> None:
        """Wait no longer for replies to these messages, as far as they are still unanswered."""
        still_open = self.open_messages()
        late = [still_open.pop(i) for i in message_ids if i in still_open]
        self.unanswered(late)

    def layers(self) -> Iterator[GridLayer]:
        """This layer, then those below it."""
        yield self
        if isinstance(self.grid, GridLayer):
            yield from self.grid.layers()

    def find(self, kind: type[Layer]) -> Layer | None:
        """The nearest layer of that kind, this one or one below; None when there is none."""
        return next((layer for layer in self.layers() if isinstance(layer, kind)), None)

    def open_messages(self) -> dict[str, Message]:
        """Instructions that were pushed and not answered, by the id that the engine gave them."""
        for message in self._own.sent:
            if message.metadata.message_id:
                self._open[message.metadata.message_id] = message
        self._own.sent.clear()
        return self._open

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Push through the layers below; the ids come back in order."""
        messages = self._passed_out(messages)
        return list(self.grid.push_messages(messages))

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Pull through the layers below."""
        return self._passed_in(self.grid.pull_messages(message_ids))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push all, wait for the replies, and hand up a list of them."""
        self.begin()
        passed = self._passed_out(messages)
        replies = self._passed_in(self.grid.send_and_receive(passed, timeout=timeout))
        self.give_up([message.metadata.message_id for message in passed])
        return replies

    def _passed_out(self, messages: Iterable[Message]) -> list[Message]:
        passed = self.outgoing(list(messages))
        self._own.sent += passed
        return passed

    def _passed_in(self, replies: Iterable[Message]) -> list[Message]:
        passed = self.incoming(list(replies))
        for reply in passed:
            self.open_messages().pop(reply.metadata.reply_to_message_id, None)
        return passed

    def set_run(self, run: Run) -> None:
        """Pass on."""
        self.grid.set_run(run)

    @property
    def run(self) -> Run:
        """The run of the grid below."""
        return self.grid.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Pass on."""
        return self.grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> list[int]:
        """The nodes of the grid below."""
        return list(self.grid.get_node_ids())

    def get_nodes(self) -> Iterable[NodeInfo]:
        """The nodes of the grid below."""
        return self.grid.get_nodes()
