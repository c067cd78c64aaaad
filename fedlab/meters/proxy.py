"""A proxy that passes bytes on unchanged and counts them: which hop, which request, which way."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from fedlab.meters.book import Book, Conversation
from fedlab.meters.error import MeterError
from fedlab.meters.exchanges import Exchanges

_UPSTREAM = re.compile(r"(?:\[([^\[\]\s]+)\]|([^:/\[\]\s]+)):(\d{1,5})")
_BUFFER_BYTES = 2**16  # one each way of a connection: more of them made nothing faster
_PAUSE_SECONDS = 0.05  # before the next connection is accepted, when there are too many files
_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # linger: on, for 0 s


class MeteringProxy:
    """Stands before an upstream with a port for each hop, and keeps what passed as `Exchanges`.

    upstream: "host:port", an IPv6 address in brackets. hops: a name for each port. host: the
    address to listen on. It runs in a thread of its own inside `with`; leaving closes every
    connection. TLS is passed through unopened. Bytes count when they have reached the proxy.
    Raises ValueError for an upstream or hops that are none; on entering, MeterError for an upstream
    whose name is not known and OSError for a `host` that is not this machine's.

    >>> with MeteringProxy("127.0.0.1:8000", ["server", "node 0"]) as proxy:
    ...     list(proxy.ports), proxy.snapshot()
    (['server', 'node 0'], Exchanges(0 on 0 hops, 0 B up, 0 B down))
    """

    def __init__(self, upstream: str, hops: Sequence[str], *, host: str = "127.0.0.1") -> None:
        found = _UPSTREAM.fullmatch(upstream)
        if found is None or not 0 < int(found[3]) < 2**16:
            raise ValueError(
                "upstream: expected host:port, an IPv6 address in brackets, a port from 1 to "
                f"65535, got {upstream!r}"
            )
        if isinstance(hops, str) or not hops or len(set(hops)) < len(hops):
            raise ValueError(f"hops: expected a list of names, each once, got {hops!r}")
        self.ports: dict[str, int] = {}  # of each hop, inside `with`
        self._upstream = found[1] or found[2], int(found[3])
        self._host = host
        self._hops = tuple(hops)
        self._book = Book()
        self._connections: dict[asyncio.Task[None], socket.socket] = {}

    def __enter__(self) -> MeteringProxy:
        self._targets = _looked_up(*self._upstream)
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with ExitStack() as opened:
            listeners = {
                hop: opened.enter_context(
                    socket.create_server((self._host, 0), family=family, backlog=socket.SOMAXCONN)
                )
                for hop in self._hops
            }
            self._listeners = opened.pop_all()
        self.ports = {hop: one.getsockname()[1] for hop, one in listeners.items()}
        # the same on all systems, and none of its `accept`s is lost when the end comes meanwhile
        self._loop = asyncio.SelectorEventLoop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listeners,), name="fedlab-proxy", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def addresses(self) -> dict[str, str]:
        """Of each hop, "host:port" for who connects."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return {hop: f"{host}:{port}" for hop, port in self.ports.items()}

    def snapshot(self) -> Exchanges:
        """What has passed until now, in open exchanges too. From any thread, also after the end."""
        return self._book.copy()

    def _run(self, listeners: dict[str, socket.socket]) -> None:
        """The thread. The runner cancels every task that is left at the end, and waits for it."""
        with self._listeners, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listeners))

    async def _serve(self, listeners: dict[str, socket.socket]) -> None:
        for hop, listener in listeners.items():
            listener.setblocking(False)
            self._listen(hop, listener)
        await self._end.wait()
        for listener in listeners.values():
            self._loop.remove_reader(listener)

    def _listen(self, hop: str, listener: socket.socket) -> None:
        if not self._end.is_set():
            self._loop.add_reader(listener, self._accept, hop, listener)

    def _accept(self, hop: str, listener: socket.socket) -> None:
        """Take in a connection that waits."""
        try:
            client, _ = listener.accept()
        except OSError:  # it has gone already, or no file is left for it: not at once again
            self._loop.remove_reader(listener)
            self._loop.call_later(_PAUSE_SECONDS, self._listen, hop, listener)
            return
        client.setblocking(False)
        task = self._loop.create_task(self._relay(client, Conversation(self._book, hop)))
        self._connections[task] = client
        # closed here and not by the task, which may be cancelled before it begins
        task.add_done_callback(lambda done: self._connections.pop(done).close())

    async def _relay(self, client: socket.socket, conversation: Conversation) -> None:
        """One connection, both ways, until both have ended or either is broken."""
        try:
            upstream = await self._connect()
        except OSError:
            _break(client)
            return
        with upstream:
            try:
                for one in (client, upstream):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pump(client, upstream, conversation.up))
                    both.create_task(_pump(upstream, client, conversation.down))
            except* OSError:
                _break(client)
                _break(upstream)

    async def _connect(self) -> socket.socket:
        """To the first address of the upstream that answers."""
        refused = OSError("no address")
        for family, address in self._targets:
            with ExitStack() as opened:
                upstream = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
                upstream.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(upstream, address)
                except OSError as error:
                    refused = error
                else:
                    opened.pop_all()
                    return upstream
        raise refused


async def _pump(
    source: socket.socket, sink: socket.socket, count: Callable[[memoryview], None]
) -> None:
    """One way of a connection. A sink that does not take more stops the reading."""
    loop = asyncio.get_running_loop()
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    while size := await loop.sock_recv_into(source, buffer):
        count(buffer[:size])
        await loop.sock_sendall(sink, buffer[:size])
        await asyncio.sleep(0)  # the others' turn: neither of the two waits while bytes flow
    with suppress(OSError):  # the sink has gone: the other way says so
        sink.shutdown(socket.SHUT_WR)


def _break(connection: socket.socket) -> None:
    """Closing will tell the other side of a broken connection, not of an ended one."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _looked_up(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """The family and address of each place where a name leads."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MeterError(f"upstream: no machine is known by the name {host!r} ({error})") from None
    return [(family, address) for family, *_, address in found]
