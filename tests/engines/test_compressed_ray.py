"""Compressed updates under Ray: residuals last, frozen tensors stay."""

import importlib.util

import numpy as np
import pytest
from apps import Server, answer, client, numbers, partition, record

from fedlab.codecs import parse
from fedlab.engines import simulate
from fedlab.mods import compress, count, send_only
from fedlab.strategies import BandwidthTrackingFedAvg

ROUNDS, NODES = 4, 3
START = {
    "w": np.zeros(10, np.float32),
    "thirds": np.full(4, 1 / 3, np.float32),
    "steps": np.array(2**60 + 1),
}
# Weights 2, 1 and 1, or 2 alone: every mean is exact, in whatever order Ray's replies come.
STEP = np.arange(1, 11, dtype=np.float32)  # the same update in each round; half of it travels


def learns(message, context):
    """Adds STEP; partition 1 fails in round 2, and owes nothing more for it."""
    if partition(context) == 1 and message.content["config"]["server-round"] == 2:
        raise OSError("the disk is full")
    arrays = numbers(message.content)
    arrays["w"] = arrays["w"] + STEP
    assert arrays["steps"] == 2**60 + 1
    return answer(message, arrays, {"num-examples": 1 if partition(context) else 2})


def fails_after(message, context, call_next):
    """Outside of compress: partition 2 fails in round 2, when its answer is ready to leave."""
    reply = call_next(message, context)
    if partition(context) == 2 and message.content["config"]["server-round"] == 2:
        raise OSError("the line is cut")
    return reply


def run(engine):
    some = {"fraction_evaluate": 0.0, "min_train_nodes": NODES, "min_available_nodes": NODES}
    server = Server(BandwidthTrackingFedAvg(**some), record(START), num_rounds=ROUNDS, timeout=120)
    mods = [fails_after, count(report=True), send_only(["w"]), compress("topk:0.5")]
    ledger = simulate(
        server, client(learns, mods=mods), nodes=NODES, engine=engine, downlink="float16"
    ).ledger
    return server.arrays, ledger


def rows(ledger):
    return sorted((t.round, t.direction, t.payload, t.outcome, t.reason) for t in ledger.transfers)


@pytest.mark.ray
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_under_ray_residuals_last_and_all_is_as_in_process():
    (here, ledger), (there, rays) = run("in-process"), run("ray")
    assert [(t.round, t.outcome) for t in rays.failures] == [(2, "failed")] * 2
    assert rows(rays) == rows(ledger)
    assert rays.uplink == (ROUNDS * NODES - 2) * parse("topk:0.5").size((10,))
    sent = sum(parse("float16").size(START[name].shape) for name in ("w", "thirds"))
    assert rays.downlink == ROUNDS * NODES * (sent + 8)
    for name, values in here.items():
        assert there[name].dtype == START[name].dtype
        np.testing.assert_array_equal(there[name], values)
    for name in ("thirds", "steps"):
        assert there[name].tobytes() == START[name].tobytes()
    assert (there["w"][:5] > 0).any()  # without feedback the smaller half would never travel
