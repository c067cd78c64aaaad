"""What crosses between two environments: written and read to the bit, run by real Flower."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedlab import Bytes
from fedlab.crossing import (
    CrossingError,
    Outcome,
    Plan,
    read_outcome,
    read_plan,
    write_outcome,
    write_plan,
)
from fedlab.data import mnist
from fedlab.models import mlp
from fedlab.trainers import Feed, accuracy, train
from fedlab.units import Levels

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
SIZES = st.integers(0, 2**60).map(Bytes)
LEVELS = st.builds(Levels, SIZES, SIZES, SIZES)
INDICES = st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple)


def shapes(*widths):
    """The tensors of a dense network in torch's names."""
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        yield f"{2 * layer}.weight", (outputs, inputs)
        yield f"{2 * layer}.bias", (outputs,)


def network(*widths):
    random = np.random.default_rng(0)
    return {n: random.normal(0, 0.05, shape).astype(np.float32) for n, shape in shapes(*widths)}


@st.composite
def networks(draw):
    """Any dense network from 784 to 10 with up to two small hidden layers."""
    hidden = draw(st.lists(st.integers(1, 3), max_size=2))
    return {
        name: draw(hnp.arrays(np.float32, shape, elements=FINITE))
        for name, shape in shapes(784, *hidden, 10)
    }


PLANS = st.builds(
    Plan,
    rounds=st.integers(1, 2**40),
    lr=st.integers(1, 9) | st.floats(0, exclude_min=True, allow_infinity=False),
    batch=st.integers(1, 2**40),
    clients=st.lists(INDICES, min_size=1, max_size=3).map(tuple),
    initial=networks(),
)
OUTCOMES = st.builds(
    Outcome,
    accuracies=st.lists(st.floats(0, 1), max_size=4).map(tuple),
    downlink=LEVELS,
    uplink=LEVELS,
    failures=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    final=networks(),
)


TINY = Plan(
    rounds=1,
    lr=0.1,
    batch=8,
    clients=((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (20, 10), (30, 31, 32)),
    initial=network(784, 5, 10),
)


def same_bits(one, other):
    return list(one) == list(other) and all(
        (one[n].dtype, one[n].shape, one[n].tobytes())
        == (other[n].dtype, other[n].shape, other[n].tobytes())
        for n in one
    )


@given(plan=PLANS)
def test_a_plan_comes_back_as_it_was_written_to_the_bit(tmp_path_factory, plan):
    folder = tmp_path_factory.mktemp("plan")
    write_plan(folder, plan)
    back = read_plan(folder)
    for name in ("rounds", "lr", "batch", "clients"):
        assert getattr(back, name) == getattr(plan, name)
    assert same_bits(back.initial, plan.initial)


@given(outcome=OUTCOMES)
def test_an_outcome_comes_back_as_it_was_written_to_the_bit(tmp_path_factory, outcome):
    folder = tmp_path_factory.mktemp("outcome")
    write_outcome(folder, outcome)
    back = read_outcome(folder)
    for name in ("accuracies", "downlink", "uplink", "failures"):
        assert getattr(back, name) == getattr(outcome, name)
    assert type(back.uplink.payload) is Bytes
    assert same_bits(back.final, outcome.final)


def test_the_files_are_as_the_rooms_docstring_says(tmp_path):
    write_plan(tmp_path, TINY)
    assert json.loads((tmp_path / "plan.json").read_text("utf-8")) == {
        "rounds": 1,
        "lr": 0.1,
        "batch": 8,
        "clients": [list(client) for client in TINY.clients],
    }
    with np.load(tmp_path / "initial.npz") as arrays:
        assert same_bits(dict(arrays), TINY.initial)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rounds": 0}, "rounds: expected a whole number, 1 or more, got 0"),
        ({"rounds": True}, "rounds: expected a whole number, 1 or more, got True"),
        ({"batch": 8.0}, r"batch: expected a whole number, 1 or more, got 8\.0"),
        ({"lr": 0}, "lr: expected a positive number, got 0"),
        ({"lr": float("nan")}, "lr: expected a positive number, got nan"),
        ({"lr": 10**400}, "lr: expected a positive number, got 1000"),
        ({"lr": "0.1"}, r"lr: expected a positive number, got '0\.1'"),
        ({"clients": ()}, "clients: expected at least one, each with at least one digit"),
        ({"clients": ((1,), ())}, "clients: expected at least one, each with at least one digit"),
        ({"clients": ((1,), (2, -1))}, "client 1: expected indices of digits, 0 or more"),
        ({"clients": ((False,),)}, "client 0: expected indices of digits, 0 or more"),
        ({"initial": {}}, r"expected a dense network's .*, got nothing"),
        (
            {"initial": network(784, 9)},
            r"initial\.npz: expected a network from 784 to 10, got \(784, 9\)",
        ),
        (
            {"initial": {n: t.astype("f8") for n, t in TINY.initial.items()}},
            r"initial\.npz: 0\.weight: expected float32 in shape \(5, 784\), got float64",
        ),
        (
            {"initial": dict(reversed(TINY.initial.items()))},
            r"in this order, got 2\.bias, 2\.weight, 0\.bias, 0\.weight",
        ),
        (
            {"initial": TINY.initial | {"2.weight": np.zeros((10, 4), np.float32)}},
            r"2\.weight: expected float32 in shape \(10, 5\), got float32 in shape \(10, 4\)",
        ),
        (
            {"initial": TINY.initial | {"2.bias": np.full(10, np.inf, np.float32)}},
            r"initial\.npz: 2\.bias holds NaN or infinity",
        ),
    ],
)
def test_a_plan_that_nobody_can_run_is_refused_in_one_sentence(change, sentence):
    with pytest.raises(CrossingError, match=sentence) as refused:
        replace(TINY, **change)
    assert len(str(refused.value).splitlines()) == 1


