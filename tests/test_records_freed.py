"""Records are read and made as Flower does, with one copy, and let go of without the collector."""

import gc
import weakref

import numpy as np
import pytest
from apps import model, record
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from fedlab.meters import traced_peak
from fedlab.records import array_of, array_view, objects_of, payload, records_of, round_of, weigh

LAYOUTS = {
    "plain": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T,
    "backwards": lambda a: a[::-1] if a.ndim else a,
    "every other": lambda a: a[..., ::2] if a.ndim else a,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
}
NUMBERS = st.one_of(
    nps.boolean_dtypes(),
    nps.integer_dtypes(endianness="?"),
    nps.unsigned_integer_dtypes(endianness="?"),
    nps.floating_dtypes(endianness="?"),
    nps.complex_number_dtypes(endianness="?"),
)


@given(
    array=nps.arrays(NUMBERS, nps.array_shapes(min_dims=0, min_side=0, max_dims=4)),
    layout=st.sampled_from(sorted(LAYOUTS)),
)
def test_an_array_is_made_byte_for_byte_as_flower_makes_it(array, layout):
    numbers = LAYOUTS[layout](array)
    ours, theirs = array_of(numbers), Array(numbers)
    assert (ours.dtype, ours.shape, ours.stype) == (theirs.dtype, theirs.shape, theirs.stype)
    assert ours.data == theirs.data
    assert ours.object_id == theirs.object_id
    np.testing.assert_array_equal(array_view(ours), numbers)


def test_an_array_is_made_with_one_copy_and_not_two():
    numbers = np.zeros(2**20, np.float32)
    with traced_peak() as ours:
        array_of(numbers)
    with traced_peak() as theirs:
        Array(numbers)
    assert 1 <= ours.size / numbers.nbytes < 1.01 < 2 <= theirs.size / numbers.nbytes


def content():
    return RecordDict(
        {
            "arrays": record(model(0.5)),
            "again": record(model(1.5)),
            "metrics": MetricRecord({"num-examples": 3}),
            "config": ConfigRecord({"server-round": 4}),
        }
    )


def test_records_are_found_as_flowers_properties_find_them():
    held = content()
    assert records_of(held, ArrayRecord) == dict(held.array_records)
    assert records_of(held, MetricRecord) == dict(held.metric_records)
    assert records_of(held, ConfigRecord) == dict(held.config_records)
    assert records_of(RecordDict(), ArrayRecord) == {}


def test_objects_are_those_that_flower_sends():
    held = content()
    ours, theirs = objects_of(held), get_all_nested_objects(held)
    assert ours.keys() == theirs.keys()
    assert all(ours[name] is theirs[name] for name in ours)


@pytest.mark.parametrize(
    "read",
    [
        payload,
        weigh,
        round_of,
        objects_of,
        lambda held: records_of(held, ArrayRecord),
        lambda held: [array_view(array) for array in held["arrays"].values()],
    ],
)
def test_a_content_that_was_read_is_freed_at_once(read):
    held = content()
    alive = weakref.ref(held)
    gc.disable()
    try:
        read(held)
        del held
        assert alive() is None
    finally:
        gc.enable()
