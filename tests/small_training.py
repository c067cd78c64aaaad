"""For the tests of the trainers: a few random examples, a small network, and two runs compared."""

import numpy as np
import torch
from hypothesis import strategies as st

from fedlab.data import Examples
from fedlab.models import mlp
from fedlab.trainers import train

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
