"""Tensors of other dtypes, orders and headers: cast, put in order, or left out by name."""

import json

import numpy as np
from apps import (
    PAYLOAD,
    Server,
    answer,
    client,
    echo,
    good,
    model,
    numbers,
    partition,
    record,
    tracking,
)
from bad_clients import BAD, npy, one_bad_of_three, with_one
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import Bulyan, FedMedian
from hypothesis import example, given
from hypothesis import strategies as st

from fedlab.engines import simulate


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


def test_integer_buffers_may_come_back_as_integers_after_fedavg_made_them_floats():
    """BatchNorm's num_batches_tracked: int64 at first, float64 from round 2 on."""
    seen = []

    def train(message, context):
        arrays = numbers(message.content)
        seen.append(arrays["steps"].dtype)
        arrays["steps"] = (arrays["steps"] + 1).astype(np.int64)  # as load_state_dict would
        return answer(message, arrays)

    start = record(model() | {"steps": np.array(0, np.int64)})
    server = Server(tracking(), start, num_rounds=3)
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

    server = Server(tracking(), record(model() | {"steps": np.array(3, np.int64)}), num_rounds=1)
    (failure,) = simulate(server, client(train), nodes=2).ledger.failures
    assert (failure.node, failure.reason) == (0, "steps: expected int64, got float32")


def test_a_nan_in_a_complex_tensor_is_found():
    def train(message, context):
        value = np.full(2, complex(0, np.nan) if partition(context) == 0 else 1j, np.complex64)
        return answer(message, {"z": value})

    server = Server(tracking(), record({"z": np.ones(2, np.complex64)}), num_rounds=1)
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


def test_an_empty_model_is_no_reason_to_fail():
    server = Server(tracking(), ArrayRecord(), num_rounds=1)
    ledger = simulate(server, client(echo), nodes=2).ledger
    assert (ledger.traffic, ledger.failures) == (0, [])
