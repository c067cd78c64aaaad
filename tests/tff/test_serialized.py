"""What a real client sends, serialized by TFF: its numbers, its names and its framing."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow_federated as tff
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from processes import bytes_of, process_of

from fedlab.tff import TffError, client_sends
from fedlab.tff.serialized import weigh


@pytest.mark.parametrize("name", ["fp32", "compression", "8 bits", "secure"])
def test_a_real_client_sends_the_bytes_that_the_types_say(worker, few, name):
    process = process_of(name)
    sent = client_sends(process, process.initialize(), few)
    assert sent.payload == bytes_of(name).up
    # a lone integer takes as few bytes as it needs, and the seven of the report are nearly all
    assert sent.payload - 100 < sent.numbers <= sent.payload
    assert sent.total == sent.numbers + sent.names + sent.framing
    assert 0 < sent.framing < 1000
    assert 0 < sent.names < 300


def test_the_payload_of_a_clients_result_does_not_depend_on_its_data(worker, few):
    process = process_of("fp32")
    state = process.initialize()
    one, other = (client_sends(process, state, data) for data in (few, few.repeat(300)))
    assert one.payload == other.payload == 203_596
    assert one.names == other.names
    assert other.numbers - one.numbers == 1 + 1  # 50 and 2 take a byte each, 15,000 and 600 two


def test_what_is_no_learning_process_sends_nothing(few):
    with pytest.raises(TffError, match=r"expected a learning process .* got a int that TFF"):
        client_sends(3, None, few)


ARRAYS = hnp.arrays(
    st.sampled_from(
        ["f2", "f4", "f8", "c8", "c16", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
NESTS = st.recursive(
    ARRAYS,
    lambda n: (
        st.lists(n, max_size=3)
        | st.dictionaries(st.text("abcé", min_size=1, max_size=9), n, max_size=3)
    ),
    max_leaves=8,
)


def type_of(nest):
    if isinstance(nest, np.ndarray):
        return tff.TensorType(nest.dtype.type, nest.shape)
    if isinstance(nest, list):
        return tff.StructWithPythonType([(None, type_of(part)) for part in nest], list)
    return tff.StructWithPythonType([(name, type_of(part)) for name, part in nest.items()], dict)


def arrays_in(nest):
    if isinstance(nest, np.ndarray):
        return [nest]
    return [a for p in (nest.values() if isinstance(nest, dict) else nest) for a in arrays_in(p)]


def names_in(nest):
    if isinstance(nest, np.ndarray):
        return 0
    if isinstance(nest, list):
        return sum(map(names_in, nest))
    return sum(len(name.encode()) + names_in(part) for name, part in nest.items())


def stored(array):
    """As many bytes as protocol buffers take: a lone integer is stored seven bits a byte."""
    if array.dtype == np.float16:  # goes as the integer of the same 16 bits
        array = array.view(np.uint16)
    if array.shape or array.dtype.kind in "fc":
        return array.nbytes
    number = int(array)
    return max(1, -(-(number % 2**64).bit_length() // 7))  # a negative one as 64 bits


def serialized(value, type_):
    message, _ = tff.framework.serialize_value(value, type_)
    return type(message).FromString(message.SerializeToString())


@given(nest=NESTS)
def test_any_nest_weighs_its_arrays_its_names_and_a_framing(nest):
    weight = weigh(serialized(nest, type_of(nest)))
    arrays = arrays_in(nest)
    assert weight.payload == sum(array.nbytes for array in arrays)
    assert weight.numbers == sum(map(stored, arrays))
    assert weight.names == names_in(nest)
    assert weight.numbers + weight.names + weight.framing == weight.total
    assert weight.framing > 0
    assert weight.total == len(serialized(nest, type_of(nest)).SerializeToString())


def test_the_half_that_only_machine_learning_knows_weighs_two_bytes():
    half = np.ones(3, ml_dtypes.bfloat16)
    weight = weigh(serialized(half, tff.TensorType(ml_dtypes.bfloat16, [3])))
    assert (weight.payload, weight.numbers) == (6, 6)
