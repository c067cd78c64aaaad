"""The same apps under Ray, with the same ledger. Two runs of Ray serve all tests here.

Ray takes long to start, and on a busy machine too long for itself: few runs, much in each.
"""

import os
import random
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from apps import (
    PAYLOAD,
    client_where,
    counting,
    good,
    instructions,
    metered,
    model,
    numbers,
    partition,
    record,
    rows,
    tracking,
)
from bad_clients import BAD
from flwr.app import ConfigRecord
from flwr.serverapp import ServerApp

from fedlab.engines import NotEnoughNodesError, simulate
from fedlab.grids import CheckingGrid, MeteredGrid
from fedlab.lab import run_lab
from fedlab.mods import COUNT, count
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

pytestmark = pytest.mark.ray

NODES = 3
LONG = 300  # for replies: a busy machine is slow to start Ray's workers
# The worker has no identity to make a message of its own with: that fails, for another reason.
ACTS = [name for name in BAD if name != "answers nothing"]


def act_by_round(message, context):
    """Partition 0 does one bad thing a round; the others are good."""
    if partition(context) == 0:
        return BAD[ACTS[message.content["config"]["server-round"]]].act(message, context)
    return good(message, context)


def raises(message, context):
    """In round 1; in later ones it does what the config says, if that says anything."""
    config = message.content["config"]
    later = config.get("later", "raises")
    return BAD["raises" if config["server-round"] == 1 else later].act(message, context)


def client_app():
    app = client_where(raises, {0})
    app.train("acting")(act_by_round)
    app.train("remembering")(counting)
    app.train("counted", mods=[count(report=True)])(good)
    return app


def averaged(grid):
    strategy = tracking(min_train_nodes=NODES)
    result = strategy.start(grid, record(model()), num_rounds=2, timeout=LONG)
    return strategy.ledger, numbers(result.arrays)


def streamed(grid):
    """Its strategy's ledger, what the run's own ledger has of it, and the arrays."""
    whole = next(layer for layer in grid.layers() if isinstance(layer, MeteredGrid)).ledger
    before = len(whole.transfers)
    strategy = StreamingFedAvg(fraction_evaluate=0.0, min_train_nodes=NODES, window=2)
    config = ConfigRecord({"later": "a NaN"})
    result = strategy.start(grid, record(model()), num_rounds=2, timeout=LONG, train_config=config)
    return strategy.ledger, whole.transfers[before:], numbers(result.arrays)


@pytest.fixture(scope="module")
def lab():
    return run_lab(engine="ray")


@pytest.fixture(scope="module")
def run():
    """Everything small, in one run, which ends with a strategy that wants too many nodes."""
    found = SimpleNamespace(error=None, ledgers=[], reported=[], seen=[])
    server = ServerApp()

    @server.main()
    def main(grid, context):
        found.ledger, found.arrays = averaged(grid)
        found.streamed = streamed(grid)
        for number in range(len(ACTS)):
            layer, ledger = metered(grid)
            CheckingGrid(layer).send_and_receive(
                instructions(grid, kind="train.acting", number=number), timeout=LONG
            )
            layer.leave()
            found.ledgers.append(ledger)
        for number in (1, 2, 3):
            replies = grid.send_and_receive(
                instructions(grid, kind="train.remembering", number=number), timeout=LONG
            )
            good_ones = [r.content["metrics"]["seen"] for r in replies if r.has_content()]
            found.seen.append(sorted(good_ones))
        for reply in grid.send_and_receive(instructions(grid, kind="train.counted"), timeout=LONG):
            found.reported.append(dict(reply.content[COUNT]))
        BandwidthTrackingFedAvg(min_available_nodes=9).start(grid, record(model()))

    random.seed(3)
    before = random.getstate(), os.environ.get("PYTHONPATH")
    try:
        simulate(server, client_app(), nodes=NODES, engine="ray")
    except NotEnoughNodesError as error:
        found.error = str(error)
    found.left_alone = before == (random.getstate(), os.environ.get("PYTHONPATH"))
    return found


