"""The training loop, the same for every feed, and the accuracy of what it trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

import torch
from torch.nn.functional import cross_entropy

from fedlab.data import Examples
from fedlab.progress import progress_bar
from fedlab.threads import one_thread
from fedlab.trainers.feeds import Batch, Feed, TrainingError

Optimizer = Literal["sgd", "momentum", "adam", "adamw"]

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def train(
    model: torch.nn.Module,
    feed: Feed,
    *,
    lr: float,
    epochs: int = 1,
    optimizer: Optimizer = "sgd",
    proximal: float = 0.0,
    progress: bool = True,
) -> list[float]:
    """Train a classifier in place; the mean cross-entropy of each step, before its update.

    model: maps a batch of the feed's inputs to logits (batch, classes). optimizer: torch's, with
    its defaults; "momentum" is SGD with 0.9. proximal: the mu of FedProx, which adds
    mu/2 · ||w - w_start||² to what is minimised and holds w near where it started; it keeps one
    more copy of the trainable parameters. progress: a bar from the fifth second on, which
    TQDM_DISABLE=1 in the environment switches off everywhere. At the end the optimizer and all
    gradients are gone. Same model, feed and numbers: the same losses, to the bit; torch's generator
    is left alone (by a model without dropout).

    Raises TrainingError for a loss that is NaN or infinite (the model keeps the numbers it had
    before that step), for an epoch count below 1, another optimizer, or a proximal that is not 0 or
    a positive number.

    Source of the proximal term: Li et al. 2018, arXiv:1812.06127.

    >>> from fedlab.models import seed_mlp
    >>> from fedlab.trainers import mini_batches
    >>> examples = Examples(torch.eye(784).numpy()[:10], torch.arange(10).numpy())
    >>> losses = train(seed_mlp(), mini_batches(examples, 5), lr=0.5, epochs=30)
    >>> len(losses), losses[-1] < losses[0] / 2
    (60, True)
    """
    if epochs < 1:
        raise TrainingError(f"epochs: expected 1 or more, got {epochs}")
    if optimizer not in _OPTIMIZERS:
        raise TrainingError(
            f"optimizer: expected one of {', '.join(_OPTIMIZERS)}, got {optimizer!r}"
        )
    if not 0 <= proximal < math.inf:
        raise TrainingError(f"proximal: expected 0 or a positive number, got {proximal}")
    start = _copies(model) if proximal else []
    updater = _OPTIMIZERS[optimizer](model.parameters(), lr=lr)
    updater.zero_grad()
    losses: list[float] = []
    total = epochs * feed.steps
    with (
        one_thread(),
        _mode(model, training=True),
        progress_bar(total, unit="step", shown=progress) as bar,
    ):
        for number in range(epochs):
            for step in feed.epoch(number):
                # map, not a loop: a loop's variable would keep a batch while the next is made
                loss = sum(map(partial(_add_gradients, model), step))
                if not math.isfinite(loss):
                    raise TrainingError(_diverged(loss, len(losses), total, lr))
                _add_pull(start, proximal)
                updater.step()
                updater.zero_grad()
                losses.append(loss)
                bar.update()
    return losses


def _add_gradients(model: torch.nn.Module, batch: Batch) -> float:
    """Add a batch's share to the gradients of its step; its share of the step's loss."""
    loss = cross_entropy(model(batch.inputs), batch.labels) * batch.share
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def _copies(model: torch.nn.Module) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Each trainable parameter, and its numbers now."""
    return [(p, p.detach().clone()) for p in model.parameters() if p.requires_grad]


def _add_pull(start: list[tuple[torch.nn.Parameter, torch.Tensor]], proximal: float) -> None:
    """Add the gradient of the proximal term, mu · (w - w_start): once a step, not once a batch."""
    for parameter, before in start:
        if parameter.grad is not None:
            parameter.grad.add_(parameter.detach() - before, alpha=proximal)


def _diverged(loss: float, updates: int, total: int, lr: float) -> str:
    if updates == 0:
        return f"the loss is {loss} before any update: look for NaN or infinity in data and model"
    return f"training diverged at step {updates + 1} of {total}: loss is {loss}; lower lr ({lr:g})"


def accuracy(model: torch.nn.Module, examples: Examples, *, size: int = 1000) -> float:
    """The share of examples, 0 to 1, whose largest logit is their label's; `size` at a time.

    model: as `train` takes it; it is in evaluation mode meanwhile. Raises TrainingError for
    examples that a `Feed` does not take.

    >>> examples = Examples(torch.eye(4).numpy(), torch.tensor([0, 1, 2, 0]).numpy())
    >>> accuracy(torch.nn.Identity(), examples)
    0.75
    """
    steps = Feed(examples, size, size, seed=None).epoch(0)
    with one_thread(), _mode(model, training=False), torch.no_grad():
        right = sum(_right(model, batch) for step in steps for batch in step)
    return right / len(examples)


def _right(model: torch.nn.Module, batch: Batch) -> int:
    return int((model(batch.inputs).argmax(dim=1) == batch.labels).sum())


@contextmanager
def _mode(model: torch.nn.Module, *, training: bool) -> Iterator[None]:
    """Training or evaluation mode for a block; each module then gets its own back."""
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, was in before.items():
            module.training = was
