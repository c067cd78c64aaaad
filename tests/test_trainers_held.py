"""What training holds, which is no more than a batch, and what it leaves as it was."""

import tracemalloc
import weakref

import numpy as np
import pytest
import torch
from small_training import examples, run, same

from fedlab.data import Examples
from fedlab.models import mlp, mnist_cnn
from fedlab.trainers import accumulated, accuracy, from_disk, mini_batches, to_disk, train, whole


class Watched(torch.nn.Module):
    """A network that counts what autograd holds whenever a batch comes in."""

    def __init__(self):
        super().__init__()
        self.inner, self.alive, self.held = mlp((6, 5, 3)), weakref.WeakSet(), []

    def forward(self, inputs):
        self.held.append(len(self.alive))

        def pack(tensor):
            box = Box(tensor)
            self.alive.add(box)
            return box

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda box: box.tensor):
            return self.inner(inputs)


class Box:
    def __init__(self, tensor):
        self.tensor = tensor


def test_no_activation_outlives_its_batch():
    model = Watched()
    run(accumulated(examples(40), 16, 5), model)
    assert model.held == [0] * 2 * (4 + 4 + 2)
    assert not model.alive


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_no_more_than_one_batch_is_held_beside_the_order(where, tmp_path):
    some = Examples(np.zeros((4_000, 784), np.float32), np.zeros(4_000, np.int64))
    if where == "disk":
        to_disk(tmp_path, [some])
        some = from_disk(tmp_path)
    feed, model = accumulated(some, 512, 64), torch.nn.Linear(784, 3)
    train(model, mini_batches(examples(2, 784), 1), lr=0.1)  # the imports of a first run
    tracemalloc.start()
    train(model, feed, lr=0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    batch, order = 64 * (784 * 4 + 8), 4_000 * 8
    assert batch + order <= peak < batch + order + 64 * 1024  # 200 kB of 12.5 MB; two would be 400


def test_writing_keeps_no_chunk(tmp_path):
    def chunks():
        for _ in range(20):
            yield Examples(np.zeros((1_000, 250), np.float32), np.zeros(1_000, np.int64))

    tracemalloc.start()
    to_disk(tmp_path, chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 1_000_000 + 64 * 1024  # of 20 MB
    assert from_disk(tmp_path).inputs.shape == (20_000, 250)


def test_the_whole_is_trained_on_in_its_own_memory_and_without_a_warning(recwarn):
    some, seen = examples(8), []
    model = mlp((6, 3))
    model.register_forward_pre_hook(lambda _, given: seen.append(given[0].data_ptr()))
    train(model, whole(some), lr=0.1, epochs=2)
    assert not some.inputs.flags.writeable
    assert seen == [some.inputs.ctypes.data] * 2
    assert not recwarn.list


def test_a_view_from_the_end_is_trained_on_like_its_copy():
    some = examples(9)
    backwards = Examples(some.inputs[::-1, ::-1], some.labels[::-1])
    copied = Examples(backwards.inputs.copy(), backwards.labels.copy())
    assert same(run(whole(backwards)), run(whole(copied)))
    assert same(run(mini_batches(backwards, 1)), run(mini_batches(copied, 1)))


def test_gradients_from_before_do_not_count_and_none_are_left():
    some, model = examples(10), mlp((6, 5, 3))
    model(torch.ones(1, 6)).sum().backward()
    assert same(run(mini_batches(some, 4), model), run(mini_batches(some, 4)))
    assert all(p.grad is None for p in model.parameters())


def test_training_and_scoring_leave_torchs_and_numpys_generators_alone():
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    some, model = examples(10), mlp((6, 3))
    train(model, mini_batches(some, 4), lr=0.1)
    accuracy(model, some)
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_each_module_gets_its_own_mode_back():
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(6), mlp((6, 3)))
    model[1].eval()
    seen = []
    model.register_forward_pre_hook(lambda *_: seen.append([m.training for m in model]))
    before = [module.training for module in model.modules()]
    train(model, whole(examples(8)), lr=0.1)
    accuracy(model, examples(8))
    assert seen == [[True] * 3, [False] * 3]
    assert [module.training for module in model.modules()] == before


def test_the_number_of_torchs_threads_changes_no_bit_and_is_left_as_it_was():
    some, before, runs = examples(320, features=784), torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            runs.append(run(mini_batches(some, 32), mnist_cnn()))
            accuracy(mlp((784, 3)), some)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert same(*runs)
