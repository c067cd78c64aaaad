"""The decoding layer: whole models for any strategy, whatever codec the clients send in."""

import numpy as np
import pytest
from apps import (
    answer,
    below_the_meter,
    client,
    federation,
    good,
    instructions,
    metered,
    model,
    numbers,
    record,
)
from coded_runs import NODES, STRATEGIES, all_but_the_first, noisy, run, sizes

from fedlab.codecs import parse
from fedlab.grids import CheckingGrid, DecodingGrid
from fedlab.mods import compress, count


@pytest.mark.parametrize("name", STRATEGIES)
def test_any_strategy_makes_of_exact_updates_what_it_makes_without_a_codec(name):
    plain, _ = run(good, strategy=STRATEGIES[name])
    coded, ledger = run(good, [compress("float16")], strategy=STRATEGIES[name])
    assert ledger.failures == []
    for tensor, values in plain.arrays.items():
        assert coded.arrays[tensor].dtype == values.dtype
        # whole numbers are exact in float16; FedAdam's are not after its first round
        np.testing.assert_allclose(coded.arrays[tensor], values, rtol=1e-6, atol=2e-4)


@pytest.mark.parametrize(
    "codec", ["topk:0.5", "int8", "int4:stochastic", "ternary:0.5", "bfloat16"]
)
@pytest.mark.parametrize("name", ["FedAdam", "Krum", "StreamingFedAvg"])
def test_any_codec_travels_under_any_strategy(name, codec):
    server, ledger = run(noisy, [compress(codec)], strategy=STRATEGIES[name], rounds=3)
    assert ledger.failures == []
    for tensor, values in model().items():
        assert server.arrays[tensor].shape == values.shape
        assert np.abs(server.arrays[tensor]).max() > 0


@pytest.mark.parametrize(("codec", "off"), [("float16", 2e-3), ("bfloat16", 2e-2), ("int8", 3e-2)])
def test_a_round_is_the_uncompressed_one_within_the_codecs_error(codec, off):
    (plain, _), (coded, _) = run(noisy, rounds=1), run(noisy, [compress(codec)], rounds=1)
    for tensor, values in plain.arrays.items():
        assert 0 < np.abs(coded.arrays[tensor] - values).max() < off


@pytest.mark.parametrize("codec", ["float16", "topk:0.4", "randomk:0.4", "int8", "int2:block=8"])
def test_the_uplink_is_what_the_codec_predicts_to_the_byte(codec):
    rounds, arrays = 3, model() | {"scalar": np.float32(1), "half": np.ones(7, np.float16)}
    assert parse(codec).fixed
    _, ledger = run(noisy, [compress(codec)], arrays=record(arrays), rounds=rounds)
    assert ledger.failures == []
    assert ledger.uplink == rounds * NODES * sizes(codec, arrays)
    assert ledger.downlink == rounds * NODES * sum(np.asarray(a).nbytes for a in arrays.values())


def test_updates_are_added_to_the_tensor_in_its_own_dtype():
    start = {
        "half": np.full(4, 0.1, np.float16),
        "single": np.full(4, 0.1, np.float32),
        "double": np.full(4, 0.1, np.float64),
    }

    def train(message, context):
        return answer(
            message, {n: v + v.dtype.type(0.5) for n, v in numbers(message.content).items()}
        )

    server, ledger = run(train, [compress("topk:1.0")], arrays=record(start), rounds=1)
    assert ledger.failures == []
    for name, values in start.items():
        assert server.arrays[name].dtype == values.dtype
        eps = np.finfo(values.dtype).eps
        np.testing.assert_allclose(server.arrays[name], values + 0.5, rtol=4 * eps)


def test_a_client_that_does_not_compress_may_be_among_those_that_do():
    some = all_but_the_first(compress("float16"))
    (plain, _), (mixed, ledger) = run(good), run(good, [some])
    assert ledger.failures == []
    for tensor, values in plain.arrays.items():
        np.testing.assert_allclose(mixed.arrays[tensor], values, rtol=1e-6)


def test_the_bytes_that_are_counted_on_the_client_are_those_in_the_ledger():
    seen = []

    def main(grid):
        layer, ledger = metered(below_the_meter(grid))
        checked = CheckingGrid(DecodingGrid(layer, downlink="float16"))
        seen.extend(checked.send_and_receive(instructions(grid)))
        seen.append(ledger)

    app = client(good, mods=[count(report=True), compress("int8")])
    federation(main, app, nodes=1)
    reply, ledger = seen
    down, up = sizes("float16", model()), sizes("int8", model())
    assert dict(reply.content["fedlab.count"]) == {"received": down, "sent": up}
    assert (ledger.downlink, ledger.uplink) == (down, up)


def test_by_hand_pushed_and_pulled_replies_are_whole_too():
    got = {}

    def main(grid):
        layer, _ = metered(below_the_meter(grid))
        checked = CheckingGrid(DecodingGrid(layer, downlink="float16"))
        for number in (1, 2):
            messages = instructions(grid, record(model(2.0)), number=number)
            ids = checked.push_messages(messages)
            for message_id in reversed(ids):  # one by one, in another order
                for reply in checked.pull_messages([message_id]):
                    got[number, message_id] = numbers(reply.content)["w"][0, 0]
            assert messages[0].content["arrays"]["w"].numpy()[0, 0] == 2.0  # not changed

    federation(main, client(good, mods=[compress("float16")]), nodes=3)
    assert sorted(got.values()) == [2, 2, 3, 3, 4, 4]


def test_decoding_twice_is_refused():
    def main(grid):
        with pytest.raises(ValueError, match="this grid decodes already"):
            DecodingGrid(grid, downlink="float16")

    federation(main, client(good))
