"""What a client of a learning process receives and sends, in bytes, read from types alone.

TFF has no meter of bytes (it had one until 0.47). It has types: every computation says the dtype
and shape of what goes in and what comes out, before anything runs. In the MapReduce form of a
round, `prepare` returns what the server sends to each client, and `work` what each client sends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_federated as tff

from fedlab.logs import one_line
from fedlab.tff.error import TffError
from fedlab.units import Bytes


@dataclass(frozen=True)
class ClientBytes:
    """What one client receives (down) and sends (up) in one round."""

    down: Bytes
    up: Bytes


def client_bytes(process: Any) -> ClientBytes:
    """The typed bytes of one client in one round of a learning process; nothing is run.

    process: what `tff.learning.algorithms` builds, or any iterative process whose `next` has one
    aggregation. Secure aggregation counts as the integers that are summed, before any encryption.

    Raises TffError for a process that has no MapReduce form or a type without a size.

    Source: McMahan et al. 2017, arXiv:1602.05629 (the round); TFF's `backends.mapreduce`.

    >>> from fedlab.tff import fed_avg
    >>> client_bytes(fed_avg()).up  # 50,890 numbers, and 36 bytes of metrics and weight
    Bytes(203596)
    """
    form = map_reduce_form(process)
    return ClientBytes(
        down=typed_bytes(form.prepare.type_signature.result),
        up=typed_bytes(form.work.type_signature.result),
    )


def typed_bytes(type_: Any) -> Bytes:
    """Elements x width of every tensor in a TFF type, or in what `tff.to_type` makes one of.

    Raises TffError for a dimension that is not known, text, or a sequence.

    >>> typed_bytes((np.float32, (784, 64)))
    Bytes(200704)
    >>> typed_bytes([(np.float32, (64,)), np.int64])
    Bytes(264)
    """
    type_ = tff.to_type(type_)
    if isinstance(type_, tff.FederatedType):
        return typed_bytes(type_.member)
    if isinstance(type_, tff.StructType):
        elements = tff.structure.iter_elements(type_)
        return sum((typed_bytes(element) for _, element in elements), Bytes(0))
    if not isinstance(type_, tff.TensorType):
        raise TffError(
            f"expected a type of tensors, got {type_}: only tensors have bytes that a type can tell"
        )
    if type_.shape is None or None in type_.shape:
        raise TffError(
            f"{type_} has a dimension that is not known before the run; say it in the type, or "
            "measure what a client sends: client_sends"
        )
    if np.issubdtype(type_.dtype, np.str_):
        raise TffError(f"{type_} holds text, whose length no type tells; send numbers")
    return Bytes(math.prod(type_.shape) * np.dtype(type_.dtype).itemsize)


def map_reduce_form(process: Any) -> Any:
    """A round as `prepare`, `work` and the aggregation. Raises TffError where there is none."""
    try:
        return tff.backends.mapreduce.get_map_reduce_form_for_computation(process.next)
    except (AttributeError, TypeError, ValueError) as error:
        raise TffError(
            f"expected a learning process whose round is one aggregation, got a "
            f"{type(process).__name__} that TFF cannot put into its MapReduce form: "
            + one_line(str(error))
        ) from error
