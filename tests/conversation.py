"""One round between Flower's own HTTP clients and what answers like a SuperLink, byte by byte."""

import socket
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
import uvicorn
from apps import record
from fastapi import APIRouter, FastAPI
from flwr.app import ConfigRecord, Message, Metadata, MetricRecord, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto
from flwr.proto import fleet_pb2, message_pb2, runtime_pb2
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import get_object_tree
from flwr.supercore.interceptors import RuntimeTokenHttpInterceptor, RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import generate_key_pairs
from flwr.supercore.protobuf.routing import ProtobufRoute
from flwr.supercore.protobuf.translation import (
    PROTOBUF_REQUEST_DEPENDENCY,
    PROTOBUF_REQUEST_TYPES,
    ProtobufTranslationMiddleware,
)
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from fedlab.records import objects_of
from fedlab.sizes import tensors_of

RUN, NODE, TASK = 2**63 + 5, 2**60 + 7, 2**60 + 9  # varints of 10, 9 and 9 bytes: the mean
SESSION = "a2f5174f-3149-4c73-85f1-0daf5c8ac0ac"
CONFIG, METRICS = {"server-round": 1}, {"num-examples": 1}
RNG = np.random.default_rng(0)
BESIDE: dict[str, Any] = {"config": CONFIG, "metrics": METRICS}
SHAPES = {"0.weight": (64, 784), "0.bias": (64,), "big": (1_400_000,), "none": (0,)}
MODEL = {name: RNG.standard_normal(shape, dtype=np.float32) for name, shape in SHAPES.items()}
MODEL_SPECS = tensors_of(MODEL)


def message(arrays, answers=""):
    """A message as the ServerApp sends it, or as a SuperNode answers it."""
    content: dict[str, Any] = {"arrays": record(arrays)}
    content |= {"metrics": MetricRecord(METRICS)} if answers else {"config": ConfigRecord(CONFIG)}
    source, target = (NODE, 1) if answers else (1, NODE)
    metadata = Metadata(
        RUN, "", source, target, answers, "", 1e9, 43200.5, "train", TASK if not answers else None
    )
    metadata.dst_task_id = TASK if answers else None
    made = Message(metadata=metadata, content=RecordDict(content))
    made.metadata.__dict__["_message_id"] = made.object_id
    return made


DOWN = message(MODEL)
UP = message({name: numbers + 1 for name, numbers in MODEL.items()}, DOWN.object_id)


def parts(made):
    return {key: part.deflate() for key, part in objects_of(made).items()}


def listed(made):
    """A message as lists of messages hold it: without content, and its tree of ids beside it."""
    return {
        "messages_list": [message_to_proto(remove_content_from_message(made))],
        "message_object_trees": [get_object_tree(made)],
    }


STORE = parts(DOWN) | parts(UP)
_Pull, _Push = message_pb2.PullObjectRequest, message_pb2.PushObjectRequest
_Confirm = message_pb2.ConfirmMessageReceivedRequest
ANSWERS = {
    _Push: lambda _: message_pb2.PushObjectResponse(stored=True),
    _Pull: lambda asked: message_pb2.PullObjectResponse(
        object_found=True, object_available=True, object_content=STORE[asked.object_id]
    ),
    _Confirm: lambda _: message_pb2.ConfirmMessageReceivedResponse(),
    runtime_pb2.PushAppMessagesRequest: lambda _: runtime_pb2.PushAppMessagesResponse(
        message_ids=[DOWN.object_id], objects_to_push=parts(DOWN), session_id=SESSION
    ),
    runtime_pb2.PullAppMessagesRequest: lambda _: runtime_pb2.PullAppMessagesResponse(**listed(UP)),
    fleet_pb2.PullMessagesRequest: lambda _: fleet_pb2.PullMessagesResponse(**listed(DOWN)),
    fleet_pb2.PushMessagesRequest: lambda _: fleet_pb2.PushMessagesResponse(
        reconnect=fleet_pb2.Reconnect(reconnect=5),
        results={UP.object_id: 0},
        objects_to_push=parts(UP),
        session_id=SESSION,
    ),
}


@contextmanager
def superlink():
    """What answers like a SuperLink: Flower's translation of protobuf, under uvicorn."""

    def answer(request: Annotated[Any, PROTOBUF_REQUEST_DEPENDENCY]) -> Any:
        return ANSWERS[type(request)](request)

    router = APIRouter(route_class=ProtobufRoute)
    for (_, path), kind in PROTOBUF_REQUEST_TYPES.items():
        if kind in ANSWERS:
            router.post(path)(answer)
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(ProtobufTranslationMiddleware)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def counted(upstream):
    """A relay that knows what passed: its address, and up and down bytes by path."""
    passed = defaultdict(list)

    def relay():
        while True:
            accepted, _ = listening.accept()
            with accepted as client, socket.create_connection(("127.0.0.1", upstream)) as server:
                if not (asked := one(client)):
                    return  # who asks nothing says that it is over
                while asked:
                    server.sendall(asked)
                    answered = one(server)
                    passed[asked.split(b" ")[1].decode()].append((len(asked), len(answered)))
                    client.sendall(answered)
                    asked = one(client)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=relay)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}", passed
        finally:
            socket.create_connection(listening.getsockname()).close()
            thread.join()


def one(connection):
    """The next HTTP message, head and body; nothing at the end."""
    got = bytearray()
    while b"\r\n\r\n" not in got:
        if not (more := connection.recv(2**16)):
            return b""
        got += more
    head, _, _ = got.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(got) < len(head) + 4 + length:
        got += connection.recv(2**20)
    return bytes(got)


def as_a_server_app(address):
    """What HttpGrid does in a round with one node."""
    signed = [
        RuntimeVersionHttpInterceptor("flwr-serverapp"),
        RuntimeTokenHttpInterceptor("0" * 256),
    ]
    who = {"node": Node(node_id=1), "run_id": RUN}
    with RuntimeHttpClient.from_server_address(address, True, None, signed) as client:
        client.PushMessages(runtime_pb2.PushAppMessagesRequest(**listed(DOWN)))
        push(client, DOWN, who)
        client.PullMessages(runtime_pb2.PullAppMessagesRequest(message_ids=[DOWN.object_id]))
        pull(client, UP, who)


def as_a_super_node(address):
    """What fleet_http_connection does in a round."""
    signed = [RuntimeVersionHttpInterceptor("SuperNode")]
    signed.append(NodeAuthHttpInterceptor(*generate_key_pairs()))
    node = Node(node_id=NODE)
    who = {"node": node, "run_id": RUN}
    with FleetHttpClient.from_server_address(address, True, None, signed) as client:
        client.PullMessages(fleet_pb2.PullMessagesRequest(node=node))
        pull(client, DOWN, who)
        client.PushMessages(
            fleet_pb2.PushMessagesRequest(node=node, clientapp_runtime_list=[0.5], **listed(UP))
        )
        push(client, UP, who)


def push(client, made, who):
    for key, content in parts(made).items():
        client.PushObject(_Push(object_id=key, object_content=content, session_id=SESSION, **who))


def pull(client, made, who):
    for key in parts(made):
        client.PullObject(_Pull(object_id=key, **who))
    client.ConfirmMessageReceived(_Confirm(message_object_id=made.object_id, **who))
