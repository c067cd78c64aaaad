"""The guard around a ClientApp: whatever it does, an answer goes back, and state is kept or not.

Flower answers for a client that raises, but under Ray a client that returns nothing leaves the
round waiting until its timeout, and one that exits takes its worker process with it.
"""

from __future__ import annotations

import copy

from flwr.app import Context, Message, RecordDict
from flwr.app.error import Error
from flwr.clientapp import ClientApp

from fedlab.logs import one_line
from fedlab.records import unsendable

FAILED = 2  # Flower's own code for a ClientApp that raised


class GuardedClientApp(ClientApp):
    """Runs a ClientApp on a copy of its state; commits the state only when it answers well."""

    def __init__(self, app: ClientApp) -> None:
        super().__init__()
        self.app = app

    def __call__(self, message: Message, context: Context) -> Message:
        """The app's reply, or an error reply with a one-line reason."""
        attempt = copy.copy(context)
        attempt.state = copy.deepcopy(context.state)
        try:
            reply = self.app(message, attempt)
            why = _unusable(reply, message)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit() in a client must not end the federation
            why = _described(error)
        if why:
            return Message(Error(FAILED, one_line(why)), reply_to=message)
        context.state = attempt.state
        return reply


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an exception that cannot even say what it is
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _unusable(reply: object, asked: Message) -> str:
    """Why what a client returned is no reply to `asked`; empty when it is one."""
    if not isinstance(reply, Message):
        return f"returned {type(reply).__name__} instead of a Message"
    if reply.metadata.reply_to_message_id != asked.metadata.message_id:
        return "returned a Message that answers nothing: build it with reply_to=message"
    if reply.has_error():
        return ""
    if not reply.has_content() or not isinstance(reply.content, RecordDict):
        held = type(reply.content).__name__ if reply.has_content() else "nothing"
        return f"returned a Message that holds {held} instead of a RecordDict"
    if why := unsendable(reply.content):
        return f"returned content that cannot be sent: {why}"
    return ""
