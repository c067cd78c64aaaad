"""Streaming under Ray: replies come from other processes, in any order."""

import importlib.util

import numpy as np
import pytest
from apps import BAD, PAYLOAD, Server, client_where

from fedlab.engines import simulate
from fedlab.strategies import StreamingFedAvg

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]


def test_a_window_under_ray_leaves_out_a_client_that_fails_and_one_that_sends_a_nan():
    def bad(message, context):
        number = message.content["config"]["server-round"]
        return BAD["raises" if number == 1 else "a NaN"].act(message, context)

    strategy = StreamingFedAvg(fraction_evaluate=0.0, min_train_nodes=3, window=2)
    server = Server(strategy, num_rounds=2, timeout=300)
    ledger = simulate(server, client_where(bad, {1}), nodes=3, engine="ray").ledger
    assert [(t.round, t.outcome) for t in ledger.failures] == [(1, "failed"), (2, "rejected")]
    assert "the disk is full" in ledger.failures[0].reason
    assert ledger.failures[1].reason == "w: 1 of 6 values are NaN or infinite"
    assert ledger.downlink == 6 * PAYLOAD
    assert ledger.uplink == 5 * PAYLOAD
    mean = 2 * (0 * 1 + 2 * 4) / 5
    np.testing.assert_allclose(server.arrays["w"], np.full((2, 3), mean), rtol=1e-6)
    assert strategy.ledger.transfers == ledger.transfers
