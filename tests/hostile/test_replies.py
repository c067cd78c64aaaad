"""Whatever a client does: named, counted, left out of the mean, and the round completes."""

import json

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
    model,
    npy,
    numbers,
    partition,
    record,
    with_one,
)
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import (
    Bulyan,
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    FedYogi,
    Krum,
    MultiKrum,
)
from hypothesis import example, given
from hypothesis import strategies as st

from fedlab.engines import simulate
from fedlab.grids import CheckingGrid
from fedlab.strategies import BandwidthTrackingFedAvg

STRATEGIES = {
    "FedAvg": FedAvg,
    "FedAdam": FedAdam,
    "FedMedian": FedMedian,
    "FedTrimmedAvg": FedTrimmedAvg,
    "FedYogi": FedYogi,
    "FedAvgM": FedAvgM,
    "FedAdagrad": FedAdagrad,
    "Krum": lambda **kw: Krum(num_malicious_nodes=1, **kw),
    "MultiKrum": lambda **kw: MultiKrum(num_malicious_nodes=1, num_nodes_to_select=3, **kw),
    "Bulyan": lambda **kw: Bulyan(num_malicious_nodes=1, **kw),
    "FedProx": lambda **kw: FedProx(proximal_mu=0.1, **kw),
    "BandwidthTrackingFedAvg": BandwidthTrackingFedAvg,
}


def fedavg(**settings):
    return BandwidthTrackingFedAvg(fraction_evaluate=0.0, **settings)


def one_bad_of_three(bad, strategy=None):
    """Partition 0 is bad; 1 and 2 return the model plus 1 and plus 2, with the weights 2 and 4."""
    server = Server(strategy or fedavg(), num_rounds=1, timeout=20)
    result = simulate(server, client_where(bad, {0}), nodes=3)
    return server, result.ledger


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply_is_named_counted_and_left_out_of_the_mean(name):
    bad = BAD[name]
    server, ledger = one_bad_of_three(bad.act)
    (failure,) = ledger.failures
    assert (failure.node, failure.round, failure.outcome) == (0, 1, bad.outcome)
    assert bad.reason in failure.reason
    assert "\n" not in failure.reason
    assert failure.payload == bad.payload
    assert (failure.record > 0) == (failure.message > 0) == (bad.outcome == "rejected")
    assert ledger.downlink == 3 * PAYLOAD
    assert ledger.uplink == 2 * PAYLOAD + bad.payload
    for values in server.arrays.values():  # (2 x 1 + 4 x 2) / 6, as FedAvg computes it
        mean = np.float32(1) * (2 / 6) + np.float32(2) * (4 / 6)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, np.full_like(values, mean))
    assert server.strategy.ledger.transfers == ledger.transfers


def mixed(message, context):
    """Five bad of thirteen, each in its own way; the good ones return distinct updates."""
    acts = ["raises", "a NaN", "another shape", "a metric too many", "garbage"]
    k = partition(context)
    if k < len(acts):
        return BAD[acts[k]].act(message, context)
    moved = {name: v + np.float32(0.1 * k) for name, v in numbers(message.content).items()}
    return answer(message, moved, {"num-examples": k})


def only_good_ones(message, context):
    k = partition(context) + 5
    moved = {name: v + np.float32(0.1 * k) for name, v in numbers(message.content).items()}
    return answer(message, moved, {"num-examples": k})


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_with_five_bad_clients_of_thirteen_ends_as_without_them(name):
    def run(train, nodes):
        strategy = STRATEGIES[name](fraction_evaluate=0.0, min_train_nodes=nodes)
        server = Server(strategy, record(model(1.0)), num_rounds=2, timeout=20)
        return server, simulate(server, client(train), nodes=nodes).ledger

    server, ledger = run(mixed, 13)
    alone, _ = run(only_good_ones, 8)
    assert sorted((t.round, t.node) for t in ledger.failures) == [
        (number, node) for number in (1, 2) for node in range(5)
    ]
    assert all(t.reason for t in ledger.failures)
    for tensor, expected in alone.arrays.items():
        np.testing.assert_allclose(server.arrays[tensor], expected, rtol=1e-5)
        assert not np.array_equal(expected, model(1.0)[tensor])


def test_without_the_checking_layer_one_bad_client_ends_the_run():
    server = Server(FedAvg(fraction_evaluate=0.0), num_rounds=1)
    with pytest.raises(Exception, match="same keys"):
        simulate(server, client_where(BAD["a metric too many"].act, {0}), nodes=3, check=False)


def test_a_half_precision_reply_is_cast_and_counted_at_half():
    def half(message, context):
        return answer(message, {n: v.astype(np.float16) for n, v in model(0.5).items()})

    server, ledger = one_bad_of_three(half)
    assert ledger.failures == []
    assert [t.payload for t in ledger.transfers if t.direction == "up"].count(PAYLOAD // 2) == 1
    assert ledger.uplink == 2 * PAYLOAD + PAYLOAD // 2
    for values in server.arrays.values():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, (0.5 + 2 * 1 + 4 * 2) / 7, rtol=1e-6)


