"""How an in-process run begins and ends: what is raised, what is in the ledger, what is left."""

import logging
import threading

import pytest
from apps import PAYLOAD, Server, client, client_where, echo, federation, tracking
from bad_clients import BAD
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.supercore.task_identity import TaskIdentity

from fedlab.engines import NotEnoughNodesError, simulate
from fedlab.engines.waiting import refuse_to_wait, wait_for_nodes


def test_the_interrupt_key_in_a_client_ends_the_run():
    def train(message, context):
        raise KeyboardInterrupt

    identity = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    with pytest.raises(KeyboardInterrupt):
        simulate(Server(tracking()), client(train), nodes=2)
    assert (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id) == identity
    assert len(simulate(Server(tracking(), num_rounds=1), client(echo)).ledger.transfers) == 4


def test_a_run_leaves_the_identity_of_the_task_it_runs_in_as_it_was():
    kept = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    try:
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 7, 8, 9
        federation(lambda grid: None, client(echo))
        assert (TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id) == (7, 8, 9)
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = kept


def waiting(connected, required):
    text = "Waiting for nodes to connect: %d connected (minimum required: %d)."
    return logging.LogRecord("flwr", 20, "f.py", 1, text, (connected, required), None)


def test_waiting_for_nodes_ends_when_they_cannot_come_or_the_run_is_stopped():
    stop = threading.Event()
    refuse_to_wait(waiting(1, 3), 3, stop)  # they are on their way
    with pytest.raises(NotEnoughNodesError):
        refuse_to_wait(waiting(1, 4), 3, stop)
    stop.set()
    with pytest.raises(NotEnoughNodesError):
        refuse_to_wait(waiting(1, 3), 3, stop)


class Arriving:
    """A grid whose nodes come one by one, as Ray's do."""

    def __init__(self):
        self.asked = 0

    def get_node_ids(self):
        self.asked += 1
        return range(self.asked)


def test_a_run_begins_when_all_its_nodes_are_there_or_it_was_stopped():
    grid, stop = Arriving(), threading.Event()
    wait_for_nodes(grid, 3, stop)
    assert grid.asked == 3
    stop.set()
    wait_for_nodes(grid, 10**9, stop)
    assert grid.asked == 3


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(4), KeyboardInterrupt()])
def test_what_the_server_app_raises_is_raised(error):
    def main(grid):
        raise error

    with pytest.raises(type(error)) as caught:
        federation(main, client(echo))
    assert caught.value is error


def test_a_client_that_fails_is_in_the_ledger_and_no_exception():
    app = client_where(BAD["raises"].act, {2})
    result = simulate(Server(tracking(), num_rounds=2), app, nodes=3)
    assert [(t.round, t.node, t.outcome) for t in result.ledger.failures] == [
        (1, 2, "failed"),
        (2, 2, "failed"),
    ]
    assert result.ledger.traffic == 2 * 5 * PAYLOAD


def test_an_app_without_the_function_that_is_asked_for_fails_by_name():
    server = Server(tracking(), num_rounds=1)
    with pytest.warns(RuntimeWarning, match="No train function registered"):
        simulate(server, ClientApp(), nodes=2)


def test_the_warning_points_at_the_caller():
    with pytest.warns(RuntimeWarning) as warned:
        simulate(Server(tracking(), num_rounds=1), client(BAD["raises"].act), nodes=2)
    assert warned[0].filename == __file__


def test_a_server_that_does_nothing_leaves_an_empty_ledger():
    result = federation(lambda grid: None, client(echo))
    assert result.ledger.transfers == []
    assert (result.engine, result.seconds >= 0) == ("in-process", True)


def test_the_server_apps_lifespan_is_lived():
    app, calls = ServerApp(), []

    @app.lifespan()
    def lifespan(context):
        calls.append("enter")
        yield
        calls.append("leave")

    @app.main()
    def main(grid, context):
        calls.append("main")

    simulate(app, client(echo))
    assert calls == ["enter", "main", "leave"]
