"""1 GB over loopback, direct and through each proxy, in one run: MB/s, ratios and memory.

Direct is the limit. Ours counts bytes and requests on the way. The peers only pass them on, pproxy
as a fixed tunnel and proxy.py by CONNECT, in an environment of their own: `make bench-peers` makes
it. Sender, receiver and proxy are a process each.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil
from peers import PYTHON as PEERS
from rich import box
from rich.console import Console
from rich.table import Table

from fedlab.meters import MeterError, MeteringProxy
from fedlab.meters.growth import LinuxGrowth, MacGrowth, growth_here
from fedlab.units import Bytes

TOTAL_BYTES = 10**9
ROUNDS = 5  # of every route in turn, so that a busy moment hits them all; the best counts
LEAST_MBPS = 200
ALL = b"!"  # the receiver's answer
HERE = Path(__file__)


@dataclass
class Route:
    """One way from the sender to the receiver. proxy: its process. asks: what opens a tunnel."""

    port: int
    proxy: subprocess.Popen[str] | None = None
    asks: bytes = b""
    mbps: list[float] = field(default_factory=list)


def receive() -> None:
    """A process of its own: say the port; take in what comes, and say when all of it is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        buffer = bytearray(2**20)
        while True:
            with listener.accept()[0] as sender:
                left = TOTAL_BYTES
                while left and (size := sender.recv_into(buffer)):
                    left -= size
                if not left:  # else only somebody who wanted to know whether we listen
                    sender.sendall(ALL)


def ours(upstream: str) -> None:
    """A process of its own: say the proxy's port, run until standard input closes."""
    with MeteringProxy(upstream, ["hop"]) as proxy:
        print(proxy.ports["hop"], flush=True)
        sys.stdin.read()


def transfer(route: Route) -> float:
    """Send it all, and wait until the receiver has said that it came; MB/s."""
    block = memoryview(bytes(2**20))
    with socket.create_connection(("127.0.0.1", route.port), timeout=120) as sender:
        if route.asks:
            sender.sendall(route.asks)
            assert b" 200 " in sender.recv(2**16)
        started = time.perf_counter()
        for left in range(TOTAL_BYTES, 0, -len(block)):
            sender.sendall(block[:left])
        assert sender.recv(len(ALL)) == ALL
        return TOTAL_BYTES / 1e6 / (time.perf_counter() - started)


@contextmanager
def process(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        try:
            yield started
        finally:
            for one in family(started):
                one.kill()


def family(started: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and those that it has started: a proxy may work in these."""
    first = psutil.Process(started.pid)
    return [*first.children(recursive=True), first]


def growths(route: Route) -> list[LinuxGrowth | MacGrowth]:
    """The memory of a route's proxy from now on; nothing where that cannot be measured."""
    if route.proxy is None:
        return []
    with suppress(MeterError):
        return [growth_here()(one.pid) for one in family(route.proxy)]
    return []


def told_port(started: subprocess.Popen[str]) -> int:
    assert started.stdout is not None
    return int(started.stdout.readline())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listening(port: int) -> None:
    """Wait until somebody does."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise OSError(f"nobody listens on port {port} after 30 s")


def peers(opened: ExitStack, upstream: str) -> dict[str, Route]:
    tunnel, connect = free_port(), free_port()
    asks = f"CONNECT {upstream} HTTP/1.1\r\nHost: {upstream}\r\n\r\n".encode()
    commands = {
        tunnel: f"pproxy -l tunnel{{{upstream}}}://127.0.0.1:{tunnel}",
        connect: f"proxy --hostname 127.0.0.1 --port {connect} --num-workers 1 --num-acceptors 1",
    }
    # -I: the folder of this file, which is called like one of them, is not on their path
    started = {
        port: opened.enter_context(process(PEERS, "-I", "-m", *command.split()))
        for port, command in commands.items()
    }
    for port in started:
        listening(port)
    return {
        "pproxy": Route(tunnel, started[tunnel]),
        "proxy.py": Route(connect, started[connect], asks),
    }


def measure(console: Console) -> Iterator[tuple[str, float, str]]:
    """Each route's name, its best MB/s and by how much its proxy grew."""
    with ExitStack() as opened:
        port = told_port(opened.enter_context(process(sys.executable, HERE, "receive")))
        upstream = f"127.0.0.1:{port}"
        proxy = opened.enter_context(process(sys.executable, HERE, "ours", upstream))
        routes = {"direct": Route(port), "fedlab": Route(told_port(proxy), proxy)}
        if PEERS.exists():
            routes |= peers(opened, upstream)
        memory = {name: growths(route) for name, route in routes.items()}
        for number in range(ROUNDS):
            for name, route in routes.items():
                with console.status(f"{name}, {number + 1} of {ROUNDS} …"):
                    route.mbps.append(transfer(route))
        for name, route in routes.items():
            grew = sum((one.peak() for one in memory[name]), Bytes(0))
            yield name, max(route.mbps), f"{grew.MiB:,.1f}" if memory[name] else "-"


def main() -> None:
    console = Console(width=100)
    table = Table(title="1 GB over loopback", box=box.MARKDOWN, title_justify="left")
    for name in ("route", "MB/s", "of direct", "grew by MiB"):
        table.add_column(name, justify="left" if name == "route" else "right")
    mbps = {}
    for name, mbps[name], grew in measure(console):
        table.add_row(name, f"{mbps[name]:,.0f}", f"{mbps[name] / mbps['direct']:.2f}", grew)
    console.print(table)
    reached = "yes" if mbps["fedlab"] >= LEAST_MBPS else "no"
    console.print(f"Goal: {LEAST_MBPS} MB/s through fedlab's. Reached: {reached}.")
    console.print(f"{date.today()}: the best of {ROUNDS}; memory at its peak, over {ROUNDS} GB.")
    if not PEERS.exists():
        console.print("The peers are left out: `make bench-peers` sets them up and adds them.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        receive()
    elif sys.argv[1:2] == ["ours"]:
        ours(sys.argv[2])
    else:
        main()
