"""Whatever a measured function does to its process: said in one sentence, and nothing left."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from fedlab.meters import MeterError, peak_resident

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="peak_resident measures on Linux and macOS only"
)
MIB = 2**20


class SilentError(Exception):
    def __str__(self):
        raise ValueError("cannot say")


class NotFoundThere:
    def __reduce__(self):
        return __import__, ("no_module_of_this_name",)


class NotPickled:
    def __reduce__(self):
        raise RuntimeError("stays here")


def raise_silently():
    raise SilentError


def ask():
    return input()


def spin():
    return sum(range(10**12))  # in C, without letting another thread of the process run


def ended(*pids):
    """Whether all these processes come to their end; a zombie has."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            ends = time.monotonic() + 30
            while process.status() != psutil.STATUS_ZOMBIE:
                if time.monotonic() > ends:
                    return False
                time.sleep(0.01)
    return True


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda: 1 / 0, r"<lambda> raised: ZeroDivisionError: division by zero"),
        (lambda: sys.exit(3), r"<lambda> raised: SystemExit: 3"),
        (lambda: __import__("no_module_here"), r"<lambda> raised: ModuleNotFoundError: No .*here'"),
        (lambda: [][1:].index("a\nb"), r"<lambda> raised: ValueError: 'a\\nb' is not in list"),
        (raise_silently, r"raise_silently raised: SilentError"),
        (ask, r"ask raised: EOFError: EOF when reading a line"),
        (lambda: os._exit(0), r"the child process exited with status 0"),
        (lambda: os._exit(3), r"the child process exited with status 3"),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            r".* was killed by SIGKILL \(9\), as the system does when memory runs out",
        ),
        (
            lambda: os.kill(os.getpid(), signal.SIGSEGV),
            r"the child process was killed by SIGSEGV \(11\)",
        ),
        (lambda: os.closerange(3, 256), r"the child process exited with status 1"),
    ],
)
def test_a_function_that_fails_is_an_error_with_its_reason(function, reason):
    with pytest.raises(MeterError, match=rf"^{reason}(\nIn the child process:|$)"):
        peak_resident(function)


def test_the_traceback_of_the_child_is_a_note():
    with pytest.raises(MeterError) as caught:
        peak_resident(lambda: 1 / 0)
    assert "\n" not in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.startswith("In the child process:\nTraceback (most recent call last):\n")
    assert note.endswith("ZeroDivisionError: division by zero\n")


def test_a_warm_up_that_fails_is_told_apart():
    with pytest.raises(MeterError, match=r"^the warm-up of print raised: ZeroDivisionError: div"):
        peak_resident(print, warm_up=lambda: 1 / 0)


def test_what_cannot_be_pickled_is_refused(tmp_path):
    lock = threading.Lock()
    with (tmp_path / "file").open("w") as file:
        for thing, why in (
            (lock, "cannot pickle '_thread.lock' object"),
            (file, "Cannot pickle files .*"),
            (NotPickled(), "stays here"),
        ):
            with pytest.raises(
                MeterError, match=rf"^<lambda> cannot be handed to another process \({why}\): let"
            ):
                peak_resident(lambda held: held, thing)


def test_what_cannot_be_loaded_is_refused():
    with pytest.raises(
        MeterError,
        match=r"^<lambda> could not be loaded in the child process: ModuleNotFoundError: No module",
    ):
        peak_resident(lambda held: held, NotFoundThere())


@pytest.mark.parametrize("function", [lambda: time.sleep(600), spin])
def test_a_function_that_is_late_is_stopped(function):
    with pytest.raises(
        MeterError, match=r"^the child process had not ended after 2 s and was stopped: give it"
    ):
        peak_resident(function, timeout=2)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout):
    with pytest.raises(ValueError, match=r"^timeout: expected seconds above 0, got"):
        peak_resident(print, timeout=timeout)


@pytest.mark.parametrize("limit", [-1, 1.5, float("nan"), "1 MB"])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match=r"^limit: expected a whole number of bytes, 0 or more"):
        peak_resident(print, limit=limit)


@pytest.mark.parametrize("last", [lambda: None, lambda: 1 / 0, lambda: os._exit(1)])
def test_what_a_function_starts_ends_with_it(tmp_path, last):
    told = tmp_path / "pids"

    def function():
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        told.write_text(f"{os.getpid()} {helper.pid}")
        last()

    with contextlib.suppress(MeterError):
        peak_resident(function)
    assert ended(*map(int, told.read_text().split()))


INTERRUPTED = """
import os, signal, subprocess, sys, time
from fedlab.meters import peak_resident
signal.signal(signal.SIGINT, signal.default_int_handler)
def function():
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(os.getpid(), helper.pid, flush=True)
    time.sleep(600)
peak_resident(function)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_caller_that_is_interrupted_or_killed(how):
    caller = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with caller:
        pids = [int(pid) for pid in caller.stdout.readline().split()]
        assert len(pids) == 2
        caller.send_signal(how)
        error = caller.stderr.read()
    assert ended(*pids)
    assert (b"KeyboardInterrupt" in error) == (how == signal.SIGINT)


def test_a_function_may_close_its_streams_and_talk_to_them(capfd):
    def function():
        print("x" * 100_000)
        print("y", file=sys.stderr)
        sys.stdout.close()

    assert peak_resident(function) < 4 * MIB
    said = capfd.readouterr()
    assert said.out == "x" * 100_000 + "\n"
    assert said.err == "y\n"


def test_a_measured_function_may_measure():
    assert peak_resident(lambda: peak_resident(lambda: bytearray(50 * MIB))) < 10 * MIB
