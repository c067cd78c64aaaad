"""The layers on the server's side: what passes, what is written, and what is left alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from apps import (
    BAD,
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
    numbers,
    partition,
    record,
)
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg

from fedlab.engines import simulate
from fedlab.engines.waiting import Stoppable
from fedlab.grids import CheckingGrid, GridLayer, MeteredGrid
from fedlab.ledger import Ledger
from fedlab.strategies import BandwidthTrackingFedAvg

EVERY_LAYER = [GridLayer, lambda grid: MeteredGrid(grid, Ledger()), CheckingGrid]


def fedavg(**settings):
    return FedAvg(fraction_evaluate=0.0, **settings)


def test_a_layer_by_itself_changes_nothing():
    def run(wrap):
        results = []

        def main(grid):
            results.append(fedavg().start(wrap(grid), record(model()), num_rounds=2))

        ledger = federation(main, client(good)).ledger
        return ledger.transfers, numbers(results[0].arrays)

    bare, layered = run(lambda grid: grid), run(lambda grid: GridLayer(GridLayer(grid)))
    assert layered[0] == bare[0]
    for name, values in bare[1].items():
        np.testing.assert_array_equal(layered[1][name], values)


def test_a_layer_passes_on_everything_that_a_grid_has():
    def main(grid):
        layer = GridLayer(grid)
        assert layer.get_node_ids() == grid.get_node_ids() == [0, 1]
        assert [node.node_id for node in layer.get_nodes()] == [0, 1]
        assert layer.run.run_id == grid.run.run_id
        run = grid.run
        layer.set_run(run)
        assert layer.run is run
        content = RecordDict({"config": ConfigRecord({"a": 1})})
        message = layer.create_message(content, "query.about", 1, "group", 60.0)
        about = message.metadata
        assert (about.message_type, about.dst_node_id, about.group_id) == (
            "query.about",
            1,
            "group",
        )
        assert about.ttl == 60.0

    federation(main, client(echo))


def test_a_layer_implements_all_that_flower_asks_of_a_grid():
    assert not GridLayer.__abstractmethods__
    missing = [n for n in vars(Grid) if not n.startswith("_") and n not in vars(GridLayer)]
    assert missing == []


def test_find_gives_the_nearest_layer_of_a_kind():
    def main(grid):
        inner, _ = metered(grid)
        checking = CheckingGrid(inner)
        outer, _ = metered(checking)
        assert outer.find(MeteredGrid) is outer
        assert checking.find(MeteredGrid) is inner
        assert outer.find(CheckingGrid) is checking
        assert inner.find(CheckingGrid) is None
        assert CheckingGrid(below_the_meter(grid)).find(MeteredGrid) is None

    federation(main, client(echo))


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_pushing_and_pulling_works_as_sending_and_receiving_does(wrap):
    def by_pulling(grid):
        layer = wrap(grid)
        ids = layer.push_messages(instructions(grid))
        assert len(set(ids)) == 3
        replies = [reply for one in ids for reply in layer.pull_messages([one])]
        assert layer.pull_messages(ids) == []
        return replies

    def by_sending(grid):
        return wrap(grid).send_and_receive(instructions(grid))

    def run(way):
        seen = []

        def main(grid):
            seen.extend(way(grid))

        ledger = federation(main, client_where(BAD["another shape"].act, {1}), nodes=3).ledger
        answers = sorted((r.metadata.src_node_id, r.has_error()) for r in seen)
        return answers, sorted(map(str, ledger.transfers))

    assert run(by_pulling) == run(by_sending)


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_replies_are_a_list_that_can_be_read_twice(wrap):
    def main(grid):
        replies = wrap(grid).send_and_receive(iter(instructions(grid)))
        assert isinstance(replies, list)
        assert len(replies) == 2

    federation(main, client(echo))


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_nothing_to_send_is_nothing_to_write(wrap):
    def main(grid):
        layer = wrap(grid)
        assert layer.send_and_receive([]) == []
        assert layer.push_messages([]) == []
        assert layer.pull_messages([]) == []

    assert federation(main, client(echo)).ledger.transfers == []


def test_layers_leave_what_goes_out_alone():
    def main(grid):
        messages = instructions(grid)
        content = messages[0].content
        before = {key: rec.object_id for key, rec in content.items()}
        arrays = content["arrays"]
        layered = CheckingGrid(MeteredGrid(GridLayer(grid), Ledger()))
        layered.send_and_receive(messages)
        assert all(message.content is content for message in messages)
        assert content["arrays"] is arrays
        assert {key: rec.object_id for key, rec in content.items()} == before

    federation(main, client(BAD["a NaN"].act), check=True)


def test_a_shared_content_is_weighed_once_and_counted_for_each_message(monkeypatch):
    import fedlab.grids.metered

    weighed = []
    weigh = fedlab.grids.metered.weigh
    monkeypatch.setattr(
        fedlab.grids.metered, "weigh", lambda content: weighed.append(content) or weigh(content)
    )
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


def test_metering_twice_reads_each_reply_once(monkeypatch):
    import fedlab.grids.metered

    weighed = []
    weigh = fedlab.grids.metered.weigh
    monkeypatch.setattr(
        fedlab.grids.metered, "weigh", lambda content: weighed.append(content) or weigh(content)
    )

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


def test_a_bad_reply_becomes_an_error_that_answers_the_same_instruction():
    def main(grid):
        layer = CheckingGrid(grid)
        messages = instructions(grid)
        bad, fine = layer.send_and_receive(messages)
        assert bad.error.code == 422
        assert bad.error.reason == "w: expected shape (2, 3), got (3, 2)"
        assert bad.metadata.reply_to_message_id == messages[0].metadata.message_id
        assert bad.metadata.src_node_id == 0
        assert fine.has_content()

    ledger = federation(main, client_where(BAD["another shape"].act, {0})).ledger
    (failure,) = ledger.failures
    assert (failure.outcome, failure.payload) == ("rejected", PAYLOAD)


def test_the_majority_decides_which_metrics_are_the_odd_ones():
    def main(grid):
        replies = CheckingGrid(grid).send_and_receive(instructions(grid))
        assert [r.has_error() for r in replies] == [True, False, False, False, True]

    def train(message, context):
        keys = [["a"], ["a", "b"], ["a", "b"], ["a", "b"], ["b"]][partition(context)]
        return answer(message, model(), {"num-examples": 1, **dict.fromkeys(keys, 1.0)})

    ledger = federation(main, client(train), nodes=5).ledger
    assert [(t.node, t.reason) for t in ledger.failures] == [
        (0, "metrics differ from the other replies': b"),
        (4, "metrics differ from the other replies': a"),
    ]


def test_metrics_under_another_records_name_are_odd_too():
    def train(message, context):
        reply = answer(message, model())
        if partition(context) == 2:
            reply.content["other"] = reply.content.pop("metrics")
        return reply

    def main(grid):
        replies = CheckingGrid(grid).send_and_receive(instructions(grid))
        assert [r.has_error() for r in replies] == [False, False, True]

    federation(main, client(train), nodes=3)


def test_an_int_and_a_float_metric_are_the_same_metric():
    def train(message, context):
        return answer(message, model(), {"num-examples": 1, "loss": [1, 0.5][partition(context)]})

    def main(grid):
        replies = CheckingGrid(grid).send_and_receive(instructions(grid))
        assert not any(r.has_error() for r in replies)

    federation(main, client(train))


def test_a_good_reply_is_handed_up_as_it_came():
    def train(message, context):
        reply = good(message, context)
        reply.content["note"] = ConfigRecord({"text": "kept"})
        return reply

    def main(grid):
        (reply,) = CheckingGrid(grid).send_and_receive(instructions(grid))
        assert list(reply.content) == ["arrays", "metrics", "note"]
        assert reply.content["note"]["text"] == "kept"
        assert reply.content["metrics"] == MetricRecord({"num-examples": 1})

    federation(main, client(train), nodes=1)


def test_a_cast_keeps_the_records_beside_the_arrays():
    def train(message, context):
        half = {name: value.astype(np.float16) for name, value in model(0.5).items()}
        reply = answer(message, half)
        reply.content["note"] = ConfigRecord({"text": "kept"})
        return reply

    def main(grid):
        (reply,) = CheckingGrid(grid).send_and_receive(instructions(grid))
        assert list(reply.content) == ["arrays", "metrics", "note"]
        assert {a.dtype for a in reply.content["arrays"].values()} == {"float32"}
        np.testing.assert_array_equal(numbers(reply.content)["w"], model(0.5)["w"])

    federation(main, client(train), nodes=1)


class Silent(Grid):
    """A federation whose clients never answer."""

    def set_run(self, run): ...

    @property
    def run(self): ...

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None): ...

    def get_node_ids(self):
        return [0]

    def push_messages(self, messages):
        self.pushed = list(messages)
        return [f"id-{i}" for i, _ in enumerate(self.pushed)]

    def pull_messages(self, message_ids):
        return []

    def send_and_receive(self, messages, *, timeout=None):
        raise AssertionError("the layer above pushes and pulls")


def test_a_stopped_run_does_not_wait_out_its_timeout():
    stop, raised = threading.Event(), []
    messages = []
    federation(lambda grid: messages.extend(instructions(grid)), client(echo))

    def wait():
        try:
            Stoppable(Silent(), stop).send_and_receive(messages, timeout=3600)
        except RuntimeError as error:
            raised.append(str(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert not raised
    stop.set()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    assert raised == ["the run was stopped"]


def test_a_timeout_of_a_federation_that_is_silent_ends_with_no_replies():
    messages = []
    federation(lambda grid: messages.extend(instructions(grid)), client(echo))
    silent = Silent()
    assert Stoppable(silent, threading.Event()).send_and_receive(messages, timeout=0.02) == []
    assert silent.pushed == messages


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
