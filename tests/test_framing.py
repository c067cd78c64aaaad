"""Predicted equals measured: names and shapes on one side, Flower's own bytes on the other."""

import numpy as np
import pytest
from apps import Server, client, echo, record
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedlab.codecs import parse
from fedlab.codecs.arrays import encode
from fedlab.engines import simulate
from fedlab.framing import CHUNK, predict_levels, predict_objects
from fedlab.lab import predict_run
from fedlab.mods import compress
from fedlab.records import objects_of, weigh
from fedlab.sizes import TensorSpec, tensors_of
from fedlab.strategies import BandwidthTrackingFedAvg
from fedlab.units import Bytes, Levels

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["embed_in.weight", "größe", "層.0.重み", "emoji 🧠", 'quote " and \\ slash', "new\nline"]
)
DTYPES = st.sampled_from(
    ["<f4", "<f8", "<f2", ">f4", "<i8", ">i2", "<i1", "<u4", "<c8", "<c16", "|b1", "|u1"]
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ARRAYS = st.tuples(DTYPES, SHAPES).flatmap(lambda spec: hnp.arrays(*spec))

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
NUMBERS = [INT64, UINT64, FLOATS]
TEXTS = [st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.binary(max_size=20)]


def scalars_and_lists(kinds):
    return st.one_of(*kinds, *(st.lists(kind, max_size=5) for kind in kinds))


METRICS = st.dictionaries(NAMES, scalars_and_lists(NUMBERS), max_size=5)
CONFIGS = st.dictionaries(NAMES, scalars_and_lists([*NUMBERS, st.booleans(), *TEXTS]), max_size=5)


def distinct(arrays):
    """Equal tensors travel once in a message; the prediction is for those that differ."""
    kept = {Array(array).data: name for name, array in arrays.items()}
    return {name: arrays[name] for name in kept.values()}


def compare(arrays, config=None, metrics=None):
    content = RecordDict({"arrays": record(arrays)})
    if config is not None:
        content["config"] = ConfigRecord(dict(config))
    if metrics is not None:
        content["metrics"] = MetricRecord(dict(metrics))
    predicted = predict_levels(tensors_of(arrays), config=config, metrics=metrics)
    assert predicted == weigh(content)
    objects = predict_objects(tensors_of(arrays), config=config, metrics=metrics)
    sent = [len(part.deflate()) for part in objects_of(content).values()]
    assert [part.size for part in objects.walk()] == sent
    assert {type(n) for n in vars(predicted).values()} == {Bytes}
    return predicted


@settings(max_examples=300)
@given(
    arrays=st.dictionaries(NAMES, ARRAYS, max_size=5).map(distinct),
    config=st.none() | CONFIGS,
    metrics=st.none() | METRICS,
)
def test_predicted_equals_measured_for_any_arrays_configs_and_metrics(arrays, config, metrics):
    compare(arrays, config, metrics)


@given(numbers=st.lists(UINT64, min_size=1, max_size=5))
def test_one_number_beyond_int64_makes_its_whole_list_unsigned(numbers):
    compare({}, {"list": [*numbers, 2**64 - 1]}, {"list": [100, 2**63]})


@pytest.mark.parametrize(
    "entries", [{}, {"": 0}, {"flag": True, "no": False}, {"x": -1, "y": 2**63}]
)
def test_small_configs_are_predicted_too(entries):
    compare({"w": np.ones(3)}, entries)


@pytest.mark.parametrize("count", [1_310_688, 1_310_689, 2_621_408, 2_621_409, 3_000_000])
def test_arrays_beyond_a_chunk_are_predicted_at_and_around_its_edge(count):
    """1,310,688 float32 and their 128-byte header are 5 MiB exactly; two chunks hold 2,621,408."""
    numbers = np.random.default_rng(3).standard_normal(count, dtype=np.float32)
    predicted = compare({"big": numbers, "small": numbers[:7]}, {"server-round": 1})
    assert predicted.payload == 4 * (count + 7)
    assert predicted.record == 4 * (count + 7) + 2 * 128 + len("bigsmall") + len("server-round") + 8


@pytest.mark.parametrize("power", range(0, 64, 7))
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_whole_numbers_are_predicted_where_they_take_one_more_byte(power, off):
    number = min(2**power // 2 + off, 2**63 - 1)
    compare({}, {"n": number, "m": -number, "l": [number, -number]}, {"n": 2 * number})


@pytest.mark.parametrize("dimensions", range(65))
def test_a_header_is_as_long_as_numpys_for_shapes_of_any_length(dimensions):
    numbers = np.ones((1,) * dimensions)
    assert compare({"w": numbers}).record == len(Array(numbers).data) + 1


def test_a_chunk_is_as_long_as_flowers():
    from flwr.common.constant import FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE

    assert CHUNK == FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE


@given(name=NAMES)
def test_a_name_costs_its_letters_at_record_level_and_its_json_at_message_level(name):
    a = predict_levels([TensorSpec(name, (2,))])
    b = predict_levels([TensorSpec(name + "abc", (2,))])
    assert b.payload == a.payload
    assert b.record - a.record == 3
    assert 3 <= b.message - a.message <= 5  # and perhaps a digit in two lengths


def test_one_more_number_is_four_bytes_of_payload_and_record():
    a, b = (predict_levels([TensorSpec("w", (n,))]) for n in (100, 101))
    assert (b.payload - a.payload, b.record - a.record) == (4, 4)


def test_a_dtype_that_flower_cannot_send_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^head: expected a dtype that numpy can .* got bfloat16"):
        predict_levels([TensorSpec("head", (2,), "bfloat16")])


def test_tied_tensors_are_sent_each():
    once = TensorSpec("a", (2, 2))
    assert predict_levels([once, TensorSpec("b", (2, 2), tied_to="a")]).payload == 32


def test_equal_tensors_weigh_less_than_predicted_as_flower_sends_them_once():
    same = np.arange(4.0)
    arrays = {"a": same, "b": same.copy()}
    predicted, measured = (
        predict_levels(tensors_of(arrays)),
        weigh(RecordDict({"r": record(arrays)})),
    )
    assert measured.payload == predicted.payload == 64
    assert measured.record == predicted.record
    assert measured.message < predicted.message


def test_nothing_to_send_still_has_a_frame():
    assert predict_levels([]) == weigh(RecordDict({"arrays": ArrayRecord()}))


def test_seventy_rounds_are_predicted_as_the_round_number_grows():
    """From round 64 on, the round's number takes two bytes in a message."""
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(3, np.float32)}
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), record(arrays), num_rounds=70)
    ledger = simulate(server, client(echo), nodes=2).ledger
    assert ledger.levels() == predict_run(tensors_of(arrays), clients=2, rounds=70)
    assert ledger.transfers[-1].round == 70
    by_round = {t.round: t.message for t in ledger.transfers if t.direction == "down"}
    assert by_round[64] - by_round[63] == 1


