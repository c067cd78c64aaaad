"""Counting on the client: what it received and what it sent."""

from __future__ import annotations

from logging import INFO

from flwr.app import ConfigRecord, Context, Message
from flwr.clientapp.typing import ClientAppCallable, Mod
from flwr.supercore import log

from fedlab.records import payload

COUNT = "fedlab.count"  # key of the record that `count(report=True)` adds


def count(*, report: bool = False) -> Mod:
    """A mod that counts the payload a client receives and sends, beside Flower's arrays_size_mod.

    Where `arrays_size_mod` counts `.npy` headers and names too, this counts the numbers alone: what
    the formula predicts. It logs both; with report=True it also adds them to the reply as a
    ConfigRecord under "fedlab.count" (bytes, as integers), which travels to the server.

    >>> from flwr.clientapp import ClientApp
    >>> app = ClientApp(mods=[count()])
    """

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        received = payload(message.content)
        log(INFO, "count: received %d bytes of numbers", received)
        reply = call_next(message, context)
        if isinstance(reply, Message) and reply.has_content():  # the guard names anything else
            sent = payload(reply.content)
            log(INFO, "count: sent %d bytes of numbers", sent)
            if report:
                reply.content[COUNT] = ConfigRecord({"received": int(received), "sent": int(sent)})
        return reply

    return mod
