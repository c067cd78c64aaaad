"""For the tests of the decoding layer: runs of five clients, with and without a codec."""

import numpy as np
from apps import Server, answer, client, numbers, partition
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedProx, Krum

from fedlab.codecs import parse
from fedlab.engines import simulate
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

STRATEGIES = {
    "FedAvg": FedAvg,
    "FedAdam": FedAdam,
    "FedMedian": FedMedian,
    "FedProx": lambda **kw: FedProx(proximal_mu=0.1, **kw),
    "Krum": lambda **kw: Krum(num_malicious_nodes=1, **kw),
    "BandwidthTrackingFedAvg": BandwidthTrackingFedAvg,
    "StreamingFedAvg": StreamingFedAvg,
    "StreamingFedAvg in a window": lambda **kw: StreamingFedAvg(window=2, **kw),
}
NODES = 5


def run(train, mods=(), *, strategy=BandwidthTrackingFedAvg, arrays=None, rounds=2, **settings):
    some = {"fraction_evaluate": 0.0, "min_train_nodes": NODES, "min_available_nodes": NODES}
    server = Server(strategy(**some), arrays, num_rounds=rounds, timeout=60)
    ledger = simulate(server, client(train, mods=list(mods)), nodes=NODES, **settings).ledger
    return server, ledger


def noisy(message, context):
    """Each client learns something else, in each round."""
    number = message.content["config"]["server-round"]
    rng = np.random.default_rng([partition(context), number])
    moved = {
        name: value + rng.standard_normal(value.shape).astype(value.dtype)
        for name, value in numbers(message.content).items()
    }
    return answer(message, moved, {"num-examples": 1 + partition(context)})


def sizes(codec, arrays):
    return sum(parse(codec).size(np.shape(a), np.asarray(a).dtype) for a in arrays.values())


def all_but_the_first(mod):
    def some(message, context, call_next):
        if partition(context) == 0:
            return call_next(message, context)
        return mod(message, context, call_next)

    return some
