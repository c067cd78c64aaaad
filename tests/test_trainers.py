"""Four ways of feeding one loop: equal where mathematics says so, small where they should be."""

import time
import tracemalloc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedlab.data import DataError, Examples, mnist
from fedlab.models import mlp, mnist_cnn, seed_mlp
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

FLOAT32 = {"rtol": 1e-4, "atol": 1e-6}  # rounding over a few steps; a wrong weight is far outside
SIZES = st.integers(1, 24).flatmap(  # examples, size of a step, size of a batch
    lambda n: st.integers(1, n + 3).flatmap(
        lambda size: st.tuples(st.just(n), st.just(size), st.integers(1, size))
    )
)


def examples(count, features=6, seed=0):
    """Random examples of three classes."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((count, features), np.float32)
    return Examples(inputs, random.integers(0, 3, count))


def run(feed, model=None, **options):
    """Train a small network, or this one; its losses and its parameters as one vector."""
    model = model or mlp((6, 5, 3))
    losses = train(model, feed, **{"lr": 0.1, "epochs": 2, **options})
    return losses, torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()


def close(one, other):
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, **FLOAT32)
        for a, b in zip(one, other, strict=True)
    )


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# What is equal, and what is not


@given(sizes=SIZES)
def test_accumulated_gradients_are_those_of_the_undivided_batch(sizes):
    count, size, micro = sizes
    some = examples(count)
    assert close(run(accumulated(some, size, micro)), run(mini_batches(some, size)))


@given(sizes=SIZES)
def test_one_batch_of_all_is_the_whole_in_any_order_and_in_any_parts(sizes):
    count, _, micro = sizes
    some = examples(count)
    once = run(whole(some))
    assert close(run(mini_batches(some, count, seed=micro)), once)
    assert close(run(accumulated(some, count, min(micro, count))), once)


@given(sizes=SIZES, seed=st.integers(0, 5))
def test_from_disk_and_from_memory_are_equal_to_the_bit(sizes, seed, tmp_path_factory):
    count, size, micro = sizes
    some, folder = examples(count), tmp_path_factory.mktemp("examples")
    to_disk(folder, [some])
    there = from_disk(folder)
    assert same(run(mini_batches(there, size, seed=seed)), run(mini_batches(some, size, seed=seed)))
    assert same(run(accumulated(there, size, micro)), run(accumulated(some, size, micro)))
    assert same(run(whole(there)), run(whole(some)))
    assert accuracy(mlp((6, 3)), there) == accuracy(mlp((6, 3)), some)


def test_mini_batches_are_not_the_whole():
    some = examples(40)
    (losses, parameters), (one_each, others) = run(mini_batches(some, 10)), run(whole(some))
    assert (len(losses), len(one_each)) == (8, 2)
    assert not np.allclose(parameters, others, rtol=1e-2)


def test_parts_of_equal_weight_would_not_be_the_undivided_batch(monkeypatch):
    some = examples(10)
    undivided = run(mini_batches(some, 10))
    step = type(whole(some))._step
    monkeypatch.setattr(
        "fedlab.trainers.Feed._step",
        lambda *given: (batch._replace(share=1 / 3) for batch in step(*given)),
    )
    assert not close(run(accumulated(some, 10, 4)), undivided)  # parts of 4, 4 and 2


def test_another_seed_is_another_order_and_the_same_seed_the_same_to_the_bit():
    some = examples(40)
    assert same(run(mini_batches(some, 8, seed=1)), run(mini_batches(some, 8, seed=1)))
    assert not close(run(mini_batches(some, 8, seed=1)), run(mini_batches(some, 8, seed=2)))


@given(sizes=SIZES)
def test_each_epoch_has_every_example_once_and_its_own_order(sizes):
    count, size, micro = sizes
    numbered = Examples(np.zeros((count, 1), np.float32), np.arange(count))
    feed = accumulated(numbered, size, micro)
    steps = [[b.labels.tolist() for b in step] for step in feed.epoch(0)]
    assert len(steps) == feed.steps
    assert [sum(map(len, s)) for s in steps[:-1]] == [size] * (len(steps) - 1)
    assert {len(part) for s in steps for part in s[:-1]} <= {micro}
    order = [label for s in steps for part in s for label in part]
    assert sorted(order) == list(range(count))
    assert order == [label for step in feed.epoch(0) for b in step for label in b.labels.tolist()]
    if count > 12:
        other = [label for step in feed.epoch(1) for b in step for label in b.labels.tolist()]
        assert order != other


@given(sizes=SIZES)
def test_the_shares_of_a_step_are_those_of_its_examples(sizes):
    count, size, micro = sizes
    for step in accumulated(examples(count), size, micro).epoch(0):
        batches = list(step)
        held = [len(batch.labels) for batch in batches]
        assert [batch.share for batch in batches] == [n / sum(held) for n in held]


def test_a_loss_is_the_mean_over_its_steps_examples_before_the_update():
    some, model = examples(10), mlp((6, 5, 3))
    logits = model(torch.tensor(some.inputs))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(some.labels)).item()
    (loss,) = train(model, accumulated(some, 10, 3), lr=0.1)
    assert type(loss) is float
    assert loss == pytest.approx(expected, rel=1e-6)


def test_mnist_is_learned_in_mini_batches_from_memory_and_from_disk(tmp_path):
    try:
        digits = mnist()
    except DataError as error:
        pytest.skip(f"MNIST is neither in the cache nor within reach: {error}")
    to_disk(tmp_path, [digits.train])
    one, other = seed_mlp(), seed_mlp()
    losses = train(one, mini_batches(digits.train, 32), lr=0.1, epochs=2)
    assert losses == train(other, mini_batches(from_disk(tmp_path), 32), lr=0.1, epochs=2)
    assert len(losses) == 250
    assert accuracy(one, digits.test) == accuracy(other, digits.test) > 0.85


# The optimizers


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_every_optimizer_learns_and_differs_from_the_others(optimizer):
    some = examples(30)
    losses, parameters = run(whole(some), optimizer=optimizer, lr=0.02, epochs=40)
    assert losses[-1] < losses[0]
    for other in {"sgd", "momentum", "adam", "adamw"} - {optimizer}:
        assert not np.array_equal(
            parameters, run(whole(some), optimizer=other, lr=0.02, epochs=40)[1]
        )


def test_sgd_is_the_rule_written_by_hand():
    some, model = examples(10), mlp((6, 3))
    before = [p.detach().clone() for p in model.parameters()]
    loss = torch.nn.functional.cross_entropy(
        model(torch.tensor(some.inputs)), torch.tensor(some.labels)
    )
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    train(model, whole(some), lr=0.1)
    for parameter, old, gradient in zip(model.parameters(), before, gradients, strict=True):
        assert torch.allclose(parameter, old - 0.1 * gradient, atol=1e-7)


def test_the_proximal_term_is_the_rule_written_by_hand():
    some, model = examples(9), mlp((6, 3))
    by_hand, start = (mlp((6, 3)).state_dict() for _ in range(2))
    inputs, labels = torch.tensor(some.inputs), torch.tensor(some.labels)
    for _ in range(3):  # w - lr · (gradient of the mean cross-entropy + mu · (w - w_start))
        weight, bias = (by_hand[name].requires_grad_() for name in ("0.weight", "0.bias"))
        loss = torch.nn.functional.cross_entropy(inputs @ weight.T + bias, labels)
        away = sum(((by_hand[name] - start[name]) ** 2).sum() for name in start)
        (loss + 0.7 / 2 * away).backward()
        by_hand = {n: (p - 0.5 * p.grad).detach() for n, p in by_hand.items()}
    losses = train(model, whole(some), lr=0.5, epochs=3, proximal=0.7)
    assert losses[-1] == pytest.approx(loss.item())  # the cross-entropy alone
    for name, parameter in model.state_dict().items():
        torch.testing.assert_close(parameter, by_hand[name])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_the_proximal_term_holds_a_model_near_its_start_and_zero_of_it_changes_no_bit(optimizer):
    some, start = examples(40), torch.cat([p.flatten() for p in mlp((6, 5, 3)).parameters()])

    def trained(**options):
        _, numbers = run(mini_batches(some, 8), optimizer=optimizer, epochs=20, lr=0.02, **options)
        return numbers, np.linalg.norm(numbers - start.detach().numpy())

    (free, far), (zero, _), (_, near) = trained(), trained(proximal=0.0), trained(proximal=5.0)
    assert np.array_equal(free, zero)
    assert near < far / 2


@given(sizes=SIZES)
def test_the_proximal_term_counts_once_a_step_however_it_is_fed(sizes):
    count, size, micro = sizes
    some = examples(count)
    parts, undivided = accumulated(some, size, micro), mini_batches(some, size)
    assert close(run(parts, proximal=2.0), run(undivided, proximal=2.0))


def test_the_proximal_term_moves_no_frozen_parameter_and_needs_no_gradient_of_an_unused_one():
    class Partly(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.unused, self.used = (torch.nn.Linear(6, 6) for _ in range(3))
            self.frozen.requires_grad_(False)

        def forward(self, inputs):
            return self.used(self.frozen(inputs))

    model = Partly()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(model, whole(examples(8)), lr=0.1, epochs=3, proximal=1.0)
    moved = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert moved == {"used.weight", "used.bias"}


@pytest.mark.parametrize("proximal", [-0.1, float("nan"), float("inf")])
def test_a_proximal_term_of_no_size_is_refused(proximal):
    with pytest.raises(TrainingError, match=r"^proximal: expected 0 or a positive number, got"):
        run(whole(examples(5)), proximal=proximal)


def test_frozen_parameters_stay_as_they_are():
    model = mlp((6, 5, 3))
    model[0].requires_grad_(False)
    frozen, trained = model[0].weight.clone(), model[2].weight.clone()
    train(model, whole(examples(10)), lr=0.1, optimizer="adam")
    assert torch.equal(model[0].weight, frozen)
    assert not torch.equal(model[2].weight, trained)


# What is held, and what is left alone


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


# Accuracy


@given(count=st.integers(1, 30), size=st.integers(1, 35))
def test_accuracy_counts_the_right_answers_whatever_the_batch(count, size):
    some = examples(count, features=3)
    right = sum(int(x.argmax()) == y for x, y in zip(some.inputs, some.labels, strict=True))
    assert accuracy(torch.nn.Identity(), some, size=size) == right / count


# Progress


def test_a_short_run_shows_nothing(capfd):
    run(mini_batches(examples(10), 2))
    assert capfd.readouterr() == ("", "")


def test_a_long_run_shows_a_bar_that_goes_away_and_can_be_switched_off(capfd, monkeypatch):
    monkeypatch.setattr("fedlab.progress._QUIET_SECONDS", 1e-9)
    model = mlp((6, 3))
    model.register_forward_pre_hook(lambda *_: time.sleep(0.02))  # tqdm draws ten times a second
    run(mini_batches(examples(10), 2), model)
    shown = capfd.readouterr().err
    assert "/10" in shown
    assert shown.endswith(" \r")  # wiped
    run(mini_batches(examples(10), 2), model, progress=False)
    assert capfd.readouterr().err == ""


# What bad input gets


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
