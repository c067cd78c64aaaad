"""Compression on the client: what changed travels, encoded; what was lost on the way is kept."""

from __future__ import annotations

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.clientapp.typing import ClientAppCallable, Mod

from fedlab.codecs import Codec, CodecError, parse
from fedlab.codecs.arrays import encodable, encode, is_encoded, received
from fedlab.records import array_of, array_view, records_of

RESIDUAL = "fedlab.residual."  # then the array record's name: key in the client's state


def compress(codec: Codec | str, *, error_feedback: bool = True) -> Mod:
    """A mod that sends updates encoded, for the server's DecodingGrid to decode.

    Of each float tensor that the client was sent and sends back, the difference of the two travels,
    encoded; the server adds it to what it sent. A broadcast that the server encoded is decoded
    first. All else passes as it is: other tensors, metrics, evaluation.

    error_feedback: what the codec loses of an update is kept in the client's state, and added to
    the client's next one. The server sees, late, all that was learned; without it, what a sparse
    codec leaves out is lost. Kept only when the client's answer leaves.

    Raises CodecError for a text that names no codec; in a client, for an update that cannot be
    encoded (NaN, infinity), which is then that client's failure.

    Source: Seide et al. 2014, doi:10.21437/Interspeech.2014-274; Karimireddy et al. 2019,
    arXiv:1901.09847.

    >>> from flwr.clientapp import ClientApp
    >>> app = ClientApp(mods=[compress("topk:0.01|int8")])
    """
    chosen = parse(codec) if isinstance(codec, str) else codec

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        message.content = _decoded(message.content)
        # the app may train into the very records that the message holds
        sent = {
            key: dict(record) for key, record in records_of(message.content, ArrayRecord).items()
        }
        kept = records_of(context.state, ArrayRecord)
        reply = call_next(message, context)
        answered = isinstance(reply, Message) and reply.has_content()
        if answered and message.metadata.message_type.startswith("train"):
            content = RecordDict(dict(reply.content.items()))
            for key, record in records_of(reply.content, ArrayRecord).items():
                if key in sent:
                    residuals = dict(kept.get(RESIDUAL + key, {})) if error_feedback else None
                    content[key] = _encoded(chosen, sent[key], record, residuals)
                    if residuals is not None:
                        context.state[RESIDUAL + key] = ArrayRecord(residuals)
            reply.content = content
        return reply

    return mod


def _decoded(content: RecordDict) -> RecordDict:
    """A broadcast as the app is to see it."""
    arrived = dict(content.items())
    for key, record in records_of(content, ArrayRecord).items():
        if any(map(is_encoded, record.values())):
            arrays = {name: received(array) for name, array in record.items()}
            arrived[key] = ArrayRecord(arrays)
    return RecordDict(arrived)


def _encoded(
    codec: Codec, sent: dict[str, Array], trained: ArrayRecord, residuals: dict[str, Array] | None
) -> ArrayRecord:
    """What was trained, as encoded updates where that can be; residuals, if any are kept, become
    the new ones.
    """
    arrays = ArrayRecord()
    both = {
        name: array
        for name, array in trained.items()
        if encodable(array) and name in sent and _alike(array, sent[name])
    }
    sizes = [codec.size(tuple(array.shape), array.dtype) for array in both.values()]
    buffer = np.empty(max(sizes, default=0), np.uint8)
    for name, array in trained.items():
        if name not in both:
            arrays[name] = array
            continue
        update = np.asarray(array_view(array) - array_view(sent[name]))
        if residuals and name in residuals and _alike(residuals[name], array):
            update += array_view(residuals[name])
        try:
            arrays[name] = encode(codec, update, "update", buffer)
        except CodecError as error:
            raise CodecError(f"{name}: {error}") from None
        if residuals is not None:
            update -= codec.decode(arrays[name].data, update.shape, update.dtype)
            residuals[name] = array_of(update)
    return arrays


def _alike(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and tuple(one.shape) == tuple(other.shape)
