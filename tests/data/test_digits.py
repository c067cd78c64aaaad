"""MNIST as the lessons get it: balanced, in a fixed order, read-only."""

import gzip

import numpy as np
import pytest

from fedlab import Bytes
from fedlab.data import Examples, cached, mnist
from fedlab.data.digits import read_digits

PIXELS = 784


@pytest.fixture
def table(tmp_path):
    """A file in the form of the data set: two classes of ten, the first pixel numbers them."""
    rows = np.zeros((20, PIXELS + 1), np.uint8)
    rows[:, 0] = np.arange(20)
    rows[:, 1] = 255
    rows[:, -1] = np.repeat([3, 8], 10)
    path = tmp_path / "digits.csv.gz"
    with gzip.open(path, "wt") as out:
        np.savetxt(out, rows, fmt="%d", delimiter=",")
    return path


def numbers(examples):
    return np.rint(examples.inputs[:, 0] * 255).astype(int)


def test_every_fifth_digit_is_held_back_for_testing(table) -> None:
    digits = read_digits(table)
    assert sorted(numbers(digits.test)) == [0, 5, 10, 15]
    assert sorted([*numbers(digits.test), *numbers(digits.train)]) == list(range(20))
    for part in (digits.train, digits.test):
        assert list(part.labels) == [3 if number < 10 else 8 for number in numbers(part)]


def test_pixels_are_float32_from_0_to_1_and_labels_int64(table) -> None:
    train = read_digits(table).train
    assert (train.inputs.dtype, train.inputs.shape) == (np.float32, (16, PIXELS))
    assert train.labels.dtype == np.int64
    assert (train.inputs[:, 1].min(), train.inputs.max(), train.inputs.min()) == (1, 1, 0)
    assert train.nbytes == 16 * (PIXELS * 4 + 8)
    assert type(train.nbytes) is Bytes


def test_the_order_is_shuffled_and_always_the_same(table) -> None:
    first, second = read_digits(table).train, read_digits(table).train
    assert list(numbers(first)) == list(numbers(second)) != sorted(numbers(first))


def test_examples_are_read_only_and_so_are_those_taken_from_them(table) -> None:
    train = read_digits(table).train
    for examples in (train, train.take([0, 1])):
        for array in (examples.inputs, examples.labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_what_was_handed_in_stays_writable() -> None:
    inputs = np.zeros((2, 3), np.float32)
    Examples(inputs, np.zeros(2, np.int64))
    inputs[0] = 1


def test_examples_are_taken_in_the_order_asked_for(table) -> None:
    train = read_digits(table).train
    some = train.take(np.array([3, 0, 3]))
    assert list(numbers(some)) == [numbers(train)[i] for i in (3, 0, 3)]
    assert len(some) == 3
    assert len(train.take(np.array([], np.int64))) == 0
    with pytest.raises(IndexError):
        train.take([16])


def test_a_label_is_wanted_for_each_example() -> None:
    with pytest.raises(ValueError, match="got 3 examples and 2 labels"):
        Examples(np.zeros((3, 1)), np.zeros(2))


def test_mnist_is_balanced_in_both_parts_and_nearly_so_in_a_prefix() -> None:
    if cached("mnist") is None:
        pytest.skip("MNIST is not in the cache: run python -m fedlab.data")
    digits = mnist()
    assert list(np.bincount(digits.train.labels)) == [400] * 10
    assert list(np.bincount(digits.test.labels)) == [100] * 10
    assert np.bincount(digits.train.labels[:500]).min() > 30
    assert digits.train.nbytes == 4_000 * (PIXELS * 4 + 8)
    assert (digits.train.inputs.min(), digits.train.inputs.max()) == (0, 1)
