"""Where each request begins on one connection, found in the client's bytes alone as they pass.

HTTP/1.1 without pipelining: a client asks again only when it has been answered. So what it sends
first after an answer is looked at, and nothing else.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Protocol

OTHER = "other"
TLS = "tls"
TLS_HANDSHAKE = "tls handshake"

_REQUEST = re.compile(rb"[A-Z]{1,20} (/[!-~]*) HTTP/1\.[01]\r?\n")
_LINE_BYTES = 8_192  # a longer request line is refused by most servers too
_PATH_LETTERS = 200
_HANDSHAKE, _DATA = 22, 23  # types of a TLS record (RFC 8446, section 5.1)
_TYPES = range(20, 25)
_RECORD_BYTES = 2**14 + 2**11  # at most, in TLS 1.2; fewer in 1.3
_SHORTEST_REQUEST = 18 + 17  # "GET / HTTP/1.0" and two line ends, encrypted; an alert is shorter
_TICKETS = 2  # what OpenSSL's servers send after a handshake

# Where in the newest bytes a request begins, and its kind. Below 0: in the bytes before them.
Beginning = tuple[int, str]


class Dialogue(Protocol):
    """One connection's two streams, told piece by piece in the order in which they pass."""

    def up(self, data: memoryview) -> list[Beginning]:
        """The client's next bytes; the requests that are now known to begin."""

    def down(self, data: memoryview) -> None:
        """The server's next bytes."""


def dialogue(first: memoryview) -> Dialogue:
    """The reader for a connection whose client begins with these bytes, at least one."""
    return Encrypted() if first[0] == _HANDSHAKE else PlainText()


class PlainText:
    """A request begins with `METHOD /path HTTP/1.x`; its kind is the path without the query."""

    def __init__(self) -> None:
        self._line: bytearray | None = bytearray()  # what may become a request line; None in a body

    def up(self, data: memoryview) -> list[Beginning]:
        """The client's next bytes; the request that is now known to begin."""
        if self._line is None:
            return []
        before = len(self._line)
        self._line += data[: _LINE_BYTES - before]
        ended = b"\n" in self._line[before:]
        if not ended and len(self._line) < _LINE_BYTES:
            return []
        found = _REQUEST.match(self._line) if ended else None
        self._line = None
        return [(-before, _path(found[1]))] if found else []

    def down(self, data: memoryview) -> None:
        """The server's next bytes: what the client sends next may be a request."""
        if self._line is None or self._line:
            self._line = bytearray()


def _path(target: bytes) -> str:
    path = target.partition(b"?")[0].decode("ascii")
    return path if len(path) <= _PATH_LETTERS else path[: _PATH_LETTERS - 1] + "…"


class Encrypted:
    """TLS: the handshake first, then a request with each record of data that follows an answer.

    Two things look like data and are none. In TLS 1.3 the handshake ends encrypted: when the server
    has sent such records before the client, the client's first is the end of its handshake (one
    that shows a certificate of its own sends more). And the server then sends its session tickets,
    which are no answer: two records, so that where a server sends fewer, a connection's first two
    requests may count as one.
    """

    def __init__(self) -> None:
        self._client, self._server = Records(), Records()
        self._known = False  # as TLS
        self._client_spoke = self._server_spoke = False
        self._tickets = 0
        self._asks = True  # the client's next data begins a request

    def up(self, data: memoryview) -> list[Beginning]:
        """The client's next bytes; the handshake and the requests that are now known to begin."""
        begin = []
        for offset, kind, size in self._client.read(data):
            if not self._known:
                self._known = True
                begin.append((offset, TLS_HANDSHAKE))
            if kind != _DATA:
                continue
            first, self._client_spoke = not self._client_spoke, True
            if first and self._server_spoke:
                self._tickets = _TICKETS
            elif self._asks and size >= _SHORTEST_REQUEST:
                self._asks = False
                begin.append((offset, TLS))
        return begin

    def down(self, data: memoryview) -> None:
        """The server's next bytes."""
        for _, kind, _ in self._server.read(data):
            if kind != _DATA:
                continue
            self._server_spoke = True
            if self._client_spoke and self._tickets:
                self._tickets -= 1
            else:
                self._asks = True


class Records:
    """The records of one direction of a TLS connection, from their five-byte headers."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0  # bytes of the record that is passing
        self._lost = False

    def read(self, data: memoryview) -> Iterator[tuple[int, int, int]]:
        """Where each record begins (below 0: before these bytes), its type and its length.

        Nothing more once a header is none of TLS's.
        """
        at = 0
        while at < len(data) and not self._lost:
            passed = min(self._left, len(data) - at)
            at += passed
            self._left -= passed
            before = len(self._header)
            self._header += data[at : at + 5 - before]
            if len(self._header) == 5:
                kind, version, _, self._left = struct.unpack("!BBBH", self._header)
                self._header.clear()
                self._lost = kind not in _TYPES or version != 3 or self._left > _RECORD_BYTES
                if not self._lost:
                    yield at - before, kind, self._left
            at += 5 - before
