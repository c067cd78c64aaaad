"""The worker: fresh, measured, nested, and gone when it should be."""

import os
import signal
import threading

import numpy as np
import psutil
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from processes import process_of

from fedlab.data import Examples
from fedlab.tff import (
    TffError,
    Worker,
    client_bytes,
    from_file,
    in_graph,
    tensors_in,
    write_digits,
)

ENDED = r"^TensorFlow Federated's worker has ended \(signal 9\): .* with Worker\(\): …$"


@tff.tensorflow.computation
def where():
    """The number of the process that computes this."""
    line = tf.data.TextLineDataset("/proc/self/stat").reduce("", lambda _, line: line)
    return tf.strings.to_number(tf.strings.split(line)[0], tf.int32)


@pytest.fixture
def clients(digits):
    """Three clients of fifty real digits each."""
    return [in_graph(digits.take(range(start, start + 50)), 32) for start in (0, 50, 100)]


def kill(worker):
    psutil.Process(worker.pid).kill()
    see_end(worker.pid)


def see_end(pid):
    """Wait until a process has ended, and leave it to others to ask how."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def workers():
    """The worker processes that this process has."""
    children = psutil.Process().children(recursive=True)
    return {child.pid for child in children if child.name() == "worker_binary"}


def close(one, other, within):
    return all(np.abs(one[name] - other[name]).max() <= within for name in one)


def test_a_lazy_file_costs_the_worker_a_fraction_of_what_the_graph_does(digits, tmp_path):
    many = Examples(np.tile(digits.inputs, (3, 1)), np.tile(digits.labels, 3))
    write_digits(many, tmp_path / "digits.bin")
    process = process_of("fp32")
    peaks = []
    for dataset in (from_file(tmp_path / "digits.bin", 32), in_graph(many, 32)):
        with Worker() as fresh:
            state = process.next(process.initialize(), [dataset.take(1)]).state
            with fresh.peak() as peak:
                process.next(state, [dataset])
        peaks.append(peak.size)
    lazy, baked = peaks
    assert many.nbytes < baked
    assert lazy < baked / 4


def test_in_a_block_another_worker_computes_and_after_it_the_one_from_before(worker):
    with Worker() as outer:
        with Worker() as inner:
            assert where() == inner.pid
        assert not psutil.pid_exists(inner.pid)
        assert where() == outer.pid
    assert not psutil.pid_exists(outer.pid)
    assert where() == worker.pid


def test_the_worker_from_before_computes_again_also_after_a_block_that_raised(worker):
    with pytest.raises(KeyError), Worker() as fresh:
        raise KeyError
    assert not psutil.pid_exists(fresh.pid)
    assert where() == worker.pid


def test_a_worker_and_tffs_own_runtime_compute_the_same(worker, clients):
    process = process_of("fp32")
    state = process.initialize()
    ours = tensors_in(process, process.next(state, clients).state)
    before = workers()
    try:
        own = tff.backends.native.create_sync_local_cpp_execution_context()
        with tff.framework.get_context_stack().install(own):
            theirs = tensors_in(process, process.next(state, clients).state)
            assert {where()} == workers() - before
    finally:
        for pid in workers() - before:
            psutil.Process(pid).kill()  # TFF asks how it ended
    assert close(ours, theirs, within=0)


@pytest.mark.parametrize("subrounds", [2, 7])
def test_subrounds_give_the_same_model(worker, clients, subrounds):
    process = process_of("fp32")
    state = process.initialize()
    at_once = tensors_in(process, process.next(state, clients).state)
    with Worker(subrounds=subrounds):
        in_groups = tensors_in(process, process.next(state, clients).state)
    assert close(at_once, in_groups, within=1e-6)


@pytest.mark.parametrize("subrounds", [0, -1])
def test_less_than_one_subround_is_refused_and_nothing_is_started(subrounds):
    before = workers()
    with pytest.raises(TffError, match=f"^subrounds: expected 1 or more, got {subrounds}$"):
        Worker(subrounds=subrounds)
    assert workers() == before


def test_a_worker_that_was_killed_is_one_error_that_says_so(worker):
    with Worker() as fresh:
        kill(fresh)
        for _ in range(2):
            with pytest.raises(TffError, match=ENDED):
                where()
        with pytest.raises(TffError, match=ENDED), fresh.peak():
            pass
    assert where() == worker.pid


@pytest.mark.parametrize("subrounds", [None, 2])
def test_a_worker_that_is_killed_in_the_middle_of_a_round_is_the_same_error(clients, subrounds):
    process = process_of("fp32")
    with Worker(subrounds=subrounds) as fresh:
        state = process.next(process.initialize(), clients).state
        threading.Timer(0.5, psutil.Process(fresh.pid).kill).start()
        with pytest.raises(TffError, match=ENDED):
            process.next(state, [client.repeat(10**6) for client in clients])


@pytest.mark.parametrize("subrounds", [None, 2])
def test_an_interrupt_stops_the_worker_and_the_next_one_computes(worker, clients, subrounds):
    process = process_of("fp32")
    state = process.initialize()
    with Worker(subrounds=subrounds) as fresh:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            process.next(state, [client.repeat(10**6) for client in clients])
        assert not psutil.pid_exists(fresh.pid)
        with pytest.raises(TffError, match="stopped or interrupted"):
            process.next(state, clients)
    process.next(state, clients)


def test_a_peak_of_a_worker_that_died_meanwhile_is_no_number():
    with Worker() as fresh:
        with pytest.raises(TffError, match=ENDED), fresh.peak() as peak:
            kill(fresh)
        assert peak.size == 0


def test_a_measured_block_that_raises_keeps_its_own_error(worker):
    with pytest.raises(KeyError), worker.peak():
        raise KeyError


def test_a_worker_that_nothing_holds_any_more_is_stopped(worker):
    with Worker():  # which gives the tests' own worker back
        fresh = Worker()
        assert where() == (pid := fresh.pid)
        del fresh
        assert not psutil.pid_exists(pid)
        with pytest.raises(TffError, match=ENDED):
            where()


def test_a_worker_ends_with_the_thread_that_made_it(worker):
    made = []

    def make():
        made.append(Worker())
        made.append(where())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert made[1] == made[0].pid
    see_end(made[0].pid)
    assert where() == worker.pid


def test_before_there_is_a_worker_nothing_is_computed_and_none_is_started(as_imported, worker):
    before = workers()
    needed = r"^expected a worker to run this computation, .* start one: with Worker\(\): …$"
    with (
        tff.framework.get_context_stack().install(as_imported),
        pytest.raises(TffError, match=needed),
    ):
        where()
    assert workers() == before


def test_types_need_no_worker():
    with Worker() as fresh:
        fresh.stop()
        assert client_bytes(process_of("fp32")).up == 203_596
