"""deploy: real SuperNodes beside `simulate`, and what their hops carried."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from app_directories import HEAD, app_directory, federation, needs_posix
from apps import rows

from fedlab.codecs import parse
from fedlab.engines import simulate
from fedlab.sizes import TensorSpec, tensors_of
from fedlab.transport import OBJECTS, predict_round

pytestmark = needs_posix
NODES = 3
HOPS = [f"node {k}" for k in range(NODES)]
PYTHIA = Path(__file__).parents[2] / "lessons" / "apps" / "pythia"

# --- three rounds: replies that are the broadcast, distinct ones, and a part of those, encoded ---

MODEL = [TensorSpec("body", (1000, 1000)), TensorSpec("head", (1000, 1000))]  # 8 MB
SAME, DISTINCT, SMALLER = ROUNDS = range(1, 4)
ROUNDS_APP = (
    HEAD
    + """
from functools import partial


def smaller(message, context, call_next):
    if message.content["config"]["server-round"] < 3:
        return call_next(message, context)
    from fedlab.mods import compress, send_only  # brings torch: seconds

    part = partial(send_only(["head"]), call_next=call_next)
    return compress("int8")(message, context, part)


@client.train(mods=[smaller])
def train(message, context):
    number = message.content["config"]["server-round"]
    arrays = numbers(message.content)
    if number > 1:
        random = np.random.default_rng([number, partition(context)])
        arrays = {n: a + random.standard_normal(a.shape, np.float32) for n, a in arrays.items()}
    return answer(message, arrays, **{"num-examples": 1})


@server.main()
def main(grid, context):
    from fedlab.strategies import BandwidthTrackingFedAvg

    random = np.random.default_rng(0)
    names = ("body", "head")
    model = {name: random.standard_normal((1000, 1000), np.float32) for name in names}
    strategy = BandwidthTrackingFedAvg(fraction_evaluate=0.0)
    strategy.start(grid, record(model), num_rounds=3)
