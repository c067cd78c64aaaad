"""Examples, sizes, files and rates that no training can use are refused in one sentence."""

import numpy as np
import pytest
import torch
from small_training import examples, run

from fedlab.data import Examples
from fedlab.models import mlp
from fedlab.trainers import (
    TrainingError,
    accumulated,
    accuracy,
    from_disk,
    mini_batches,
    to_disk,
    train,
    whole,
)


@pytest.mark.parametrize("size", [0, -3])
def test_a_step_has_at_least_one_example(size):
    with pytest.raises(TrainingError, match=f"^size: expected 1 or more .* got {size}"):
        mini_batches(examples(5), size)
    with pytest.raises(TrainingError, match=f"^size: expected 1 or more .* got {size}"):
        accuracy(mlp((6, 3)), examples(5), size=size)


@pytest.mark.parametrize("micro", [0, 5])
def test_a_part_is_no_larger_than_its_step(micro):
    with pytest.raises(TrainingError, match=f"^micro: expected 1 to 4 examples.* got {micro}"):
        accumulated(examples(9), 4, micro)


@pytest.mark.parametrize(
    ("inputs", "labels", "said"),
    [
        (np.zeros((0, 6), np.float32), np.zeros(0, np.int64), "at least one example, got none"),
        (np.zeros((2, 6)), np.zeros(2, np.int64), "inputs of float32 .*, got float64"),
        (np.zeros((2, 6), np.int32), np.zeros(2, np.int64), "inputs of float32 .*, got int32"),
        (np.zeros(2, np.float32), np.zeros(2, np.int64), r"inputs .* in shape \(2,\);"),
        (np.zeros((2, 6), np.float32), np.zeros(2, np.int32), "labels of int64 .*, got int32"),
        (np.zeros((2, 6), np.float32), np.zeros((2, 1), np.int64), r"labels .* in shape \(2, 1\);"),
    ],
)
def test_examples_that_cannot_be_fed_are_refused_in_memory_and_on_disk(
    inputs, labels, said, tmp_path
):
    wrong = Examples(inputs, labels)
    for feed in (whole, lambda them: mini_batches(them, 2), lambda them: accumulated(them, 2, 1)):
        with pytest.raises(TrainingError, match=f"^examples: expected {said}"):
            feed(wrong)
    with pytest.raises(TrainingError, match=f"^chunk 1: expected {said}"):
        to_disk(tmp_path, [examples(2), wrong])
    np.save(tmp_path / "inputs.npy", inputs)
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(TrainingError, match=f"expected {said}|expected a whole .npy file"):
        from_disk(tmp_path)


def test_token_ids_are_fed_as_they_are_and_refused_on_disk(tmp_path):
    ids = Examples(np.arange(12).reshape(3, 4), np.zeros(3, np.int64))
    (batch,) = next(whole(ids).epoch(0))
    assert batch.inputs.dtype == torch.int64
    assert batch.inputs.data_ptr() == ids.inputs.ctypes.data
    with pytest.raises(TrainingError, match=r"^examples: .* of float32 \(or int64, token ids\) in"):
        whole(Examples(ids.inputs[0], np.zeros(4, np.int64)))
    with pytest.raises(TrainingError, match=r"^chunk 0: .* of float32 in .*, got int64 in shape"):
        to_disk(tmp_path, [ids])


def test_a_folder_whose_files_do_not_fit_each_other_is_refused(tmp_path):
    to_disk(tmp_path, [examples(5)])
    np.save(tmp_path / "labels.npy", np.zeros(4, np.int64))
    with pytest.raises(TrainingError, match=r"expected a label for each input, got 5 .* and 4"):
        from_disk(tmp_path)


@pytest.mark.parametrize("blob", [None, b"", b"no numbers", "cut", "objects"])
def test_a_file_that_is_missing_broken_or_of_objects_is_refused(blob, tmp_path):
    to_disk(tmp_path, [examples(5)])
    path = tmp_path / "inputs.npy"
    if blob is None:
        path.unlink()
    elif blob == "objects":
        np.save(path, np.array([{}], object), allow_pickle=True)
    else:
        path.write_bytes(path.read_bytes()[:-1] if blob == "cut" else blob)
    with pytest.raises(TrainingError, match=r"inputs.npy: expected a whole .npy file, got"):
        from_disk(tmp_path)


def test_writing_that_fails_leaves_what_was_there(tmp_path):
    to_disk(tmp_path, [examples(5)])
    with pytest.raises(TrainingError, match=r"^chunk 1: expected inputs of shape \('n', 6\)"):
        to_disk(tmp_path, [examples(3), examples(3, features=7)])
    with pytest.raises(TrainingError, match=r"^chunks: expected at least one, got none"):
        to_disk(tmp_path, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inputs.npy", "labels.npy"]
    assert len(from_disk(tmp_path)) == 5


def test_what_is_written_is_what_numpy_loads_and_as_large_as_said(tmp_path):
    size = to_disk(tmp_path / "new" / "folder", (examples(7, seed=i) for i in range(3)))
    inputs, labels = (np.load(tmp_path / "new/folder" / f"{n}.npy") for n in ("inputs", "labels"))
    assert np.array_equal(inputs, np.concatenate([examples(7, seed=i).inputs for i in range(3)]))
    assert np.array_equal(labels, np.concatenate([examples(7, seed=i).labels for i in range(3)]))
    assert size == 2 * 128 + inputs.nbytes + labels.nbytes


def test_a_training_that_diverges_says_where_and_what_to_do():
    with pytest.raises(
        TrainingError,
        match=r"^training diverged at step \d+ of 60: loss is (nan|inf); lower lr \(1e\+25\)$",
    ):
        run(whole(examples(20)), lr=1e25, epochs=60)


def test_a_loss_that_is_nan_before_any_update_is_not_blamed_on_lr():
    inputs = np.full((4, 6), np.nan, np.float32)
    model = mlp((6, 3))
    before = model[0].weight.clone()
    with pytest.raises(TrainingError, match=r"^the loss is nan before any update: look for NaN"):
        train(model, whole(Examples(inputs, np.zeros(4, np.int64))), lr=0.1)
    assert torch.equal(model[0].weight, before)


def test_an_epoch_count_below_one_and_an_unknown_optimizer_are_refused():
    with pytest.raises(TrainingError, match=r"^epochs: expected 1 or more, got 0"):
        run(whole(examples(5)), epochs=0)
    with pytest.raises(TrainingError, match=r"^optimizer: expected one of sgd, .* got 'rmsprop'"):
        run(whole(examples(5)), optimizer="rmsprop")
