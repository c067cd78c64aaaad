"""The wire, predicted: the HTTP requests that carry a round of Flower 1.41, hop by hop, in bytes.

Every object of a message (record dict, records, arrays, array chunks of 5 MiB) is one request:
`push-object` towards the SuperLink, `pull-object` from it. Three more announce a message, fetch the
announcement and confirm it. All are protobuf in HTTP/1.1, with heads of constant text; a head goes
each way, so that what comes down costs bytes up as well.

Names, shapes and settings go in, nothing is sent. Content is right to the byte; the ids around it
are random and their lengths vary, so that a request is right to a few bytes. The headers of TCP and
IP are not counted: a proxy does not see them.
"""

from fedlab.transport.flows import MESSAGES, OBJECTS, Flow, HopBytes, Parts
from fedlab.transport.request import ADDRESS, TLS_HANDSHAKE, tls_frames
from fedlab.transport.rounds import predict_idle, predict_round

__all__ = [
    "ADDRESS",
    "MESSAGES",
    "OBJECTS",
    "TLS_HANDSHAKE",
    "Flow",
    "HopBytes",
    "Parts",
    "predict_idle",
    "predict_round",
    "tls_frames",
]
