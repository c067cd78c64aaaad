"""The lab's client: it trains nothing, since what travels weighs the same."""

from __future__ import annotations

from functools import partial

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable

from .settings import settings, travelling


def smaller(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """A mod that puts the mods that this run asks for around the training."""
    asked = settings(context)
    mods = []
    if asked["codec"] or asked["travel"]:
        # here, since Flower starts a process for each message, and this brings torch: seconds
        from fedlab.mods import compress, send_only

        if asked["travel"]:
            names = travelling(asked["travel"], message.content["arrays"])
            mods.append(send_only(names))
        if asked["codec"]:
            mods.append(compress(asked["codec"]))
    for mod in mods:  # the last one is outermost: what does not travel is not encoded
        call_next = partial(mod, call_next=call_next)
    return call_next(message, context)


app = ClientApp(mods=[smaller])


@app.train()
def train(message: Message, context: Context) -> Message:
    """Send the arrays back: as they came, or distinct, as after training."""
    arrays = message.content["arrays"]
    if settings(context)["distinct"]:
        arrays = moved(arrays, generator(message, context))
    content = RecordDict({"arrays": arrays, "metrics": MetricRecord({"num-examples": 1})})
    return Message(content, reply_to=message)


def generator(message: Message, context: Context) -> np.random.Generator:
    """Random numbers of its own for each client in each round, the same in each run."""
    client = context.node_config.get("partition-id", context.node_id)
    number = message.content["config"]["server-round"]
    return np.random.default_rng([client, number, settings(context)["seed"]])


def moved(arrays: ArrayRecord, random: np.random.Generator) -> ArrayRecord:
    """All tensors moved by small random steps: no two equal, which Flower would send once."""
    steps = ArrayRecord()
    for name, array in arrays.items():
        values = array.numpy()
        step = random.standard_normal(values.shape, dtype=np.float32) / 1000
        steps[name] = Array(values + step)
    return steps
