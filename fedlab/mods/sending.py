"""Sending some tensors only: those that training changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp.typing import ClientAppCallable, Mod

from fedlab.records import records_of

if TYPE_CHECKING:
    import torch

SEND_ONLY = "fedlab.send-only"  # key of the record that says how many tensors were left out


def send_only(names: Iterable[str]) -> Mod:
    """A mod that sends back these tensors only; the server puts its own in place of the others.

    names: of the tensors that training changes, such as `trainable(model)`. The reply says how many
    were left out, so that the server's DecodingGrid can tell it from one that lost some. In a
    client, a name that no reply has is a ValueError, and that client's failure. Raises ValueError
    for one text in place of a list of names.

    >>> from flwr.clientapp import ClientApp
    >>> app = ClientApp(mods=[send_only(["head.weight", "head.bias"])])
    """
    if isinstance(names, str):
        raise ValueError(f"expected a list of names, got the text {names!r}")
    wanted = frozenset(names)

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        reply = call_next(message, context)
        answered = isinstance(reply, Message) and reply.has_content()
        if answered and message.metadata.message_type.startswith("train"):
            reply.content = _only(wanted, reply.content)
        return reply

    return mod


def trainable(model: torch.nn.Module) -> list[str]:
    """The names of the parameters that training changes: those that require a gradient.

    >>> from fedlab.models import mlp
    >>> model = mlp((4, 3, 2))
    >>> _ = model[0].requires_grad_(False)
    >>> trainable(model)
    ['2.weight', '2.bias']
    """
    return [name for name, p in model.named_parameters() if p.requires_grad]


def _only(wanted: frozenset[str], content: RecordDict) -> RecordDict:
    records = records_of(content, ArrayRecord)
    if missing := sorted(wanted.difference(*(record.keys() for record in records.values()))):
        raise ValueError(f"send_only: the reply has no tensor {', '.join(missing[:3])}")
    sent = {
        key: ArrayRecord({name: array for name, array in record.items() if name in wanted})
        for key, record in records.items()
    }
    left_out = sum(len(record) - len(sent[key]) for key, record in records.items())
    said = ConfigRecord({"left-out": left_out})
    return RecordDict(dict(content.items()) | sent | {SEND_ONLY: said})
