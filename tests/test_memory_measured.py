"""What the server's process really grows by, in a fresh child process, against the prediction."""

import logging
import sys

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from fedlab.aggregators import BufferedAsyncMean, ListMean, RunningMean, TreeMean
from fedlab.engines import simulate
from fedlab.memory import ServerMemory
from fedlab.meters import peak_resident
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg
from fedlab.units import Bytes

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="peak_resident measures on Linux and macOS only"
)
MIB = 2**20
KINDS = {
    "list": ListMean,
    "running": RunningMean,
    "tree": lambda: TreeMean(3),
    "async": lambda: BufferedAsyncMean(100),
}


def aggregate(kind, count, size):
    """Updates made one at a time, as if they came from a network; the result is held."""
    mean = KINDS[kind]()
    for index in range(count):
        mean.add({f"w{i}": np.full(size // 16, index, np.float32) for i in range(4)}, 1 + index)
    return mean.result()


@pytest.mark.parametrize("kind", KINDS)
def test_an_aggregator_grows_the_process_as_predicted(kind):
    size, count = Bytes(8 * MIB), 14
    predicted = ServerMemory(
        size, updates=count, aggregation=kind, fan_out=3, storage="mapped"
    ).total  # there is no global model here
    measured = peak_resident(
        aggregate, kind, count, size, warm_up=lambda: aggregate(kind, count, 4096)
    )
    assert abs(measured - predicted) <= 0.1 * predicted


# --- a whole run, in process ---------------------------------------------------------------------


def app():
    """Each client answers with numbers of its own."""
    one = ClientApp()

    @one.train()
    def train(message, context):
        k = np.float32(context.node_config["partition-id"] + 1)
        moved = {name: array.numpy() + k for name, array in message.content["arrays"].items()}
        record = ArrayRecord({name: Array(array) for name, array in moved.items()})
        metrics = MetricRecord({"num-examples": int(k), "loss": 0.5})
        return Message(RecordDict({"arrays": record, "metrics": metrics}), reply_to=message)

    return one


def start_of(size):
    return ArrayRecord({f"w{i}": Array(np.full(size // 16, i, np.float32)) for i in range(4)})


def run(kind, clients, rounds, size, **settings):
    logging.getLogger("flwr").setLevel(logging.ERROR)
    strategy = kind(fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1, **settings)
    server = ServerApp()

    @server.main()
    def main(grid, context):
        strategy.start(grid, start_of(size), num_rounds=rounds)

    assert simulate(server, app(), nodes=clients).ledger.failures == []


def ask_one_client(size):
    """The model goes to one client and back, and nothing is done with the reply."""
    server = ServerApp()

    @server.main()
    def main(grid, context):
        content = RecordDict({"arrays": start_of(size), "config": ConfigRecord({})})
        grid.send_and_receive([Message(content, 0, "train")])

    simulate(server, app(), nodes=1)


def measured(kind, clients, rounds, size, **settings):
    return peak_resident(
        lambda: run(kind, clients, rounds, size, **settings),
        warm_up=lambda: run(kind, 3, 2, 4096, **settings),
    )


@pytest.mark.parametrize("rounds", [1, 2])
def test_fedavg_holds_every_reply_and_those_of_the_round_before(rounds):
    size, clients = Bytes(5 * MIB), 20
    predicted = ServerMemory(size, updates=clients, rounds=rounds).total
    assert predicted == (1 + 20 * rounds + 1) * size
    held = measured(BandwidthTrackingFedAvg, clients, rounds, size)
    assert abs(held - predicted) <= 0.1 * predicted


def test_streaming_holds_two_models_whatever_the_number_of_clients():
    """The one client's own copies in flight, which no server holds, are measured and left out."""
    size = Bytes(MIB)
    at_work = peak_resident(lambda: ask_one_client(size), warm_up=lambda: ask_one_client(4096))
    clients_own = at_work - size  # beside the model that it was sent
    assert 3 * size < clients_own < 5 * size
    peaks = [
        measured(StreamingFedAvg, clients, 2, size, window=8) - clients_own
        for clients in (10, 100, 1000)
    ]
    middle = (min(peaks) + max(peaks)) / 2
    assert max(peaks) <= 1.1 * middle
    assert max(peaks) <= 2 * size + 16 * MIB
    predicted = ServerMemory(size, updates=1000, aggregation="running", rounds=2).components
    assert min(peaks) >= predicted["global model"] + predicted["sums"]


def test_streaming_everybody_at_once_costs_the_messages_and_no_models():
    size = Bytes(MIB)
    few, many = (measured(StreamingFedAvg, clients, 2, size) for clients in (10, 200))
    assert many - few < 200 * 4096
