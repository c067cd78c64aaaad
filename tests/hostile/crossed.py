"""A whole plan and a whole outcome, to be damaged, and how what is damaged must be refused."""

import numpy as np
import pytest

from fedlab.crossing import (
    CrossingError,
    Outcome,
    Plan,
    read_outcome,
    read_plan,
    write_outcome,
    write_plan,
)
from fedlab.meters import traced_peak
from fedlab.units import Bytes, Levels

MIB = 2**20
NETWORK = {
    "0.weight": np.full((2, 784), 0.5, np.float32),
    "0.bias": np.zeros(2, np.float32),
    "2.weight": np.ones((10, 2), np.float32),
    "2.bias": np.zeros(10, np.float32),
}
SIZES = Levels(Bytes(1), Bytes(2), Bytes(3))
PLAN = Plan(1, 0.1, 8, ((0, 1), (2,)), NETWORK)
OUTCOME = Outcome((0.1, 0.9), SIZES, SIZES, ("client 3: gone",), NETWORK)
BOTH = pytest.mark.parametrize(
    ("read", "text_name", "arrays_name"),
    [
        (read_plan, "plan.json", "initial.npz"),
        (read_outcome, "outcome.json", "final.npz"),
    ],
)


def written(folder):
    """The folder with a whole plan and a whole outcome, side by side."""
    write_plan(folder, PLAN)
    write_outcome(folder, OUTCOME)
    return folder


def refused(read, folder, sentence=""):
    """Refused in one sentence that names the file, and hardly anything was allocated for it."""
    with traced_peak() as peak, pytest.raises(CrossingError, match=sentence) as error:
        read(folder)
    (line,) = str(error.value).splitlines()
    assert len(line) <= 300
    assert str(folder) not in line
    assert peak.size < 4 * MIB
