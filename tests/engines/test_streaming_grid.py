"""The streaming layer by hand: what is pushed when, what is let go of, what is named."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from apps import (
    PAYLOAD,
    below_the_meter,
    client,
    federation,
    good,
    instructions,
    metered,
    model,
    numbers,
    record,
)
from flowers import STRATEGIES

import fedlab.grids.streaming
from fedlab.grids import CheckingGrid, GridLayer, MeteredGrid, StreamingGrid
from fedlab.ledger import Ledger


def test_it_works_by_hand_over_the_other_layers_and_frees_each_reply():
    alive = []

    def main(grid):
        ledger = Ledger()
        layered = StreamingGrid(CheckingGrid(MeteredGrid(below_the_meter(grid), ledger)), window=2)
        for reply in layered.send_and_receive(iter(instructions(grid, kind="train"))):
            assert sum(one() is not None for one in alive) == 0
            alive.append(weakref.ref(reply.content))
            del reply
        assert len(ledger.transfers) == 12
        assert ledger.traffic == 12 * PAYLOAD

    gc.disable()  # nothing may wait for the garbage collector
    try:
        federation(main, client(good), nodes=6)
    finally:
        gc.enable()


def test_a_window_is_never_exceeded_and_everybody_is_asked():
    most = []

    def main(grid):
        layer, ledger = metered(grid)
        for _ in StreamingGrid(layer, window=3).send_and_receive(instructions(grid)):
            most.append(len(layer.open_messages()))
        assert len(ledger.transfers) == 14

    federation(main, client(good), nodes=7)
    assert max(most) == 3


def test_a_stream_that_is_left_half_way_is_written_as_never_answered():
    def main(grid):
        next(StreamingGrid(grid).send_and_receive(instructions(grid)))

    ledger = federation(main, client(good), nodes=4).ledger
    assert [t.reason for t in ledger.failures] == ["never answered"] * 3
    assert ledger.uplink == PAYLOAD


def test_nothing_to_send_is_an_empty_stream():
    def main(grid):
        assert list(StreamingGrid(grid).send_and_receive([])) == []
        assert list(StreamingGrid(grid, window=1).send_and_receive(iter(()))) == []

    assert federation(main, client(good)).ledger.transfers == []


@pytest.mark.parametrize("window", [None, 1, 2])
def test_when_time_is_up_the_unanswered_and_the_unasked_are_named(window, monkeypatch):
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: None)
    monkeypatch.setattr(fedlab.grids.streaming, "time", clock)

    def train(message, context):
        now[0] += 30
        return good(message, context)

    def main(grid):
        stream = StreamingGrid(grid, window=window)
        replies = list(stream.send_and_receive(instructions(grid), timeout=45))
        assert len(replies) == 2  # the second was being made when the time was over

    ledger = federation(main, client(train), nodes=5).ledger
    unasked = {None: 0, 1: 2, 2: 1}[window]
    late = "no reply within the time allowed"
    reasons = [late] * (3 - unasked) + ["not asked: the time allowed was over"] * unasked
    assert [(t.node, t.reason) for t in ledger.failures] == list(
        zip((2, 3, 4), reasons, strict=True)
    )
    assert sum(t.direction == "down" for t in ledger.transfers) == 5 - unasked


class Refusing(GridLayer):
    """Takes no message for node 1, as a SuperLink that finds it malformed."""

    def push_messages(self, messages):
        ids = super().push_messages(messages)
        nodes = [message.metadata.dst_node_id for message in messages]
        return [None if node == 1 else name for node, name in zip(nodes, ids, strict=True)]

    def pull_messages(self, message_ids):
        assert None not in message_ids
        return super().pull_messages(message_ids)


@pytest.mark.parametrize("window", [None, 1, 2])
def test_a_message_that_is_refused_is_named_and_the_others_are_asked(window):
    def main(grid):
        stream = StreamingGrid(CheckingGrid(Refusing(grid)), window=window)
        nodes = [r.metadata.src_node_id for r in stream.send_and_receive(instructions(grid))]
        assert nodes == [0, 2, 3]

    (failure,) = federation(main, client(good), nodes=4).ledger.failures
    assert failure.node == 1


@pytest.mark.parametrize("window", [0, -1, 1.5, "2", True])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(ValueError, match="window: expected a whole number, 1 or more, got"):
        StreamingGrid(None, window=window)


@pytest.mark.parametrize("build", STRATEGIES.values(), ids=STRATEGIES)
def test_a_strategy_that_collects_replies_gives_its_result_on_a_stream_too(build):
    """By mistake or not: Flower's go through the replies once, and save nothing by it."""

    def result(wrap):
        kept = []

        def main(grid):
            strategy = build(fraction_evaluate=0.0, min_train_nodes=8)
            kept.append(strategy.start(wrap(grid), record(model(1.0)), num_rounds=2))

        ledger = federation(main, client(good), nodes=8, check=True).ledger
        return numbers(kept[0].arrays), ledger.levels()

    plain, streamed = result(lambda grid: grid), result(lambda grid: StreamingGrid(grid, window=3))
    assert plain[1] == streamed[1]
    for name, array in plain[0].items():
        np.testing.assert_array_equal(streamed[0][name], array)
