"""The metering proxy: bytes pass unchanged, and each counts once, in the exchange of its own."""

import http.client
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from proxied import SENDER, head, passed, relayed, rows

from fedlab.meters import MeteringProxy, traced_peak


def eventually(condition):
    """Wait for what another thread is about to do."""
    for _ in range(6_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within 60 s")


class Handler(BaseHTTPRequestHandler):
    """Answers POST /N with N bytes on a connection that stays open."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        size = int(self.path[1:].partition("?")[0])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        """The handshake in the connection's own thread."""
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


@contextmanager
def http_server(context=None):
    with Server(("127.0.0.1", 0), Handler) as server:
        server.context = context
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


SIZES = st.sampled_from([0, 1, 1_000, 70_000, 1_000_000]) | st.integers(0, 200_000)


@settings(max_examples=15)
@given(requests=st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=5))
def test_each_request_over_a_kept_connection_is_counted_to_the_byte(requests):
    expected = []
    with relayed() as (proxy, client, server):
        for up, down in requests:
            request, answer = (
                head(f"/{down}", up) + b"y" * up,
                b"HTTP/1.1 200\r\n\r\n" + b"x" * down,
            )
            passed(client, server, request)
            passed(server, client, answer)
            expected.append((f"/{down}", len(request), len(answer)))
            assert rows(proxy.snapshot()) == expected  # at once: bytes count before they go on
    assert rows(proxy.snapshot()) == expected


def answer_size(client, body):
    """Read an answer to its end; how many bytes it had, with its head."""
    answer = bytearray()
    while len(answer) < answer.find(b"\r\n\r\n") % 2**40 + 4 + body:  # 2^40 while it is not there
        answer += client.recv(2**20)
    return len(answer)


def test_what_an_http_server_and_its_client_see_is_what_was_counted():
    asked = {"a": [0, 5, 300_000], "b": [17]}
    expected = {hop: [] for hop in asked}
    with http_server() as address, MeteringProxy(address, list(asked)) as proxy:
        for hop, sizes in asked.items():
            with socket.create_connection(("127.0.0.1", proxy.ports[hop]), timeout=60) as client:
                for size in sizes:
                    request = head(f"/{size}?a=b", size) + b"y" * size
                    client.sendall(request)
                    expected[hop].append((f"/{size}", len(request), answer_size(client, size)))
        seen = proxy.snapshot()
    assert {hop: rows(seen.select(hop=hop)) for hop in seen.hops} == expected


def test_an_exchange_began_when_its_first_bytes_came():
    with relayed() as (proxy, client, server):
        before = time.time()
        passed(client, server, head("/a"))
        after = time.time()
        passed(server, client, b"later")
        (seen,) = proxy.snapshot()
    assert before - 1 <= seen.started <= after + 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_passes_unopened_and_each_handshake_and_request_counts(version):
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(trusting)
    trusting.minimum_version = trusting.maximum_version = version
    connections = [[0], [3_000_000, 0, 7], [20_000] * 10]
    with http_server(serving) as address, MeteringProxy(address, ["hop"]) as proxy:
        for sizes in connections:
            client = http.client.HTTPSConnection(
                "127.0.0.1", proxy.ports["hop"], context=trusting, timeout=60
            )
            for size in sizes:
                client.request("POST", f"/{size}", b"y" * size)
                assert len(client.getresponse().read()) == size
            assert client.sock.version() == version.name.replace("_", ".")
            client.close()
        seen = proxy.snapshot()
    kinds = [kind for sizes in connections for kind in ["tls handshake"] + ["tls"] * len(sizes)]
    assert [e.kind for e in seen] == kinds
    payload = sum(map(sum, connections))
    assert payload < seen.up < payload * 1.01 + 20_000
    assert payload < seen.down < payload * 1.01 + 20_000


@pytest.mark.parametrize("way", ["up", "down"])
def test_64_megabytes_through_a_slow_reader_take_no_memory(way):
    size, chunk = 64_000_000, b"x" * 100_000
    with relayed() as (proxy, client, server), traced_peak() as peak:
        sender, receiver = (client, server) if way == "up" else (server, client)
        sender.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):  # nobody reads, and the proxy does not do so instead
            while sent < size:
                sent += sender.send(chunk)
        assert sent < size / 2
        sender.settimeout(60)
        sending = SENDER.submit(
            lambda: [sender.sendall(chunk[: size - at]) for at in range(sent, size, len(chunk))]
        )
        buffer, received = bytearray(2**20), 0
        while received < size:
            received += receiver.recv_into(buffer)
        sending.result()
        assert getattr(proxy.snapshot(), way) == size
    assert peak.size < 2**21  # the reader's buffer of 1 MiB and the proxy's


def test_connections_and_hops_do_not_mix():
    with relayed(("server", "node 0")) as (proxy, client, server):
        passed(client, server, head("/a"))
        passed(server, client, b"1")
        passed(client, server, head("/b"))
        assert proxy.snapshot().hops == ("server",)
        assert proxy.addresses == {hop: f"127.0.0.1:{port}" for hop, port in proxy.ports.items()}
        with socket.create_connection(("127.0.0.1", proxy.ports["node 0"]), 60) as other:
            other.sendall(head("/c"))
            eventually(lambda: len(proxy.snapshot()) == 3)
        passed(server, client, b"22")
        assert [(e.hop, e.kind, e.down) for e in proxy.snapshot()] == [
            ("server", "/a", 1),
            ("server", "/b", 2),
            ("node 0", "/c", 0),
        ]


def test_ipv6_works_where_this_machine_has_it():
    try:
        upstream = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with upstream, MeteringProxy(f"[::1]:{upstream.getsockname()[1]}", ["h"], host="::1") as proxy:
        assert proxy.addresses["h"] == f"[::1]:{proxy.ports['h']}"
        with socket.create_connection(("::1", proxy.ports["h"]), 60) as client:
            server, _ = upstream.accept()
            with server:
                passed(client, server, b"six")


def test_importing_the_meters_loads_no_asyncio():
    code = "import fedlab.meters, sys; assert 'asyncio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
