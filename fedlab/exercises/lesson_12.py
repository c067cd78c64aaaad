"""Exercises of lesson 12, the capstone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from fedlab.capstone import Attempt, Plan, reference, run
from fedlab.exercises.framework import Exercise, function, number
from fedlab.memory import ServerMemory
from fedlab.units import Bytes

budget = Exercise(
    "12.1",
    "A client may send 300,000 bytes in the whole run, and a run has 24 rounds. How many "
    "**bytes** may an update have, if it has as many in each round?",
    lambda answer: number(
        answer,
        12_500,
        unit="bytes",
        wrong={
            12.5: "that is in kB; the question asks for bytes",
            1_250: "the limit is each client's own: the ten do not share it",
            125_000: "that is what all ten send in a round; how much does one of them?",
            6_250: "the limit is on the uplink; what comes down is not in it",
            7_500: "that is for 40 rounds; this run has 24",
            203_560: "that is an update in full; it does not fit a second time",
            7_200_000: "that is 300,000 bytes in each round; they are for all 24",
            12_207: "that is in units of 1,024 bytes; a kB has 1,000",
            12_800: "300 kB are 300 × 1,000 bytes; that takes them for KiB",
        },
    ),
    "fewer rounds pay for larger updates; an update in full is still 16 times as large.",
    [
        "The limit is for one client, and for all of its rounds together.",
        "All updates together may have the limit's bytes. How many updates does a client send?",
    ],
)

thousand_clients = Exercise(
    "12.2",
    'The same task with 1,000 clients a round instead of 10, and the server that is called "lean". '
    "How many **models** does it hold at its peak, of all rounds?",
    lambda answer: number(
        answer,
        round(
            ServerMemory(Bytes(203_560), updates=1000, aggregation="running", rounds=1).total
            / 203_560
        ),
        unit="models",
        wrong={
            4: "that is a running mean that still refers to the model of the start; lean does not",
            2: "the global model is needed too: what a client sends is a difference from it",
            1: "beside what updates are folded into there are an update and the global model",
            1_002: "that is a list, in its first round",
            2_002: "that is a list; lean keeps no update",
            300: "it does not grow with the clients: each update is gone before the next one comes",
            1_000: "it folds each update as it comes, and keeps none of them",
        },
    ),
    "as many as with ten: that is what folding is for.",
    [
        "Which of the formula's terms are multiplied by the number of updates, when they are "
        "folded as they come?",
        "Go through the components of `ServerMemory` in the table above, for a first round, and "
        "leave out those that are zero for a running mean.",
    ],
)


def _check_enough(answer: Any) -> str | None:
    spike = (0.1, 0.5, 0.7, 0.95, 0.8, 0.85, 0.9, 0.9, 0.95, 0.95)
    cases: list[tuple[tuple[Any, ...], int | None, str]] = [
        ((0.9, spike), 9, "round 3 alone is no mean of five: that of rounds 5 to 9 is .91"),
        ((0.85, spike), 7, "the mean of rounds 3 to 7 is .88, and that of rounds 2 to 6 was .84"),
        ((0.5, (0.1, 0.9, 0.9, 0.9, 0.9, 0.9)), 5, "five rounds are needed, and five will do"),
        ((0.99, spike), None, "it was never reached: None"),
        ((0.1, (0.9, 0.9, 0.9)), None, "two rounds make no mean of five: None"),
    ]
    return function(answer, cases, name="enough")


enough = Exercise(
    "12.3",
    "Each round costs an update. Write `enough(target, accuracies)`: after how many rounds, five "
    "or more, the mean accuracy of the last five was `target` or better for the first time; None "
    "if it never was. `accuracies[0]` is from before the first round and counts in no mean, "
    "`accuracies[1]` from after it, and so on.",
    _check_enough,
    "`enough(0.92, attempt.accuracies)` says which of your rounds you need not pay for.",
    [
        "The first mean that there can be is that of rounds 1 to 5.",
        "For each number of rounds from 5 on: which slice of `accuracies` ends with that round and "
        "has five numbers? A slice leaves out its end.",
        "Return from within the loop, at the first mean that is good enough; None after the loop.",
    ],
)


@cache
def _attempt(plan: Plan) -> Attempt:
    """One run a plan: it gives the same numbers each time."""
    return run(plan)


def _check_own_plan(answer: Any) -> str | None:
    if not isinstance(answer, Plan):
        return f"expected a Plan, as in Plan(rounds=20), got a {type(answer).__name__}"
    if problem := answer.problem():
        return problem
    attempt, known = _attempt(replace(answer, layers=tuple(answer.layers))), reference()
    print(attempt)
    print(f"the reference: {known.accuracy:.1%}, {known.uplink:,} B, {known.server:.0f} models")
    if broken := attempt.broken():
        return ". ".join(broken)
    print(f"score, the reference's bytes over yours: {attempt.score(known):.2f}")
    return None


own_plan = Exercise(
    "12.4",
    "Compose a `Plan` that keeps all three limits with seed 0. It is trained for real when it is "
    "checked, which takes up to a minute. It is scored in **bytes**: the reference's uplink over "
    "yours, so above 1 is better than the reference.",
    _check_own_plan,
    "inside all three limits. Does it keep them on a split that it was not made for? `run(plan, "
    "seed=1)` says.",
    [
        "One limit at a time. Which aggregation holds few enough models? It costs no accuracy.",
        "The bytes next. All 40 rounds are worth having: what may an update have then, as in 12.1? "
        "`Plan(...).update` says what a codec makes of it, before anything runs.",
        "Few bits for each value leave room for more values. Lesson 07 has two codecs that keep "
        "few values in few bits: a chain, and one that sends no values at all.",
        "Is there room in the bytes, and the accuracy is just too low? The learning rate is free. "
        "Go up with it in small steps.",
    ],
)

ALL = [budget, thousand_clients, enough, own_plan]
