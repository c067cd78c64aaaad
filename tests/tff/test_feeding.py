"""Digits from a file and digits in the graph: the same batches, to the bit; and what is refused."""

import numpy as np
import pytest
from processes import process_of

from fedlab.data import Examples
from fedlab.meters import traced_peak
from fedlab.tff import TffError, from_file, graph_bytes, in_graph, tensors_in, write_digits
from fedlab.tff.feeding import GRAPH_LIMIT

MIB = 2**20


@pytest.fixture(scope="module")
def some(digits):
    """Fifty real digits."""
    return digits.take(range(50, 100))


@pytest.fixture(scope="module")
def path(some, tmp_path_factory):
    """The same digits, in a file."""
    written = tmp_path_factory.mktemp("digits") / "digits.bin"
    write_digits(some, written)
    return written


@pytest.mark.parametrize(
    ("batch", "sizes"), [(32, [32, 18]), (50, [50]), (64, [50]), (1, [1] * 50)]
)
def test_both_yield_the_same_batches_to_the_bit(some, path, batch, sizes):
    lazy, baked = (list(feed.as_numpy_iterator()) for feed in (
        from_file(path, batch), in_graph(some, batch),
    ))  # fmt: skip
    assert [len(labels) for _, labels in lazy] == sizes
    for (inputs, labels), (same_inputs, same_labels) in zip(lazy, baked, strict=True):
        assert (inputs.dtype, labels.dtype) == (np.float32, np.int64)
        assert inputs.shape == same_inputs.shape == (len(labels), 784)
        assert inputs.tobytes() == same_inputs.tobytes()
        assert labels.tobytes() == same_labels.tobytes()
    assert np.array_equal(np.concatenate([inputs for inputs, _ in lazy]), some.inputs)
    assert np.array_equal(np.concatenate([labels for _, labels in lazy]), some.labels)


def test_training_on_either_gives_identical_tensors(worker, some, path):
    process = process_of("fp32")
    state = process.initialize()
    lazy, baked = (
        tensors_in(process, process.next(state, [feed]).state)
        for feed in (from_file(path, 32), in_graph(some, 32))
    )
    assert all(lazy[name].tobytes() == baked[name].tobytes() for name in lazy)


def test_the_file_holds_a_pixel_in_four_bytes_and_a_label_in_eight(some, path):
    blob = path.read_bytes()
    assert len(blob) == 50 * (784 * 4 + 8)
    assert blob[: 784 * 4] == some.inputs[0].astype("<f4").tobytes()
    assert blob[784 * 4 : 784 * 4 + 8] == some.labels[0].astype("<i8").tobytes()


def test_a_file_is_read_when_it_is_needed_and_a_graph_holds_its_digits(some, digits, path):
    assert graph_bytes(from_file(path, 32)) < 10_000
    assert some.nbytes < graph_bytes(in_graph(some, 32)) < some.nbytes + 10_000
    more = digits.take(range(100))
    grown = graph_bytes(in_graph(more, 32)) - graph_bytes(in_graph(some, 32))
    assert abs(grown - some.nbytes) < 20  # the digits, and a few longer lengths


def test_a_dataset_too_large_for_a_graph_is_refused_before_it_is_made():
    def huge(count):
        pixel, label = np.zeros((), np.float32), np.zeros((), np.int64)
        return Examples(np.broadcast_to(pixel, (count, 784)), np.broadcast_to(label, count))

    assert huge(33_351).nbytes < GRAPH_LIMIT < huge(33_352).nbytes
    for count in (33_352, 10**9):
        with (
            traced_peak() as peak,
            pytest.raises(
                TffError,
                match=rf"^{count:,} examples, .* read them from a file instead, write_digits",
            ),
        ):
            in_graph(huge(count), 32)
        assert peak.size < MIB


@pytest.mark.parametrize(
    ("size", "got"), [(None, "no file"), (0, "0 B"), (3143, "3,143 B"), (2 * 3144 + 1, "6,289 B")]
)
def test_a_file_that_holds_no_whole_number_of_digits_is_refused(tmp_path, size, got):
    path = tmp_path / "some.bin"
    if size is not None:
        path.write_bytes(bytes(size))
    expected = rf"^some\.bin: expected a file of digits, 3,144 B each, got {got}: write it with"
    with pytest.raises(TffError, match=expected):
        from_file(path, 32)


def test_a_folder_is_no_file_of_digits(tmp_path):
    with pytest.raises(TffError, match="got no file: write it with write_digits"):
        from_file(tmp_path, 32)
