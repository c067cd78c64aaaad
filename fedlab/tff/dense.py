"""The dense network in Keras, its federated averaging, and its numbers in torch's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from fedlab.crossing import Tensors, names_of
from fedlab.data import Examples

# what a client's dataset yields: digits (batch, 784) float32 and their labels (batch,) int64
BATCH = (tf.TensorSpec((None, 784), tf.float32), tf.TensorSpec((None,), tf.int64))


def dense(widths: Sequence[int] = (784, 64, 10)) -> Any:
    """A dense Keras network with ReLU between its layers: `fedlab.models.mlp`'s twin.

    Its weights are (inputs, outputs), torch's are (outputs, inputs).

    >>> dense().count_params()
    50890
    """
    inputs, *hidden, classes = widths
    layers = [tf.keras.layers.Dense(width, activation="relu") for width in hidden]
    return tf.keras.Sequential(
        [tf.keras.layers.Input((inputs,)), *layers, tf.keras.layers.Dense(classes)]
    )


def initial(widths: Sequence[int] = (784, 64, 10), seed: int = 0) -> Tensors:
    """A dense network's first numbers, as `mlp`'s state dict names them; same seed, same numbers.

    Each is drawn uniformly between -1/√inputs and 1/√inputs of its layer, as torch draws them.

    >>> [(name, tensor.shape) for name, tensor in initial((784, 10)).items()]
    [('0.weight', (10, 784)), ('0.bias', (10,))]
    """
    rng = np.random.default_rng(seed)
    tensors = []
    for inputs, outputs in pairwise(widths):
        for shape in ((outputs, inputs), (outputs,)):
            tensors.append((rng.uniform(-1, 1, shape) / np.sqrt(inputs)).astype(np.float32))
    return dict(zip(names_of(len(widths) - 1), tensors, strict=True))


def fed_avg(build: Callable[[], Any] = dense, *, lr: float = 0.1, aggregator: Any = None) -> Any:
    """Federated averaging in TFF: clients train with plain SGD, weighted by their examples.

    build: makes a Keras network from digits to logits, a new one each time. lr: of the clients;
    the server takes the mean as it is. aggregator: how updates are summed, any of
    `tff.learning`'s or a `tff.aggregators` factory; a plain mean by default.

    Returns a `tff.learning.templates.LearningProcess`. Source: McMahan et al. 2017,
    arXiv:1602.05629.
    """

    def model() -> Any:
        return tff.learning.models.from_keras_model(
            build(),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            input_spec=BATCH,
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
        )

    return tff.learning.algorithms.build_weighted_fed_avg(
        model,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(lr),
        model_aggregator=aggregator,
    )


def with_tensors(process: Any, state: Any, tensors: Tensors) -> Any:
    """The state with this model in it; tensors: as `mlp`'s state dict, (outputs, inputs)."""
    weights = [np.ascontiguousarray(tensor.T) for tensor in tensors.values()]
    return process.set_model_weights(state, tff.learning.models.ModelWeights(weights, []))


def tensors_in(process: Any, state: Any) -> Tensors:
    """The state's model as `mlp`'s state dict names it: "0.weight" (outputs, inputs), "0.bias" …"""
    weights = process.get_model_weights(state).trainable
    names = names_of(len(weights) // 2)
    return {n: np.ascontiguousarray(np.asarray(w).T) for n, w in zip(names, weights, strict=True)}


def accuracy(tensors: Tensors, examples: Examples) -> float:
    """The share of examples, 0 to 1, whose largest logit is their label's."""
    *hidden, last = zip(list(tensors.values())[::2], list(tensors.values())[1::2], strict=True)
    signal = tf.constant(examples.inputs)
    for weight, bias in hidden:
        signal = tf.nn.relu(tf.matmul(signal, weight, transpose_b=True) + bias)
    logits = tf.matmul(signal, last[0], transpose_b=True) + last[1]
    return float((np.argmax(logits, axis=1) == examples.labels).mean())
