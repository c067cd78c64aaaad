"""One request with its response, as Flower 1.41 makes it: HTTP/1.1 around protobuf, and TLS.

The heads were recorded from flwr 1.41 on httpx 0.28 and uvicorn 0.49; tests/test_transport.py holds
them against those libraries' own. The fields are those of flwr's message.proto and fleet.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fedlab.framing import OBJECT_ID
from fedlab.transport.flows import FLEET, RUNTIME, Flow, HopBytes, Parts
from fedlab.units import NOTHING, Bytes

ADDRESS = "127.0.0.1:8000"  # Flower's default

_REQUEST = """\
POST {path} HTTP/1.1
Host: {address}
Accept-Encoding: gzip, deflate, zstd
Connection: keep-alive
User-Agent: python-httpx/0.28.1
content-type: application/protobuf
accept: application/protobuf
Content-Length: {length}
flwr-package-name: flwr
flwr-package-version: 1.41.0
flwr-component-name: {sender}

"""
_RESPONSE = """\
HTTP/1.1 200 OK
date: Thu, 01 Jan 1970 00:00:00 GMT
server: uvicorn
content-length: {length}
content-type: application/protobuf

"""
# Who sends, by API. A ServerApp has a token of its task; a SuperNode sends its P-384 key (base64 of
# its PEM), the time, and a signature of 136 characters (one in four) or 140 (the others).
_SENDER = {
    RUNTIME: f"flwr-serverapp\nflwr-task-token: {'0' * 256}",
    FLEET: f"SuperNode\nflwr-public-key: {'0' * 288}\nflwr-timestamp: {'0' * 32}"
    f"\nflwr-signature: {'0' * 139}",
}

ID = 1 + 1 + OBJECT_ID  # bytes of a field that holds an object's or a message's id
SESSION = 1 + 1 + 36  # of a push session's, a UUID
FLAG = 1 + 1
DOUBLE = 1 + 8

TLS_RECORD = 16_384  # bytes that one record holds at most (RFC 8446, 5.1)
TLS_FRAME = 5 + 1 + 16  # a record's header, its inner type, the cipher's tag (5.2)
# A connection's handshake, both ways, with two session tickets; recorded with OpenSSL 3.0 and a
# P-256 certificate of 389 bytes; a longer certificate and a post-quantum key cost their bytes.
TLS_HANDSHAKE = Bytes(597 + 1270)


def tls_frames(length: int) -> Bytes:
    """What TLS 1.3 adds to `length` bytes that are written at once.

    >>> tls_frames(5 * 2**20)  # 320 records
    Bytes(7040)
    """
    return Bytes(-(-length // TLS_RECORD) * TLS_FRAME)


def random_id(count: int = 1) -> int:
    """The bytes of so many ids of runs, nodes and tasks: 64 random bits are a varint of 9 or 10.

    >>> random_id(2)
    19
    """
    return round(9.5 * count)


class Bodies(NamedTuple):
    """Some equal requests: bytes of protobuf fields each way, and of content in one of the two."""

    up: int = 0
    down: int = 0
    pushed: int = 0
    pulled: int = 0
    times: int = 1


@dataclass(frozen=True)
class Client:
    """Who sends requests: the ServerApp to RUNTIME, or a SuperNode to FLEET."""

    api: str
    address: str = ADDRESS
    tls: bool = False

    @property
    def node(self) -> int:
        """Bytes of the field that says who asks, one in another; the ServerApp's node is 1."""
        return 3 + (1 if self.api == RUNTIME else random_id())

    @property
    def asks(self) -> int:
        """Of the fields that ask for something by its id: the node, the run, the id."""
        ids = 1 + random_id() if self.api == RUNTIME else random_id(2)
        return 3 + 1 + ids + ID

    def hop(self, requests: Mapping[str, Iterable[Bodies]]) -> HopBytes:
        """These requests with all that is around their bodies, by kind."""
        kinds = {self.api + name: bodies for name, bodies in requests.items()}
        return HopBytes(
            {path: sum((self._flow(path, b) for b in kinds[path]), Flow()) for path in kinds}
        )

    def _flow(self, path: str, bodies: Bodies) -> Flow:
        sender, length = _SENDER[self.api], bodies.up + bodies.pushed
        asked = _REQUEST.format(path=path, address=self.address, length=length, sender=sender)
        answered = _RESPONSE.format(length=bodies.down + bodies.pulled)
        up = self._parts(asked, bodies.up, bodies.pushed)
        return Flow(1, up, self._parts(answered, bodies.down, bodies.pulled)) * bodies.times

    def _parts(self, head: str, fields: int, content: int) -> Parts:
        """Head and body are written one after the other, so that TLS frames each."""
        length = len(head) + head.count("\n")  # a line ends in two characters
        frames = tls_frames(length) + tls_frames(fields + content) if self.tls else NOTHING
        return Parts(Bytes(content), Bytes(fields), Bytes(length), frames)
