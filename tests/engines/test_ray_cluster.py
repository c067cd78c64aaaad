"""A Ray cluster that runs before and after: a head of our own, on this machine."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from apps import Server, client, client_where, good

from fedlab.engines import simulate
from fedlab.engines.under_ray import reach
from fedlab.strategies import BandwidthTrackingFedAvg

RAY = shutil.which("ray", path=str(Path(sys.executable).parent)) or shutil.which("ray")
NODES, SECONDS = 3, 120

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="sessions of processes are POSIX's"),
]


@contextmanager
def head(folder):
    """A cluster of this machine alone, in a session of its own: its process and its address."""
    options = {
        "port": 0,
        "ray-client-server-port": free_port(),
        "min-worker-port": 0,  # whatever is free
        "max-worker-port": 0,
        "temp-dir": folder,
        "num-cpus": 2,
        "object-store-memory": 100_000_000,
        "include-dashboard": "false",
    }
    with Path(folder, "head.log").open("wb") as log:
        process = subprocess.Popen(
            [RAY, "start", "--head", "--block", *(f"--{k}={v}" for k, v in options.items())],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        )
    try:
        yield process, _address(folder, process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        for pid, _ in in_session(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _address(folder, process):
    """Ray writes it down when all has started."""
    written, ends = Path(folder, "ray_current_cluster"), time.monotonic() + SECONDS
    while not (written.exists() and written.read_text()):
        waiting = process.poll() is None and time.monotonic() < ends
        assert waiting, Path(folder, "head.log").read_text()[-3000:]
        time.sleep(0.2)
    return written.read_text()


def in_session(leader):
    """What runs in the session of this process: its children are in it. Ids and commands."""
    listed = subprocess.run(["ps", "-eo", "sess=,pid=,args="], capture_output=True, text=True)
    lines = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [
        (int(pid), command)
        for session, pid, command in lines
        if session == str(leader) and "defunct" not in command
    ]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def says_where(message, context):
    raise OSError(f"session {os.getsid(0)}")


def ledger(**settings):
    """Two rounds, in which partition 1 fails and says in which session it ran."""
    strategy = BandwidthTrackingFedAvg(fraction_evaluate=0.0, min_train_nodes=NODES)
    server = Server(strategy, num_rounds=2, timeout=SECONDS)
    return simulate(server, client_where(says_where, {1}), nodes=NODES, **settings).ledger


def rows(ledger):
    return sorted((t.round, t.direction, t.levels.message, t.payload, t.outcome) for t in ledger)


@pytest.mark.ray
def test_a_clusters_ledger_is_the_in_process_one_and_the_cluster_goes_on():
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # sockets: short names
        with head(folder) as (process, address):
            there = ledger(engine="ray", address=address)
            assert process.poll() is None
            reach(address)
        assert in_session(process.pid) == []
    assert rows(there) == rows(ledger())
    ran_in = {failure.reason for failure in there.failures}
    assert ran_in == {f"OSError: session {process.pid}"}


@pytest.mark.ray
def test_where_no_cluster_answers_there_is_one_sentence_and_no_endless_wait():
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ConnectionError) as caught:
        ledger(engine="ray", address=address)
    said = str(caught.value)
    assert said.startswith(f"address: expected a Ray cluster to join at {address!r}: Connection")
    assert "\n" not in said


def test_an_address_is_for_ray_alone():
    with pytest.raises(ValueError, match=r"^address: .* needs engine='ray', got .*in-process"):
        simulate(Server(None), client(good), address="127.0.0.1:6379")
