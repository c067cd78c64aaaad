"""Compressed updates on a real SuperLink with real SuperNodes, all of them on this machine."""

import pytest
from deployment import deployed, needs_programs

from fedlab.codecs import parse

pytestmark = needs_programs

APP = '''
import json

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from fedlab.mods import compress, send_only
from fedlab.strategies import BandwidthTrackingFedAvg

server = ServerApp()
client = ClientApp(mods=[send_only(["w"]), compress("topk:0.5")])


@client.train()
def train(message, context):
    """Adds 2 to the first half, 1.5 to the other; partition 2 makes a NaN of it in round 1."""
    arrays = {n: a.numpy() for n, a in message.content["arrays"].items()}
    arrays["w"] = arrays["w"] + np.repeat(np.float32([2, 1.5]), 500)
    bad = context.node_config["partition-id"] == 2
    if bad and message.content["config"]["server-round"] == 1:
        arrays["w"][0] = np.nan
    record = ArrayRecord({name: Array(np.asarray(array)) for name, array in arrays.items()})
    metrics = MetricRecord({"num-examples": 1})
    return Message(RecordDict({"arrays": record, "metrics": metrics}), reply_to=message)


@server.main()
def main(grid, context):
    strategy = BandwidthTrackingFedAvg(
        fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3
    )
    start = {
        "w": np.zeros(1000, np.float32),
        "thirds": np.full(3, 1 / 3, np.float32),
        "steps": np.array(2**60 + 1),
    }
    record = ArrayRecord({name: Array(array) for name, array in start.items()})
    result = strategy.start(grid, record, num_rounds=2, timeout=60)
    arrays = {name: array.numpy() for name, array in result.arrays.items()}
    said = {
        "w": arrays["w"][[0, 499, 500, 999]].tolist(),
        "same": [arrays[n].tobytes() == start[n].tobytes() for n in ("thirds", "steps")],
        "transfers": [
            [t.round, t.direction, t.payload, t.outcome, t.reason]
            for t in strategy.ledger.transfers
        ],
    }
    with open(context.run_config["out"], "w") as file:
        json.dump(said, file)
'''


def test_on_supernodes_residuals_last_and_what_is_left_out_stays_the_servers(tmp_path):
    said = deployed(tmp_path, APP)
    # Round 1: the first half travels, and the other is owed; round 2: the other, twice. Partition 2
    # failed in round 1 and owes nothing for it: in round 2 its first half travels.
    mean = [2 + (0 + 0 + 2) / 3] * 2 + [(3 + 3 + 0) / 3] * 2
    assert said["w"] == pytest.approx(mean)
    assert said["same"] == [True, True]
    transfers, sent = said["transfers"], parse("topk:0.5").size((1000,))
    ups = sorted((t[0], t[3], t[2]) for t in transfers if t[1] == "up")
    assert ups == [(1, "failed", 0)] + [(1, "ok", sent)] * 2 + [(2, "ok", sent)] * 3
    assert [t[2] for t in transfers if t[1] == "down"] == [4000 + 12 + 8] * 6
    (why,) = [t[4] for t in transfers if t[3] == "failed"]
    assert "w: " in why
