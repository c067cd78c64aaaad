"""deploy where parts of a federation vanish, over TLS; and a federation that is joined."""

import re
import threading

import pytest
from app_directories import (
    ADDING,
    ADDING_SERVER,
    HEAD,
    SLEEPING,
    app_directory,
    federation,
    needs_posix,
    programs,
    soon,
)
from apps import rows

from fedlab.engines import Certificates, DeploymentError, deploy, simulate

pytestmark = needs_posix
NODES = 3

# Partition 1 says that it has begun, and does not end.
STUCK_APP = (
    HEAD
    + """

@client.train()
def train(message, context):
    k = partition(context)
    if k == 1:
        import pathlib, time

        pathlib.Path(context.run_config["begun"]).touch()
        time.sleep(600)
    moved = {name: array + np.float32(k + 1) for name, array in numbers(message.content).items()}
    return answer(message, moved, **{"num-examples": 2**k})
"""
    + ADDING_SERVER
)


@pytest.fixture(scope="module")
def three():
    """A federation for all tests of this module, which come in their order."""
    with federation(NODES, tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def lost(three, tmp_path_factory):
    """A run in which SuperNode 1 is killed while its client works, and what its hop had carried.

    While it works, that is before it uploads: in the middle of an upload Flower waits 180 s for the
    rest; a heartbeat that stays out it notices after 60.
    """
    folder = tmp_path_factory.mktemp("lost")
    begun = folder / "begun"
    app = app_directory(folder / "app", STUCK_APP, config={"begun": ""})

    def kill():
        if soon(begun.exists, 120):
            three.stop_node(1)

    killer = threading.Thread(target=kill)
    killer.start()
    result = three.run(app, run_config={"begun": str(begun)})
    killer.join()
    return result


def test_the_round_goes_on_without_the_lost_node_which_the_ledger_names(three, lost):
    ups = {lost.nodes[t.node]: t.outcome for t in lost.ledger if t.direction == "up"}
    assert ups == {"node 0": "ok", "node 1": "failed", "node 2": "ok"}
    (failure,) = lost.ledger.failures
    assert failure.reason.startswith("node 1 was lost with ")
    assert three.lost == {failure.node: "node 1"}
    assert three.alive == NODES - 1


def test_its_partial_bytes_are_in_the_ledger_as_they_passed(lost):
    (failure,) = lost.ledger.failures
    said = re.search(r"([\d,]+) B of its uplink and ([\d,]+) B of its downlink", failure.reason)
    up, down = (int(number.replace(",", "")) for number in said.groups())
    passed = lost.in_round(1).select(hop="node 1")
    assert (up, down) == (passed.up, passed.down)
    (instruction,) = [t for t in lost.ledger if t.node == failure.node and t.direction == "down"]
    assert down > instruction.message  # it had its instruction, and had sent nothing of its reply
    assert up < instruction.message / 2
    assert (failure.payload, failure.record, failure.message) == (0, 0, 0)


def test_the_mean_is_that_of_the_others_with_their_weights(lost):
    # 1 from node 0 with the weight 1, 3 from node 2 with the weight 4
    assert w_of(lost) == (1 * 1 + 4 * 3) / 5


def w_of(result):
    (line,) = [line for line in result.log if line.startswith("w is ")]
    return pytest.approx(float(line.removeprefix("w is ")))


def test_only_a_node_that_has_ended_can_be_started_and_only_one_that_runs_be_stopped(three, lost):
    for stopped in (1, NODES, -1):
        with pytest.raises(ValueError, match=f"0 to 2 that runs, got {stopped}"):
            three.stop_node(stopped)
    for running in (0, NODES):
        with pytest.raises(ValueError, match=f"0 to 2 that has ended, got {running}"):
            three.start_node(running)


def test_a_node_that_returns_is_used_again_by_a_run_that_joins_over_tls(three, lost, tmp_path):
    three.start_node(1)
    assert three.alive == NODES
    before = len(three.wire)
    app = app_directory(tmp_path, ADDING)
    joined = deploy(app, superlink=three.address, tls=Certificates(three.authority))
    # its ledger came back in the log, and is that of simulate
    names = {}
    exec(ADDING, names)
    here = simulate(names["server"], names["client"], nodes=NODES).ledger
    assert rows(joined.ledger) == rows(here)
    assert w_of(joined) == (1 * 1 + 2 * 2 + 4 * 3) / 7
    assert {three.identities[t.node] for t in joined.ledger} == {"node 0", "node 1", "node 2"}
    assert not {t.node for t in joined.ledger} & set(three.lost)
    # its hops are out of its sight, but not out of the federation's
    assert len(joined.wire) == 0
    assert joined.nodes == {}
    assert joined.link_peak is None
    passed = [e for e in list(three.wire)[before:] if e.kind == "tls" and e.hop == "node 1"]
    carried = joined.ledger.levels("up").message / NODES
    assert sum(e.up for e in passed) > carried
    assert joined.inbound == pytest.approx(joined.ledger.levels("up").message, rel=0.01)
    assert not any("fedlab-ledger" in line for line in joined.log)


def test_a_killed_superlink_ends_the_run_and_is_named(three, tmp_path):
    def kill(line):
        if line == "sleeping":
            (superlink,) = programs("flower-superlink")
            superlink.kill()

    app = app_directory(tmp_path, SLEEPING)
    with pytest.raises(DeploymentError) as caught:
        three.run(app, tell=kill)
    sentence, log = str(caught.value).split("\n", 1)
    assert sentence.startswith("Flower's superlink ended with status -9 while it was needed")
    assert "INFO" in log
