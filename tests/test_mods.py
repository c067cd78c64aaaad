"""The counting mod: what a client receives and sends, in bytes of numbers."""

import numpy as np
import pytest
from apps import (
    BAD,
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
)
from flwr.app import ConfigRecord
from flwr.clientapp.mod import arrays_size_mod
from flwr.serverapp.strategy import FedAvg

from fedlab.engines import simulate
from fedlab.mods import COUNT, count


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
    app = client_where(BAD["raises"].act, {1})
    app = client(app._registered_funcs["train.default"], mods=[count(report=True)])
    ledger = simulate(server, app, nodes=3).ledger
    assert [(t.round, t.node) for t in ledger.failures] == [(1, 1), (2, 1)]
    assert ledger.uplink == 2 * 2 * PAYLOAD
    assert set(numbers(server.results[0].arrays)) == {"w", "b"}
