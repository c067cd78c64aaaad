"""What these tests share. They run in TensorFlow Federated's own environment: see run.py."""

import os
from pathlib import Path

import psutil
import pytest
import tensorflow_federated as tff

from fedlab.data import mnist
from fedlab.tff import Worker, in_graph

ROOT = Path(__file__).parents[2]
os.environ.setdefault("FEDLAB_PYTHON", str(ROOT / ".venv/bin/python"))


@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    """No worker of this process outlives the tests."""
    yield
    left = [c for c in psutil.Process().children(recursive=True) if c.name() == "worker_binary"]
    assert [process.pid for process in left if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.fixture(scope="session")
def as_imported():
    """What computes right after the import, before there is a worker."""
    return tff.framework.get_context_stack().current


@pytest.fixture(scope="session")
def worker(nothing_left, as_imported):
    """One worker for every test that needs any: its start takes a second."""
    with Worker() as started:
        yield started


@pytest.fixture(scope="session")
def digits():
    """Real digits, to train on."""
    return mnist().train


@pytest.fixture(scope="session")
def few(digits):
    """A client's dataset: two batches of real digits, the second one smaller."""
    return in_graph(digits.take(range(50)), 32)
