"""The bill in lessons/apps/README.md is what the library computes, number by number."""

import doctest
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict

from fedlab import Bytes, FederatedRun, ServerMemory, size_of
from fedlab.framing import predict_levels
from fedlab.records import objects_of
from fedlab.sizes import tensors_of
from fedlab.transport import predict_idle, predict_round
from fedlab.units import duration

PAGE = Path(__file__).parent.parent / "lessons" / "apps" / "README.md"
CLIENTS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
MODEL = size_of("pythia-14m")
TENSORS = tensors_of("pythia-14m")
METRICS = {"num-examples": 1}
DAY = 24 * 3600


def table(first_column: str, *, number: int) -> list[list[str]]:
    """The rows of the page's tables that begin with this column, one table a number."""
    blocks = PAGE.read_text(encoding="utf-8").split("\n\n")
    found = [block.splitlines() for block in blocks if block.startswith(f"| {first_column} |")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[number][2:]]


def a_round(nodes: int, **settings):
    return predict_round(
        TENSORS, nodes=nodes, config={"server-round": 1}, metrics=METRICS, **settings
    )


def a_client_more(of) -> tuple[int, int]:
    """Some number of a round with one client, and what each further client adds to it."""
    first, second = of(a_round(1)), of(a_round(2))
    return first, second - first


def test_the_bill_is_the_formulas() -> None:
    rows = []
    for clients in CLIENTS:
        everyone = FederatedRun(MODEL, cohort=clients)
        some = FederatedRun(MODEL, cohort=clients, fraction=0.01, min_clients=2)
        row = [f"{clients:,}"]
        for run in (everyone, some):
            row += [f"{run.clients_per_round:,}"] if run is some else []
            row += [run.traffic.short, duration(run.seconds(1e9)), duration(run.seconds(1e10))]
        rows.append(row)
    assert table("clients", number=0) == rows


def test_what_a_round_asks_of_each_part_is_what_the_library_predicts() -> None:
    requests, each = a_client_more(lambda hops: sum(h.objects.requests for h in hops.values()))
    _, ids = a_client_more(
        lambda hops: hops["server"].kinds["/v1/runtime/push-messages"].up_parts.fields
    )
    waiting = predict_idle(DAY).total
    reply = predict_levels(TENSORS, metrics=METRICS).message
    rows = [
        [
            f"{clients:,}",
            ServerMemory(MODEL, updates=clients, rounds=2).total.short,
            ServerMemory(MODEL, updates=clients, aggregation="running", rounds=2).total.short,
            (reply * clients).short,
            f"{requests + (clients - 1) * each:,}",
            Bytes(ids * clients).short,
            ((waiting.up + waiting.down) * clients).short,
            f"{clients / 3:,.0f}",
        ]
        for clients in CLIENTS
    ]
    assert table("clients", number=1) == rows


def test_the_numbers_in_the_text_are_the_librarys() -> None:
    node, secured = (a_round(1, tls=tls)["node 0"].total for tls in (False, True))
    more, with_tls = ((flow.up + flow.down) / (2 * MODEL) - 1 for flow in (node, secured))
    _, each = a_client_more(lambda hops: sum(h.objects.requests for h in hops.values()))
    _, ids = a_client_more(
        lambda hops: hops["server"].kinds["/v1/runtime/push-messages"].up_parts.fields
    )
    waiting = predict_idle(DAY).total
    objects = a_round(1)["node 0"].kinds["/v1/fleet/push-object"].requests
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for said in (
        f"On the wire that is {more:.1%} more, with TLS {with_tls:.1%}".replace("%", " %"),
        f"A message of Pythia-14m is {objects} objects",
        f"its {len(TENSORS)} tensors",
        f"A client costs {each} of them in a round: {objects} that it pulls, {objects} that it",
        f"{Bytes(ids).short} a client",
        f"{(waiting.up + waiting.down) / DAY:.0f} bytes a second",
    ):
        assert said in text


def test_a_message_of_pythia_is_as_many_objects_as_flower_makes_of_it() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        spec.name: Array(rng.standard_normal(spec.shape, dtype=np.float32)) for spec in TENSORS
    }
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": MetricRecord(METRICS)})
    message = 1  # the Message object around the content
    predicted = a_round(1)["node 0"].kinds["/v1/fleet/push-object"].requests
    assert len(objects_of(content)) + message == predicted


def test_the_pages_python_runs_and_says_what_the_page_says() -> None:
    done = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert (done.attempted, done.failed) == (3, 0)