def test_a_double_precision_reply_is_cast_and_counted_at_double():
    server, ledger = one_bad_of_three(lambda m, c: answer(m, with_one(0.5, np.float64)))
    assert ledger.failures == []
    assert ledger.uplink == 2 * PAYLOAD + 2 * PAYLOAD
    assert server.arrays["w"].dtype == np.float32


def test_tensors_in_another_order_are_put_back_in_order():
    def reordered(message, context):
        arrays = numbers(good(message, context).content)
        order = reversed(arrays) if partition(context) % 2 else arrays
        return answer(message, {name: arrays[name] for name in order}, {"num-examples": 1})

    strategy = Bulyan(num_malicious_nodes=0, fraction_evaluate=0.0, min_train_nodes=4)
    server = Server(strategy, num_rounds=1)
    assert simulate(server, client(reordered), nodes=4).ledger.failures == []
    assert {name: a.shape for name, a in server.arrays.items()} == {"w": (2, 3), "b": (3,)}


@pytest.mark.parametrize("name", ["raises", "a NaN", "returns None", "no weight"])
def test_when_all_fail_the_run_says_so_and_the_model_is_unchanged(name):
    start = record(model(0.25))
    server = Server(fedavg(), start, num_rounds=2, timeout=20)
    with pytest.warns(RuntimeWarning) as warned:
        result = simulate(server, client(BAD[name].act), nodes=3)
    texts = [str(w.message) for w in warned]
    for number in (1, 2):
        (text,) = (t for t in texts if t.startswith(f"round {number}:"))
        assert "none of 3 clients sent a usable update; the global model is unchanged" in text
        assert BAD[name].reason in text
    assert len(result.ledger.failures) == 6
    assert server.results[0].arrays is start
    np.testing.assert_array_equal(server.arrays["w"], model(0.25)["w"])


def test_a_round_without_a_usable_update_keeps_the_model_of_the_round_before():
    def first_round_only(message, context):
        if message.content["config"]["server-round"] > 1:
            raise OSError("gone")
        return good(message, context)

    server = Server(fedavg(), num_rounds=2)
    with pytest.warns(RuntimeWarning, match=r"round 2: none of 2 clients.*OSError: gone"):
        simulate(server, client(first_round_only), nodes=2)
    mean = np.float32(0) * (1 / 3) + np.float32(1) * (2 / 3)
    np.testing.assert_array_equal(server.arrays["b"], np.full(3, mean))


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


def test_integer_buffers_may_come_back_as_integers_after_fedavg_made_them_floats():
    """BatchNorm's num_batches_tracked: int64 at first, float64 from round 2 on."""
    seen = []

    def train(message, context):
        arrays = numbers(message.content)
        seen.append(arrays["steps"].dtype)
        arrays["steps"] = (arrays["steps"] + 1).astype(np.int64)  # as load_state_dict would
        return answer(message, arrays)

    start = record(model() | {"steps": np.array(0, np.int64)})
    server = Server(fedavg(), start, num_rounds=3)
    assert simulate(server, client(train), nodes=2).ledger.failures == []
    assert seen == [np.dtype(np.int64)] * 2 + [np.dtype(np.float64)] * 4
    assert float(server.arrays["steps"]) == 3.0


def test_integers_are_still_refused_where_floats_were_sent_from_the_start():
    server, ledger = one_bad_of_three(BAD["integers"].act)
    assert ledger.failures[0].reason == "w: expected float32, got int32"
    assert server.arrays["w"].dtype == np.float32


def test_floats_are_refused_where_integers_were_sent():
    def train(message, context):
        arrays = numbers(message.content)
        if partition(context) == 0:
            arrays["steps"] = arrays["steps"].astype(np.float32)
        return answer(message, arrays)

    server = Server(fedavg(), record(model() | {"steps": np.array(3, np.int64)}), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=2).ledger.failures
    assert (failure.node, failure.reason) == (0, "steps: expected int64, got float32")


def test_a_nan_in_a_complex_tensor_is_found():
    def train(message, context):
        value = np.full(2, complex(0, np.nan) if partition(context) == 0 else 1j, np.complex64)
        return answer(message, {"z": value})

    server = Server(fedavg(), record({"z": np.ones(2, np.complex64)}), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=2).ledger.failures
    assert (failure.node, failure.reason) == (0, "z: 2 of 2 values are NaN or infinite")
    np.testing.assert_array_equal(server.arrays["z"], [1j, 1j])


def test_duplicate_tensors_survive_and_travel_once():
    """Flower gives equal tensors one object; popping one must not lose the other."""
    same = np.arange(6, dtype=np.float32)
    start = record({"a": same, "b": same.copy()})
    strategy = FedMedian(fraction_evaluate=0.0)
    server = Server(strategy, start, num_rounds=2)
    ledger = simulate(server, client(echo), nodes=2).ledger
    assert ledger.failures == []
    np.testing.assert_array_equal(server.arrays["a"], same)
    np.testing.assert_array_equal(server.arrays["b"], same)
    assert ledger.traffic == 2 * 2 * 2 * 48


