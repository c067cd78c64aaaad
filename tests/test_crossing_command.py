"""The command that runs a plan with real Flower, and leaves its outcome or one sentence."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from tiny_plan import TINY, same_bits

from fedlab.crossing import read_outcome, write_plan
from fedlab.crossing.__main__ import main
from fedlab.data import mnist
from fedlab.models import mlp
from fedlab.trainers import Feed, accuracy, train


@pytest.fixture
def crossing(run_main):
    """Run the command as its main does and return (exit status, stdout, stderr)."""
    return partial(run_main, main, "python -m fedlab.crossing")


def test_the_command_runs_real_flower_and_leaves_the_outcome(tmp_path):
    write_plan(tmp_path, TINY)
    done = subprocess.run(
        [sys.executable, "-m", "fedlab.crossing", tmp_path],
        env={**os.environ, "TQDM_DISABLE": "1"},  # on a slow machine its bar would come
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    outcome = read_outcome(tmp_path)
    payload = 4 * sum(tensor.size for tensor in TINY.initial.values())
    assert outcome.downlink.payload == outcome.uplink.payload == 3 * payload
    assert payload < outcome.uplink.record / 3 < outcome.uplink.message
    assert outcome.failures == ()
    expected = by_hand(TINY)
    for name, tensor in outcome.final.items():
        np.testing.assert_allclose(tensor, expected[name], rtol=0, atol=1e-7)
    assert outcome.accuracies == tuple(
        accuracy(loaded(tensors), mnist().test) for tensors in (TINY.initial, outcome.final)
    )


def by_hand(plan):
    """One round of federated averaging: each client's digits in their order, weighted by number."""
    mean = {name: np.zeros_like(tensor) for name, tensor in plan.initial.items()}
    digits = sum(map(len, plan.clients))
    for examples in plan.shares(mnist().train):
        model = loaded(plan.initial)
        train(model, Feed(examples, plan.batch, plan.batch, None), lr=plan.lr, epochs=1)
        for name, tensor in model.state_dict().items():
            mean[name] += tensor.numpy() * np.float32(len(examples) / digits)
    return mean


def loaded(tensors):
    model = mlp((784, 5, 10))
    model.load_state_dict({name: torch.tensor(tensor) for name, tensor in tensors.items()})
    return model


def test_a_client_that_diverges_is_in_the_outcome_with_its_reason(crossing, tmp_path):
    write_plan(tmp_path, replace(TINY, lr=1e300))
    with pytest.warns(RuntimeWarning, match="none of 3 clients sent a usable update"):
        assert crossing(tmp_path)[0] == 0
    outcome = read_outcome(tmp_path)
    assert sorted(failure.split(":")[0] for failure in outcome.failures) == [
        f"client {client}, round 1" for client in range(3)
    ]
    assert same_bits(outcome.final, TINY.initial)


def test_help_shows_an_example(crossing):
    status, shown, _ = crossing("--help")
    assert status == 0
    assert "python -m fedlab.crossing a/folder/with/plan.json" in shown


def test_a_wrong_plan_is_one_sentence_and_nothing_is_written(crossing, tmp_path):
    write_plan(tmp_path, replace(TINY, clients=((0, 4000),)))
    said = "fedlab: clients: expected digits 0 to 3999, got 4000\n"
    assert crossing(tmp_path) == (2, "", said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["initial.npz", "plan.json"]


def test_a_folder_without_a_plan_is_one_sentence_that_names_no_folder(crossing, tmp_path):
    said = "fedlab: plan.json cannot be read as JSON: No such file or directory\n"
    assert crossing(tmp_path / "gone") == (2, "", said)
    assert not list(tmp_path.iterdir())


def test_digits_that_cannot_be_had_are_one_sentence(crossing, tmp_path, monkeypatch):
    write_plan(tmp_path, TINY)
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    status, shown, said = crossing(tmp_path)
    assert (status, shown) == (2, "")
    assert said.startswith("fedlab: the data set 'mnist' is not in the cache")
    assert len(said.splitlines()) == 1