def test_predicted_equals_measured_under_ray_at_every_level(lab):
    assert lab.predicted == lab.measured
    assert lab.measured.payload == 225_083_392
    assert lab.measured.record == 4 * 56_283_760 + 2 * 20 + 2 * 20
    assert lab.ledger.failures == []


def test_the_ledger_under_ray_is_the_in_process_one_but_for_the_nodes_names(lab):
    here = run_lab()
    assert rows(lab.ledger) == rows(here.ledger)
    assert lab.measured == here.measured
    assert len({t.node for t in lab.ledger.transfers}) == 2


def test_a_failing_client_is_named_and_left_out_of_the_mean_under_ray(run):
    here = SimpleNamespace()
    server = ServerApp()

    @server.main()
    def main(grid, context):
        here.ledger, here.arrays = averaged(grid)

    simulate(server, client_app(), nodes=NODES)

    assert rows(run.ledger) == rows(here.ledger)
    assert [t.reason for t in run.ledger.failures] == ["ValueError: the disk is full"] * 2
    for name, values in here.arrays.items():
        np.testing.assert_array_equal(run.arrays[name], values)


def test_a_window_under_ray_leaves_out_a_client_that_fails_and_one_that_sends_a_nan(run):
    ledger, transfers, arrays = run.streamed
    assert [(t.round, t.outcome) for t in ledger.failures] == [(1, "failed"), (2, "rejected")]
    assert "the disk is full" in ledger.failures[0].reason
    assert ledger.failures[1].reason == "w: 1 of 6 values are NaN or infinite"
    assert ledger.downlink == 6 * PAYLOAD
    assert ledger.uplink == 5 * PAYLOAD
    mean = 2 * (2 * 1 + 4 * 2) / 6
    np.testing.assert_allclose(arrays["w"], np.full((2, 3), mean), rtol=1e-6)
    assert ledger.transfers == transfers


@pytest.mark.parametrize("name", ACTS)
def test_a_bad_reply_is_named_and_counted_under_ray(run, name):
    bad, ledger = BAD[name], run.ledgers[ACTS.index(name)]
    (failure,) = ledger.failures
    assert failure.outcome == bad.outcome
    assert bad.reason in failure.reason
    assert failure.reason.isprintable()
    assert failure.payload == bad.payload
    assert ledger.downlink == NODES * PAYLOAD
    assert ledger.uplink == 2 * PAYLOAD + bad.payload


def test_a_client_that_exits_costs_nobody_else_a_round(run):
    after = run.ledgers[ACTS.index("exits") + 1]
    assert [t.outcome for t in after.transfers].count("ok") == NODES + 2


def test_the_bad_client_is_one_node_in_all_rounds(run):
    assert len({t.node for ledger in run.ledgers for t in ledger.failures}) == 1


def test_state_lasts_under_ray_and_a_failed_round_leaves_none(run):
    assert run.seen == [[1, 1, 1], [2, 2], [2, 3, 3]]


def test_the_counting_mod_reports_through_ray(run):
    assert run.reported == [{"received": PAYLOAD, "sent": PAYLOAD}] * NODES


def test_fewer_nodes_than_the_strategy_needs_is_an_error_under_ray(run):
    assert run.error is not None
    assert run.error.startswith("the strategy needs 9 nodes and this federation has 3")


def test_a_run_under_ray_leaves_random_and_the_environment_as_they_were(run):
    assert run.left_alone


def test_nothing_of_ray_is_left_running(lab, run):
    def rays():
        alive = []
        for child in psutil.Process().children(recursive=True):
            try:
                name = " ".join([child.name(), *child.cmdline()])
                if child.status() != psutil.STATUS_ZOMBIE and ("ray" in name or "gcs_" in name):
                    alive.append(name)
            except psutil.NoSuchProcess:
                pass
        return alive

    for _ in range(100):  # they are asked to leave, and some take a moment
        if not rays():
            break
        time.sleep(0.1)
    assert rays() == []