def test_metrics_that_only_one_kind_of_reply_has_are_voted_on():
    def train(message, context):
        extra = {} if partition(context) == 0 else {"loss": 0.5}
        return answer(message, model(), {"num-examples": 1, **extra})

    server = Server(fedavg(), num_rounds=1)
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
            results.append(fedavg().start(grid, start, num_rounds=1))

    assert federation(main, client(train), check=True).ledger.failures == []
    assert [list(r.train_metrics_clientapp[1]) for r in results] == [["loss"], ["accuracy"]]
    assert [numbers(r.arrays)["w"].dtype for r in results] == [np.float16, np.float32]


def test_a_custom_weight_is_checked_under_its_own_name():
    def train(message, context):
        weight = {"samples": 3 if partition(context) else -1}
        return answer(message, model(1.0), weight)

    server = Server(fedavg(weighted_by_key="samples"), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=2, weighted_by="samples").ledger.failures
    assert failure.reason == (
        "expected a finite weight above 0 under 'samples' in its metrics, got -1"
    )


def test_a_reason_is_one_line_without_colour_process_or_address_and_not_endless():
    def train(message, context):
        raise RuntimeError("\x1b[31mworker pid=123\x1b[0m\n died at 0x7f3a2b1c44 " + "x" * 5000)

    server = Server(fedavg(), num_rounds=1)
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
    server = Server(fedavg(), num_rounds=1, train_config=config)
    ledger = simulate(server, client(train), nodes=2).ledger
    assert ledger.failures == []
    assert seen[0] == {"note": "", "blob": b"", "steps": [], "server-round": 1}
    arrays = record(model()).count_bytes()
    down, up = ledger.transfers[0], ledger.transfers[-1]
    assert down.record == arrays + len("note" + "blob" + "steps" + "server-round") + 8
    assert up.record == arrays + len("num-examples") + 8 + len("text" + "list")


def test_a_client_cannot_reach_the_server_through_what_it_is_handed():
    def train(message, context):
        message.metadata.dst_node_id = 99
        message.metadata.group_id = "mine"
        for array in message.content["arrays"].values():
            array.data = b"overwritten"
        message.content["config"]["server-round"] = 77
        del message.content["config"]
        return answer(message, model(1.0))

    start = record(model(0.5))
    server = Server(fedavg(), start, num_rounds=2)
    ledger = simulate(server, client(train), nodes=2).ledger
    assert {(t.node, t.round) for t in ledger.transfers} == {(0, 1), (1, 1), (0, 2), (1, 2)}
    np.testing.assert_array_equal(numbers(start)["w"], model(0.5)["w"])


HEADERS = st.fixed_dictionaries(
    {
        "descr": st.sampled_from(["<f4", "|O", "S0", "<U3", "V8", "<f4,<f4", "nonsense", "<M8[s]"])
        | st.none()
        | st.integers()
        | st.just([("a", "<f4")]),
        "fortran_order": st.sampled_from([True, False, 0, 1, None, "no"]),
        "shape": st.sampled_from([(2, 3), (3, 2), (6,), [2, 3], "23", 6, None, (2.0, 3), (0,)])
        | st.lists(st.integers(-(2**70), 2**70), max_size=4).map(tuple),
    },
    optional={"more": st.just(1)},
)


@example(header={"descr": "<f4", "fortran_order": False, "shape": [2, 3]}, data=bytes(24))
@example(header={"descr": "<f4", "fortran_order": 0, "shape": (2, 3)}, data=bytes(24))
@example(header={"descr": "S0", "fortran_order": False, "shape": (10**10,)}, data=b"")
@given(header=HEADERS, data=st.sampled_from([b"", b"x", bytes(24), bytes(36)]))
def test_no_header_ends_a_round(header, data):
    text = json.dumps(header) if header.get("more") else repr(header)
    hostile = model() | {"w": npy(text, data)}
    server, ledger = one_bad_of_three(lambda m, c: answer(m, hostile))
    assert {t.node for t in ledger.failures} <= {0}
    assert np.isfinite(server.arrays["w"]).all()


@given(data=st.binary(max_size=200))
def test_no_bytes_end_a_round(data):
    hostile = model()
    broken = record(hostile)
    broken["w"].data = data
    server, ledger = one_bad_of_three(lambda m, c: answer(m, broken))
    (failure,) = ledger.failures
    assert (failure.node, failure.payload) == (0, len(data) + 12)
    assert np.isfinite(server.arrays["w"]).all()


def test_a_checking_layer_without_a_meter_still_rejects():
    def main(grid):
        replies = CheckingGrid(below_the_meter(grid)).send_and_receive(instructions(grid))
        assert [reply.has_error() for reply in replies] == [True, False]
        assert replies[0].error.code == 422
        assert replies[0].metadata.reply_to_message_id
        assert replies[0].metadata.src_node_id == 0

    app = client_where(BAD["a NaN"].act, {0})
    federation(main, app)


def test_an_empty_model_is_no_reason_to_fail():
    server = Server(fedavg(), ArrayRecord(), num_rounds=1)
    ledger = simulate(server, client(echo), nodes=2).ledger
    assert (ledger.traffic, ledger.failures) == (0, [])
