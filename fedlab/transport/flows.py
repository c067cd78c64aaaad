"""Requests by kind, and what their bytes are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import add

from fedlab.units import NOTHING, Bytes

RUNTIME, FLEET = "/v1/runtime/", "/v1/fleet/"  # the SuperLink's APIs for ServerApps and SuperNodes
_OBJECT_NAMES = ("push-object", "pull-object")
_MESSAGE_NAMES = ("push-messages", "pull-messages", "confirm-message-received")

# Kinds of requests, as a metering proxy names them: their paths.
OBJECTS = frozenset(api + name for api in (RUNTIME, FLEET) for name in _OBJECT_NAMES)
MESSAGES = frozenset(api + name for api in (RUNTIME, FLEET) for name in _MESSAGE_NAMES)


@dataclass(frozen=True)
class Parts:
    """What the bytes of some requests are, in one direction.

    content: the objects, which are the message level and one Message object a message. fields: the
    protobuf around them: ids, lengths, trees of ids. heads: HTTP's lines. tls: its records' frames.
    """

    content: Bytes = NOTHING
    fields: Bytes = NOTHING
    heads: Bytes = NOTHING
    tls: Bytes = NOTHING

    @property
    def total(self) -> Bytes:
        """All of them: the wire."""
        return self.content + self.fields + self.heads + self.tls

    def __add__(self, other: Parts) -> Parts:
        return Parts(*map(add, vars(self).values(), vars(other).values()))

    def __mul__(self, count: int) -> Parts:
        return Parts(*(part * count for part in vars(self).values()))


@dataclass(frozen=True)
class Flow:
    """Some requests with their responses: how many, and what goes to the SuperLink and from it."""

    requests: int = 0
    up_parts: Parts = Parts()
    down_parts: Parts = Parts()

    @property
    def up(self) -> Bytes:
        """Bytes towards the SuperLink."""
        return self.up_parts.total

    @property
    def down(self) -> Bytes:
        """Bytes from the SuperLink."""
        return self.down_parts.total

    def __add__(self, other: Flow) -> Flow:
        return Flow(
            self.requests + other.requests,
            self.up_parts + other.up_parts,
            self.down_parts + other.down_parts,
        )

    def __mul__(self, count: int) -> Flow:
        return Flow(self.requests * count, self.up_parts * count, self.down_parts * count)


@dataclass(frozen=True)
class HopBytes:
    """What passes one hop, by kind of request."""

    kinds: Mapping[str, Flow]

    def select(self, kinds: Collection[str]) -> Flow:
        """The sum of these kinds."""
        return sum((flow for kind, flow in self.kinds.items() if kind in kinds), Flow())

    @property
    def objects(self) -> Flow:
        """The requests that carry content, an object each."""
        return self.select(OBJECTS)

    @property
    def messages(self) -> Flow:
        """The requests that announce messages, fetch the announcements and confirm."""
        return self.select(MESSAGES)

    @property
    def total(self) -> Flow:
        """All of them."""
        return self.select(self.kinds)
