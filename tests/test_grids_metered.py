"""What the metering layer writes: every message once, with what became of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    Server,
    answer,
    below_the_meter,
    client,
    client_where,
    echo,
    federation,
    good,
    instructions,
    metered,
    model,
    record,
)
from bad_clients import BAD
from flwr.app import Message, RecordDict

from fedlab.engines import simulate
from fedlab.grids import CheckingGrid, GridLayer, MeteredGrid
from fedlab.grids import metered as metering
from fedlab.ledger import Ledger
from fedlab.strategies import BandwidthTrackingFedAvg


@pytest.fixture
def weighed(monkeypatch):
    """The contents that the meter reads, as it reads them."""
    contents, weigh = [], metering.weigh
    monkeypatch.setattr(metering, "weigh", lambda one: contents.append(one) or weigh(one))
    return contents


def test_a_shared_content_is_weighed_once_and_counted_for_each_message(weighed):
    ledger = federation(lambda grid: grid.push_messages(instructions(grid)), client(echo)).ledger
    assert len(weighed) == 1
    assert ledger.downlink == 2 * PAYLOAD


def test_every_message_is_written_with_its_node_round_type_and_direction():
    def main(grid):
        grid.send_and_receive(instructions(grid, kind="train.fast", number=4))

    ledger = federation(main, client_actions()).ledger
    rows = [(t.node, t.round, t.message_type, t.direction, t.outcome) for t in ledger.transfers]
    assert rows == [
        (0, 4, "train.fast", "down", "ok"),
        (1, 4, "train.fast", "down", "ok"),
        (0, 4, "train.fast", "up", "ok"),
        (1, 4, "train.fast", "up", "ok"),
    ]
    down, up = ledger.transfers[0], ledger.transfers[2]
    assert down.message_id == up.message_id != ledger.transfers[1].message_id


def client_actions():
    app = client(echo)
    app.train("fast")(echo)
    return app


def test_a_reply_belongs_to_the_round_it_was_asked_in_though_the_config_went_on():
    def main(grid):
        messages = instructions(grid, number=1)
        ids = grid.push_messages(messages)
        messages[0].content["config"]["server-round"] = 2  # FedAvg reuses one ConfigRecord
        grid.pull_messages(ids[:1])

    ledger = federation(main, client(echo)).ledger
    assert {t.round for t in ledger.transfers} == {1}
    assert [t.reason for t in ledger.failures] == ["never answered"]


def test_metering_twice_weighs_once_and_fills_both_ledgers_alike():
    ledgers = [Ledger(), Ledger(), Ledger()]

    def main(grid):
        for ledger in ledgers:
            grid = GridLayer(MeteredGrid(grid, ledger))
        CheckingGrid(grid).send_and_receive(instructions(grid))

    whole = federation(main, client_where(BAD["a NaN"].act, {0})).ledger
    assert len(whole.transfers) == 4
    assert [t.outcome for t in whole.transfers] == ["ok", "ok", "rejected", "ok"]
    for ledger in ledgers:
        assert ledger.transfers == whole.transfers


def test_metering_twice_reads_each_reply_once(weighed):
    def main(grid):
        MeteredGrid(MeteredGrid(grid, Ledger()), Ledger()).send_and_receive(instructions(grid))

    federation(main, client(echo))
    assert len(weighed) == 1 + 2


def test_the_same_ledger_twice_is_not_doubled():
    ledger = Ledger()

    def main(grid):
        MeteredGrid(MeteredGrid(grid, ledger), ledger).send_and_receive(instructions(grid))

    whole = federation(main, client(echo)).ledger
    assert ledger.transfers == whole.transfers
    assert ledger.traffic == 4 * PAYLOAD


def test_a_layer_that_left_writes_no_more_and_the_others_go_on():
    first, second = Ledger(), Ledger()

    def main(grid):
        layer, other = MeteredGrid(grid, first), MeteredGrid(grid, second)
        layer.send_and_receive(instructions(grid, number=1))
        layer.leave()
        layer.leave()
        other.send_and_receive(instructions(grid, number=2))

    whole = federation(main, client(echo)).ledger
    assert [t.round for t in first.transfers] == [1] * 4
    assert second.transfers == whole.transfers
    assert len(whole.transfers) == 8


def test_a_timeout_makes_the_unanswered_messages_failures():
    def slow(message, context):
        time.sleep(0.1)
        return echo(message, context)

    def main(grid):
        layer, ledger = metered(grid)
        replies = CheckingGrid(layer).send_and_receive(instructions(grid), timeout=0.05)
        assert len(replies) == 1
        assert layer.open_messages() == {}
        seen.append(ledger)

    seen = []
    whole = federation(main, client(slow), nodes=3).ledger
    assert seen[0].transfers == whole.transfers
    assert [t.outcome for t in whole.transfers] == ["ok"] * 4 + ["failed"] * 2
    assert {t.reason for t in whole.failures} == {"no reply within the time allowed"}
    assert {t.payload for t in whole.failures} == {0}
    assert (whole.downlink, whole.uplink) == (3 * PAYLOAD, PAYLOAD)


def test_a_round_goes_on_with_those_who_answered_in_time():
    def slow(message, context):
        time.sleep(0.1)
        return answer(message, model(2.0))

    strategy = BandwidthTrackingFedAvg(fraction_evaluate=0.0)
    server = Server(strategy, num_rounds=2, timeout=0.05)
    ledger = simulate(server, client(slow), nodes=2).ledger
    assert [(t.round, t.reason) for t in ledger.failures] == [
        (1, "no reply within the time allowed"),
        (2, "no reply within the time allowed"),
    ]
    np.testing.assert_array_equal(server.arrays["w"], model(2.0)["w"])


def test_messages_that_are_pushed_and_never_pulled_are_failures():
    ledger = federation(lambda grid: grid.push_messages(instructions(grid)), client(echo)).ledger
    assert [(t.direction, t.reason) for t in ledger.failures] == [("up", "never answered")] * 2
    assert ledger.uplink == 0


def test_unanswered_instructions_are_not_kept_for_ever():
    def main(grid):
        layers = [GridLayer(grid)]
        layers += [CheckingGrid(layers[0])]
        layers[-1].send_and_receive(instructions(grid), timeout=0.0)
        assert [layer.open_messages() for layer in layers] == [{}, {}]

    assert len(federation(main, client(echo)).ledger.failures) == 2


def test_a_message_to_a_node_that_is_not_there_is_refused_before_anything_is_written():
    def main(grid):
        message = instructions(grid)[0]
        message.metadata.dst_node_id = 7
        with pytest.raises(ValueError, match=r"no node 7: expected one of 0 to 1"):
            grid.send_and_receive([message])

    assert federation(main, client(echo)).ledger.transfers == []


def test_a_reply_that_was_not_asked_for_is_neither_counted_nor_judged():
    stray = []

    class Strange(GridLayer):
        def incoming(self, replies):
            return [*replies, *stray]

    def main(grid):
        stray.append(Message(RecordDict(), 0, "train"))
        layer, ledger = metered(Strange(below_the_meter(grid)))
        replies = CheckingGrid(layer).send_and_receive(instructions(grid))
        assert replies[2] is stray[0]
        assert len(ledger.transfers) == 4
        assert ledger.failures == []

    federation(main, client(echo))


class OneByOne(GridLayer):
    """An engine that is asked from many threads, and answers one after the other."""

    lock = threading.Lock()

    def send_and_receive(self, messages, *, timeout=None):
        time.sleep(0.002)
        with self.lock:
            return self.grid.send_and_receive(messages, timeout=timeout)


def test_strategies_that_ask_each_client_in_a_thread_of_its_own_are_metered_too():
    def main(grid):
        metered_grid, ledger = metered(OneByOne(below_the_meter(grid)))
        asked = [
            Message(one.content, one.metadata.dst_node_id, "train")
            for one in instructions(metered_grid) * 5
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda message: metered_grid.send_and_receive([message]), asked))
        for direction in ("down", "up"):
            passed = [t for t in ledger if t.direction == direction]
            assert [t.payload for t in passed] == [PAYLOAD] * 40
            assert sorted(t.node for t in passed) == sorted([*range(8)] * 5)
        assert ledger.failures == []

    federation(main, client(good), nodes=8)


def test_a_round_that_stands_in_the_metadata_alone_is_written():
    def main(grid):
        metered_grid, ledger = metered(below_the_meter(grid))
        content = RecordDict({"arrays": record(model())})
        message = metered_grid.create_message(content, "train", 0, "7")
        metered_grid.send_and_receive([message])
        assert [t.round for t in ledger] == [7, 7]

    federation(main, client(good))
