"""The in-process engine: Flower's message path without processes.

Flower's private names are touched in this file alone; `tests/engines/test_private.py` says which
version it knows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from fedlab.records import objects_of


class InProcessGrid(Grid):
    """Runs each ClientApp in this process when its reply is pulled.

    Every message is deflated into bytes and inflated from them, both ways, by Flower's own code, as
    its deployment engine does. Pulling lazily means that one client's copies exist at a time.
    """

    def __init__(self, app: ClientApp, nodes: int, run: Run) -> None:
        self._app = app
        self._run = run
        self._pushed: dict[str, Message] = {}
        self._count = 0
        self._nodes = nodes
        self._states: dict[int, RecordDict] = {}  # of the nodes that keep something

    def set_run(self, run: Run) -> None:
        """Take another run's description."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message, as `Message` itself does."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """The nodes; a node's id is its partition id."""
        return list(range(self._nodes))

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Keep messages until their replies are pulled; all of them, or none and a ValueError."""
        messages, ids = list(messages), []
        for message in messages:
            if not 0 <= message.metadata.dst_node_id < self._nodes:
                raise ValueError(
                    f"no node {message.metadata.dst_node_id}: expected one of "
                    f"0 to {self._nodes - 1}"
                )
        for message in messages:
            self._count += 1
            ids.append(_name(message, f"message-{self._count:06}"))
            self._pushed[ids[-1]] = message
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Run the clients that were asked and are not answered yet, in the order of the ids."""
        wanted = (self._pushed.pop(i, None) for i in message_ids)
        return [self._answered(message) for message in wanted if message is not None]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push, then run every client; a timeout is kept by `Stoppable`, which pulls in steps."""
        return self.pull_messages(self.push_messages(messages))

    def _answered(self, instruction: Message) -> Message:
        node = instruction.metadata.dst_node_id
        context = Context(
            run_id=self._run.run_id,
            node_id=node,
            node_config={"partition-id": node, "num-partitions": self._nodes},
            state=self._states.get(node, RecordDict()),
            run_config={},
        )
        reply = self._app(_through_bytes(instruction), context)
        self._states.pop(node, None)
        if context.state:
            self._states[node] = context.state
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


def run_in_process(server_app: ServerApp, client_app: ClientApp, nodes: int) -> None:
    """Run the server in this thread, and each client when its reply is pulled."""
    kept = (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    try:
        grid = InProcessGrid(client_app, nodes, Run.create_empty(run_id=1))
        server_app(grid, Context(1, 0, {}, RecordDict(), {}))
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = kept
