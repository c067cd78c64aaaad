"""WatchedGrowth: the growth of a process that is already running."""

import subprocess
import sys
import threading

import pytest

from fedlab.meters.watched import WatchedGrowth

MIB = 2**20

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="there is no meter of private memory on Windows"
)

# Holds as many MiB as the last line says, and answers when they are there.
HOLDER = """
import sys

for line in sys.stdin:
    held = None
    held = bytearray(b"x") * (int(line) * 2**20)
    print(len(held), flush=True)
"""


@pytest.fixture
def holder():
    """A process, and how to make it hold some memory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def hold(size):
        print(size // MIB, file=process.stdin, flush=True)
        assert int(process.stdout.readline()) == size

    with process:
        hold(MIB)
        yield process, hold
        process.kill()


def test_it_sees_what_came_after_it_was_made_and_what_has_gone_again(holder):
    process, hold = holder
    hold(40 * MIB)
    watched = WatchedGrowth(process.pid)
    hold(100 * MIB)  # once the 40 are freed
    hold(MIB)
    assert 55 * MIB < watched.close() < 65 * MIB


def test_without_growth_there_is_none(holder):
    watched = WatchedGrowth(holder[0].pid)
    assert watched.close() < MIB


def test_the_peak_can_be_read_while_it_watches_and_is_kept_when_the_process_has_ended(holder):
    process, hold = holder
    watched = WatchedGrowth(process.pid)
    hold(50 * MIB)
    while (watched.peak or 0) < 45 * MIB:
        pass
    process.kill()
    process.wait()
    assert 45 * MIB < watched.close() < 55 * MIB


def test_of_a_process_that_has_ended_there_is_no_peak(holder):
    process, _ = holder
    process.kill()
    process.wait()
    assert WatchedGrowth(process.pid).close() is None


def test_no_thread_is_left_when_it_is_closed(holder):
    before = threading.active_count()
    watched = WatchedGrowth(holder[0].pid)
    assert threading.active_count() == before + 1
    watched.close()
    assert threading.active_count() == before
