"""Four ways of feeding one loop: equal where mathematics says so."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_training import SIZES, close, examples, run, same

from fedlab.data import DataError, Examples, mnist
from fedlab.models import mlp, seed_mlp
from fedlab.trainers import accumulated, accuracy, from_disk, mini_batches, to_disk, train, whole


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


@given(count=st.integers(1, 30), size=st.integers(1, 35))
def test_accuracy_counts_the_right_answers_whatever_the_batch(count, size):
    some = examples(count, features=3)
    right = sum(int(x.argmax()) == y for x, y in zip(some.inputs, some.labels, strict=True))
    assert accuracy(torch.nn.Identity(), some, size=size) == right / count


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
