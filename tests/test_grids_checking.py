"""The checking layer: a bad reply becomes an error, a good one is handed up as it came."""

import numpy as np
from apps import (
    PAYLOAD,
    answer,
    client,
    client_where,
    federation,
    good,
    instructions,
    model,
    numbers,
    partition,
)
from bad_clients import BAD
from flwr.app import ConfigRecord, MetricRecord

from fedlab.grids import CheckingGrid


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
