"""What the proxy's connections write while they pass bytes, and other threads read at any time."""

from __future__ import annotations

import threading
import time

from fedlab.meters.dialogue import OTHER, Dialogue, dialogue
from fedlab.meters.exchanges import Exchange, Exchanges
from fedlab.units import NOTHING

_MOST_KINDS = 256  # a client can invent paths without end


class Book:
    """The exchanges of all connections, and the lock under which they are written."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.exchanges = Exchanges()
        self._kinds = {OTHER}

    def copy(self) -> Exchanges:
        """The exchanges as of now."""
        with self.lock:
            return self.exchanges.copy()

    def known(self, kind: str) -> str:
        """The kind, or "other" when there are too many."""
        if len(self._kinds) < _MOST_KINDS:
            self._kinds.add(kind)
        return kind if kind in self._kinds else OTHER


class Conversation:
    """One connection: its bytes, exchange by exchange."""

    def __init__(self, book: Book, hop: str) -> None:
        self._book, self._hop = book, hop
        self._dialogue: Dialogue | None = None
        self._number: int | None = None  # of the open exchange
        self._size = 0  # its bytes, both ways

    def up(self, data: memoryview) -> None:
        """Count the client's next bytes, at least one."""
        if self._dialogue is None:
            self._dialogue = dialogue(data)
        beginnings = self._dialogue.up(data)
        with self._book.lock:
            counted = 0
            for offset, kind in beginnings:
                # below 0: the request's first bytes were counted in the exchange before
                self._grow(up=offset - counted)
                self._begin(self._book.known(kind))
                counted = offset
            self._grow(up=len(data) - counted)

    def down(self, data: memoryview) -> None:
        """Count the server's next bytes."""
        if self._dialogue is not None:
            self._dialogue.down(data)
        with self._book.lock:
            self._grow(down=len(data))

    def _grow(self, *, up: int = 0, down: int = 0) -> None:
        if self._number is None:
            self._number = self._open(OTHER)
        self._book.exchanges.grow(self._number, up=up, down=down)
        self._size += up + down

    def _begin(self, kind: str) -> None:
        if self._number is not None and self._size == 0:
            self._book.exchanges.rename(self._number, kind)
        else:
            self._number, self._size = self._open(kind), 0

    def _open(self, kind: str) -> int:
        return self._book.exchanges.add(Exchange(self._hop, kind, time.time(), NOTHING, NOTHING))
