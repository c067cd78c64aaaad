"""Which requests a round makes, and a SuperNode that waits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fedlab.framing import Entries, SentObject, object_size, predict_objects, prefixed, varint
from fedlab.sizes import TensorSpec
from fedlab.transport.flows import FLEET, RUNTIME, HopBytes
from fedlab.transport.request import (
    ADDRESS,
    DOUBLE,
    FLAG,
    ID,
    SESSION,
    Bodies,
    Client,
    random_id,
)

if TYPE_CHECKING:
    from fedlab.codecs import Codec

POLL_SECONDS = 3  # between a SuperNode's questions for work: start_client_internal.py
HEARTBEAT_SECONDS = 20  # on average, (30 - 5) x (0.7 to 0.9): supercore/heartbeat.py


def predict_round(
    tensors: Sequence[TensorSpec],
    *,
    nodes: int,
    reply: Sequence[TensorSpec] | None = None,
    config: Entries | None = None,
    metrics: Entries | None = None,
    codec: Codec | None = None,
    address: str = ADDRESS,
    tls: bool = False,
) -> dict[str, HopBytes]:
    """One training round on the hops "server", "node 0", … of a federation, in bytes on the wire.

    tensors, config: of the broadcast. reply, metrics, codec: of the replies; reply where not all
    tensors travel back. nodes: how many answer. address: host:port as the clients name it.

    The broadcast is pushed once on the server's hop and pulled by each node; each reply is pushed
    by its node and pulled by the server. The tensors of the replies differ from each other's and
    from the broadcast's: Flower sends equal objects once while it holds them. Metrics are often
    equal; the node whose reply comes second may then push one object less than predicted.

    Not counted: what a run costs once (its description, the app), polls that bring nothing,
    heartbeats, logs, and with tls the handshakes. Keys and tokens are those that Flower makes.

    Raises ValueError for less than one node, and as `predict_levels` does.

    >>> mlp = [TensorSpec("0.weight", (64, 784)), TensorSpec("0.bias", (64,))]
    >>> node = predict_round(mlp, nodes=2, metrics={"num-examples": 1})["node 1"]
    >>> node.objects.requests, node.objects.up_parts.content
    (15, Bytes(202418))
    """
    if nodes < 1:
        raise ValueError(f"nodes: expected 1 or more, got {nodes}")
    broadcast = predict_objects(tensors, config=config)
    answer = predict_objects(tensors if reply is None else reply, metrics=metrics, codec=codec)
    down, up = _message(broadcast), _message(answer, reply=True)
    of_node = _of_node(Client(FLEET, address, tls), down, up)
    server = _of_server(Client(RUNTIME, address, tls), down, up, nodes)
    return {"server": server} | {f"node {k}": of_node for k in range(nodes)}


def predict_idle(seconds: float, *, address: str = ADDRESS, tls: bool = False) -> HopBytes:
    """What a SuperNode that waits for work exchanges with the SuperLink in so many seconds.

    It asks for messages, is told of none, and says that it is alive. Raises ValueError for a time
    that is below 0 or not finite.

    >>> day = predict_idle(24 * 3600).total
    >>> day.requests, (day.up + day.down).MB
    (33120, 32.72976)
    """
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds: expected a finite time, 0 or more, got {seconds}")
    node = Client(FLEET, address, tls)
    polls, beats = round(seconds / POLL_SECONDS), round(seconds / HEARTBEAT_SECONDS)
    return node.hop(
        {
            "pull-messages": [Bodies(up=node.node, times=polls)],
            "send-node-heartbeat": [Bodies(up=node.node + DOUBLE, down=FLAG, times=beats)],
        }
    )


def _message(content: SentObject, *, reply: bool = False) -> SentObject:
    """The Message object, with its content below it."""
    return SentObject(object_size("Message", prefixed(_metadata(reply)), 1), (content,))


def _metadata(reply: bool) -> int:
    """The bytes of a message's metadata: the ids of run, node and task, and the SuperLink's, 1;
    its time and how long it lives; its type, "train"; and which message it answers."""
    return 3 + random_id(3) + 1 + 1 + 2 * DOUBLE + prefixed(len("train")) + (ID if reply else 0)


def _announcement(message: SentObject, *, reply: bool = False) -> int:
    """A message without its content, as lists hold it, and the tree of its objects' ids."""
    return prefixed(prefixed(_metadata(reply) + ID) + prefixed(0)) + prefixed(_tree(message))


def _tree(part: SentObject) -> int:
    return ID + sum(prefixed(_tree(child)) for child in part.children)


def _of_server(app: Client, down: SentObject, up: SentObject, nodes: int) -> HopBytes:
    """The ServerApp pushes the content once and a Message object a node; it pulls all replies."""
    content = [part for child in down.children for part in child.walk()]
    pushed = [*content, *[SentObject(down.size)] * nodes]
    announced = Bodies(
        up=nodes * _announcement(down),
        down=nodes * ID + len(pushed) * ID + SESSION,  # the messages, and what to push
    )
    return app.hop(
        {
            "push-messages": [announced],
            "push-object": _push(app, pushed),
            "pull-messages": [Bodies(nodes * ID, nodes * _announcement(up, reply=True))],
            "pull-object": _pull(app, up.walk(), times=nodes),
            "confirm-message-received": [Bodies(app.asks, times=nodes)],
        }
    )


def _of_node(node: Client, down: SentObject, up: SentObject) -> HopBytes:
    """A SuperNode pulls its message and pushes its reply."""
    pushed = [*up.walk()]
    seconds = prefixed(DOUBLE - 1)  # that its ClientApp ran
    accepted = prefixed(2) + prefixed(ID + 2)  # when to come again; the message's id and a 0
    announced = Bodies(
        up=node.node + _announcement(up, reply=True) + seconds,
        down=accepted + len(pushed) * ID + SESSION,
    )
    return node.hop(
        {
            "pull-messages": [Bodies(node.node, _announcement(down))],
            "pull-object": _pull(node, down.walk()),
            "confirm-message-received": [Bodies(node.asks)],
            "push-messages": [announced],
            "push-object": _push(node, pushed),
        }
    )


def _push(client: Client, parts: Iterable[SentObject]) -> list[Bodies]:
    """Each object with its session and its own length; the answer says that it is stored."""
    fields = client.asks + SESSION + 1
    return [Bodies(fields + varint(p.size), FLAG, pushed=p.size) for p in parts]


def _pull(client: Client, parts: Iterable[SentObject], times: int = 1) -> list[Bodies]:
    """Each object in an answer that says it is found, that it is available, and its length."""
    fields = 2 * FLAG + 1
    return [Bodies(client.asks, fields + varint(p.size), pulled=p.size, times=times) for p in parts]
