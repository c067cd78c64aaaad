"""StreamingFedAvg on a real SuperLink with real SuperNodes, all of them on this machine."""

import pytest
from deployment import deployed, needs_programs

pytestmark = needs_programs

APP = '''
import json

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from fedlab.strategies import StreamingFedAvg

server = ServerApp()
client = ClientApp()


@client.train()
def train(message, context):
    """Partition k adds k, save the last, which sends a NaN."""
    k = context.node_config["partition-id"]
    arrays = {n: a.numpy() + np.float32(k) for n, a in message.content["arrays"].items()}
    if k == 2:
        arrays["w"][0] = np.nan
    record = ArrayRecord({name: Array(array) for name, array in arrays.items()})
    metrics = MetricRecord({"num-examples": 2**k, "k": float(k)})
    return Message(RecordDict({"arrays": record, "metrics": metrics}), reply_to=message)


@server.main()
def main(grid, context):
    strategy = StreamingFedAvg(
        window=2,
        fraction_evaluate=0.0,
        min_train_nodes=3,
        min_available_nodes=3,
    )
    start = ArrayRecord({"w": Array(np.zeros(1000, np.float32))})
    result = strategy.start(grid, start, num_rounds=1, timeout=60)
    said = {
        "mean": result.arrays["w"].numpy()[[0, -1]].tolist(),
        "metrics": dict(result.train_metrics_clientapp[1]),
        "transfers": [
            [t.round, t.direction, t.payload, t.outcome, t.reason]
            for t in strategy.ledger.transfers
        ],
    }
    with open(context.run_config["out"], "w") as file:
        json.dump(said, file)
'''


def test_it_streams_from_supernodes_and_leaves_out_a_bad_one_by_name(tmp_path):
    said = deployed(tmp_path, APP)
    assert said["mean"] == pytest.approx([2 / 3, 2 / 3])  # (1 x 0 + 2 x 1) / 3
    assert said["metrics"]["k"] == pytest.approx(2 / 3)
    transfers = said["transfers"]
    assert sorted(transfers[:2]) == [[1, "down", 4000, "ok", ""]] * 2  # the window, then the rest
    assert sum(direction == "down" for _, direction, *_ in transfers) == 3
    bad = "w: 1 of 1000 values are NaN or infinite"
    assert sorted(t for t in transfers if t[1] == "up") == [
        [1, "up", 4000, "ok", ""],
        [1, "up", 4000, "ok", ""],
        [1, "up", 4000, "rejected", bad],
    ]
