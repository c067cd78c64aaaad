"""The same plan in TFF here and in real Flower in the main environment: the same model."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from fedlab.crossing import CrossingError, Plan
from fedlab.tff import TffError, in_flower, in_tff, initial

MODEL = 203_560
# 130 digits make a last batch of two; weights of 200, 130 and 45 tell a wrong mean
UNEQUAL = (tuple(range(200)), tuple(range(1130, 1000, -1)), tuple(range(300, 345)))
PLANS = {
    "one round of unequal clients": Plan(1, 0.1, 32, UNEQUAL, initial()),
    "three rounds of them": Plan(3, 0.1, 32, UNEQUAL, initial()),
    "one client": Plan(1, 0.2, 16, (tuple(range(500, 540)),), initial((784, 7, 10), seed=1)),
}


@pytest.fixture(scope="module")
def in_both(worker):
    """Each plan as a run of TFF and an outcome of Flower."""
    with ThreadPoolExecutor(2) as pool:  # Flower is in a process of its own
        outcomes = {name: pool.submit(in_flower, plan) for name, plan in PLANS.items()}
        runs = {name: in_tff(plan) for name, plan in PLANS.items()}
        return {name: (runs[name], outcomes[name].result()) for name in PLANS}


@pytest.mark.parametrize("name", PLANS)
def test_tff_and_flower_end_with_the_same_parameters(in_both, name):
    run, outcome = in_both[name]
    assert list(run.final) == list(outcome.final) == list(PLANS[name].initial)
    for tensor, tensor_name in zip(run.final.values(), run.final, strict=True):
        other, start = outcome.final[tensor_name], PLANS[name].initial[tensor_name]
        assert (tensor.dtype, tensor.shape) == (other.dtype, other.shape) == ("f4", start.shape)
        assert abs(tensor - other).max() < 1e-6  # asked for is 1e-4
        assert abs(tensor - start).max() > 1e-3  # it learned something


@pytest.mark.parametrize("name", PLANS)
def test_their_accuracies_stand_side_by_side_before_the_first_round_and_after_each(in_both, name):
    run, outcome = in_both[name]
    assert len(run.accuracies) == len(outcome.accuracies) == PLANS[name].rounds + 1
    assert run.accuracies[0] == outcome.accuracies[0] < 0.2
    np.testing.assert_allclose(run.accuracies, outcome.accuracies, atol=0.003)


@pytest.mark.parametrize("name", ["one round of unequal clients", "three rounds of them"])
def test_each_message_of_flower_is_the_models_numbers_exactly(in_both, name):
    _, outcome = in_both[name]
    messages = 3 * PLANS[name].rounds
    assert outcome.failures == ()
    assert outcome.downlink.payload == outcome.uplink.payload == messages * MODEL
    assert messages * MODEL < outcome.uplink.record < messages * (MODEL + 2000)


BEYOND = replace(PLANS["one client"], clients=((0, 4000),))


def test_digits_that_there_are_not_are_refused_on_both_sides_in_the_same_words(worker):
    words = "clients: expected digits 0 to 3999, got 4000"
    with pytest.raises(CrossingError, match=f"^{words}$"):
        in_tff(BEYOND)
    with pytest.raises(TffError, match=f"^Flower could not run the plan: {words}$"):
        in_flower(BEYOND)


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Make a program, or none, Flower's Python."""

    def python(text=None, mode=0o755):
        path = tmp_path / "python"
        if text is not None:
            path.write_text(text)
            path.chmod(mode)
        monkeypatch.setenv("FEDLAB_PYTHON", str(path))

    return python


REMEDY = r"run `make tff`, or set FEDLAB_PYTHON to that environment's python$"
UNKNOWN = rf"^Flower runs in fedlab's main environment, and this kernel does not know .*: {REMEDY}"
PLAN = PLANS["one client"]


def test_without_a_python_for_flower_the_remedy_is_said(monkeypatch):
    monkeypatch.delenv("FEDLAB_PYTHON")
    with pytest.raises(TffError, match=UNKNOWN):
        in_flower(PLAN)


def test_a_python_that_is_not_there_is_the_same(python):
    python()
    with pytest.raises(TffError, match=UNKNOWN):
        in_flower(PLAN)
    os.environ["FEDLAB_PYTHON"] = os.path.dirname(os.environ["FEDLAB_PYTHON"])
    with pytest.raises(TffError, match=UNKNOWN):
        in_flower(PLAN)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("#!/bin/sh\necho some words >&2\necho No module named fedlab >&2\nexit 1\n", 0o755,
         r"Flower could not run the plan: No module named fedlab; "),
        ("#!/bin/sh\nexit 3\n", 0o755, r"Flower could not run the plan: exit status 3; "),
        ("#!/bin/sh\nkill -9 $$\n", 0o755, r"Flower could not run the plan: exit status -9; "),
        ("no program", 0o755, r"FEDLAB_PYTHON: Exec format error: "),
        ("#!/bin/sh\n", 0o644, r"FEDLAB_PYTHON: Permission denied: "),
        ("#!/no/such/interpreter\n", 0o755, r"FEDLAB_PYTHON: No such file or directory: "),
    ],
)  # fmt: skip
def test_a_python_that_cannot_run_flower_is_one_sentence_with_its_remedy(python, text, mode, words):
    python(text, mode)
    with pytest.raises(TffError, match=f"^{words}{REMEDY}") as failed:
        in_flower(PLAN)
    assert len(str(failed.value).splitlines()) == 1


def test_a_python_that_leaves_no_outcome_is_refused(python):
    python("#!/bin/sh\nexit 0\n")
    with pytest.raises(CrossingError, match=r"^outcome\.json cannot be read as JSON: No such file"):
        in_flower(PLAN)
