"""An array from outside is read without a copy, and nothing in it is trusted unchecked."""

import struct
import tracemalloc

import numpy as np
import pytest
from bad_clients import npy
from flwr.app import Array
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedlab.records import RecordError, array_view, payload_of

PLAIN = st.sampled_from(["<f4", "<f8", "<f2", ">f4", "<i8", ">i2", "|i1", "<u4", "<c8", "|b1"])
ARRAYS = st.tuples(PLAIN, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)).flatmap(
    lambda spec: hnp.arrays(*spec)
)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def read(array):
    """The view, if it is let through; then numpy must load the same."""
    view, reason = None, ""
    try:
        view = array_view(array)
    except RecordError as error:
        reason = str(error)
    assert reason.isprintable()
    assert len(reason) < 2000
    assert view is None or same(view, array.numpy())
    return view


@given(array=ARRAYS, fortran=st.booleans())
def test_a_view_holds_the_numbers_that_were_sent(array, fortran):
    sent = Array(np.asfortranarray(array) if fortran and array.ndim else array)
    view = array_view(sent)
    assert same(view, array)
    assert not view.flags.writeable or view.size == 0
    assert payload_of(sent) == array.nbytes


def test_a_view_is_no_copy():
    sent = Array(np.arange(1000.0))
    assert np.shares_memory(array_view(sent), np.frombuffer(sent.data, np.uint8))


@given(array=ARRAYS, cut=st.integers(1, 300))
def test_truncated_bytes_are_refused(array, cut):
    sent = Array(array)
    sent.data = sent.data[:-cut]
    with pytest.raises(RecordError):
        array_view(sent)


@given(array=ARRAYS, more=st.binary(min_size=1, max_size=50))
def test_bytes_too_many_are_refused(array, more):
    sent = Array(array)
    sent.data += more
    with pytest.raises(RecordError, match="came"):
        array_view(sent)


@settings(max_examples=300)
@given(array=ARRAYS, data=st.data())
def test_mutated_bytes_are_refused_or_read_as_numpy_reads_them(array, data):
    sent = Array(array)
    changed = bytearray(sent.data)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(changed), 140) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    sent.data = bytes(changed)
    read(sent)


@given(data=st.binary(max_size=300), shape=st.tuples(st.integers(0, 5)))
def test_garbage_is_refused(data, shape):
    with pytest.raises(RecordError):
        array_view(Array("float32", shape, "numpy.ndarray", data))


VALUES = st.recursive(
    st.sampled_from(["<f4", "<i8", "|O", "S0", "V0", "<U0", "<f4,<f4", "(3,)<f4", "<M8[s]", "x"])
    | st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple),
    max_leaves=6,
)
LITERALS = st.sampled_from(["(1e999,)", "(2, 3)", "(True, 6)", "(6,)", "'<f4'", "None", "(-6,)"])


@settings(max_examples=300)
@given(
    descr=VALUES.map(repr) | LITERALS,
    fortran=st.sampled_from(["True", "False", "0", "None", "'no'"]),
    shape=VALUES.map(repr) | LITERALS | st.lists(st.integers(0, 3)).map(lambda n: repr(tuple(n))),
    more=st.sampled_from(["", ", 'more': 1", ", 'shape': (6,)"]),
    data=st.integers(0, 48).map(bytes),
)
@example(descr="'<f4'", fortran="False", shape="(2, 3)", more="", data=bytes(24))
@example(descr="'<f4'", fortran="False", shape="(2.0, 3)", more="", data=bytes(24))
@example(descr="'<f4'", fortran="False", shape="(True, 6)", more="", data=bytes(24))
@example(descr="None", fortran="False", shape="(3,)", more="", data=bytes(24))
@example(descr="'S0'", fortran="False", shape="(10000000000,)", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape="(1e999,)", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape=f"(0, {10**30})", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape=f"(0, {2**62}, {2**62})", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape=repr((0,) * 65), more="", data=b"")
@example(descr="'<f4'", fortran="False", shape=repr((1,) * 64), more="", data=bytes(4))
@example(descr="'<f4'", fortran="False", shape=f"({'9' * 4000}, {'9' * 4000})", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape=repr((2**62,) * 400), more="", data=b"")
@example(descr="'<f4'", fortran="False", shape="(" * 500, more="", data=b"")
@example(descr="'<f4'", fortran="False", shape="-" * 5000 + "1", more="", data=b"")
@example(descr="'<f4'", fortran="False", shape="(" + "1+" * 4000 + "1,)", more="", data=b"")
def test_a_lying_header_is_refused_or_read_as_numpy_reads_it(descr, fortran, shape, more, data):
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}{more}}}"
    for announced in [(2, 3), (6,), (3,), (0,)]:
        for dtype in ["float32", "float64", "|S0"]:
            read(npy(header, data, shape=announced, dtype=dtype))


