"""How a connection through the metering proxy ends, and the proxy; and what it refuses to begin."""

import socket
import struct
import subprocess
import sys
import threading

import pytest
from proxied import address_of, head, passed, relayed, rows

from fedlab.meters import MeterError, MeteringProxy

RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def test_a_client_killed_in_the_middle_leaves_its_partial_bytes_and_the_upstream_is_told():
    with relayed() as (proxy, client, server):
        passed(client, server, part := head("/push", 10**9) + b"y" * 100_000)
        assert rows(proxy.snapshot()) == [("/push", len(part), 0)]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        with pytest.raises(ConnectionError):
            server.recv(1)
        assert rows(proxy.snapshot()) == [("/push", len(part), 0)]


def test_an_upstream_killed_in_the_middle_is_told_and_the_next_connection_works():
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,
        MeteringProxy(address_of(upstream), ["hop"]) as proxy,
    ):
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", proxy.ports["hop"]), 60) as client:
                server, _ = upstream.accept()
                with server:
                    passed(client, server, head("/pull"))
                    passed(server, client, b"HTTP/1.1 200\r\n")
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                with pytest.raises(ConnectionError):
                    client.recv(1)
        assert rows(proxy.snapshot()) == [("/pull", len(head("/pull")), 14)] * 2


def test_an_upstream_that_refuses_closes_the_client_at_once_and_may_come_back():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with MeteringProxy(f"127.0.0.1:{port}", ["hop"]) as proxy:
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", proxy.ports["hop"]), 60).recv(1)
        with (
            socket.create_server(("127.0.0.1", port)) as upstream,
            socket.create_connection(("127.0.0.1", proxy.ports["hop"]), 60) as client,
            upstream.accept()[0] as server,
        ):
            passed(client, server, b"there again")
        assert rows(proxy.snapshot()) == [("other", 11, 0)]


def test_half_a_close_is_passed_on_and_the_other_half_goes_on():
    with relayed() as (proxy, client, server):
        passed(client, server, b"all of it")
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        passed(server, client, b"the answer")
        server.close()
        assert client.recv(1) == b""
        assert rows(proxy.snapshot()) == [("other", 9, 10)]


def test_the_end_closes_every_connection_and_the_thread():
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        proxy = MeteringProxy(address_of(upstream), ["hop"])
        with proxy:
            client = socket.create_connection(("127.0.0.1", proxy.ports["hop"]), 60)
            server, _ = upstream.accept()
            passed(client, server, head("/a", 9))
        with client, server:
            assert (client.recv(1), server.recv(1)) == (b"", b"")
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", proxy.ports["hop"]), 60)
    assert rows(proxy.snapshot()) == [("/a", len(head("/a", 9)), 0)]
    assert not [thread for thread in threading.enumerate() if thread.name == "fedlab-proxy"]


ENDS = """
import socket
from fedlab.meters import MeteringProxy
with socket.create_server(("127.0.0.1", 0)) as upstream:
    address = "127.0.0.1:%d" % upstream.getsockname()[1]
    for wait in (False, True):
        with MeteringProxy(address, ["a", "b"]) as proxy:
            clients = [socket.create_connection(("127.0.0.1", proxy.ports["a"])) for _ in range(9)]
            clients[0].sendall(b"GET / HTTP/1.1")
            if wait:
                servers = [upstream.accept()[0] for _ in range(9)]
                try:
                    clients[1].settimeout(0.5)
                    clients[1].sendall(bytes(10**8))
                except TimeoutError:
                    pass
                for one in servers:
                    one.close()
        for one in clients:
            one.close()
"""


def test_ending_in_the_middle_of_everything_makes_no_noise():
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", ENDS], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "upstream",
    [
        "",
        "8000",
        "localhost",
        "localhost:",
        ":80",
        "a:0",
        "a:65536",
        "a:b",
        "http://a:80",
        "::1:80",
    ],
)
def test_an_upstream_that_is_none_is_refused_in_one_sentence(upstream):
    with pytest.raises(ValueError, match=r"upstream: expected host:port, .* got") as refused:
        MeteringProxy(upstream, ["hop"])
    assert repr(upstream) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("hops", [[], ["a", "b", "a"], "server", ()])
def test_hops_that_are_none_are_refused_in_one_sentence(hops):
    with pytest.raises(ValueError, match="hops: expected a list of names, each once, got"):
        MeteringProxy("localhost:80", hops)


def test_an_upstream_that_nobody_knows_is_said_on_entering():
    with (
        pytest.raises(MeterError, match=r"no machine .* 'no\.such\.host\.invalid'"),
        MeteringProxy("no.such.host.invalid:80", ["hop"]),
    ):
        pass