"""
)


@pytest.fixture(scope="module")
def three():
    """A federation for all tests of this module."""
    with federation(NODES) as running:
        yield running


@pytest.fixture(scope="module")
def rounds(three, tmp_path_factory):
    return three.run(app_directory(tmp_path_factory.mktemp("rounds"), ROUNDS_APP))


@pytest.fixture(scope="module")
def pythia(three):
    return three.run(PYTHIA)


def test_the_ledger_is_the_one_of_simulate_round_by_round(rounds):
    app = {}
    exec(ROUNDS_APP, app)
    there, here = rounds.ledger, simulate(app["server"], app["client"], nodes=NODES).ledger
    assert there.failures == []
    assert there.per_round().equals(here.per_round())
    assert rows(there) == rows(here)
    assert {rounds.nodes[t.node] for t in there} == set(HOPS)


def test_the_bill_holds_every_byte_of_the_wire_and_of_the_ledger(rounds):
    bill = rounds.bill()
    assert sorted(set(bill.index.get_level_values("hop"))) == [*HOPS, "server"]
    assert sorted(set(bill.index.get_level_values("round"))) == [0, *ROUNDS]
    for direction in ("down", "up"):
        one_way = bill.xs(direction, level="direction")
        assert one_way["wire"].sum() == getattr(rounds.wire, direction)
        assert one_way["requests"].sum() == len(rounds.wire)
        assert one_way["payload"].sum() == rounds.ledger.levels(direction).payload
        assert one_way["message"].sum() == rounds.ledger.levels(direction).message


def objects(result, number, hop):
    """What carried content in that round: polls come as often as the machine is slow."""
    return result.in_round(number).select(hop=hop, kinds=OBJECTS)


def predicted(tensors=MODEL, **reply):
    settings = {"config": {"server-round": 1}, "metrics": {"num-examples": 1}}
    return predict_round(tensors, nodes=NODES, address="127.0.0.1:30000", **settings, **reply)


@pytest.mark.parametrize("number", ROUNDS)
def test_the_broadcast_goes_up_once_and_down_to_every_node(rounds, number):
    wanted = predicted()
    up = objects(rounds, number, "server").up
    assert up == pytest.approx(wanted["server"].objects.up, rel=0.01)
    for hop in HOPS:
        down = objects(rounds, number, hop).down
        assert down == pytest.approx(wanted[hop].objects.down, rel=0.01)


@pytest.mark.parametrize("hop", HOPS)
def test_replies_that_are_the_broadcast_do_not_cost_more_than_distinct_ones(rounds, hop):
    same, distinct = (objects(rounds, number, hop).up for number in (SAME, DISTINCT))
    assert 0 < same < distinct * 1.001  # equal metrics are sent once: by whom is chance


def test_a_codec_and_a_part_keep_their_promise_on_the_wire(rounds):
    """A quarter of the bytes of half of the tensors: 1 MB."""
    smaller = predicted(reply=MODEL[1:], codec=parse("int8"))
    promised = predicted()["node 0"].objects.up / smaller["node 0"].objects.up
    assert 7.5 < promised < 8
    for hop in HOPS:
        measured = objects(rounds, DISTINCT, hop).up / objects(rounds, SMALLER, hop).up
        assert measured == pytest.approx(promised, rel=0.02)


# --- the lab -------------------------------------------------------------------------------------


def test_the_wire_of_the_nodes_is_within_one_percent_of_message_and_of_the_formula(pythia):
    assert pythia.ledger.failures == []
    assert pythia.ledger.traffic == 2 * NODES * 4 * 14_067_712
    for direction in ("down", "up"):
        carried = pythia.ledger.levels(direction)
        wire = sum(getattr(objects(pythia, 1, hop), direction) for hop in HOPS)
        assert carried.payload < carried.message < wire
        assert wire == pytest.approx(carried.message, rel=0.01)
        assert wire == pytest.approx(carried.payload, rel=0.01)


def test_flowers_own_figure_is_within_one_percent_of_the_messages(pythia):
    assert pythia.outbound == pytest.approx(pythia.ledger.levels("down").message, rel=0.01)
    assert pythia.inbound == pytest.approx(pythia.ledger.levels("up").message, rel=0.01)


def test_the_labs_requests_are_as_many_as_predicted_and_as_long(pythia):
    for hop, wanted in predicted(tensors_of("pythia-14m")).items():
        measured = objects(pythia, 1, hop)
        assert len(measured) == pytest.approx(wanted.objects.requests, rel=0.02)
        assert measured.up == pytest.approx(wanted.objects.up, rel=0.001)
        assert measured.down == pytest.approx(wanted.objects.down, rel=0.001)


def test_each_run_of_a_federation_has_its_own_wire_and_log(three, rounds, pythia):
    results = sorted((rounds, pythia), key=lambda result: result.trips[0].began)
    for earlier, later in pairwise(results):
        assert max(e.started for e in earlier.wire) < min(e.started for e in later.wire)
        assert set(earlier.log) != set(later.log)
    assert sum(len(result.wire) for result in results) < len(three.wire)


# --- strategies and mods -------------------------------------------------------------------------

STREAMING_APP = (
    HEAD
    + '''

@client.train()
def train(message, context):
    """Partition k adds k, save the last, which sends a NaN."""
    k = partition(context)
    arrays = {name: array + np.float32(k) for name, array in numbers(message.content).items()}
    if k == 2:
        arrays["w"][0] = np.nan
    return answer(message, arrays, **{"num-examples": 2**k, "k": float(k)})


@server.main()
def main(grid, context):
    from fedlab.strategies import StreamingFedAvg

    strategy = StreamingFedAvg(window=2, fraction_evaluate=0.0)
    start = record({"w": np.zeros(2_000_000, np.float32)})
    result = strategy.start(grid, start, num_rounds=1)
    print("mean", result.arrays["w"].numpy()[[0, -1]].tolist())
    print("k", result.train_metrics_clientapp[1]["k"])
'''
)


def test_it_streams_from_supernodes_and_leaves_out_a_bad_one_by_name(three, rounds, tmp_path):
    streamed = three.run(app_directory(tmp_path, STREAMING_APP))
    said = dict(line.split(" ", 1) for line in streamed.log if line.startswith(("mean ", "k ")))
    assert json.loads(said["mean"]) == pytest.approx([2 / 3, 2 / 3])  # (1 x 0 + 2 x 1) / 3
    assert float(said["k"]) == pytest.approx(2 / 3)
    transfers = [(t.direction, t.payload, t.outcome, t.reason) for t in streamed.ledger]
    sent = ("down", 8_000_000, "ok", "")
    assert transfers[:2] == [sent] * 2  # the window, then the rest
    assert transfers.count(sent) == 3
    (bad,) = streamed.ledger.failures
    assert streamed.nodes[bad.node] == "node 2"
    assert bad.reason == "w: 1 of 2000000 values are NaN or infinite"
    # FedAvg held three replies of as many bytes, this one sum and one reply.
    assert streamed.server_peak < rounds.server_peak


COMPRESSED_APP = (
    HEAD
    + '''
from fedlab.mods import compress, send_only


@client.train(mods=[send_only(["w"]), compress("topk:0.5")])
def train(message, context):
    """Adds 2 to the first half, 1.5 to the other; partition 2 makes a NaN of it in round 1."""
    arrays = numbers(message.content)
    arrays["w"] = arrays["w"] + np.repeat(np.float32([2, 1.5]), 500)
    if partition(context) == 2 and message.content["config"]["server-round"] == 1:
        arrays["w"][0] = np.nan
    return answer(message, arrays, **{"num-examples": 1})


@server.main()
def main(grid, context):
    from fedlab.strategies import BandwidthTrackingFedAvg

    strategy = BandwidthTrackingFedAvg(fraction_evaluate=0.0)
    start = {
        "w": np.zeros(1000, np.float32),
        "thirds": np.full(3, 1 / 3, np.float32),
        "steps": np.array(2**60 + 1),
    }
    arrays = numbers({"arrays": strategy.start(grid, record(start), num_rounds=2).arrays})
    print("w", arrays["w"][[0, 499, 500, 999]].tolist())
    print("same", [arrays[n].tobytes() == start[n].tobytes() for n in ("thirds", "steps")])
'''
)


def test_on_supernodes_residuals_last_and_what_is_left_out_stays_the_servers(three, tmp_path):
    result = three.run(app_directory(tmp_path, COMPRESSED_APP))
    said = dict(line.split(" ", 1) for line in result.log if line.startswith(("w ", "same ")))
    # Round 1: the first half travels, and the other is owed; round 2: the other, twice. Partition 2
    # failed in round 1 and owes nothing for it: in round 2 its first half travels.
    mean = [2 + (0 + 0 + 2) / 3] * 2 + [(3 + 3 + 0) / 3] * 2
    assert json.loads(said["w"]) == pytest.approx(mean)
    assert said["same"] == "[True, True]"
    sent = parse("topk:0.5").size((1000,))
    ups = sorted((t.round, t.outcome, t.payload) for t in result.ledger if t.direction == "up")
    assert ups == [(1, "failed", 0)] + [(1, "ok", sent)] * 2 + [(2, "ok", sent)] * 3
    assert {t.payload for t in result.ledger if t.direction == "down"} == {4000 + 12 + 8}
    (failure,) = result.ledger.failures
    assert "w: " in failure.reason
