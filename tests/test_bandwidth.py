"""The formula: (outgoing + incoming) x cohort x fraction x rounds."""

import random

import numpy as np
import pytest
from apps import Server, client, echo, record
from flwr.serverapp.strategy import FedAvg
from hypothesis import assume, given
from hypothesis import strategies as st

from fedlab import Bytes, FederatedRun
from fedlab.engines import simulate

SIZE = st.integers(0, 10**13)
COHORT = st.integers(1, 10_000)
ROUNDS = st.integers(1, 1000)
FRACTION = st.floats(0.0, 1.0, exclude_min=True)


def run(**settings):
    return FederatedRun(settings.pop("outgoing", 100), **{"cohort": 10, **settings})


@given(size=SIZE, cohort=COHORT, rounds=ROUNDS)
def test_the_simplified_form_is_the_general_one_with_equal_ways(size, cohort, rounds):
    simplified = FederatedRun(size, cohort=cohort, rounds=rounds)
    general = FederatedRun(size, size, cohort=cohort, rounds=rounds)
    assert simplified.traffic == general.traffic == 2 * size * cohort * rounds


@given(out=SIZE, back=SIZE, cohort=COHORT, rounds=ROUNDS, fraction=FRACTION)
def test_the_general_form_is_the_sum_of_its_parts(out, back, cohort, rounds, fraction):
    assume(int(cohort * fraction) > 0)
    a = FederatedRun(out, back, cohort=cohort, fraction=fraction, rounds=rounds)
    assert a.clients_per_round == int(cohort * fraction)
    assert a.traffic == a.downlink + a.uplink == a.per_round * rounds
    assert a.traffic == (out + back) * a.clients_per_round * rounds
    assert {type(b) for b in (a.traffic, a.downlink, a.uplink, a.per_round)} == {Bytes}


@given(out=SIZE, back=SIZE, cohort=COHORT, rounds=ROUNDS, k=st.integers(1, 50))
def test_traffic_is_linear_in_size_cohort_and_rounds(out, back, cohort, rounds, k):
    one = FederatedRun(out, back, cohort=cohort, rounds=rounds).traffic
    assert FederatedRun(k * out, k * back, cohort=cohort, rounds=rounds).traffic == k * one
    assert FederatedRun(out, back, cohort=k * cohort, rounds=rounds).traffic == k * one
    assert FederatedRun(out, back, cohort=cohort, rounds=k * rounds).traffic == k * one
    swapped = FederatedRun(back, out, cohort=cohort, rounds=rounds)
    assert (swapped.traffic, swapped.downlink) == (one, back * cohort * rounds)


@given(cohort=COHORT, fraction=FRACTION, minimum=st.integers(1, 10_000))
def test_a_minimum_is_a_floor_and_never_a_ceiling(cohort, fraction, minimum):
    assume(minimum <= cohort)
    selected = run(cohort=cohort, fraction=fraction, min_clients=minimum).clients_per_round
    assert selected == max(int(cohort * fraction), minimum)
    assert minimum <= selected <= cohort


@pytest.mark.parametrize(
    ("cohort", "fraction", "minimum", "selected"),
    [
        (100, 0.29, None, 28),
        (100, 0.29, 30, 30),
        (5, 0.2, 2, 2),
        (100, 0.2, None, 20),
        (7, 1, 1, 7),
    ],
)
def test_clients_are_selected_as_flower_selects_them(cohort, fraction, minimum, selected):
    assert run(cohort=cohort, fraction=fraction, min_clients=minimum).clients_per_round == selected


@pytest.mark.parametrize(
    ("nodes", "fraction", "minimum"), [(7, 0.29, 1), (5, 0.2, 2), (10, 0.7, 2)]
)
def test_a_real_round_selects_as_many_as_the_formula_says(nodes, fraction, minimum):
    strategy = FedAvg(fraction, fraction_evaluate=0.0, min_train_nodes=minimum)
    ledger = simulate(Server(strategy, num_rounds=3), client(echo), nodes=nodes).ledger
    formula = FederatedRun(36, cohort=nodes, fraction=fraction, rounds=3, min_clients=minimum)
    assert ledger.traffic == formula.traffic
    assert ledger.downlink == formula.downlink