def test_a_plan_shares_out_digits_in_its_own_order_or_says_which_are_not_there():
    digits = mnist().train
    second = TINY.shares(digits)[1]
    assert second.labels.tolist() == [digits.labels[20], digits.labels[10]]
    beyond = replace(TINY, clients=((0,), (10**30,)))
    with pytest.raises(CrossingError, match=f"^clients: expected digits 0 to 3999, got {10**30}$"):
        beyond.shares(digits)


def crossing(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "fedlab.crossing", *arguments],
        env={**os.environ, "COLUMNS": "100", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_runs_real_flower_and_leaves_the_outcome(tmp_path):
    write_plan(tmp_path, TINY)
    done = crossing(str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    outcome = read_outcome(tmp_path)
    payload = 4 * sum(tensor.size for tensor in TINY.initial.values())
    assert outcome.downlink.payload == outcome.uplink.payload == 3 * payload
    assert payload < outcome.uplink.record / 3 < outcome.uplink.message
    assert outcome.failures == ()
    expected = by_hand(TINY)
    for name, tensor in outcome.final.items():
        np.testing.assert_allclose(tensor, expected[name], rtol=0, atol=1e-7)
    assert outcome.accuracies == tuple(
        accuracy(loaded(tensors), mnist().test) for tensors in (TINY.initial, outcome.final)
    )


def by_hand(plan):
    """One round of federated averaging: each client's digits in their order, weighted by number."""
    mean = {name: np.zeros_like(tensor) for name, tensor in plan.initial.items()}
    digits = sum(map(len, plan.clients))
    for examples in plan.shares(mnist().train):
        model = loaded(plan.initial)
        train(model, Feed(examples, plan.batch, plan.batch, None), lr=plan.lr, epochs=1)
        for name, tensor in model.state_dict().items():
            mean[name] += tensor.numpy() * np.float32(len(examples) / digits)
    return mean


def loaded(tensors):
    model = mlp((784, 5, 10))
    model.load_state_dict({name: torch.tensor(tensor) for name, tensor in tensors.items()})
    return model


def test_a_client_that_diverges_is_in_the_outcome_with_its_reason(tmp_path):
    write_plan(tmp_path, replace(TINY, lr=1e300))
    assert crossing(str(tmp_path)).returncode == 0
    outcome = read_outcome(tmp_path)
    assert sorted(failure.split(":")[0] for failure in outcome.failures) == [
        f"client {client}, round 1" for client in range(3)
    ]
    assert same_bits(outcome.final, TINY.initial)


def test_help_shows_an_example():
    done = crossing("--help")
    assert done.returncode == 0
    assert "python -m fedlab.crossing a/folder/with/plan.json" in done.stdout


def test_a_wrong_plan_is_one_sentence_and_nothing_is_written(tmp_path):
    write_plan(tmp_path, replace(TINY, clients=((0, 4000),)))
    done = crossing(str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fedlab: clients: expected digits 0 to 3999, got 4000\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["initial.npz", "plan.json"]


def test_a_folder_without_a_plan_is_one_sentence_that_names_no_folder(tmp_path):
    done = crossing(str(tmp_path / "gone"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("fedlab: plan.json cannot be read as JSON: No such file or directory\n")
    assert not list(tmp_path.iterdir())


def test_digits_that_cannot_be_had_are_one_sentence(tmp_path):
    write_plan(tmp_path, TINY)
    done = crossing(str(tmp_path), FEDLAB_CACHE=str(tmp_path / "cache"), PIP_NO_INDEX="1",
                    PIP_FIND_LINKS="")  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fedlab: the data set 'mnist' is not in the cache")
    assert len(done.stderr.splitlines()) == 1
