"""Codecs by name: the same text in a notebook, on the command line, in a widget and on the wire."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fedlab.codecs.base import Codec
from fedlab.codecs.chain import Chain
from fedlab.codecs.error import CodecError
from fedlab.codecs.float16 import Float16
from fedlab.codecs.quantize import Quantize
from fedlab.codecs.randomk import RandomK
from fedlab.codecs.sparse import Sparse
from fedlab.codecs.ternary import Ternary
from fedlab.codecs.threshold import Threshold
from fedlab.codecs.topk import TopK

FORMS = (
    "float16",
    "bfloat16",
    "threshold:0.001",
    "topk:0.01",
    "randomk:0.01",
    "ternary:0.01",
    "int8",
    "int4:block=32",
    "int2:stochastic",
    "topk:0.01|int8",
)
_LONGEST = 80  # characters


def parse(text: str) -> Codec:
    """The codec that a text names; `str(codec)` is the text again.

    A name, then its settings after colons; two of them joined by a bar are a chain. Raises
    CodecError that says which there are.

    >>> parse("topk:0.01|int8")
    Chain(positions=TopK(fraction=0.01), values=Quantize(bits=8, block=64, stochastic=False))
    >>> parse("zip")
    Traceback (most recent call last):
    fedlab.codecs.error.CodecError: unknown codec 'zip'; there are, for example: float16, \
bfloat16, threshold:0.001, topk:0.01, randomk:0.01, ternary:0.01, int8, int4:block=32, \
int2:stochastic, topk:0.01|int8
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise CodecError(f"expected a codec's text of at most {_LONGEST} characters, got another")
    parts = [_one(part.strip(), text) for part in text.split("|")]
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2 and isinstance(parts[0], Sparse):
        return Chain(parts[0], parts[1])
    raise CodecError(f"a chain is a sparse codec, a bar, and one for its values; got {text!r}")


def _one(part: str, text: str) -> Codec:
    name, *settings = part.split(":")
    try:
        return _BUILDERS[name](settings)
    except CodecError as error:
        raise CodecError(f"{part!r}: {error}") from None
    except (KeyError, ValueError, TypeError):  # no such name, no such number, no such setting
        forms = ", ".join(FORMS)
        raise CodecError(f"unknown codec {text!r}; there are, for example: {forms}") from None


def _number(kind: Callable[[float], Codec], settings: list[str]) -> Codec:
    (number,) = settings
    return kind(float(number))


def _plain(codec: Codec, settings: list[str]) -> Codec:
    () = settings
    return codec


def _quantize(bits: int, settings: list[str]) -> Codec:
    block, stochastic = 0, False
    for setting in settings:
        name, _, value = setting.partition("=")
        if name == "block":
            block = int(value) or -1  # 0 is no block
        elif setting == "stochastic":
            stochastic = True
        else:
            raise ValueError(setting)
    return Quantize(bits, block=block, stochastic=stochastic)  # type: ignore[arg-type]


_BUILDERS: dict[str, Callable[[list[str]], Codec]] = {
    "float16": partial(_plain, Float16()),
    "bfloat16": partial(_plain, Float16("bfloat16")),
    "threshold": partial(_number, Threshold),
    "topk": partial(_number, TopK),
    "randomk": partial(_number, RandomK),
    "ternary": partial(_number, Ternary),
    "int8": partial(_quantize, 8),
    "int4": partial(_quantize, 4),
    "int2": partial(_quantize, 2),
}
