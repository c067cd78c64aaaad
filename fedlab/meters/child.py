"""The program of the process that `peak_resident` measures: nothing of fedlab is imported here.

Over one socket: the payload comes, "ready" goes, "go" comes, "done" goes. Then the parent takes its
last reading, with the function's result still alive, and kills this process. When the socket closes
before that, the parent is gone, and this process ends itself and what it started.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def main() -> None:
    """Run the function that comes over the socket whose number is the only argument."""
    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    with line.makefile("rb") as stream:
        payload = stream.read(int.from_bytes(stream.read(8)))
    go = threading.Event()
    # started now, so that its stack belongs to the baseline
    threading.Thread(target=_watch, args=(line, go), daemon=True).start()
    _work(line, go, io.BytesIO(payload))


def _work(line: socket.socket, go: threading.Event, payload: io.BytesIO) -> None:
    """Load, warm up, wait for "go", call, tell. Does not return: the parent ends this process."""
    step = "load"
    try:
        sys.path[:] = pickle.load(payload)
        function, args, warm_up, limit = pickle.load(payload)
        payload.close()
        if warm_up is not None:
            step = "warm up"
            warm_up()
        _give_back()
        with _at_most(limit):
            _say(line, step="ready")
            go.wait()
            step = "run"
            result = function(*args)  # noqa: F841 - the parent's last reading must find it
        message: dict[str, object] = {"step": "done"}
    except BaseException as error:  # sys.exit() too
        message = {"step": step, **_described(error)}
    _flush()
    _say(line, **message)
    threading.Event().wait()


def _watch(line: socket.socket, go: threading.Event) -> None:
    """Pass "go" on; end this process group when the parent has gone."""
    if line.recv(2):
        go.set()
        line.recv(1)
    os.killpg(0, signal.SIGKILL)


def _give_back() -> None:
    """Freed memory goes back to the system, or the function could use it again unseen."""
    gc.collect()
    with suppress(AttributeError):  # glibc has it, musl and macOS have not
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def _at_most(limit: int | None) -> Iterator[None]:
    """Let private memory grow by `limit` bytes and no more (Linux)."""
    if limit is None:
        yield
        return
    import resource

    with open("/proc/self/status") as status:
        now = next(int(row.split()[1]) for row in status if row.startswith("VmData:")) * 1024
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    tight = now + limit if hard == resource.RLIM_INFINITY else min(now + limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (tight, hard))
    try:
        yield
    finally:  # an error must be told, which takes memory
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _described(error: BaseException) -> dict[str, object]:
    try:
        text = str(error)
    except Exception:  # an exception that cannot even say what it is
        text = ""
    return {
        "error": f"{type(error).__name__}: {text}" if text else type(error).__name__,
        # torch has no error class of its own for it
        "memory": isinstance(error, MemoryError)
        or (isinstance(error, RuntimeError) and ("allocate memory" in text or "bad_alloc" in text)),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the function may have closed or replaced them
            stream.flush()


def _say(line: socket.socket, **message: object) -> None:
    line.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
