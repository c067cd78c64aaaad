"""Apps that go wrong on a real federation: one sentence with the log, and the next app runs."""

import pytest
from app_directories import (
    ADDING_SERVER,
    HEAD,
    SLEEPING,
    app_directory,
    federation,
    needs_posix,
    programs,
    soon,
)

from fedlab.engines import DeploymentError, NotEnoughNodesError

pytestmark = needs_posix


@pytest.fixture(scope="module")
def two():
    """A federation in a network that has an HTTP proxy, which does not know this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        with federation(2) as running:
            yield running


def failed(two, app, **settings):
    """The sentence and the log with which a run fails."""
    with pytest.raises(DeploymentError) as caught:
        two.run(app, **settings)
    assert "\x1b" not in str(caught.value)
    sentence, *log = str(caught.value).splitlines()
    return sentence, log


def test_what_a_server_raises_is_the_sentence_and_its_log_follows(two, tmp_path):
    code = """
@server.main()
def main(grid, context):
    print("\\x1b[31mred\\x1b[0m, and no line's end", end="")
    raise ZeroDivisionError("not\\ntoday")
"""
    sentence, log = failed(two, app_directory(tmp_path, HEAD + code))
    wanted = "the app's ServerApp did not finish its run: ZeroDivisionError: not today"
    assert sentence == wanted
    assert log[0] == "Its log ends with:"
    assert "  ZeroDivisionError: not" in log


def test_a_client_app_that_is_not_there_is_named_before_the_run(two, tmp_path):
    components = {"serverapp": "deployed:server", "clientapp": "deployed:nobody"}
    sentence, log = failed(two, app_directory(tmp_path, components=components))
    assert sentence == "Flower did not take the app (flwr run ended with 1)"
    assert any("nobody" in line for line in log)


def test_nodes_that_will_not_come_are_not_waited_for(two, tmp_path):
    server = ADDING_SERVER.replace("FedAvg(", "FedAvg(min_available_nodes=5, ")
    with pytest.raises(NotEnoughNodesError, match="needs 5 nodes and this federation has 2; raise"):
        two.run(app_directory(tmp_path, HEAD + server))


def test_a_run_that_takes_too_long_is_stopped(two, tmp_path):
    seen = []
    sentence, log = failed(two, app_directory(tmp_path, SLEEPING), timeout=6, tell=seen.append)
    assert sentence == (
        "flwr run took longer than 6 s and was stopped; raise timeout if it needs longer"
    )
    assert [line.strip() for line in log[1:]] == seen[-len(log[1:]) :]


def test_after_all_that_an_app_runs_of_which_one_client_raises(two, tmp_path):
    client = """
@client.train()
def train(message, context):
    if partition(context) == 1:
        raise OSError("no\\ndisk")
    moved = {name: array + np.float32(1) for name, array in numbers(message.content).items()}
    return answer(message, moved, **{"num-examples": 1})
"""
    result = two.run(app_directory(tmp_path, HEAD + client + ADDING_SERVER))
    ups = {two.identities[t.node]: t.outcome for t in result.ledger if t.direction == "up"}
    assert ups == {"node 0": "ok", "node 1": "failed"}
    (failure,) = result.ledger.failures
    assert "OSError" in failure.reason
    assert "no disk" in failure.reason
    assert "lost" not in failure.reason
    assert "w is 1.0" in result.log
    assert soon(lambda: not programs("flwr-serverapp"))  # nor that of the run that was stopped
