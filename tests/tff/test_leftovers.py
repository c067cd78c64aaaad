"""However a script ends, nothing of it is left, and nothing but its own words was said."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import pytest

from fedlab.tff_environment import QUIET

# a shell's job in the background ignores Ctrl-C, and so do its children unless they say otherwise
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from fedlab.tff import Worker
import tensorflow as tf
import tensorflow_federated as tff

@tff.tensorflow.computation(tff.SequenceType(np.int64))
def checked_sum(numbers):
    def add(total, number):
        if number < 0:
            tf.debugging.assert_positive(number, "a number below zero")
        return total + number
    return numbers.reduce(np.int64(0), add)

@tff.federated_computation(tff.FederatedType(tff.SequenceType(np.int64), tff.CLIENTS))
def one_round(clients):
    return tff.federated_sum(tff.federated_map(checked_sum, clients))

worker = Worker()
print(one_round([tf.data.Dataset.range(10)] * 2), flush=True)
"""
ENDLESS = START + "one_round([tf.data.Dataset.range(10**15)] * 2)"
FAILING = START + "one_round([tf.data.Dataset.range(-3, 3)] * 2)"
# what runs, and the signal that ends it in the middle of its second round
SCRIPTS = {
    "ends normally": (None, None),
    "fails": (FAILING, None),
    "is interrupted": (ENDLESS, signal.SIGINT),
    "is killed": (ENDLESS, signal.SIGKILL),
}
SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """What a script said, how it ended, what it had on its way, and what it left."""

    status: int
    stdout: str
    stderr: str
    had: list[str]
    left: list[str]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """All scripts, each seen to its end, at once: they take their time to import TensorFlow."""
    folders = [tmp_path_factory.mktemp("tmp") for _ in SCRIPTS]
    with ThreadPoolExecutor(len(SCRIPTS)) as pool:
        return dict(zip(SCRIPTS, pool.map(run, SCRIPTS.values(), folders), strict=True))


def run(what, folder):
    text, number = what
    arguments = ["-m", "fedlab.tff"]
    if text is not None:  # from a file: without its text, nothing of it would be converted
        arguments = [str(folder / "script.py")]
        (folder / "script.py").write_text(text)
    temporary = folder / "tmp"
    temporary.mkdir()
    script = subprocess.Popen(
        [sys.executable, *arguments],
        env={n: v for n, v in os.environ.items() if n not in QUIET} | {"TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        return seen_to_its_end(script, number, temporary)
    finally:
        script.kill()
        script.wait()


def seen_to_its_end(script, number, temporary):
    this = psutil.Process(script.pid)
    worker = wait_for(lambda: worker_of(this))
    processes = this.children(recursive=True)
    first_line = ""
    if number is not None:
        first_line, before = script.stdout.readline(), used(worker)
        wait_for(lambda: used(worker) > before + 0.3)  # it is in its endless round
    had = [*(process.name() for process in processes), *(p.name for p in temporary.rglob("*"))]
    if number is not None:
        script.send_signal(number)
    stdout, stderr = script.communicate(timeout=SECONDS)
    wait_for(lambda: not alive(processes) and not os.listdir(temporary), seconds=10)
    left = [*(f"process {process.pid}" for process in alive(processes)), *os.listdir(temporary)]
    return Ended(script.returncode, first_line + stdout, stderr, had, left)


def wait_for(found, seconds=SECONDS):
    """What `found` returns as soon as that is something, or at last."""
    ends = time.monotonic() + seconds
    while not (seen := found()) and time.monotonic() < ends:
        time.sleep(0.05)
    return seen


def worker_of(process):
    return next((c for c in process.children(recursive=True) if c.name() == "worker_binary"), None)


def used(process):
    """Seconds of processor time."""
    return sum(process.cpu_times()[:2])


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("how", SCRIPTS)
def test_no_process_and_no_file_is_left_by_a_script_that(ended, how):
    assert "worker_binary" in ended[how].had
    assert [name for name in ended[how].had if name.startswith("fedlab-tff-")]
    assert ended[how].left == []


def test_there_were_generated_files_to_leave(ended):
    for how in ("is interrupted", "is killed"):
        assert [name for name in ended[how].had if name.startswith("__autograph_generated_file")]


def test_a_script_that_ends_normally_says_its_own_words_alone(ended):
    script = ended["ends normally"]
    assert (script.status, script.stderr) == (0, "")
    trains, sizes = script.stdout.splitlines()
    assert trains.startswith("TensorFlow Federated trains: ")
    assert sizes == "a client receives 203,564 B and sends 203,596 B in a round"


def test_a_script_that_fails_leaves_its_traceback_alone(ended):
    script = ended["fails"]
    assert (script.status, script.stdout) == (1, "90\n")
    assert script.stderr.startswith("Traceback (most recent call last):\n")
    assert "a number below zero" in script.stderr
    assert script.stderr.count("Traceback") == 1


def test_a_script_that_is_interrupted_leaves_its_traceback_alone(ended):
    script = ended["is interrupted"]
    assert (script.status, script.stdout) == (-signal.SIGINT, "90\n")
    assert script.stderr.startswith("Traceback (most recent call last):\n")
    assert script.stderr.endswith("\nKeyboardInterrupt\n")
    assert script.stderr.count("Traceback") == 1


def test_a_script_that_is_killed_has_said_its_own_words_alone(ended):
    script = ended["is killed"]
    assert (script.status, script.stdout) == (-signal.SIGKILL, "90\n")
    assert script.stderr == ""
