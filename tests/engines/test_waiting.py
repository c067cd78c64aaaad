"""Waiting for replies ends when the run is stopped, and when the time allowed is over."""

import threading

from apps import client, echo, federation, instructions
from flwr.serverapp import Grid

from fedlab.engines.waiting import Stoppable


class Silent(Grid):
    """A federation whose clients never answer."""

    def set_run(self, run): ...

    @property
    def run(self): ...

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None): ...

    def get_node_ids(self):
        return [0]

    def push_messages(self, messages):
        self.pushed = list(messages)
        return [f"id-{i}" for i, _ in enumerate(self.pushed)]

    def pull_messages(self, message_ids):
        return []

    def send_and_receive(self, messages, *, timeout=None):
        raise AssertionError("the layer above pushes and pulls")


def test_a_stopped_run_does_not_wait_out_its_timeout():
    stop, raised = threading.Event(), []
    messages = []
    federation(lambda grid: messages.extend(instructions(grid)), client(echo))

    def wait():
        try:
            Stoppable(Silent(), stop).send_and_receive(messages, timeout=3600)
        except RuntimeError as error:
            raised.append(str(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert not raised
    stop.set()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    assert raised == ["the run was stopped"]


def test_a_timeout_of_a_federation_that_is_silent_ends_with_no_replies():
    messages = []
    federation(lambda grid: messages.extend(instructions(grid)), client(echo))
    silent = Silent()
    assert Stoppable(silent, threading.Event()).send_and_receive(messages, timeout=0.02) == []
    assert silent.pushed == messages
