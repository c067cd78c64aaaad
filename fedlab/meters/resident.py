"""The peak of a function's private memory, measured in a process of its own."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVarTuple

import cloudpickle

from fedlab.logs import one_line
from fedlab.meters.error import MeterError
from fedlab.meters.growth import growth_here
from fedlab.meters.process import fresh_python
from fedlab.units import Bytes, whole_bytes

_Args = TypeVarTuple("_Args")


def peak_resident(
    function: Callable[[*_Args], object],
    *args: *_Args,
    warm_up: Callable[[], object] | None = None,
    timeout: float = 600.0,
    limit: int | None = None,
) -> Bytes:
    """Run `function(*args)` in a fresh Python and return by how many bytes its memory grew at most.

    Counted is private (anonymous) resident memory, Python's, numpy's and torch's alike, from just
    before the call to its peak during it. Not counted: memory-mapped files, memory that is
    allocated but never touched, and processes that the function starts. The baseline is taken when
    `function` and `args` are unpickled, so what they hold and import is in it; what the function
    imports itself is not. Use a lambda or functools.partial for keyword arguments.

    The function may be a notebook's own: it goes over by value. Its result does not come back; it
    is kept until the last reading. What it prints goes to this process's streams, and it has no
    standard input. When it has ended its process is killed, and with it all that it started.

    warm_up: called without arguments in that process before the baseline is taken. What it leaves
    allocated is not counted: thread stacks, a library's buffers, modules that are imported when
    first needed (torch's first optimizer imports tens of MiB of them).
    timeout: seconds for all of it, the start of Python and the imports included.
    limit: bytes of private memory that the function may allocate on top of the baseline, touched or
    not, the stacks of new threads (8 MiB each, usually) included. Enforced on Linux only.

    Raises MeterError when the function raises (its type and message; the traceback is a note of the
    error), needs more than `limit`, cannot be pickled or loaded, exits, is killed, or is late; and
    where there is no such meter (Windows) or no such limit (macOS). Raises ValueError for a
    `timeout` or `limit` that is none.

    >>> 50 <= peak_resident(lambda: bytearray(50 * 2**20)).MiB < 52
    True
    """
    meter = growth_here()
    if not 0 < timeout <= threading.TIMEOUT_MAX:
        raise ValueError(f"timeout: expected seconds above 0, got {timeout!r}")
    if limit is not None:
        limit = int(whole_bytes(limit, "limit"))
        if not sys.platform.startswith("linux"):
            raise MeterError("a limit is enforced on Linux only: leave limit out here")
    name = getattr(function, "__name__", type(function).__name__)
    payload = _pickled(name, (function, args, warm_up, limit))
    with fresh_python(timeout) as child:
        child.send(len(payload).to_bytes(8) + payload)
        del payload
        _went_well(child.hear(), name, limit)
        with closing(meter(child.pid)) as growth:
            child.send(b"go")
            _went_well(child.hear(meanwhile=growth.read), name, limit)
            return growth.peak()


def _pickled(name: str, job: tuple[object, ...]) -> bytes:
    """The paths on which modules are found, then the job."""
    try:
        pickled: bytes = cloudpickle.dumps(job)
    except Exception as error:  # whatever a foreign __reduce__ raises
        raise MeterError(
            f"{name} cannot be handed to another process ({one_line(str(error))}): let it open its "
            "files and make its locks itself"
        ) from error
    return pickle.dumps(sys.path) + pickled


def _went_well(message: dict[str, Any], name: str, limit: int | None) -> None:
    """Raise MeterError for a message that tells of an error."""
    if "error" not in message:
        return
    said = {
        "load": f"{name} could not be loaded in the child process",
        "warm up": f"the warm-up of {name} raised",
        "run": f"{name} raised",
    }[message["step"]]
    if limit is not None and message["memory"] and message["step"] == "run":
        said = f"{name} needed more than the {Bytes(limit)} allowed"
    error = MeterError(f"{said}: {one_line(message['error'])}")
    error.add_note(f"In the child process:\n{message['traceback']}")
    raise error
