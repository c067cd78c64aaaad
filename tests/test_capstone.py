"""The capstone: a plan is checked before it runs, weighed as the formula says, scored for real."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fedlab.capstone
from fedlab import FederatedRun, size_of
from fedlab.capstone import (
    SERVER,
    TARGET,
    UPLINK,
    Attempt,
    Plan,
    PlanError,
    reference,
    run,
    server_holds,
)
from fedlab.capstone.task import clients, digits, names
from fedlab.exercises.solutions.lesson_12 import own_plan
from fedlab.models import seed_mlp
from fedlab.units import Bytes

HEAD = Plan(codec="int8", layers=("2",), rounds=3, local_epochs=1, aggregation="lean")


def attempt(accuracy=0.95, uplink=1000, server=3.0, plan=None):
    """One that reached just this, in ten equal rounds."""
    uplinks = tuple(Bytes(uplink * n // 10) for n in range(11))
    return Attempt(plan, (0.1, *[accuracy] * 10), uplinks, server)


# --- the task --------------------------------------------------------------------------------


def test_the_clients_share_all_training_digits_and_the_server_tests_on_others():
    for seed in range(3):
        held = clients(seed)
        assert len(held) == 10
        assert sum(map(len, held)) == len(digits().train) == 4000
    assert len(digits().test) == 1000


def test_the_split_is_skewed():
    most = [np.bincount(held.labels).max() / len(held) for held in clients(0)]
    assert max(most) > 0.4


# --- plans that cannot be run ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"codec": "zip"}, "unknown codec 'zip'; there are, for example: float16"),
        ({"codec": "topk:2"}, "expected a fraction above 0 and up to 1, got 2.0"),
        ({"codec": 8}, 'expected a text such as "topk:0.01|int8" or None, got 8'),
        ({"layers": ("1",)}, "the model has no '1'; there are 0, 2, 0.weight"),
        ({"layers": ("head",)}, "the model has no 'head'"),
        ({"layers": "0"}, 'expected names in a tuple, such as ("0", "2"), got \'0\''),
        ({"layers": ()}, "expected names in a tuple"),
        ({"layers": (0, 2)}, "the model has no 0"),
        ({"layers": ([],)}, "the model has no []"),
        ({"rounds": 41}, "expected a whole number from 1 to 40, got 41"),
        ({"rounds": 0}, "from 1 to 40, got 0"),
        ({"rounds": 2.5}, "got 2.5"),
        ({"rounds": "ten"}, "got 'ten'"),
        ({"rounds": True}, "got True"),
        ({"rounds": ...}, "got ..."),
        ({"local_epochs": 6}, "expected a whole number from 1 to 5, got 6"),
        ({"learning_rate": 0}, "expected a number above 0, got 0"),
        ({"learning_rate": math.nan}, "got nan"),
        ({"learning_rate": math.inf}, "got inf"),
        ({"learning_rate": "fast"}, "got 'fast'"),
        ({"aggregation": "tree"}, "expected one of list, running, lean, got 'tree'"),
        ({"aggregation": None}, "got None"),
    ],
)
def test_a_plan_that_cannot_be_run_is_one_sentence_before_anything_runs(knobs, said, monkeypatch):
    monkeypatch.setattr("fedlab.federations.simulate", None)  # would raise, were it called
    problem = Plan(**knobs).problem()
    assert problem.startswith(f"{next(iter(knobs))}: ")
    assert said in problem
    assert "\n" not in problem
    for use in (run, server_holds):
        with pytest.raises(PlanError) as raised:
            use(Plan(**knobs))
        assert str(raised.value) == problem


def test_what_is_no_plan_is_refused():
    with pytest.raises(PlanError, match="expected a Plan, got a dict"):
        run({"rounds": 3})


def test_the_default_plan_and_every_name_of_the_model_are_fine():
    assert Plan().problem() == ""
    assert all(Plan(layers=[name]).problem() == "" for name in names())
    assert Plan(rounds=np.int64(3), learning_rate=np.float32(0.1)).problem() == ""


# --- predicted and measured ------------------------------------------------------------------


def test_a_plan_predicts_what_travels():
    assert Plan().size == Plan().update == size_of(seed_mlp())
    assert Plan(layers=("2",)).update == 4 * 650
    assert Plan(layers=("2.bias", "0.bias")).size == 4 * 74
    assert Plan(codec="topk:0.01").update == 3216  # lesson 07's


@pytest.mark.parametrize("aggregation", ["list", "running", "lean"])
@pytest.mark.parametrize("codec", [None, "topk:0.05|int4"])
def test_the_server_holds_what_the_formula_says(aggregation, codec):
    plan = Plan(codec, aggregation=aggregation)
    assert plan.server == {"list": 22, "running": 4, "lean": 3}[aggregation]
    assert server_holds(plan) == pytest.approx(plan.server, abs=0.2)


def test_in_a_single_round_running_and_lean_hold_the_same():
    for aggregation in ("running", "lean"):
        plan = Plan(rounds=1, aggregation=aggregation)
        assert plan.server == 3
        assert server_holds(plan) == pytest.approx(3, abs=0.2)


def test_what_does_not_travel_is_not_held():
    assert server_holds(HEAD) < 0.2


def test_a_real_run_sends_to_the_byte_what_was_predicted():
    reached = run(HEAD)
    assert reached.uplink == HEAD.rounds * HEAD.update
    assert list(reached.uplinks) == [n * HEAD.update for n in range(4)]
    assert FederatedRun(HEAD.size, HEAD.update, cohort=1, rounds=3).uplink == reached.uplink
    assert len(reached.accuracies) == 4
    assert not reached.failed


def test_lean_and_running_learn_the_same_to_the_bit():
    lean, running = (run(replace(HEAD, aggregation=word)) for word in ("lean", "running"))
    assert lean.accuracies == running.accuracies
    assert lean.uplinks == running.uplinks


def test_another_seed_is_another_split():
    assert run(HEAD, seed=1).accuracies != run(HEAD).accuracies


def test_a_training_that_diverges_is_told_and_neither_raises_nor_warns(recwarn):
    reached = run(replace(HEAD, layers=("0", "2"), learning_rate=1e30))
    assert "training diverged" in reached.failed
    assert "training diverged" in reached.broken()[0]
    assert not recwarn.list


# --- the verdict -----------------------------------------------------------------------------


def test_limits_that_are_just_kept_are_kept():
    assert attempt(TARGET, UPLINK, 3.4).broken() == []


def test_each_broken_limit_says_by_how_much_and_what_turns_it():
    low, heavy, held = attempt(0.9, 450_000, 4.03, Plan(aggregation="running")).broken()
    assert low.startswith("accuracy: 2.0 points below 92%; turn rounds")
    assert heavy.startswith("uplink: 150,000 B more than 300,000 B, 1.50 times as much; turn codec")
    assert "30,000 B in each of 10, yours has 45,000 B" in heavy
    assert held.startswith("server: 1 model more than 3; turn aggregation: from the second round")
    (listed,) = attempt(server=22.03, plan=Plan()).broken()
    assert listed.startswith("server: 19 models more than 3; turn aggregation: a list keeps all")


def test_the_verdict_marks_what_is_broken():
    assert "BROKEN" not in repr(attempt())
    lines = repr(attempt(uplink=450_000)).splitlines()
    assert [line.endswith("BROKEN") for line in lines] == [False, True, False]


def test_accuracy_is_the_mean_of_the_last_five_rounds():
    rising = Attempt(None, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), (Bytes(0),) * 7, 3.0)
    assert rising.accuracy == pytest.approx(0.4)
    assert rising.after(2) == pytest.approx(0.15)


def test_the_score_is_bytes_against_the_reference_and_nothing_for_a_broken_limit():
    assert attempt(uplink=500).score(attempt(uplink=1000)) == 2.0
    assert attempt(accuracy=0.5).score(attempt()) == 0.0


def test_a_curve_ends_at_the_whole_uplink():
    curve = attempt().curve()
    assert list(curve) == [0.5, 1.0]
    assert set(curve.values()) == {0.95}


# --- the reference ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_reference_run_again_keeps_the_limits_and_is_what_students_are_scored_against(seed):
    """Other processors add in another order: the same run learns a little otherwise there."""
    again, recorded = run(own_plan(), seed), reference(seed)
    assert again.broken() == recorded.broken() == []
    assert recorded.accuracy >= TARGET + 0.005
    assert recorded.accuracy == pytest.approx(again.accuracy, abs=0.01)
    assert recorded.uplink == pytest.approx(again.uplink, rel=0.03)
    assert round(recorded.server) == round(again.server) == SERVER
    assert again.score(recorded) == pytest.approx(1, abs=0.03)


def test_a_seed_without_a_reference_is_refused():
    with pytest.raises(ValueError, match="expected one of 0, 1, 2, got 7"):
        reference(7)


def test_the_room_neither_tells_the_plan_nor_needs_the_solutions():
    assert reference().plan is None
    codec = own_plan().codec
    for path in Path(fedlab.capstone.__file__).parent.iterdir():
        if path.suffix in (".py", ".json"):
            text = path.read_text("utf-8")
            assert codec not in text
            if path.suffix == ".py":
                assert "exercises" not in text
