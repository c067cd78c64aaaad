"""The mods: what a client receives and sends, counted, left out, and all of it together."""

import itertools

import numpy as np
import pytest
import torch
from apps import (
    PAYLOAD,
    Server,
    answer,
    client,
    client_where,
    echo,
    federation,
    good,
    instructions,
    model,
    numbers,
    record,
    tracking,
)
from bad_clients import BAD
from flwr.app import ConfigRecord
from flwr.clientapp.mod import arrays_size_mod
from flwr.serverapp.strategy import FedAvg
from sent import adds, sent_by

from fedlab.codecs import parse
from fedlab.engines import simulate
from fedlab.mods import COUNT, compress, count, send_only, trainable
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg


def reports(train, mods):
    replies = []

    def main(grid):
        replies.extend(grid.send_and_receive(instructions(grid)))

    ledger = federation(main, client(train, mods=mods), nodes=1).ledger
    return replies[0], ledger


def test_count_reports_what_came_and_what_went_as_the_ledger_does():
    def train(message, context):
        return answer(message, model() | {"more": np.zeros(1, np.float32)})

    reply, ledger = reports(train, [count(report=True)])
    assert reply.content[COUNT] == ConfigRecord({"received": PAYLOAD, "sent": PAYLOAD + 4})
    assert (ledger.downlink, ledger.uplink) == (PAYLOAD, PAYLOAD + 4)


def test_count_adds_nothing_unless_asked_to_report():
    reply, _ = reports(echo, [count()])
    assert list(reply.content) == ["arrays", "metrics"]


def test_a_report_does_not_disturb_fedavg():
    def run(mods):
        server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=2)
        assert simulate(server, client(good, mods=mods), nodes=3).ledger.failures == []
        return server.arrays

    plain, counted = run([]), run([count(report=True)])
    for name, values in plain.items():
        np.testing.assert_array_equal(counted[name], values)


def test_count_logs_the_numbers_alone_and_flowers_mod_counts_more(capsys):
    server = Server(FedAvg(fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1))
    app = client(echo, mods=[count(), arrays_size_mod])
    simulate(server, app, nodes=1, verbose=True)
    printed = capsys.readouterr().out
    assert f"count: received {PAYLOAD} bytes of numbers" in printed
    assert f"count: sent {PAYLOAD} bytes of numbers" in printed
    assert str(record(model()).count_bytes()) in printed  # arrays_size_mod: headers and names too
    assert record(model()).count_bytes() == PAYLOAD + 2 * 128 + len("w" + "b")


@pytest.mark.parametrize("name", ["raises", "returns None", "says it failed"])
def test_a_failure_keeps_its_own_reason_behind_the_mod(name):
    reply, _ = reports(BAD[name].act, [count(report=True)])
    assert BAD[name].reason in reply.error.reason.replace("\n", " ").replace("\x1b[31m", "")


def test_one_mod_serves_all_clients_and_rounds():
    server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=2)
    app = client_where(BAD["raises"].act, {1}, mods=[count(report=True)])
    ledger = simulate(server, app, nodes=3).ledger
    assert [(t.round, t.node) for t in ledger.failures] == [(1, 1), (2, 1)]
    assert ledger.uplink == 2 * 2 * PAYLOAD
    assert set(numbers(server.results[0].arrays)) == {"w", "b"}


MANY = {
    "w": np.full((4, 5), 1 / 3, np.float32),
    "b": np.full(5, 0.1, np.float32),
    "frozen": np.full((3, 3), 1 / 7, np.float32),
    "steps": np.array(2**60 + 1),
    "mask": np.array([True, False]),
}
LEARNING = {"w": np.float32(0.25), "b": np.float32(0.5)}


def test_send_only_sends_these_tensors_and_says_how_many_it_left_out():
    reply = sent_by(adds(LEARNING), [send_only(["b"])], arrays=record(MANY))
    assert list(reply.content["arrays"]) == ["b"]
    assert dict(reply.content["fedlab.send-only"]) == {"left-out": 4}
    assert reply.content["metrics"]["num-examples"] == 1


def test_a_name_that_no_reply_has_is_that_clients_failure():
    app = client(good, mods=[send_only(["w", "head"])])
    server = Server(tracking(), num_rounds=1)
    with pytest.warns(RuntimeWarning):
        ledger = simulate(server, app).ledger
    assert {t.reason for t in ledger.failures} == {
        "ValueError: send_only: the reply has no tensor head"
    }


def test_a_text_for_names_is_refused():
    with pytest.raises(ValueError, match="expected a list of names, got the text 'w'"):
        send_only("w")


def test_send_only_may_send_nothing_at_all():
    server = Server(tracking(), record(MANY), num_rounds=2)
    ledger = simulate(server, client(adds(LEARNING), mods=[send_only([])])).ledger
    assert (ledger.uplink, ledger.failures) == (0, [])
    for name, values in MANY.items():
        np.testing.assert_array_equal(server.arrays[name], values)


def mods_by_name():
    return {
        "count": count(report=True),
        "compress": compress("topk:0.5"),
        "send_only": send_only(["w", "b"]),
    }


@pytest.mark.parametrize("strategy", [BandwidthTrackingFedAvg, StreamingFedAvg])
@pytest.mark.parametrize("order", list(itertools.permutations(["count", "compress", "send_only"])))
def test_counting_compressing_and_leaving_out_compose_in_any_order(order, strategy):
    rounds, nodes = 4, 3
    mods = mods_by_name()
    few = {"fraction_evaluate": 0.0, "min_train_nodes": nodes}
    server = Server(strategy(**few), record(MANY), num_rounds=rounds)
    app = client(adds(LEARNING), mods=[mods[name] for name in order])
    ledger = simulate(server, app, nodes=nodes).ledger
    assert ledger.failures == []
    each = sum(parse("topk:0.5").size(MANY[name].shape) for name in LEARNING)
    assert ledger.uplink == rounds * nodes * each
    for name in MANY.keys() - LEARNING.keys():
        assert server.arrays[name].dtype == MANY[name].dtype
        np.testing.assert_array_equal(server.arrays[name], MANY[name])
    for name, step in LEARNING.items():  # half of it each round, and with feedback twice as much
        gone = (server.arrays[name] - MANY[name]).mean() / (rounds * step)
        assert 0.45 < gone < 1.01


def test_trainable_names_what_requires_a_gradient():
    linear = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    linear[0].weight.requires_grad_(False)
    assert trainable(linear) == ["0.bias", "1.weight", "1.bias"]


def test_trainable_and_send_only_leave_batch_norms_counters_as_they_were():
    start = {"0.weight": np.ones((2, 3), np.float32), "1.num_batches_tracked": np.array(5)}
    server = Server(tracking(), record(start), num_rounds=3)
    app = client(adds({"0.weight": np.float32(1)}), mods=[send_only(["0.weight"])])
    assert simulate(server, app).ledger.failures == []
    assert server.arrays["1.num_batches_tracked"].dtype == np.int64
    assert server.arrays["0.weight"].min() == 4
