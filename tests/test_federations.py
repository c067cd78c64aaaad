"""A federation that learns: what travels, what is learned, and that it can be repeated."""

import time
from functools import partial

import numpy as np
import pytest
import torch
from flwr.serverapp.strategy import FedAvg, FedProx

from fedlab import FederatedRun, size_of
from fedlab.data import Examples
from fedlab.federations import Federation
from fedlab.models import mlp
from fedlab.strategies import BandwidthTrackingFedAvg
from fedlab.trainers import accuracy, mini_batches, train

ROUNDS, CLIENTS = 3, 4


def examples(count, seed):
    """Examples of three classes that a small network can tell apart."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    inputs = random.standard_normal((count, 6)) + 3 * np.eye(6)[labels]
    return Examples(inputs.astype(np.float32), labels)


def small():
    return mlp((6, 5, 3))


def federation(model=small, **settings):
    clients = [examples(20 + number, number) for number in range(CLIENTS)]
    return Federation(model, clients, examples(100, 99), **{"lr": 0.3, "batch": 8, **settings})


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def keep_into(kept):
    """A mod that keeps what leaves each client: {(client, round): {tensor: numbers}}."""

    def mod(message, context, call_next):
        reply = call_next(message, context)
        who = context.node_config["partition-id"], message.content["config"]["server-round"]
        kept[who] = {name: a.numpy() for name, a in reply.content["arrays"].items()}
        return reply

    return mod


def test_it_learns_and_tests_before_the_first_round_and_after_each():
    history = federation().run(ROUNDS)
    assert len(history.accuracies) == ROUNDS + 1
    assert history.accuracies[0] < 0.7 < 0.9 < history.accuracies[-1]


def test_what_it_moves_is_what_the_formula_says():
    predicted = FederatedRun(size_of(small()), cohort=CLIENTS, rounds=ROUNDS)
    ledger = federation().run(ROUNDS).ledger
    assert (ledger.downlink, ledger.uplink) == (predicted.downlink, predicted.uplink)
    assert not ledger.failures


def test_a_federation_of_one_client_is_that_clients_training():
    alone = Federation(small, [examples(20, 0)], examples(100, 99), lr=0.3, batch=8)
    kept = {}
    assert same(alone.run(1, mods=[keep_into(kept)]).arrays, kept[0, 1])


def test_no_rounds_are_one_test_of_the_model_at_the_start():
    history = federation().run(0)
    assert history.accuracies == (accuracy(small(), examples(100, 99)),)
    assert same(history.arrays, {n: t.numpy() for n, t in small().state_dict().items()})


def test_the_last_accuracy_is_that_of_the_arrays_it_leaves():
    history = federation().run(ROUNDS)
    model = small()
    model.load_state_dict({n: torch.from_numpy(a) for n, a in history.arrays.items()})
    assert accuracy(model, examples(100, 99)) == history.accuracies[-1]


def test_the_same_seed_gives_the_same_run_to_the_bit_and_another_one_another():
    first, second, other = (federation().run(ROUNDS, seed=seed) for seed in (1, 1, 2))
    assert same(first.arrays, second.arrays)
    assert first.accuracies == second.accuracies
    assert not same(first.arrays, other.arrays)


def test_a_client_trains_alike_whoever_else_is_asked():
    """Orders, and dropout, are the client's own and the round's: nobody's turn changes them."""

    def dropping():
        return torch.nn.Sequential(*small(), torch.nn.Dropout(0.3))

    everybody, some = {}, {}
    federation(dropping).run(1, mods=[keep_into(everybody)])
    half = partial(BandwidthTrackingFedAvg, fraction_train=0.5)
    federation(dropping).run(1, mods=[keep_into(some)], strategy=half)
    assert len(some) == 2
    assert all(same(some[who], everybody[who]) for who in some)


def test_a_mod_that_draws_random_numbers_changes_no_training():
    def drawing(message, context, call_next):
        torch.rand(3)
        np.random.random(3)
        return call_next(message, context)

    assert same(federation().run(ROUNDS, mods=[drawing]).arrays, federation().run(ROUNDS).arrays)


def test_each_client_and_each_round_have_an_order_of_their_own():
    alike = [examples(40, 0)] * CLIENTS
    kept = {}
    Federation(small, alike, examples(10, 9), lr=0.3, batch=8).run(1, mods=[keep_into(kept)])
    assert not any(same(kept[0, 1], kept[client, 1]) for client in range(1, CLIENTS))
    seen = []
    frozen = {"lr": 1e-30, "batch": 8}  # nothing is learned: only the orders differ

    def losses(message, context, call_next):
        reply = call_next(message, context)
        seen.append(reply.content["metrics"]["train-loss"])
        return reply

    Federation(small, alike[:1], examples(10, 9), **frozen).run(3, mods=[losses])
    assert len(set(seen)) == 3


