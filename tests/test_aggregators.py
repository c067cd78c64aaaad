"""Every aggregator is the weighted mean, to rounding; whatever comes, in whatever order."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.aggregators import BufferedAsyncMean, ListMean, RunningMean, TreeMean
from fedlab.meters import traced_peak

KINDS = {
    "list": ListMean,
    "running": RunningMean,
    "tree of 2": lambda: TreeMean(2),
    "tree of 3": lambda: TreeMean(3),
    "tree of 10": TreeMean,
    "async": lambda: BufferedAsyncMean(1000),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=20)  # for each of six kinds

WEIGHTS = st.one_of(
    st.integers(1, 10**6),
    st.integers(1, 10**400),
    st.floats(1e-300, 1e300),
    st.just(5e-324),
    st.fractions(Fraction(1, 10**30), 10**30),
    st.integers(1, 2**63).map(np.uint64),
    st.integers(1, 100).map(np.int8),
    st.floats(0.015625, 1024, width=16).map(np.float16),
    st.floats(0.015625, 1024, width=32).map(np.float32),
)
LAYOUTS = {
    "plain": lambda a: a,
    "Fortran": np.asfortranarray,
    "backwards": lambda a: a[::-1].copy()[::-1],
    "every other": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "of a struct": lambda a: np.rec.fromarrays([np.zeros(a.shape, "u1"), a]).f1,
    "mapped to one": lambda a: np.broadcast_to(a, (1, *a.shape))[0],
}
SHAPES = [(2, 3), (1, 1), (3, 1), (0, 4)]


@st.composite
def federations(draw):
    """Updates of one shape in any float dtype and layout, each with its weight."""
    shape = draw(st.sampled_from(SHAPES))
    size = int(np.prod(shape))
    updates = []
    for _ in range(draw(st.integers(1, 12))):
        dtype = draw(st.sampled_from(["<f4", "<f2", "<f8", ">f4", ">f8", "longdouble"]))
        numbers = draw(st.lists(st.floats(-1e4, 1e4, width=16), min_size=size, max_size=size))
        layout = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
        updates.append((layout(np.array(numbers, dtype).reshape(shape)), draw(WEIGHTS)))
    return updates


def added(kind, updates):
    mean = KINDS[kind]()
    for array, weight in updates:
        mean.add({"w": array}, weight)
    return mean


def exact(weight):
    return Fraction(weight if isinstance(weight, (int, Fraction)) else weight.item())


def reference(updates):
    """In float64, with shares of exact weights."""
    weights = [exact(w) if not isinstance(w, float) else Fraction(w) for _, w in updates]
    total = sum(weights)
    shares = [float(w / total) for w in weights]
    return sum(s * np.asarray(a, np.float64) for s, (a, _) in zip(shares, updates, strict=True))


def bits(result):
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in result.items()}


@every_kind
@few
@given(updates=federations())
def test_it_is_the_weighted_mean_to_float32_rounding(kind, updates):
    mean = added(kind, updates).result()["w"]
    wide = updates[0][0].dtype.itemsize > 4
    assert mean.dtype == (np.float64 if wide else np.float32)
    largest = max((np.abs(np.asarray(a, np.float64)).max(initial=0) for a, _ in updates))
    rounding = len(updates) * (2**-52 if wide else 2**-23) * float(largest)
    np.testing.assert_allclose(mean, reference(updates), rtol=0, atol=2 * rounding)


@given(updates=federations())
def test_the_list_and_the_running_mean_agree_to_the_bit(updates):
    running = bits(added("running", updates).result())
    assert bits(added("list", updates).result()) == bits(added("async", updates).result())
    assert bits(added("list", updates).result()) == running


@every_kind
@few
@given(updates=federations())
def test_two_identical_runs_are_bitwise_identical(kind, updates):
    assert bits(added(kind, updates).result()) == bits(added(kind, updates).result())


@every_kind
@few
@given(
    numbers=st.lists(st.floats(-(2.0**66), 2.0**66, width=32), min_size=1, max_size=40),
    weights=st.lists(WEIGHTS, min_size=1, max_size=12),
)
def test_equal_updates_change_no_bit_but_the_sign_of_a_zero(kind, numbers, weights):
    update = np.array(numbers, np.float32)
    mean = added(kind, [(update, weight) for weight in weights]).result()["w"]
    assert (mean + 0.0).tobytes() == (update + 0.0).tobytes()


@every_kind
@few
@given(updates=federations(), asked=st.sets(st.integers(0, 11)))
def test_asking_for_results_meanwhile_keeps_the_mean_and_what_was_handed_out(kind, updates, asked):
    mean, handed_out = KINDS[kind](), []
    for index, (array, weight) in enumerate(updates):
        mean.add({"w": array}, weight)
        if index in asked:
            one, again = mean.result(), mean.result()
            assert bits(one) == bits(again)
            handed_out.append((one, bits(one)))
    total = mean.result()["w"]
    for result, before in handed_out:
        assert bits(result) == before
    np.testing.assert_allclose(total, reference(updates), rtol=1e-5, atol=0.1)
    if not kind.startswith("tree"):  # whose servers report early when they are asked
        assert bits({"w": total}) == bits(added(kind, updates).result())


@every_kind
def test_clear_forgets_the_updates_and_keeps_the_tensors_to_expect(kind):
    mean = added(kind, [(np.full((2, 2), value), 3) for value in (1.0, 2.0, 5.0)])
    first = mean.result()["w"]
    mean.clear()
    with pytest.raises(ValueError, match="needs at least one update, got none"):
        mean.result()
    with pytest.raises(ValueError, match=r"w: expected shape \(2, 2\), got \(3,\)"):
        mean.add({"w": np.zeros(3)}, 1)
    mean.add({"w": np.full((2, 2), 7.0)}, 2)
    assert (mean.count, mean.weight) == (1, 2)
    np.testing.assert_array_equal(mean.result()["w"], np.full((2, 2), 7.0))
    np.testing.assert_array_equal(first, np.full((2, 2), first[0, 0]))


@every_kind
def test_integers_are_averaged_in_float64_and_may_come_as_floats(kind):
    mean = KINDS[kind]()
    for value, dtype in ((1, np.int64), (2**40, np.uint64), (0, np.bool_), (7, np.float64)):
        mean.add({"n": np.array(value, dtype)}, 1)
    result = mean.result()["n"]
    assert (result.dtype, result.shape) == (np.float64, ())
    assert result == (8 + 2**40) / 4


@every_kind
def test_the_caller_may_change_an_update_after_adding_it_unless_a_list_keeps_it(kind):
    mean, array = KINDS[kind](), np.ones(3, np.float32)
    mean.add({"w": array}, 1)
    array[:] = 9
    kept = 9 if kind == "list" else 1
    np.testing.assert_array_equal(mean.result()["w"], np.full(3, kept))


@every_kind
def test_the_tensors_to_expect_may_be_given_first(kind):
    mean = KINDS[kind]()
    like = type(mean)(1, like={"w": np.zeros(3)}) if kind == "async" else None
    mean = like or type(mean)(like={"w": np.zeros(3)})
    with pytest.raises(ValueError, match=r"client 4: w: expected shape \(3,\), got \(2,\)"):
        mean.add({"w": np.zeros(2)}, 1, client=4)
    mean.add({"w": np.ones(3, np.float32)}, 1)
    assert mean.result()["w"].dtype == np.float64


def test_the_number_of_torchs_threads_changes_no_bit():
    rng, threads, seen = np.random.default_rng(0), torch.get_num_threads(), []
    updates = [(rng.standard_normal(100_003).astype(np.float32), w) for w in (1.3, 2, 5)]
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            seen.append(bits(added("running", updates).result()))
    finally:
        torch.set_num_threads(threads)
    assert seen[0] == seen[1]


def test_a_thousand_small_steps_round_like_float32_does():
    rng = np.random.default_rng(1)
    updates = [(rng.standard_normal(1000).astype(np.float32), int(w)) for w in range(1, 1001)]
    for kind in KINDS:
        error = np.abs(added(kind, updates).result()["w"] - reference(updates)).max()
        assert error < 2e-6


# --- an asynchronous buffer ----------------------------------------------------------------------


@given(stale=st.lists(st.integers(0, 20), min_size=1, max_size=8))
def test_a_stale_update_counts_with_its_weight_over_the_root_of_one_plus_its_age(stale):
    mean = BufferedAsyncMean(len(stale))
    mean.version = 20
    for index, age in enumerate(stale):
        assert not mean.full
        mean.add({"w": np.array([float(index)])}, index + 1, version=20 - age)
    shares = [(index + 1) * (1 + age) ** -0.5 for index, age in enumerate(stale)]
    assert mean.weight == sum((i + 1) * Fraction((1 + a) ** -0.5) for i, a in enumerate(stale))
    expected = sum(share * i for i, share in enumerate(shares)) / sum(shares)
    assert mean.result()["w"][0] == pytest.approx(expected)


def test_a_full_buffer_is_a_step_and_the_next_version():
    mean = BufferedAsyncMean(1)
    mean.add({"w": np.ones(1)}, 1)
    assert mean.full
    with pytest.raises(ValueError, match=r"client 3: the buffer holds its 1: take the result"):
        mean.add({"w": np.ones(1)}, 1, client=3)
    mean.clear()
    assert (mean.version, mean.full) == (1, False)
    mean.add({"w": np.ones(1)}, 1, version=np.int64(0))


# --- memory --------------------------------------------------------------------------------------


def traced(kind, count=50, size=2**20):
    """The peak while updates of 1 MiB are made and added one by one, in updates."""
    mean = KINDS[kind]()
    with traced_peak() as peak:
        for index in range(count):
            mean.add({"w": np.full(size // 4, index, np.float32)}, 1)
        mean.result()
    return peak.size / size


def test_a_list_holds_every_update_and_the_others_their_sums_and_the_update_being_added():
    assert 51 <= traced("list") < 51.1
    for kind, sums in {"running": 1, "async": 1, "tree of 10": 2, "tree of 3": 4}.items():
        assert sums + 1 <= traced(kind) < sums + 1.1
