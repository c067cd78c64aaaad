"""Codecs: an update in fewer bytes, and back. One codec a file, each with the paper it is from.

>>> import numpy as np
>>> codec = parse("topk:0.01|int8")
>>> blob = codec.encode(np.ones(1000, np.float32))
>>> len(blob), codec.decode(blob, (1000,)).sum().round(1)
(69, np.float32(10.0))
"""

from fedlab.codecs.base import Codec
from fedlab.codecs.chain import Chain
from fedlab.codecs.error import CodecError
from fedlab.codecs.float16 import Float16
from fedlab.codecs.quantize import Quantize
from fedlab.codecs.randomk import RandomK
from fedlab.codecs.ternary import Ternary
from fedlab.codecs.text import FORMS, parse
from fedlab.codecs.threshold import Threshold
from fedlab.codecs.topk import TopK

__all__ = [
    "FORMS",
    "Chain",
    "Codec",
    "CodecError",
    "Float16",
    "Quantize",
    "RandomK",
    "Ternary",
    "Threshold",
    "TopK",
    "parse",
]
