"""A partition gives every example to exactly one client, the same one each time."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedlab.data import by_label, dirichlet, iid, label_counts, natural

LABELS = hnp.arrays(np.int64, st.integers(1, 200), elements=st.integers(0, 9))
SEEDS = st.integers(0, 2**32)
ALPHAS = st.floats(0, exclude_min=True, allow_infinity=False, allow_nan=False)
TEN = np.repeat(np.arange(10), 400)


def same(parts, others):
    return len(parts) == len(others) and all(map(np.array_equal, parts, others))


def assert_covers(parts, count):
    assert sorted(np.concatenate(parts)) == list(range(count))


@given(count=st.integers(1, 300), share=st.floats(0, 1), seed=SEEDS)
def test_iid_covers_every_example_once_in_sizes_that_differ_by_one(count, share, seed):
    clients = max(1, round(count * share))
    parts = iid(count, clients, seed=seed)
    assert len(parts) == clients
    assert_covers(parts, count)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert same(parts, iid(count, clients, seed=seed))


@given(labels=LABELS, share=st.floats(0, 1), alpha=ALPHAS, seed=SEEDS, data=st.data())
def test_dirichlet_covers_every_example_once_and_leaves_nobody_short(
    labels, share, alpha, seed, data
):
    clients = max(1, round(len(labels) * share))
    least = data.draw(st.integers(0, len(labels) // clients))
    parts = dirichlet(labels, clients, alpha, seed=seed, least=least)
    assert len(parts) == clients
    assert_covers(parts, len(labels))
    assert min(map(len, parts)) >= least
    assert same(parts, dirichlet(labels, clients, alpha, seed=seed, least=least))


@given(labels=LABELS, each=st.integers(1, 4), more=st.integers(0, 30), seed=SEEDS)
def test_by_label_covers_every_example_once_in_no_more_classes_than_asked_for(
    labels, each, more, seed
):
    clients = -(-len(np.unique(labels)) // each) + more
    assume(clients * each <= len(labels))
    parts = by_label(labels, clients, classes_per_client=each, seed=seed)
    assert len(parts) == clients
    assert_covers(parts, len(labels))
    assert min(map(len, parts)) >= each
    assert all(len(set(labels[part])) <= each for part in parts)
    assert same(parts, by_label(labels, clients, classes_per_client=each, seed=seed))


@given(groups=LABELS, seed=SEEDS)
def test_natural_is_one_client_for_each_group_in_order(groups, seed):
    parts = natural(groups, seed=seed)
    assert_covers(parts, len(groups))
    assert [set(groups[part]) for part in parts] == [{group} for group in np.unique(groups)]
    assert same(parts, natural(groups, seed=seed))


@given(labels=LABELS, clients=st.integers(1, 5), seed=SEEDS)
def test_counts_add_up_to_the_parts_and_to_the_classes(labels, clients, seed):
    parts = iid(max(len(labels), clients), clients, seed=seed)
    labels = np.resize(labels, sum(map(len, parts)))
    counts = label_counts(parts, labels)
    assert counts.shape == (clients, len(np.unique(labels)))
    assert list(counts.sum(axis=1)) == list(map(len, parts))
    assert list(counts.sum(axis=0)) == list(np.unique(labels, return_counts=True)[1])


def test_labels_or_their_number_make_the_same_iid_partition():
    assert same(iid(TEN, 7), iid(4_000, 7))
    assert same(iid(TEN, 7), iid(np.int64(4_000), 7))


def test_another_seed_makes_another_partition():
    assert not same(iid(TEN, 10), iid(TEN, 10, seed=1))
    assert not same(dirichlet(TEN, 10, 1), dirichlet(TEN, 10, 1, seed=1))
    assert not same(by_label(TEN, 10), by_label(TEN, 10, seed=1))
    assert not same(natural(TEN), natural(TEN, seed=1))


def test_a_large_alpha_comes_near_to_iid():
    counts = label_counts(dirichlet(TEN, 10, 1e9), TEN)
    assert counts.min() >= 39
    assert counts.max() <= 41


def test_a_small_alpha_gives_each_class_to_one_client():
    counts = label_counts(dirichlet(TEN, 10, 1e-6, least=0), TEN)
    assert [sorted(column) for column in counts.T] == [[0] * 9 + [400]] * 10


def test_skew_grows_as_alpha_shrinks():
    largest = [
        label_counts(dirichlet(TEN, 10, alpha), TEN).max(axis=0).mean()
        for alpha in (100, 1, 0.1, 0.01)
    ]
    assert largest == sorted(largest)


def test_equal_classes_in_equal_shards_are_the_papers_partition():
    counts = label_counts(by_label(TEN, 10), TEN)
    assert set(counts.ravel()) <= {0, 200, 400}
    assert list(counts.sum(axis=1)) == [400] * 10


def test_as_many_shards_as_classes_give_each_class_to_one_client():
    counts = label_counts(by_label(TEN, 5), TEN)
    assert [sorted(column) for column in counts.T] == [[0] * 4 + [400]] * 10


def test_a_large_class_is_cut_into_more_shards_than_a_small_one():
    labels = np.repeat([0, 1], [900, 100])
    parts = by_label(labels, 10, classes_per_client=1)
    assert sorted(map(len, parts)) == [100] * 10


def test_a_part_is_in_random_order_so_that_a_prefix_holds_its_labels():
    for partition in (
        lambda: dirichlet(TEN, 1, 1),
        lambda: by_label(TEN, 1, classes_per_client=10),
    ):
        (part,) = partition()
        assert set(TEN[part[:200]]) == set(range(10))
    (part,) = natural(np.zeros(4_000))
    assert set(TEN[part[:200]]) == set(range(10))


def test_labels_may_be_words():
    labels = np.array(["tweet", "film", "tweet"])
    assert label_counts([np.array([0, 2]), np.array([1])], labels).tolist() == [[0, 2], [1, 0]]
    assert label_counts(natural(labels), labels).tolist() == [[1, 0], [0, 2]]
    assert_covers(by_label(labels, 3, classes_per_client=1), 3)


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_an_alpha_that_is_no_positive_number_is_refused(alpha):
    with pytest.raises(ValueError, match=r"^alpha: expected a positive number, got "):
        dirichlet(TEN, 2, alpha)


@pytest.mark.parametrize("clients", [0, -3])
def test_less_than_one_client_is_refused(clients):
    for partition in (
        lambda: iid(TEN, clients),
        lambda: dirichlet(TEN, clients, 1),
        lambda: by_label(TEN, clients),
    ):
        with pytest.raises(ValueError, match=rf"^clients: expected 1 or more, got {clients}"):
            partition()


def test_more_clients_than_there_are_examples_for_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 for each of 11 clients, got 10 examples"):
        iid(10, 11)
    with pytest.raises(ValueError, match=r"at least 5 for each of 3 clients, got 14 examples"):
        dirichlet(np.zeros(14), 3, 1, least=5)
    with pytest.raises(ValueError, match=r"at least 2 for each of 3 clients, got 5 examples"):
        by_label(np.zeros(5), 3)
    with pytest.raises(ValueError, match=r"^least: expected 0 examples or more, got -1"):
        dirichlet(TEN, 3, 1, least=-1)


def test_fewer_shards_than_classes_are_refused():
    with pytest.raises(ValueError, match=r"to be at least 10, the number of classes, got 8; take"):
        by_label(TEN, 4)
    with pytest.raises(ValueError, match=r"^classes_per_client: expected 1 or more, got 0"):
        by_label(TEN, 4, classes_per_client=0)
