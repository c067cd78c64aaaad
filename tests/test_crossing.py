"""What crosses between two environments is written and read to the bit, or refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_plan import TINY, network, same_bits, shapes

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
from fedlab.units import Levels

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
SIZES = st.integers(0, 2**60).map(Bytes)
LEVELS = st.builds(Levels, SIZES, SIZES, SIZES)
INDICES = st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple)


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
