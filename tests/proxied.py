"""Both ends of a connection through a metering proxy."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from fedlab.meters import MeteringProxy

SENDER = ThreadPoolExecutor(1)


def address_of(listener):
    return f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def relayed(hops=("hop",)):
    """A proxy, and both ends of a new connection through its first hop."""
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,
        MeteringProxy(address_of(upstream), hops) as proxy,
        socket.create_connection(("127.0.0.1", proxy.ports[hops[0]]), timeout=60) as client,
    ):
        server, _ = upstream.accept()
        server.settimeout(60)
        with server:
            yield proxy, client, server


def passed(sender, receiver, data):
    """Send all of it, and receive it at the other end."""
    sending = SENDER.submit(sender.sendall, data)
    received = bytearray()
    while len(received) < len(data):
        received += receiver.recv(2**20)
    sending.result()
    assert received == data


def rows(exchanges):
    return [(e.kind, int(e.up), int(e.down)) for e in exchanges]


def head(path, length=0):
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