@given(text=st.text(st.characters(max_codepoint=255), max_size=200))
def test_a_header_of_any_text_is_refused(text):
    with pytest.raises(RecordError):
        array_view(npy(text, b"1234"))


def test_a_header_as_long_as_numpy_refuses_is_refused():
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}"
    assert read(npy(text + " " * (10_000 - len(text)), bytes(24))) is not None
    with pytest.raises(RecordError, match=r"header of 10001 bytes, 10000 at most"):
        array_view(npy(text + " " * (10_001 - len(text)), bytes(24)))


@pytest.mark.parametrize("version", [b"\x02\x00", b"\x03\x00", b"\x09\x09"])
def test_another_version_of_the_format_is_refused(version):
    sent = Array(np.ones(3))
    sent.data = sent.data[:6] + version + sent.data[8:]
    with pytest.raises(RecordError, match=r"expected a .npy header"):
        array_view(sent)


@pytest.mark.parametrize("count", [10**12, 2**62])
def test_a_promise_of_terabytes_allocates_nothing(count):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({count},)}}"
    sent = npy(header, b"only this", dtype="float64", shape=(count,))
    tracemalloc.start()
    try:
        with pytest.raises(
            RecordError, match=rf"promises shape \({count},\) of float64, {8 * count}"
        ):
            array_view(sent)
        assert payload_of(sent) == len(sent.data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_python_objects_are_refused_before_anything_is_unpickled():
    sent = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n.")
    with pytest.raises(RecordError, match="expected plain numbers, got dtype object"):
        array_view(sent)


@pytest.mark.parametrize("shape", [(0, 2**62, 2**62), (0,) * 65, (0, 2**70)])
def test_a_shape_beyond_numpys_is_refused_though_it_holds_nothing(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    with pytest.raises(RecordError, match="shape"):
        array_view(npy(header, b"", shape=shape))


@pytest.mark.parametrize("descr", ["|S0", "<U3", "|V8", "<M8[s]", "<m8[s]", "<f4,<f4"])
@pytest.mark.parametrize("count", [0, 1, 10**12])
def test_texts_dates_and_structures_are_no_numbers(descr, count):
    dtype = np.dtype(descr)
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({count},)}}"
    blob = bytes(count * dtype.itemsize if count < 2 else 0)
    with pytest.raises(RecordError, match="expected plain numbers, got dtype"):
        array_view(npy(header, blob, dtype=str(dtype), shape=(count,)))


@pytest.mark.parametrize("change", [{"shape": (3, 2)}, {"dtype": "float16"}, {"dtype": "nonsense"}])
def test_an_announcement_that_differs_from_the_header_is_refused(change):
    with pytest.raises(RecordError, match="announced as shape"):
        array_view(npy("{'descr':'<f4','fortran_order':False,'shape':(2,3)}", bytes(24), **change))


def test_another_stype_is_refused_and_its_blob_counts_whole():
    sent = Array("float32", (1000,), "fedlab.topk", struct.pack("<IfIf", 1, 2.0, 3, 4.0))
    with pytest.raises(RecordError, match=r"expected the stype 'numpy.ndarray', got 'fedlab.topk'"):
        array_view(sent)
    assert payload_of(sent) == 16
