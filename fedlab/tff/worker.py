"""TensorFlow Federated's worker: the process in which clients and server compute.

Python only builds computations; they run in a child process, the program `worker_binary`. TFF
starts one by itself, lets it write to our standard output and leaves it behind when a script ends.
This starts the same program with the same flags: silent, fresh when asked, measured, and gone when
this process is, however it went.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import portpicker
import tensorflow_federated as tff

from fedlab.meters.growth import LinuxGrowth
from fedlab.tff.error import TffError
from fedlab.units import NOTHING, Bytes

_PROGRAM = Path(tff.__file__).parent / "data" / "worker_binary"
_MESSAGE_BYTES = 2 * 1000**3  # the longest message, as TFF itself sets it
_START_SECONDS = 60
# The system kills a process whose parent has died if that process asked for it. The worker does not
# ask, so a small program does in its place, and then becomes it.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass
class Peak:
    """How far the worker's private memory grew at most in a block; 0 until the block has ended."""

    size: Bytes = NOTHING


class Worker:
    """A fresh worker that runs every computation of this thread until it is stopped.

    It is stopped when nothing holds this object any more, so give it a name or a `with` block. At
    that block's end it is stopped too, and the worker from before runs the computations again.
    `subrounds` runs a round's clients in so many groups, one after the other, and merges their
    sums: each computation then has an aggregation that can be merged, or is refused by TFF.

    It belongs to the thread that made it: when that thread ends, so does the worker. A computation
    that is interrupted stops it, too.

    Raises TffError when it does not start.
    """

    def __init__(self, *, subrounds: int | None = None) -> None:
        if subrounds is not None and subrounds < 1:
            raise TffError(f"subrounds: expected 1 or more, got {subrounds}")
        port = portpicker.pick_unused_port()
        flags = [f"--port={port}", "--max_concurrent_computation_calls=-1"]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(_PROGRAM), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for Python, which stops the worker if it ends
        )
        limits = ("max_message_length", "max_receive_message_length", "max_send_message_length")
        channel = grpc.insecure_channel(
            f"localhost:{port}", [(f"grpc.{limit}", _MESSAGE_BYTES) for limit in limits]
        )
        self.stop = weakref.finalize(self, _stop, self._process, channel)
        self._stack = tff.framework.get_context_stack()
        self._before = self._stack.current
        try:
            stub = _ready(self._process, channel)
        except BaseException:
            self.stop()
            raise
        context = _context(self._process, stub, subrounds)
        self._stack.set_default_context(_Interruptible(context, self.stop))

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @contextmanager
    def peak(self) -> Iterator[Peak]:
        """Measure the worker's own peak of private memory, above what it held as the block began.

        Only what the worker newly takes from the system is seen: what an earlier computation took
        and freed is used again. So measure in a fresh worker, after a small round that loads what
        only the first one loads.

        Raises TffError when the worker has ended.
        """
        _expect_alive(self._process)
        peak = Peak()
        growth = LinuxGrowth(self.pid)
        try:
            yield peak
            _expect_alive(self._process)
            peak.size = growth.peak()
        finally:
            growth.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.set_default_context(self._before)
        self.stop()


def refuse_without_worker() -> None:
    """From now on, what this thread computes outside a Worker raises TffError.

    TFF would start a worker of its own for it, which a script leaves behind.
    """

    def executor(cardinalities: Any) -> Any:
        raise TffError(
            "expected a worker to run this computation, and there is none; start one: with "
            "Worker(): …"
        )

    factory = tff.framework.ResourceManagingExecutorFactory(executor)
    tff.framework.set_default_context(tff.framework.SyncExecutionContext(factory))


def _ready(process: subprocess.Popen[bytes], channel: Any) -> Any:
    """TFF's end of the line to the worker, once it answers."""
    stub = tff.framework.RemoteExecutorGrpcStub(channel)
    until = time.monotonic() + _START_SECONDS
    while not stub.is_ready:
        if process.poll() is not None or time.monotonic() > until:
            raise TffError(
                "TensorFlow Federated's worker did not start "
                f"({_ended(process) or f'no answer in {_START_SECONDS} s'}); free some memory, or "
                "mend the environment with `make tff`"
            )
        time.sleep(0.01)
    return stub


class _Executors(tff.framework.ResourceManagingExecutorFactory):  # type: ignore[misc]
    """TFF keeps the executors that it has made. Once their worker has ended, it must not use them
    again, nor close them: either fails in gRPC's words.
    """

    def __init__(self, process: subprocess.Popen[bytes], make: Callable[[Any], Any]) -> None:
        super().__init__(make)
        self._process = process

    def create_executor(self, cardinalities: Any) -> Any:
        _expect_alive(self._process)
        return super().create_executor(cardinalities)

    def clean_up_executor(self, cardinalities: Any) -> None:
        if not _ended(self._process):
            super().clean_up_executor(cardinalities)


def _context(process: subprocess.Popen[bytes], stub: Any, subrounds: int | None) -> Any:
    """What TFF hands its computations to."""

    def executor(cardinalities: Any) -> Any:
        cardinalities.setdefault(tff.CLIENTS, 0)
        remote = tff.framework.RemoteExecutor(stub)
        remote.set_cardinalities(cardinalities)
        return remote

    parts = {
        "executor_fn": _Executors(process, executor),
        "compiler_fn": tff.backends.native.desugar_and_transform_to_native,
        "transform_args": tff.tensorflow.transform_args,
        "transform_result": tff.tensorflow.transform_result,
    }
    if subrounds is None:
        return tff.framework.SyncExecutionContext(**parts)
    return tff.backends.native.create_mergeable_comp_execution_context(
        [tff.framework.AsyncExecutionContext(**parts)], num_subrounds=subrounds
    )


class _Interruptible(tff.framework.SyncContext):  # type: ignore[misc]
    """TFF waits for the worker in a thread of its own. Interrupted, that thread would go on waiting
    and every later computation would stand behind it, so the worker is stopped.
    """

    def __init__(self, context: Any, stop: Callable[[], object]) -> None:
        self._context = context
        self._stop = stop

    def invoke(self, comp: Any, arg: Any) -> Any:
        try:
            return self._context.invoke(comp, arg)
        except KeyboardInterrupt:
            self._stop()
            raise


def _stop(process: subprocess.Popen[bytes], channel: Any) -> None:
    process.kill()
    process.wait()
    channel.close()


def _expect_alive(process: subprocess.Popen[bytes]) -> None:
    if ended := _ended(process):
        raise TffError(
            f"TensorFlow Federated's worker has ended ({ended}): it was stopped or interrupted, or "
            "memory ran out; start another: with Worker(): …"
        )


def _ended(process: subprocess.Popen[bytes]) -> str:
    """How a process ended; nothing while it runs."""
    code = process.poll()
    if code is None:
        return ""
    return f"signal {-code}" if code < 0 else f"exit status {code}"
