"""A fresh Python beside this one: started, spoken with over one socket, and always ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fedlab.meters.error import MeterError

_PROGRAM = Path(__file__).with_name("child.py")
_PAUSE_SECONDS = 0.0005  # between two looks at the child
_SIGNALS = {number.value: number.name for number in signal.Signals}


class FreshPython:
    """The child process, until `timeout` seconds after its start."""

    def __init__(
        self, process: subprocess.Popen[bytes], line: socket.socket, timeout: float
    ) -> None:
        self._process = process
        self._line = line
        self._timeout = timeout
        self._ends = time.monotonic() + timeout
        self.pid = process.pid

    def send(self, data: bytes) -> None:
        """All of it. Raises MeterError when the child has ended or does not read."""
        self._line.settimeout(self._timeout)
        try:
            self._line.sendall(data)
        except TimeoutError:
            raise self._late() from None
        except OSError:  # it has ended: how, the next message would say
            self.hear()

    def hear(self, meanwhile: Callable[[], object] = lambda: None) -> dict[str, Any]:
        """Its next message; `meanwhile` is called again and again while none is there.

        Raises MeterError when the child ends without one, or is late.
        """
        self._line.setblocking(False)
        received = b""
        while not received.endswith(b"\n"):
            meanwhile()
            status = self._process.poll()  # before the socket: its last words are still read
            try:
                part = self._line.recv(2**16)
            except (BlockingIOError, ConnectionResetError):
                part = b""
            received += part
            if not part and status is not None:
                raise MeterError(f"the child process {_ending(status)}")
            if not part and time.monotonic() > self._ends:
                raise self._late()
            if not part:
                time.sleep(_PAUSE_SECONDS)
        message: dict[str, Any] = json.loads(received)
        return message

    def _late(self) -> MeterError:
        return MeterError(
            f"the child process had not ended after {self._timeout:g} s and was stopped: "
            "give it less to do, or raise timeout"
        )


def _ending(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    name = f"{_SIGNALS.get(-status, 'signal')} ({-status})"
    why = ", as the system does when memory runs out" if status == -signal.SIGKILL else ""
    return f"was killed by {name}{why}"


@contextmanager
def fresh_python(timeout: float) -> Iterator[FreshPython]:
    """Start `child.py` in a new interpreter and session; kill all of that session's group at last.

    A new interpreter, never a fork: a fork would begin with this process's memory and threads.
    """
    ours, theirs = socket.socketpair()
    process = None
    try:
        process = subprocess.Popen(
            # -P: modules beside child.py must not stand in for others
            [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        yield FreshPython(process, ours, timeout)
    finally:  # a child of which we know nothing yet ends itself when its line closes
        theirs.close()
        ours.close()
        if process is not None:
            with suppress(ProcessLookupError, PermissionError):  # all ended; macOS's word for it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
