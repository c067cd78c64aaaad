"""The in-process engine again: the same every time, and runs that share nothing."""

import random

import numpy as np
import pytest
import torch
from apps import (
    Server,
    answer,
    client,
    echo,
    federation,
    good,
    instructions,
    numbers,
    record,
    tracking,
)

from fedlab.engines import simulate


def learner():
    """A client that really trains, with dropout and noise from three generators."""

    def train(message, context):
        net = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
        )
        net.load_state_dict(message.content["arrays"].to_torch_state_dict())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            loss = net(torch.randn(16, 4)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        arrays = {name: value.numpy() for name, value in net.state_dict().items()}
        arrays["0.bias"] = arrays["0.bias"] + np.random.randn(8).astype(np.float32)
        return answer(message, arrays, {"num-examples": random.randint(1, 9), "loss": loss.item()})

    return client(train)


def trained(seed, **settings):
    shapes = {"0.weight": (8, 4), "0.bias": (8,), "2.weight": (2, 8), "2.bias": (2,)}
    start = record({name: np.full(shape, 0.1, np.float32) for name, shape in shapes.items()})
    server = Server(tracking(fraction_train=0.5), start, num_rounds=3)
    result = simulate(server, learner(), nodes=6, seed=seed, **settings)
    return result.ledger.transfers, server.arrays


def test_two_runs_with_one_seed_are_bitwise_identical():
    transfers, arrays = trained(7)
    torch.rand(1), np.random.rand(1), random.random()  # the caller's numbers go on in between
    again, arrays_again = trained(7)
    assert transfers == again
    assert len({t.node for t in transfers}) > 2
    for name, values in arrays.items():
        assert values.tobytes() == arrays_again[name].tobytes()


def test_another_seed_selects_and_trains_otherwise():
    (transfers, arrays), (others, other_arrays) = trained(7), trained(8)
    assert [t.node for t in transfers] != [t.node for t in others]
    assert arrays["0.weight"].tobytes() != other_arrays["0.weight"].tobytes()


def generators():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        torch.random.get_rng_state().numpy().tobytes(),
    )


def test_a_run_leaves_the_callers_random_numbers_as_they_were():
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    before = generators()
    trained(7)
    assert generators() == before
    with pytest.raises(LookupError):
        federation(lambda grid: (random.random(), next(iter(()), None), {}["no"]), client(echo))
    assert generators() == before


def test_without_a_seed_the_callers_generators_are_used():
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    before = generators()
    first = trained(None)
    assert all(a != b for a, b in zip(generators(), before, strict=True))
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    assert trained(None)[0] == first[0]


@pytest.mark.parametrize("seed", [0, -5, 2**40])
def test_any_whole_number_is_a_seed(seed):
    assert trained(seed)[0] == trained(seed)[0]


def test_runs_share_nothing_but_what_they_are_given():
    app = client(good)
    server = Server(tracking(), num_rounds=2)
    first = simulate(server, app, nodes=3)
    second = simulate(server, app, nodes=3)
    assert first.ledger is not second.ledger
    assert first.ledger.transfers == second.ledger.transfers
    assert len(first.ledger.transfers) == 12
    for name, values in numbers(server.results[0].arrays).items():
        np.testing.assert_array_equal(values, server.arrays[name])


def test_a_run_inside_a_run_disturbs_neither():
    inner = []

    def main(grid):
        before = grid.send_and_receive(instructions(grid))
        inner.append(simulate(Server(tracking(), num_rounds=1), client(good), nodes=3).ledger)
        after = grid.send_and_receive(instructions(grid))
        assert len(before) == len(after) == 2

    outer = federation(main, client(echo)).ledger
    assert (len(inner[0].transfers), len(outer.transfers)) == (6, 8)
