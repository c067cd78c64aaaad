"""Exercises of lesson 05, the bandwidth formula."""

from __future__ import annotations

from typing import Any

from fedlab.bandwidth import FederatedRun
from fedlab.exercises.framework import Exercise, function, number

by_hand = Exercise(
    "05.1",
    "A model of 25 MB, a cohort of 80 clients, half of them selected in each of 10 rounds, and an "
    "update as large as the model. How many **MB** travel in all, both ways?",
    lambda answer: number(
        answer,
        20_000,
        unit="MB",
        wrong={
            10_000: "that is one direction; models go out and updates come back",
            40_000: "that is the whole cohort; only half of it is selected",
            2_000: "that is one round; there are ten",
            20: "that would be GB; the question asks for MB",
        },
    ),
    "20 GB for a model that fits on a CD.",
    [
        "(outgoing + incoming) × cohort × fraction × rounds.",
        "Both directions of one client in one round are 50 MB.",
        "50 × 80 × 0.5 × 10",
    ],
)


def _check_traffic(answer: Any) -> str | None:
    cases = [
        ((10, 10, 5, 1.0, 1), "five clients, each way: 20 bytes for each"),
        ((10, 10, 100, 0.2, 3), "20 clients a round, three rounds"),
        ((100, 25, 100, 0.5, 10), "incoming and outgoing need not be equal"),
        ((1, 1, 100, 0.29, 1), "100 × 0.29 is 28.999999999999996, and Flower takes int() of it"),
    ]
    expected = [
        (
            given,
            int(
                FederatedRun(
                    given[0], given[1], cohort=given[2], fraction=given[3], rounds=given[4]
                ).traffic
            ),
            why,
        )
        for given, why in cases
    ]
    return function(answer, expected, name="traffic")


traffic = Exercise(
    "05.2",
    "Write `traffic(outgoing, incoming, cohort, fraction, rounds)` in bytes, with as many clients "
    "as Flower really selects (no minimum).",
    _check_traffic,
    "the last case was 28 clients, not 29: a bill is counted in clients, not in fractions.",
    [
        "First the number of clients in a round, then the bytes of one client, then multiply.",
        "Flower cuts: int(cohort * fraction).",
        "return (outgoing + incoming) * int(cohort * fraction) * rounds",
    ],
)


affordable = Exercise(
    "05.3",
    "You may move 50 GB (10⁹ bytes each). How many whole **rounds** of Pythia-14m "
    "(56,270,848 B each way) does that pay for with 20 clients selected a round?",
    lambda answer: number(
        answer,
        22,
        unit="rounds",
        wrong={
            23: "the 23rd round does not fit: 23 × 2.25 GB is more than 50 GB",
            44: "each client gets the model and sends one back: count both directions",
            444: "that is one client a round; 20 are selected",
        },
    ),
    "the 23rd would need 1.8 GB more than is left.",
    [
        "One round costs (outgoing + incoming) × 20.",
        "A round is 2.25 GB; how often does that go into 50 GB?",
        "50 * 10**9 // (2 * 56_270_848 * 20)",
    ],
)


quarter = Exercise(
    "05.4",
    "Clients compress their updates to a quarter; the model still goes out whole. By what "
    "**factor** does the total traffic shrink?",
    lambda answer: number(
        answer,
        1.6,
        unit="times",
        wrong={
            4: "only the uplink shrinks by 4; the downlink is as it was",
            2: "that would be no uplink at all: half of the traffic stays whatever you do to it",
            0.625: "that is the new traffic as a share of the old; turn it round",
        },
    ),
    "the downlink is a floor: compressing the uplink alone can never win more than a factor 2.",
    [
        "Write the formula with incoming = outgoing, then with incoming = outgoing / 4.",
        "Before: 1 + 1. After: 1 + 0.25.",
        "2 / 1.25",
    ],
)

ALL = [by_hand, traffic, affordable, quarter]
