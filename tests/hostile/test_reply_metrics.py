"""Metrics, weights and texts of replies: voted on, checked under their name, and kept short."""

import numpy as np
import pytest
from apps import (
    Server,
    answer,
    client,
    echo,
    federation,
    instructions,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from bad_clients import one_bad_of_three
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict

from fedlab.engines import simulate
from fedlab.strategies import BandwidthTrackingFedAvg


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"loss": 1.0}, "got none"),
        ({"num-examples": 0, "loss": 1.0}, "got 0"),
        ({"num-examples": 3, "odd": 1.0}, "metrics differ"),
    ],
)
def test_a_bad_evaluation_is_left_out_and_the_others_are_averaged(metrics, reason):
    def evaluate(message, context):
        k = partition(context)
        told = MetricRecord(metrics if k == 0 else {"num-examples": k, "loss": float(k)})
        return Message(RecordDict({"metrics": told}), reply_to=message)

    server = Server(BandwidthTrackingFedAvg(min_evaluate_nodes=3), num_rounds=1)
    result = simulate(server, client(echo, evaluate), nodes=3)
    (failure,) = result.ledger.failures
    assert (failure.node, failure.message_type, failure.outcome) == (0, "evaluate", "rejected")
    assert reason in failure.reason
    assert server.results[0].evaluate_metrics_clientapp[1]["loss"] == pytest.approx(5 / 3)


def test_an_evaluation_needs_no_arrays_and_may_fail_without_a_warning(recwarn):
    def evaluate(message, context):
        raise ValueError("no test set")

    server = Server(BandwidthTrackingFedAvg(), num_rounds=1)
    result = simulate(server, client(echo, evaluate), nodes=2)
    assert [t.message_type for t in result.ledger.failures] == ["evaluate", "evaluate"]
    assert not [w for w in recwarn if w.category is RuntimeWarning]


def test_metrics_that_only_one_kind_of_reply_has_are_voted_on():
    def train(message, context):
        extra = {} if partition(context) == 0 else {"loss": 0.5}
        return answer(message, model(), {"num-examples": 1, **extra})

    server = Server(tracking(), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=3).ledger.failures
    assert (failure.node, failure.reason) == (0, "metrics differ from the other replies': loss")


def test_replies_to_a_query_may_say_different_things():
    def query(message, context):
        told = MetricRecord({f"sensor-{partition(context)}": 1.0})
        return Message(RecordDict({"metrics": told}), reply_to=message)

    def main(grid):
        replies = list(grid.send_and_receive(instructions(grid, kind="query")))
        assert [reply.has_content() for reply in replies] == [True, True]

    assert federation(main, client(echo, query=query), check=True).ledger.failures == []


def test_two_strategies_in_one_run_do_not_inherit_each_others_metrics_or_dtypes():
    def train(message, context):
        arrays = numbers(message.content)
        key = "loss" if arrays["w"].dtype == np.float16 else "accuracy"
        arrays = {name: value.astype(np.float16) for name, value in arrays.items()}
        return answer(message, arrays, {"num-examples": 1, key: 0.5})

    results = []

    def main(grid):
        for dtype in (np.float16, np.float32):
            start = record({name: value.astype(dtype) for name, value in model().items()})
            results.append(tracking().start(grid, start, num_rounds=1))

    assert federation(main, client(train), check=True).ledger.failures == []
    assert [list(r.train_metrics_clientapp[1]) for r in results] == [["loss"], ["accuracy"]]
    assert [numbers(r.arrays)["w"].dtype for r in results] == [np.float16, np.float32]


def test_a_custom_weight_is_checked_under_its_own_name():
    def train(message, context):
        weight = {"samples": 3 if partition(context) else -1}
        return answer(message, model(1.0), weight)

    server = Server(tracking(weighted_by_key="samples"), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=2, weighted_by="samples").ledger.failures
    assert failure.reason == (
        "expected a finite weight above 0 under 'samples' in its metrics, got -1"
    )


def test_a_reason_is_one_line_without_colour_process_or_address_and_not_endless():
    def train(message, context):
        raise RuntimeError("\x1b[31mworker pid=123\x1b[0m\n died at 0x7f3a2b1c44 " + "x" * 5000)

    server = Server(tracking(), num_rounds=1)
    with pytest.warns(RuntimeWarning):
        ledger = simulate(server, client(train), nodes=2).ledger
    reason = ledger.failures[0].reason
    assert reason.startswith("RuntimeError: worker died at … xxx")
    assert len(reason) == 300


def test_names_that_no_terminal_can_print_do_not_end_the_run(tmp_path):
    def train(message, context):
        return answer(message, model() | {"\ud800" + "n" * 10_000: np.zeros(1, np.float32)})

    _, ledger = one_bad_of_three(train)
    (failure,) = ledger.failures
    assert failure.reason.startswith("arrays: missing or unexpected tensors \\ud800nnn")
    assert len(failure.reason) == 300
    ledger.to_csv(tmp_path / "ledger.csv")
    assert "\\ud800" in (tmp_path / "ledger.csv").read_text("utf-8")


def test_empty_texts_and_lists_in_a_config_are_sent_and_weighed():
    """Flower's own count_bytes() raises on them."""
    seen = []

    def train(message, context):
        seen.append(dict(message.content["config"]))
        reply = answer(message, model())
        reply.content["note"] = ConfigRecord({"text": "", "list": []})
        return reply

    config = ConfigRecord({"note": "", "blob": b"", "steps": []})
    server = Server(tracking(), num_rounds=1, train_config=config)
    ledger = simulate(server, client(train), nodes=2).ledger
    assert ledger.failures == []
    assert seen[0] == {"note": "", "blob": b"", "steps": [], "server-round": 1}
    arrays = record(model()).count_bytes()
    down, up = ledger.transfers[0], ledger.transfers[-1]
    assert down.record == arrays + len("note" + "blob" + "steps" + "server-round") + 8
    assert up.record == arrays + len("num-examples") + 8 + len("text" + "list")