@pytest.mark.parametrize("text", ["float16", "topk:0.01", "randomk:0.1", "int8", "int4", "int2"])
def test_an_encoded_update_is_predicted_at_all_levels(text):
    weights = {"w": np.ones((64, 784), np.float32), "b": np.ones(10), "n": np.array(3)}
    codec = parse(text)
    server = Server(BandwidthTrackingFedAvg(fraction_evaluate=0.0), record(weights), num_rounds=1)
    result = simulate(server, client(echo, mods=[compress(codec)]), nodes=2)
    predicted = predict_levels(tensors_of(weights), metrics={"num-examples": 1}, codec=codec)
    ups = [transfer for transfer in result.ledger if transfer.direction == "up"]
    assert [Levels(up.payload, up.record, up.message) for up in ups] == [predicted, predicted]


def test_where_the_data_decides_the_prediction_is_the_most_it_can_be():
    rows = np.random.default_rng(0).standard_normal((64, 784), np.float32)
    codec = parse("topk:0.01|int8")
    predicted = predict_levels([TensorSpec("w", rows.shape)], codec=codec)
    measured = weigh(RecordDict({"arrays": ArrayRecord({"w": encode(codec, rows, "update")})}))
    assert measured.payload < predicted.payload
    assert predicted.message - measured.message == predicted.payload - measured.payload
