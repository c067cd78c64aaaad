"""Updates and weights that are no good: refused by name, and the mean is untouched, to the bit."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flwr.app import Array

from fedlab.aggregators import (
    AggregationError,
    BufferedAsyncMean,
    ListMean,
    RunningMean,
    TreeMean,
)

KINDS = {
    "list": ListMean,
    "running": RunningMean,
    "tree": lambda: TreeMean(2),
    "async": lambda: BufferedAsyncMean(100),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def good(fill=1.0):
    return {"w": np.full((2, 3), fill, np.float32), "n": np.array(3)}


def w(array):
    return good() | {"w": array}


def with_one(value, dtype=np.float32):
    array = np.zeros((2, 3), dtype)
    array[1, 2] = value
    return w(array)


BAD_UPDATES = {
    "a missing tensor": ({"w": good()["w"]}, r"n: missing tensor \(1 differ\)"),
    "an extra tensor": (good() | {"x": np.zeros(1)}, r"x: unexpected tensor \(1 differ\)"),
    "another name": ({"W": good()["w"], "n": np.array(3)}, r"W: unexpected tensor \(2 differ\)"),
    "a name that is no text": (good() | {7: np.zeros(1)}, "expected names of tensors, got 7"),
    "another shape": (w(np.zeros((3, 2))), r"w: expected shape \(2, 3\), got \(3, 2\)"),
    "a shape that broadcasts": (w(np.zeros((1, 3))), r"w: expected shape \(2, 3\), got \(1, 3\)"),
    "no dimension": (w(np.array(1.0)), r"w: expected shape \(2, 3\), got \(\)"),
    "integers": (w(np.ones((2, 3), int)), "w: expected floating-point numbers, got int64"),
    "booleans": (w(np.ones((2, 3), bool)), "w: expected floating-point numbers, got bool"),
    "NaN": (with_one(math.nan), "w: 1 of 6 values are NaN or infinite as float32"),
    "infinity": (with_one(-math.inf), "w: 1 of 6 values are NaN or infinite as float32"),
    "both infinities": (
        w(np.array([[math.inf, -math.inf, 0]] * 2, np.float32)),
        "w: 4 of 6 values are NaN or infinite",
    ),
    "half a NaN": (with_one(math.nan, np.float16), "w: 1 of 6 values are NaN or infinite"),
    "a double beyond float32": (
        with_one(1e300, np.float64),
        "w: 1 of 6 values are NaN or infinite as float32",
    ),
    "a NaN for an integer": (good() | {"n": np.array(math.nan)}, "n: 1 of 1 values are NaN"),
    "3e38": (with_one(3e38), "w: 1 of 6 values are beyond a quarter of float32's range"),
    "-3e38": (with_one(-3e38), "w: 1 of 6 values are beyond a quarter of float32's range"),
    "objects": (w(np.full((2, 3), None)), "w: expected a numpy array of real numbers, got object"),
    "complex": (w(np.zeros((2, 3), complex)), "of real numbers, got complex128"),
    "texts": (w(np.full((2, 3), "1")), "w: expected a numpy array of real numbers, got <U1"),
    "dates": (w(np.zeros((2, 3), "M8[s]")), r"of real numbers, got datetime64\[s\]"),
    "a list": (w([[1.0] * 3] * 2), "w: expected a numpy array of real numbers, got list"),
    "a number": (w(1.0), "w: expected a numpy array of real numbers, got float"),
    "None": (w(None), "w: expected a numpy array of real numbers, got NoneType"),
    "Flower's Array": (w(Array(np.zeros((2, 3)))), "of real numbers, got Array"),
    "nothing": ({}, "expected tensors by name, got an empty update"),
    "arrays without names": ([good()["w"]], "expected tensors by name, got list"),
    "no update": (None, "expected tensors by name, got NoneType"),
}

BAD_WEIGHTS = {
    "negative": (-1, "got -1"),
    "zero": (0, "got 0"),
    "no example": (np.int64(0), r"got np.int64\(0\)"),
    "minus zero": (-0.0, "got -0.0"),
    "a negative fraction": (Fraction(-1, 3), r"got Fraction\(-1, 3\)"),
    "NaN": (math.nan, "got nan"),
    "infinite": (math.inf, "got inf"),
    "numpy's NaN": (np.float32(math.nan), r"got np.float32\(nan\)"),
    "beyond float64": (np.longdouble("1e4000"), "got np.longdouble"),
    "none": (None, "got none"),
    "True": (True, "got True"),
    "numpy's True": (np.True_, "got np.True_"),
    "a text": ("3", "got '3'"),
    "a list": ([3], r"got \[3\]"),
    "an array": (np.array(3), r"got array\(3\)"),
    "complex": (3 + 0j, r"got \(3\+0j\)"),
}


def bits(mean):
    return {name: array.tobytes() for name, array in mean.result().items()}


def refuses(mean, update, weight, said, **more):
    """The add raises, and result, count and weight are what they were."""
    before = bits(mean), mean.count, mean.weight
    with pytest.raises(AggregationError, match=rf"^client 7: .*{said}"):
        mean.add(update, weight, client=7, **more)
    assert (bits(mean), mean.count, mean.weight) == before


def begun(kind):
    mean = KINDS[kind]()
    for fill, weight in ((0.1, 3), (1.7, 1.5), (-4.2, Fraction(2, 7))):
        mean.add(good(fill), weight)
    return mean


@every_kind
@pytest.mark.parametrize("bad", BAD_UPDATES)
def test_a_bad_update_is_refused_by_client_and_tensor(kind, bad):
    mean, without = begun(kind), begun(kind)
    update, said = BAD_UPDATES[bad]
    refuses(mean, update, 1, said)
    assert bits(mean) == bits(without)
    for one in (mean, without):
        one.add(good(9.0), 2)
    assert bits(mean) == bits(without)


@every_kind
@pytest.mark.parametrize("bad", BAD_WEIGHTS)
def test_a_bad_weight_is_refused_by_client(kind, bad):
    weight, got = BAD_WEIGHTS[bad]
    refuses(begun(kind), good(), weight, f"expected a finite weight above 0, {got}")


@every_kind
@pytest.mark.parametrize("bad", [name for name, (u, _) in BAD_UPDATES.items() if name != "3e38"])
def test_a_bad_first_update_does_not_say_what_to_expect(kind, bad):
    """Some of them would be fine as a first one: a missing tensor misses to nobody."""
    mean, (update, _) = KINDS[kind](), BAD_UPDATES[bad]
    try:
        mean.add(update, 1)
    except AggregationError:
        mean.add({"other": np.ones(1)}, 1)
        assert mean.result() == {"other": np.ones(1)}
    else:
        assert set(mean.result()) == set(update)


@every_kind
def test_without_a_client_the_number_of_the_update_is_said(kind):
    with pytest.raises(AggregationError, match=r"^update 4: w: expected shape"):
        begun(kind).add(w(np.zeros(1)), 1)


@every_kind
def test_the_mean_of_nothing_is_refused(kind):
    with pytest.raises(AggregationError, match="a result needs at least one update, got none"):
        KINDS[kind]().result()


@every_kind
def test_the_largest_values_that_are_taken_give_a_finite_mean(kind):
    mean, largest = KINDS[kind](), float(np.finfo(np.float32).max) / 4
    for sign, weight in ((1, 1), (-1, 1e-30), (1, 10**30), (-1, 3)):
        mean.add({"w": np.full(9, sign * largest, np.float32)}, weight)
    assert np.isfinite(mean.result()["w"]).all()


@pytest.mark.parametrize("like", [{}, [np.zeros(1)], {"w": [1.0]}, {"w": np.zeros(1, complex)}])
def test_what_to_expect_must_be_tensors_by_name(like):
    with pytest.raises(AggregationError, match=r"^like: "):
        RunningMean(like=like)


@pytest.mark.parametrize("fan_out", [1, 0, -3, True, 2.0, "2", None])
def test_a_fan_out_below_two_is_refused(fan_out):
    with pytest.raises(AggregationError, match="fan_out: expected a whole number, 2 or more, got"):
        TreeMean(fan_out)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": 0}, "size: expected a whole number, 1 or more, got 0"),
        ({"size": True}, "size: expected a whole number"),
        ({"size": 2.5}, "size: expected a whole number"),
        ({"size": 3, "max_staleness": -1}, "max_staleness: expected a whole number, 0 or more"),
        ({"size": 3, "max_staleness": 1.5}, "max_staleness: expected a whole number"),
        ({"size": 3, "max_staleness": "2"}, "max_staleness: expected a whole number"),
    ],
)
def test_a_buffer_that_cannot_be_is_refused(settings, said):
    with pytest.raises(AggregationError, match=said):
        BufferedAsyncMean(**settings)


VERSIONS = [-1, 6, 10**30, True, False, 2.0, math.nan, "5", [5], np.uint64(6), np.float64(5)]


@pytest.mark.parametrize("version", VERSIONS, ids=repr)
def test_a_version_that_never_was_is_refused(version):
    mean = BufferedAsyncMean(9)
    mean.version = 5
    mean.add(good(), 1, version=5)
    refuses(mean, good(), 1, "expected a version from 0 to 5, got ", version=version)


def test_a_stale_update_older_than_allowed_is_refused():
    mean = BufferedAsyncMean(9, max_staleness=2)
    mean.version = 5
    mean.add(good(), 1, version=3)
    refuses(mean, good(), 1, "started 3 versions ago, at most 2 allowed", version=2)
    fresh_only = BufferedAsyncMean(9, max_staleness=0)
    fresh_only.version = 1
    fresh_only.add(good(), 1)
    refuses(fresh_only, good(), 1, "started 1 versions ago, at most 0 allowed", version=0)


def test_a_bad_weight_in_a_buffer_is_refused_whatever_its_version():
    mean = BufferedAsyncMean(9)
    mean.version = 5
    mean.add(good(), 1, version=1)
    refuses(mean, good(), None, "expected a finite weight above 0, got none", version=1)