def test_the_seeds_own_examples():
    assert FederatedRun(Bytes.parse("53 MB"), cohort=2).traffic == Bytes.parse("212 MB")
    assert FederatedRun(56_270_848, cohort=2).traffic == 225_083_392
    assert FederatedRun(10**6, cohort=100, fraction=0.5, rounds=10).traffic == 10**9


@given(size=SIZE, rate=st.floats(1.0, 1e12))
def test_a_link_carries_eight_bits_a_byte(size, rate):
    a = FederatedRun(size, 2 * size, cohort=3, rounds=5)
    assert a.seconds(rate) == a.traffic * 8 / rate
    assert a.upload_seconds(rate) == 2 * size * 8 / rate


def test_repr_says_everything_and_can_be_evaluated():
    a = run(outgoing=5, fraction=0.5, rounds=3, min_clients=2)
    assert repr(a) == (
        "FederatedRun(outgoing=5, incoming=5, cohort=10, fraction=0.5, rounds=3, min_clients=2)"
    )
    assert eval(repr(a)).traffic == a.traffic


def test_a_reply_may_weigh_nothing():
    assert run(incoming=0).uplink == 0


@pytest.mark.parametrize("field", ["cohort", "rounds", "min_clients"])
@pytest.mark.parametrize("number", [0, -1, 1.5, float("nan"), "5", True])
def test_a_count_below_one_or_not_whole_is_refused_by_name(field, number):
    with pytest.raises(ValueError, match=rf"^{field}: expected a whole number, 1 or more, got"):
        run(**{field: number})


@pytest.mark.parametrize(
    "fraction", [0, -0.1, 1.0000001, 5, float("nan"), float("inf"), "0.5", None]
)
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(ValueError, match=r"^fraction: expected a share in \(0, 1\], got"):
        run(fraction=fraction)


def test_a_fraction_that_selects_nobody_is_refused_and_a_minimum_mends_it():
    with pytest.raises(ValueError, match=r"selects no client of 5.*raise the fraction or give min"):
        run(cohort=5, fraction=0.1)
    assert run(cohort=5, fraction=0.1, min_clients=1).clients_per_round == 1


def test_a_minimum_beyond_the_cohort_is_refused_as_flower_would_wait_for_ever():
    with pytest.raises(ValueError, match=r"at most the cohort of 10, got 11; Flower would wait"):
        run(min_clients=11)


@pytest.mark.parametrize("size", [-1, float("nan"), float("inf"), 0.5, "5"])
def test_a_negative_or_nan_size_is_refused_by_name(size):
    with pytest.raises(ValueError, match=r"^outgoing: expected a whole number of bytes"):
        run(outgoing=size)
    with pytest.raises(ValueError, match=r"^incoming: expected a whole number of bytes"):
        run(incoming=size)


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf")])
def test_a_link_without_a_rate_is_refused(rate):
    for ask in (run().seconds, run().upload_seconds):
        with pytest.raises(ValueError, match=r"^link: expected bits per second above 0"):
            ask(rate)


def test_the_formula_and_a_run_agree_for_random_federations():
    draw = random.Random(5)
    for _ in range(5):
        nodes, rounds = draw.randint(2, 9), draw.randint(1, 3)
        fraction = draw.choice([0.3, 0.5, 1.0])
        strategy = FedAvg(fraction, fraction_evaluate=0.0, min_train_nodes=2)
        server = Server(strategy, record({"w": [1.0, 2.0]}), num_rounds=rounds)
        ledger = simulate(server, client(echo), nodes=nodes).ledger
        formula = FederatedRun(16, cohort=nodes, fraction=fraction, rounds=rounds, min_clients=2)
        assert ledger.traffic == formula.traffic


def test_numpys_whole_numbers_count_as_whole_numbers():
    run = FederatedRun(np.int64(10), cohort=np.int64(5), rounds=np.int32(2))
    assert run.traffic == 200
    assert type(run.cohort) is int
