"""What a client receives and sends, read from types: predicted, and explained to the byte."""

import math

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from hypothesis import given
from hypothesis import strategies as st
from processes import bytes_of, process_of

from fedlab import Bytes, size_of
from fedlab.sizes import TensorSpec
from fedlab.tff import BATCH, ClientBytes, TffError, client_bytes, dense, fed_avg, typed_bytes
from fedlab.tff.typed import map_reduce_form

MODEL = size_of(
    [
        TensorSpec("0.weight", (64, 784)),
        TensorSpec("0.bias", (64,)),
        TensorSpec("2.weight", (10, 64)),
        TensorSpec("2.bias", (10,)),
    ]
)
LEARNING_RATE = 4
# weight; accuracy and loss, each a sum and a count; how many examples and batches
REPORT = 4 + 2 * 4 + 2 * 4 + 8 + 8
SMALL_TENSORS = 4 * (64 + 640 + 10)  # below the threshold of 20,000 elements: sent as they are


def quantized_bytes(bits):
    """784 x 64 numbers of `bits` each, in int32 that carry 28 bits; beside that their range."""
    return 4 * math.ceil(784 * 64 * bits / 28) + 2 * 4


def test_a_round_in_float32_is_the_model_and_a_few_numbers_each_of_them_explained():
    sizes = bytes_of("fp32")
    assert sizes == ClientBytes(down=MODEL + LEARNING_RATE, up=MODEL + REPORT)
    assert (MODEL, sizes.down, sizes.up) == (203_560, 203_564, 203_596)


def test_what_is_sent_beside_the_model_are_five_floats_and_two_counts():
    tensors = list(leaves(map_reduce_form(process_of("fp32")).work.type_signature.result))
    lone = [np.dtype(leaf.dtype).name for leaf in tensors if leaf.shape == ()]
    assert sorted(lone) == ["float32"] * 5 + ["int64"] * 2
    assert sorted(leaf.shape for leaf in tensors if leaf.shape != ()) == [
        (10,), (64,), (64, 10), (784, 64),
    ]  # fmt: skip


def leaves(type_):
    if isinstance(type_, tff.TensorType):
        yield type_
    elif isinstance(type_, tff.StructType):
        for _, element in tff.structure.iter_elements(type_):
            yield from leaves(element)


@pytest.mark.parametrize(
    ("name", "up"),
    [("8 bits", 60_244), ("4 bits", 31_572), ("2 bits", 17_236), ("1 bit", 10_068)],
)
def test_quantization_shrinks_the_one_large_tensor_and_no_other(name, up):
    sizes = bytes_of(name)
    assert sizes.up == quantized_bytes(int(name[0])) + SMALL_TENSORS + REPORT == up
    assert sizes.down == MODEL + LEARNING_RATE


def test_compression_is_eight_bits_and_secure_aggregation_makes_an_int64_of_each_float():
    assert bytes_of("compression").up == bytes_of("8 bits").up + 24 == 60_268
    assert bytes_of("secure").up == 407_260
    assert 0 < 407_260 - 2 * MODEL < 200


def test_one_more_float_in_the_model_is_four_bytes_each_way():
    def with_one_slope():
        first, *rest = dense().layers
        slope = tf.keras.layers.PReLU(shared_axes=[1])
        return tf.keras.Sequential([tf.keras.layers.Input((784,)), first, slope, *rest])

    sizes = client_bytes(fed_avg(with_one_slope))
    assert (sizes.down, sizes.up) == (203_564 + 4, 203_596 + 4)


def test_one_more_metric_is_its_sum_and_its_count_on_the_way_up():
    def model():
        return tff.learning.models.from_keras_model(
            dense(),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            input_spec=BATCH,
            metrics=[
                tf.keras.metrics.SparseCategoricalAccuracy(),
                tf.keras.metrics.SparseTopKCategoricalAccuracy(3),
            ],
        )

    process = tff.learning.algorithms.build_weighted_fed_avg(
        model, client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1)
    )
    assert client_bytes(process) == ClientBytes(Bytes(203_564), Bytes(203_596 + 2 * 4))


WIDTHS = {
    np.bool_: 1,
    np.int8: 1,
    np.uint8: 1,
    np.float16: 2,
    ml_dtypes.bfloat16: 2,
    np.int32: 4,
    np.float32: 4,
    np.int64: 8,
    np.float64: 8,
    np.complex64: 8,
    np.complex128: 16,
}
SHAPES = st.lists(st.integers(0, 9), max_size=3)
# a type, and its bytes summed as it is put together
SIZED = st.recursive(
    st.tuples(st.sampled_from(list(WIDTHS)), SHAPES).map(
        lambda leaf: (tff.TensorType(*leaf), WIDTHS[leaf[0]] * math.prod(leaf[1]))
    ),
    lambda parts: (
        st.lists(st.tuples(st.sampled_from([None, "a", "bb"]), parts), max_size=4)
        .filter(lambda named: len({n for n, _ in named if n}) == len([n for n, _ in named if n]))
        .map(
            lambda named: (
                tff.StructType([(name, part[0]) if name else part[0] for name, part in named]),
                sum(part[1] for _, part in named),
            )
        )
    ),
    max_leaves=12,
)


@given(sized=SIZED, placement=st.sampled_from([None, tff.CLIENTS, tff.SERVER]))
def test_a_type_weighs_the_sum_of_its_tensors_wherever_it_is_placed(sized, placement):
    type_, size = sized
    if placement:
        type_ = tff.FederatedType(type_, placement)
    assert typed_bytes(type_) == size
    assert type(typed_bytes(type_)) is Bytes


@pytest.mark.parametrize(
    ("type_", "sentence"),
    [
        (tff.TensorType(np.float32, [None, 784]), r"float32\[\?,784\] has a dimension that is not"),
        (tff.TensorType(np.float32, None), "has a dimension that is not known before the run"),
        (np.str_, "str holds text, whose length no type tells; send numbers"),
        (tff.SequenceType(np.float32), r"expected a type of tensors, got float32\*"),
        (tff.FunctionType(np.int32, np.int32), "expected a type of tensors, got "),
        ([np.int32, tff.SequenceType(np.str_)], r"expected a type of tensors, got str\*"),
    ],
)
def test_a_type_that_tells_no_bytes_is_refused_in_one_sentence(type_, sentence):
    with pytest.raises(TffError, match=sentence) as refused:
        typed_bytes(type_)
    assert len(str(refused.value).splitlines()) == 1


@tff.tensorflow.computation
def one_more(number):
    return number + 1


@tff.federated_computation
def zero():
    return tff.federated_value(0, tff.SERVER)


@tff.federated_computation(tff.FederatedType(np.int32, tff.SERVER))
def without_clients(number):
    return tff.federated_map(one_more, number)


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (3, "int"),
        (None, "NoneType"),
        (dense, "function"),
        (tff.templates.IterativeProcess(zero, without_clients), "IterativeProcess"),
    ],
)
def test_a_thing_that_is_no_learning_process_is_refused_in_one_sentence(thing, kind):
    expected = f"expected a learning process whose round is one aggregation, got a {kind} that"
    with pytest.raises(TffError, match=expected) as refused:
        client_bytes(thing)
    assert len(str(refused.value).splitlines()) == 1
