"""BandwidthTrackingFedAvg: FedAvg to the bit, with a ledger of its own."""

import inspect
import logging

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    below_the_meter,
    client,
    client_where,
    echo,
    federation,
    good,
    model,
    record,
    tracking,
)
from bad_clients import BAD
from flwr.app import ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from fedlab.engines import simulate
from fedlab.ledger import Ledger
from fedlab.strategies import BandwidthTrackingFedAvg


def test_it_computes_what_fedavg_computes():
    def run(strategy):
        server = Server(strategy, num_rounds=3)
        simulate(server, client(good), nodes=5)
        return server.arrays

    plain, tracked = (
        run(FedAvg(fraction_evaluate=0.0, fraction_train=0.6)),
        run(tracking(fraction_train=0.6)),
    )
    for name, values in plain.items():
        np.testing.assert_array_equal(tracked[name], values)


def test_it_takes_fedavgs_arguments():
    names = list(inspect.signature(FedAvg).parameters)
    given = {name: object() for name in names if name.endswith("_key")}
    strategy = BandwidthTrackingFedAvg(0.5, 0.25, 3, 4, 5, **given)
    assert (strategy.fraction_train, strategy.min_available_nodes) == (0.5, 5)
    assert strategy.weighted_by_key is given["weighted_by_key"]


def test_its_ledger_is_empty_until_it_starts_and_equals_the_runs_afterwards():
    strategy = tracking()
    assert strategy.ledger.transfers == []
    result = simulate(Server(strategy, num_rounds=2), client(echo), nodes=2)
    assert strategy.ledger.transfers == result.ledger.transfers
    assert strategy.ledger.traffic == 2 * 2 * 2 * PAYLOAD


def test_it_meters_by_itself_where_nothing_else_does():
    strategy = tracking()

    def main(grid):
        strategy.start(below_the_meter(grid), record(model()), num_rounds=1)

    result = federation(main, client_where(BAD["a NaN"].act, {0}))
    assert result.ledger.transfers == []
    assert strategy.ledger.traffic == 4 * PAYLOAD
    assert [t.outcome for t in strategy.ledger.failures] == ["rejected"]


def test_two_strategies_in_one_run_keep_their_own_ledgers():
    first, second = tracking(), tracking()

    def main(grid):
        first.start(grid, record(model()), num_rounds=1)
        second.start(grid, record(model()), num_rounds=2)

    whole = federation(main, client(echo), check=True).ledger
    assert len(first.ledger.transfers) == 4
    assert len(second.ledger.transfers) == 8
    assert whole.transfers == first.ledger.transfers + second.ledger.transfers


def test_one_strategy_in_two_runs_adds_up_and_blames_the_right_run():
    strategy = tracking()
    simulate(Server(strategy, num_rounds=1), client(echo), nodes=2)
    simulate(Server(strategy, num_rounds=1), client_where(BAD["a NaN"].act, {0}), nodes=2)
    outcomes = [t.outcome for t in strategy.ledger.transfers]
    assert outcomes[:6] == ["ok"] * 6
    assert sorted(outcomes[6:]) == ["ok", "rejected"]


def test_two_strategies_never_share_a_ledger():
    assert tracking().ledger is not tracking().ledger
    assert isinstance(tracking().ledger, Ledger)


def test_a_round_without_a_usable_update_is_logged(caplog):
    strategy = tracking()
    with caplog.at_level(logging.WARNING, logger="flwr"):
        logging.getLogger("flwr").addHandler(caplog.handler)
        try:
            assert strategy.aggregate_train(7, []) == (None, None)
        finally:
            logging.getLogger("flwr").removeHandler(caplog.handler)
    said = "round 7: no client sent a usable update; the global model is unchanged"
    assert said in caplog.messages


def test_when_all_fail_the_very_same_arrays_come_back_and_no_metrics():
    start = record(model(3.0))
    server = Server(tracking(), start, num_rounds=2)
    with pytest.warns(RuntimeWarning, match="none of 2 clients"):
        simulate(server, client(BAD["exits"].act), nodes=2)
    assert server.results[0].arrays is start
    assert server.results[0].train_metrics_clientapp == {}


def test_an_exception_in_the_strategy_leaves_the_runs_meter_in_order():
    class Breaks(BandwidthTrackingFedAvg):
        def aggregate_train(self, server_round, replies):
            raise LookupError("a student's own bug")

    broken, fine = Breaks(fraction_evaluate=0.0), tracking()

    def main(grid):
        with pytest.raises(LookupError):
            broken.start(grid, record(model()), num_rounds=1)
        fine.start(grid, record(model()), num_rounds=1)

    whole = federation(main, client(echo)).ledger
    assert len(broken.ledger.transfers) == len(fine.ledger.transfers) == 4
    assert len(whole.transfers) == 8


def test_evaluation_and_settings_of_start_pass_through():
    def evaluate(message, context):
        assert message.content["config"]["split"] == "test"
        reply = echo(message, context)
        reply.content = RecordDict({"m": MetricRecord({"num-examples": 1, "loss": 2.0})})
        return reply

    def on_server(number, arrays):
        return MetricRecord({"round": number})

    strategy = BandwidthTrackingFedAvg()
    server = Server(
        strategy,
        num_rounds=1,
        timeout=60,
        train_config=ConfigRecord({"lr": 0.1}),
        evaluate_config=ConfigRecord({"split": "test"}),
        evaluate_fn=on_server,
    )
    simulate(server, client(echo, evaluate), nodes=2)
    result = server.results[0]
    assert result.evaluate_metrics_clientapp[1]["loss"] == 2.0
    assert sorted(result.evaluate_metrics_serverapp) == [0, 1]
    assert {t.message_type for t in strategy.ledger.transfers} == {"train", "evaluate"}
    assert strategy.ledger.downlink == 4 * PAYLOAD
    assert strategy.ledger.uplink == 2 * PAYLOAD
