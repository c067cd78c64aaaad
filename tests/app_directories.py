"""Flower app directories for real federations, and a look at what a federation leaves behind."""

import socket
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import tomli_w

from fedlab.engines import DeploymentError, deploy, deployment
from fedlab.keeper.belongings import MARK, belongings

needs_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Flower's programs were not tried on Windows"
)
SECONDS = 60  # for what takes a second or two on a quiet machine

# How each of the apps begins; without torch, since a process is started for every message.
HEAD = """
import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

server = ServerApp()
client = ClientApp()


def numbers(content):
    return {name: array.numpy() for name, array in content["arrays"].items()}


def record(arrays):
    return ArrayRecord({name: Array(np.asarray(array)) for name, array in arrays.items()})


def answer(message, arrays, **metrics):
    content = RecordDict({"arrays": record(arrays), "metrics": MetricRecord(metrics)})
    return Message(content, reply_to=message)


def partition(context):
    return context.node_config["partition-id"]
"""

# A model of 200 kB; client k returns it plus k + 1, with the weight 2**k.
ADDING_CLIENT = """

@client.train()
def train(message, context):
    k = partition(context)
    moved = {name: array + np.float32(k + 1) for name, array in numbers(message.content).items()}
    return answer(message, moved, **{"num-examples": 2**k})
"""
ADDING_SERVER = """

@server.main()
def main(grid, context):
    model = record({"w": np.zeros((200, 250), np.float32), "b": np.ones(250, np.float32)})
    result = FedAvg(fraction_evaluate=0.0).start(grid, model, num_rounds=1)
    print("w is", result.arrays["w"].numpy()[0, 0])
"""
ADDING = HEAD + ADDING_CLIENT + ADDING_SERVER

# A ServerApp that says that it has begun, and does not end.
SLEEPING = (
    HEAD
    + """

@server.main()
def main(grid, context):
    import time

    print("sleeping", flush=True)
    time.sleep(600)
"""
)


def app_directory(folder, code=ADDING, *, config=None, **changes):
    """Write an app whose one module is this code; `changes` go over its [tool.flwr.app]."""
    settings = {
        "project": {
            "name": "deployed",
            "version": "1.0.0",
            "description": "An app of the tests",
            "license": "Apache-2.0",
            "dependencies": [],
        },
        "tool": {
            "flwr": {
                "app": {
                    "publisher": "fedlab",
                    "components": {"serverapp": "deployed:server", "clientapp": "deployed:client"},
                    "config": config or {},
                }
                | changes
            }
        },
    }
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(tomli_w.dumps(settings), "utf-8")
    (folder / "deployed.py").write_text(code, "utf-8")
    return folder


def refused(app, error=DeploymentError, **settings):
    """The one sentence with which `deploy` refuses an app."""
    with pytest.raises(error) as caught:
        deploy(app, **settings)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@contextmanager
def federation(nodes, **settings):
    """A federation that must leave no process, no folder and no open port."""
    others = kept_below(psutil.Process())  # such as a demo's server for all browser tests
    with deployment(nodes, **settings) as running:
        (folder,) = kept_below(psutil.Process()) - others
        ports = [int(running.address.rpartition(":")[2]), *_ports(folder)]
        yield running
    assert_gone(folder)
    assert [port for port in ports if _answers(port)] == []


def kept_below(process):
    """The folders of the keepers that a process has started."""
    found = set()
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            found.add(child.environ().get(MARK))
    return found - {None}


def assert_gone(folder):
    """Nothing of a keeper is there, after some seconds."""
    assert soon(lambda: not Path(folder).exists()), list(Path(folder).iterdir())
    assert soon(lambda: not [*belongings(folder)]), [*belongings(folder)]


def soon(true, seconds=SECONDS):
    """Wait until it is true; whether it has become so."""
    ends = time.monotonic() + seconds
    while not (is_true := true()) and time.monotonic() < ends:
        time.sleep(0.05)
    return is_true


def words_of(process):
    """Of its command; none when it has just ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def programs(name):
    """The processes below this one whose command begins with a program of Flower's."""
    below = psutil.Process().children(recursive=True)
    return [p for p in below if any(Path(word).name == name for word in words_of(p)[:2])]


def _ports(folder):
    """On which its programs were told to listen."""
    for process in belongings(folder):
        words = words_of(process)
        yield from (int(words[n + 1]) for n, word in enumerate(words) if word == "--port")


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
