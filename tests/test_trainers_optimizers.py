"""The optimizers and the proximal term: the rules written by hand, however they are fed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from small_training import SIZES, close, examples, run

from fedlab.models import mlp
from fedlab.trainers import TrainingError, accumulated, mini_batches, train, whole


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
