"""A Ray cluster that runs before and after, of this machine alone: runs that join it."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from apps import (
    Server,
    answer,
    client,
    client_where,
    good,
    numbers,
    partition,
    record,
    rows,
    tracking,
)

from fedlab.codecs import parse
from fedlab.engines import simulate
from fedlab.engines.under_ray import reach
from fedlab.mods import compress, count, send_only

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


@pytest.fixture(scope="module")
def cluster():
    """A cluster for all tests of this module: its process, and the settings of a run in it."""
    with ExitStack() as stack:
        process, address = started(stack)
        yield SimpleNamespace(process=process, joined={"engine": "ray", "address": address})
        assert process.poll() is None
    assert in_session(process.pid) == []


def started(stack, tries=3):
    """A head, tried again where Ray gave up: it gives itself 30 s, which may be few."""
    short = tempfile.TemporaryDirectory(prefix="ray", dir="/tmp")  # the names of sockets are short
    folder = stack.enter_context(short)
    try:
        return stack.enter_context(head(folder))
    except AssertionError:
        if tries == 1:
            raise
        return started(stack, tries - 1)


def says_where(message, context):
    raise OSError(f"session {os.getsid(0)}")


def ledger(**settings):
    """Two rounds, in which partition 1 fails and says in which session it ran."""
    strategy = tracking(min_train_nodes=NODES)
    server = Server(strategy, num_rounds=2, timeout=SECONDS)
    return simulate(server, client_where(says_where, {1}), nodes=NODES, **settings).ledger


def unexplained(ledger):
    """Its rows without their last column, the reason: that says in which session."""
    return [row[:-1] for row in rows(ledger)]


@pytest.mark.ray
def test_a_clusters_ledger_is_the_in_process_one_and_the_cluster_goes_on(cluster):
    there = ledger(**cluster.joined)
    assert cluster.process.poll() is None
    reach(cluster.joined["address"])
    assert unexplained(there) == unexplained(ledger())
    ran_in = {failure.reason for failure in there.failures}
    assert ran_in == {f"OSError: session {cluster.process.pid}"}


# --- compressed updates: residuals last, frozen tensors stay -------------------------------------

ROUNDS = 4
START = {
    "w": np.zeros(10, np.float32),
    "thirds": np.full(4, 1 / 3, np.float32),
    "steps": np.array(2**60 + 1),
}
# Weights 2, 1 and 1, or 2 alone: every mean is exact, in whatever order Ray's replies come.
STEP = np.arange(1, 11, dtype=np.float32)  # the same update in each round; half of it travels


def learns(message, context):
    """Adds STEP; partition 1 fails in round 2, and owes nothing more for it."""
    if partition(context) == 1 and message.content["config"]["server-round"] == 2:
        raise OSError("the disk is full")
    arrays = numbers(message.content)
    arrays["w"] = arrays["w"] + STEP
    assert arrays["steps"] == 2**60 + 1
    return answer(message, arrays, {"num-examples": 1 if partition(context) else 2})


def fails_after(message, context, call_next):
    """Outside of compress: partition 2 fails in round 2, when its answer is ready to leave."""
    reply = call_next(message, context)
    if partition(context) == 2 and message.content["config"]["server-round"] == 2:
        raise OSError("the line is cut")
    return reply


def compressed(**settings):
    strategy = tracking(min_train_nodes=NODES, min_available_nodes=NODES)
    server = Server(strategy, record(START), num_rounds=ROUNDS, timeout=SECONDS)
    mods = [fails_after, count(report=True), send_only(["w"]), compress("topk:0.5")]
    app = client(learns, mods=mods)
    result = simulate(server, app, nodes=NODES, downlink="float16", **settings)
    return server.arrays, result.ledger


@pytest.mark.ray
def test_under_ray_residuals_last_and_all_is_as_in_process(cluster):
    (here, its), (there, rays) = compressed(), compressed(**cluster.joined)
    assert [(t.round, t.outcome) for t in rays.failures] == [(2, "failed")] * 2
    assert rows(rays) == rows(its)
    assert rays.uplink == (ROUNDS * NODES - 2) * parse("topk:0.5").size((10,))
    sent = sum(parse("float16").size(START[name].shape) for name in ("w", "thirds"))
    assert rays.downlink == ROUNDS * NODES * (sent + 8)
    for name, values in here.items():
        assert there[name].dtype == START[name].dtype
        np.testing.assert_array_equal(there[name], values)
    for name in ("thirds", "steps"):
        assert there[name].tobytes() == START[name].tobytes()
    assert (there["w"][:5] > 0).any()  # without feedback the smaller half would never travel


# --- what cannot be joined -----------------------------------------------------------------------


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