def test_without_shuffling_a_client_meets_its_examples_in_their_stored_order_in_every_round():
    met = []

    class Watched(torch.nn.Linear):
        def forward(self, inputs):
            if self.training:
                met.append(inputs.numpy().copy())
            return super().forward(inputs)

    stored = examples(20, 0)
    alone = Federation(
        lambda: Watched(6, 3), [stored], examples(10, 9), lr=0.3, batch=8, shuffled=False
    )
    alone.run(2, seed=5)
    assert [len(batch) for batch in met] == [8, 8, 4] * 2
    assert np.array_equal(np.concatenate(met), np.tile(stored.inputs, (2, 1)))


def test_a_client_does_what_train_does_by_itself():
    kept = {}
    local = federation(epochs=2, optimizer="adam", lr=0.01)
    local.run(1, mods=[keep_into(kept)])
    drawn = int(np.random.SeedSequence([0, 2, 1]).generate_state(1)[0])
    model = small()
    feed = mini_batches(local.clients[2], 8, seed=drawn)
    train(model, feed, lr=0.01, epochs=2, optimizer="adam")
    assert same(kept[2, 1], {n: t.numpy() for n, t in model.state_dict().items()})


def test_a_reply_holds_the_tensors_that_came_and_its_weight_and_loss():
    seen = []

    def watch(message, context, call_next):
        reply = call_next(message, context)
        seen.append((message.content["arrays"], reply.content))
        return reply

    federation().run(1, mods=[watch])
    came, left = seen[1]
    assert list(left["arrays"]) == list(came) == list(small().state_dict())
    assert set(left["metrics"]) == {"num-examples", "train-loss"}
    assert left["metrics"]["num-examples"] == 21
    assert 0 < left["metrics"]["train-loss"] < 2


def test_only_the_trainable_parameters_travel_when_asked_for():
    def head_only():
        model = small()
        model[0].requires_grad_(False)
        return model

    federated = federation(head_only, travels="trainable")
    history = federated.run(ROUNDS)
    head = {"2.weight": (3, 5), "2.bias": (3,)}
    assert {name: array.shape for name, array in history.arrays.items()} == head
    assert history.ledger.traffic == 2 * 4 * (15 + 3) * CLIENTS * ROUNDS
    assert history.accuracies[-1] > history.accuracies[0]
    whole = federation(head_only).run(ROUNDS)
    assert whole.accuracies == history.accuracies  # the rest was the same all along


def test_statistics_that_do_not_travel_are_no_other_clients():
    def normed():
        model = torch.nn.Sequential(torch.nn.BatchNorm1d(6), *small())
        model[0].requires_grad_(False)
        return model

    built = []

    def building():
        built.append(normed())
        return built[-1]

    history = federation(building, travels="trainable").run(ROUNDS)
    assert len(built) == 1  # one module for all
    start = normed()
    start.load_state_dict({n: torch.from_numpy(a) for n, a in history.arrays.items()}, strict=False)
    assert accuracy(start, examples(100, 99)) == history.accuracies[-1]


def test_flowers_fedprox_holds_the_clients_near_the_global_model():
    start = {n: t.numpy() for n, t in small().state_dict().items()}

    def distances(kept):
        return {
            who: sum(np.sum((arrays[n] - start[n]) ** 2) for n in start) ** 0.5
            for who, arrays in kept.items()
        }

    kept_far, kept_near = {}, {}
    federation(epochs=5).run(1, mods=[keep_into(kept_far)])
    prox = partial(FedProx, proximal_mu=2.0)
    history = federation(epochs=5).run(1, mods=[keep_into(kept_near)], strategy=prox)
    far, near = distances(kept_far), distances(kept_near)
    assert all(near[who] < 0.6 * far[who] for who in far)
    assert not history.ledger.failures


def test_a_client_that_diverges_is_a_failure_with_its_reason_and_the_run_goes_on():
    tame = examples(20, 1)
    wild = Examples(tame.inputs * np.float32(1e30), tame.labels)
    some = [examples(20, 0), wild, examples(20, 2)]
    history = Federation(small, some, examples(100, 99), lr=0.3, batch=4).run(2)
    assert {(t.node, t.round) for t in history.ledger.failures} == {(1, 1), (1, 2)}
    assert "lower lr" in history.ledger.failures[0].reason
    assert history.accuracies[-1] > history.accuracies[0]


def test_a_seed_below_zero_is_refused_at_once():
    with pytest.raises(ValueError, match="seed: expected 0 or more, got -1"):
        federation().run(1, seed=-1)


def test_a_short_run_shows_nothing(capfd):
    federation().run(1)
    federation().run(1, strategy=FedAvg)
    assert capfd.readouterr() == ("", "")


def test_a_long_run_shows_a_bar_of_its_rounds(capfd, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr("fedlab.progress._QUIET_SECONDS", 1e-9)

    def slow(message, context, call_next):
        time.sleep(0.05)  # tqdm draws ten times a second at most
        return call_next(message, context)

    federation().run(2, mods=[slow])
    assert "/2" in capfd.readouterr().err


@pytest.mark.ray
def test_under_ray_it_learns_the_same_and_moves_the_same():
    ray, here = (federation().run(2, engine=engine) for engine in ("ray", "in-process"))
    assert ray.ledger.traffic == here.ledger.traffic
    for name, array in here.arrays.items():  # replies come in another order: another rounding
        np.testing.assert_allclose(ray.arrays[name], array, atol=1e-5)
