"""Whatever a client says is an encoded update: named, counted, left out, and the round goes on."""

import numpy as np
import pytest
from apps import model, numbers, partition, record
from bad_clients import one_bad_of_three
from blobs import mutant
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import FedAdam, Krum
from forgeries import CODEC, SENDS, TENSORS, UPDATE, encoded, one_tensor, reply

from fedlab.codecs import parse
from fedlab.codecs.arrays import encode
from fedlab.meters import traced_peak
from fedlab.mods import compress, send_only
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

STRATEGIES = {"Tracking": BandwidthTrackingFedAvg, "Streaming": StreamingFedAvg}


def but_for_the_first(mod):
    """The mod, save in partition 0, which needs none to do harm."""

    def some(message, context, call_next):
        if partition(context) == 0:
            return call_next(message, context)
        return mod(message, context, call_next)

    return some


def one_forger_of_three(bad, strategy=BandwidthTrackingFedAvg, start=None, *, mod=None, rounds=1):
    """Partition 0 sends what `bad` makes of its instruction; 1 and 2 are good, and compress."""
    strategy = strategy(fraction_evaluate=0.0, min_train_nodes=3)
    mods = [but_for_the_first(mod or compress("float16"))]
    return one_bad_of_three(lambda m, c: bad(m), strategy, start, mods=mods, rounds=rounds)


MEAN = np.float32(1) * (2 / 6) + np.float32(2) * (4 / 6)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", SENDS)
def test_a_forged_update_is_named_counted_and_left_out_of_the_mean(name, strategy):
    bad, reason = SENDS[name]
    server, ledger = one_forger_of_three(bad, STRATEGIES[strategy])
    (failure,) = ledger.failures
    assert (failure.node, failure.round, failure.outcome) == (0, 1, "rejected")
    assert reason in failure.reason
    assert failure.reason.isprintable()
    assert len(failure.reason) < 400
    good_ones = 2 * sum(parse("float16").size(a.shape) for a in model().values())
    assert ledger.uplink == good_ones + failure.payload
    for values in server.arrays.values():
        np.testing.assert_allclose(values, MEAN, rtol=1e-6)


@pytest.mark.parametrize("name", TENSORS)
def test_the_reason_says_which_client_it_was(name):
    _, ledger = one_forger_of_three(SENDS[name][0])
    assert ledger.failures[0].reason.startswith("client 0: w: ")


def test_an_update_that_adds_up_to_infinity_is_refused():
    huge = np.full((2, 3), 3e38, np.float32)

    def bad(message):
        return reply(message, one_tensor(encode(parse("topk:0.5"), huge, "update")))

    _, ledger = one_forger_of_three(bad, start=record(model(3e38)))
    (failure,) = ledger.failures
    assert (failure.node, failure.outcome) == (0, "rejected")
    assert failure.reason == "w: 3 of 6 values are NaN or infinite"


@pytest.mark.parametrize("strategy", [FedAdam, lambda **kw: Krum(num_malicious_nodes=1, **kw)])
def test_flowers_own_strategies_go_on_without_forgers(strategy):
    for name in ("garbage", "a bomb", "a NaN", "arrays for news"):
        server, ledger = one_forger_of_three(SENDS[name][0], strategy, rounds=2)
        assert [(t.node, t.outcome) for t in ledger.failures] == [(0, "rejected")] * 2
        assert all(np.isfinite(values).all() for values in server.arrays.values())


def test_hundreds_of_mutants_never_end_a_run_nor_poison_the_mean():
    """Each round one client sends a mutant of an honest blob; what it gets in is finite."""
    random = np.random.default_rng(0)
    texts = ("topk:0.5|float16", "int8", "topk:0.5", "ternary:0.5")
    sent = []

    def bad(message):
        text = texts[len(sent) % len(texts)]
        sent.append(mutant(parse(text).encode(UPDATE, seed=0), random))
        return reply(message, one_tensor(encoded(sent[-1], text)))

    server, ledger = one_forger_of_three(bad, rounds=100)
    assert len(sent) == 100
    assert 50 < len(ledger.failures) <= 100
    assert {t.node for t in ledger.failures} == {0}
    assert all(t.reason.startswith("client 0: w: ") for t in ledger.failures)
    assert all(np.isfinite(values).all() for values in server.arrays.values())


def test_a_forger_does_not_change_what_others_may_leave_out():
    frozen = {"thirds": np.full(4, 1 / 3, np.float32), "steps": np.array(2**60 + 1)}

    def bad(message):
        arrays = numbers(message.content)
        whole = record({name: values + 1 for name, values in arrays.items() if name != "w"})
        whole["w"] = encoded(b"garbage")
        return reply(message, whole)

    server, ledger = one_forger_of_three(
        bad, mod=send_only(["w", "b"]), rounds=3, start=record(model() | frozen)
    )
    assert [t.node for t in ledger.failures] == [0, 0, 0]
    for name, values in frozen.items():
        assert server.arrays[name].dtype == values.dtype
        assert server.arrays[name].tobytes() == values.tobytes()


def test_a_forged_claim_to_leave_all_out_freezes_nothing_that_others_train():
    def bad(message):
        return reply(message, ArrayRecord(), news={"left-out": 2})

    server, ledger = one_forger_of_three(bad, rounds=3)
    assert ledger.failures == []
    for values in server.arrays.values():  # as an update of nothing, with the weight 1 of 7
        np.testing.assert_allclose(values, 3 * 10 / 7, rtol=1e-3)


def test_a_bomb_in_a_reply_allocates_next_to_nothing():
    bad, _ = SENDS["a bomb"]
    one_forger_of_three(bad)  # what is imported and compiled the first time
    with traced_peak() as peak:
        one_forger_of_three(bad)
    assert peak.size < 2_000_000


def test_an_encoded_update_that_the_client_was_right_to_send_is_taken():
    server, ledger = one_forger_of_three(
        lambda m: reply(m, one_tensor(encode(CODEC, UPDATE, "update")))
    )
    assert ledger.failures == []
    np.testing.assert_allclose(server.arrays["w"], (UPDATE + 2 * 1 + 4 * 2) / 7, rtol=1e-3)
