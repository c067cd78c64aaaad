"""For the tests of crossing: a plan of one round with three clients, and tensors compared."""

from itertools import pairwise

import numpy as np

from fedlab.crossing import Plan


def shapes(*widths):
    """The tensors of a dense network in torch's names."""
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        yield f"{2 * layer}.weight", (outputs, inputs)
        yield f"{2 * layer}.bias", (outputs,)


def network(*widths):
    random = np.random.default_rng(0)
    return {n: random.normal(0, 0.05, shape).astype(np.float32) for n, shape in shapes(*widths)}


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
