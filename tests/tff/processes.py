"""Learning processes of 784-64-10, by how their updates are summed; each built once: it is slow."""

from functools import cache

import tensorflow_federated as tff

from fedlab.tff import client_bytes, fed_avg


def quantized(bits):
    factory = tff.aggregators.EncodedSumFactory.quantize_above_threshold(
        quantization_bits=bits, threshold=20_000
    )
    return tff.aggregators.MeanFactory(factory)


AGGREGATORS = {
    "fp32": lambda: None,
    "compression": tff.learning.compression_aggregator,
    "8 bits": lambda: quantized(8),
    "4 bits": lambda: quantized(4),
    "2 bits": lambda: quantized(2),
    "1 bit": lambda: quantized(1),
    "secure": tff.learning.secure_aggregator,
}


@cache
def process_of(name):
    return fed_avg(aggregator=AGGREGATORS[name]())


@cache
def bytes_of(name):
    return client_bytes(process_of(name))
