"""The bills that students debug are those of runs that took place."""

import numpy as np
import pytest
from apps import answer, client, federation, numbers, partition, record
from flwr.serverapp.strategy import FedAvg
from known import LESSONS

from fedlab.meters import traced_peak
from fedlab.records import round_of

BILLED = [number for number, lesson in LESSONS.items() if hasattr(lesson, "debug_the_bill")]


def test_lessons_04_to_09_each_have_a_bill_to_debug() -> None:
    assert {"04", "05", "06", "07", "08", "09"} <= set(BILLED)


@pytest.mark.parametrize("lesson", BILLED)
def test_the_bill_to_debug_has_a_ledger_that_holds_the_answer(lesson: str) -> None:
    exercises = LESSONS[lesson]
    right = exercises.debug_the_bill.solve()
    assert exercises.debug_the_bill.check(list(right))
    assert f"{right[-1]:,}" not in exercises.someones_bill().to_string()
    if lesson != "04":  # whose bill is about what is held: see the next test
        assert right[-1] == exercises.metered_run().traffic


@pytest.mark.parametrize("failing", [False, True])
def test_a_list_holds_the_updates_that_came_as_the_bill_of_04_is_debugged(failing: bool) -> None:
    model, alone = 2**20, 5  # bytes; models that a client at work holds in the server's process

    def train(message, context):
        if failing and partition(context) == 3 and round_of(message.content) == 2:
            raise MemoryError("out of memory")
        weights = numbers(message.content)["w"]
        noise = np.random.default_rng(0).random(weights.shape, np.float32)
        return answer(message, {"w": weights + noise})

    def main(grid):
        start = record({"w": np.zeros(model // 4, np.float32)})
        FedAvg(fraction_evaluate=0.0).start(grid, start, num_rounds=2)

    with traced_peak() as peak:
        federation(main, client(train), nodes=5, check=True)
    assert peak.size // model - alone == (11 if failing else 12)
