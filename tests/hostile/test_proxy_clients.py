"""Whatever connects to the metering proxy: it goes on, forgets nothing and keeps nothing."""

import random
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest

from fedlab.meters import MeteringProxy, traced_peak


@contextmanager
def answering():
    """The address of an upstream that answers every piece of bytes with one byte."""
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.settimeout(0.1)

        def serve():
            while not ends.is_set():
                with suppress(OSError):  # nobody in this tenth of a second, or no file left
                    client, _ = listener.accept()
                    threading.Thread(target=answer, args=(client,)).start()

        def answer(client):
            with client, suppress(ConnectionError):
                while client.recv(2**16):
                    client.sendall(b"!")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ends.set()
            thread.join()


@contextmanager
def attacked():
    with answering() as address, MeteringProxy(address, ["hop"]) as proxy:
        yield proxy


def connected(proxy):
    return socket.create_connection(("127.0.0.1", proxy.ports["hop"]), timeout=60)


def still_works(proxy):
    before = len(proxy.snapshot())
    with connected(proxy) as client:
        client.sendall(b"GET /well HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b"!"
    last = list(proxy.snapshot())[before]
    return (last.kind, last.up, last.down) == ("/well", 22, 1)


def files():
    process = psutil.Process()
    return process.num_handles() if sys.platform == "win32" else process.num_fds()


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01", b"\x16", b"GET /", b"\n", b"A" * 9_000])
def test_garbage_is_passed_on_and_counted(first):
    garbage = first + random.Random(0).randbytes(300_000)
    with attacked() as proxy:
        with connected(proxy) as client:
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            answers = b""
            while piece := client.recv(2**16):
                answers += piece
        seen = proxy.snapshot()
        assert (seen.up, seen.down) == (len(garbage), len(answers))
        assert still_works(proxy)


def test_paths_without_end_are_other_after_256_kinds_and_a_long_one_is_cut():
    with attacked() as proxy:
        with connected(proxy) as client:
            for number in range(400):
                client.sendall(f"GET /{number}/{'long' * 99} HTTP/1.1\r\n\r\n".encode())
                assert client.recv(1) == b"!"
            for number in range(400):
                client.sendall(f"GET /{number} HTTP/1.1\r\n\r\n".encode())
                assert client.recv(1) == b"!"
        kinds = proxy.snapshot().per_kind()
    assert len(kinds) == 256
    assert kinds["requests"].sum() == 800
    assert kinds.index.str.len().max() == 200
    assert kinds.loc["other", "requests"] == 800 - 255


def test_a_path_that_is_no_text_is_other():
    with attacked() as proxy, connected(proxy) as client:
        client.sendall(b"GET /\xff\xfe\x00 HTTP/1.1\r\n\r\n")
        client.recv(1)
        assert [e.kind for e in proxy.snapshot()] == ["other"]


def test_a_connection_on_which_nothing_is_sent_is_no_exchange():
    with attacked() as proxy:
        with ExitStack() as silent:
            for _ in range(20):
                silent.enter_context(connected(proxy))
            assert still_works(proxy)
        assert len(proxy.snapshot()) == 1


def test_thousands_of_short_connections_leave_no_file_open_and_no_memory():
    with attacked() as proxy:
        for _ in range(3):
            assert still_works(proxy)
        before = files()
        with traced_peak() as peak:
            for number in range(2_000):
                with connected(proxy) as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    if number % 3:
                        assert client.recv(1) == b"!"
        assert still_works(proxy)
        for _ in range(600):  # the last ones are being closed
            if files() > before:
                time.sleep(0.1)
        assert files() <= before
    assert peak.size < 10**7
    assert proxy.snapshot().per_kind().loc["/", "requests"] >= 2_000 * 2 // 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on open files to lower")
def test_when_no_file_is_left_it_waits_and_goes_on():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with attacked() as proxy, ExitStack() as crowd:
        clients = [crowd.enter_context(socket.socket()) for _ in range(20)]
        highest = max(client.fileno() for client in clients)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 6, hard))
            for client in clients:
                client.connect(("127.0.0.1", proxy.ports["hop"]))
            clients[-1].settimeout(0.3)
            with suppress(TimeoutError, ConnectionError):
                clients[-1].recv(1)  # a while in which there are none
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert still_works(proxy)
