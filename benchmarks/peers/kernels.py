"""What is timed of each peer: its own public classes, given one flat float32 vector.

Each function imports its library, so that one which is missing or broken costs its own rows only.
Bytes are those of everything that the peer's decoder needs. Where an API takes a buffer to write
into, it gets one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

KEPT = 0.01
THRESHOLD = 2.5758  # of a standard normal, 1 % lies beyond


@dataclass(frozen=True)
class Coding:
    """A kernel made ready for one vector: encode it, decode what came, bytes of what travels."""

    encode: Callable[[], Any]
    decode: Callable[[Any], np.ndarray]
    size: Callable[[Any], int]


@dataclass(frozen=True)
class Kernel:
    """One kernel: the distribution it comes from, and the codec of ours that it stands beside."""

    distribution: str
    name: str
    beside: str
    prepare: Callable[[np.ndarray], Coding]
    note: str = ""


def weight(parts: Iterable[Any]) -> int:
    """Bytes of the arrays and tensors among the parts."""
    return sum(part.nbytes for part in parts if hasattr(part, "nbytes"))


def nvflare(kind: str) -> Callable[[np.ndarray], Coding]:
    """Its quantizing and dequantizing filters, a DXO of one array through both."""

    def prepare(array: np.ndarray) -> Coding:
        import torch
        from nvflare.apis.dxo import DXO, DataKind
        from nvflare.apis.fl_context import FLContext
        from nvflare.apis.shareable import Shareable
        from nvflare.app_opt.pt.quantization.dequantizer import ModelDequantizer
        from nvflare.app_opt.pt.quantization.quantizer import ModelQuantizer

        # both filters send every tensor to a GPU; with this they keep it where it is
        torch.Tensor.cuda = lambda self, *_, **__: self
        quantizer, dequantizer = ModelQuantizer(kind), ModelDequantizer()
        context = FLContext()

        def encode() -> Any:
            dxo = DXO(DataKind.WEIGHT_DIFF, data={"x": array})
            return quantizer.process_dxo(dxo, Shareable(), context)

        def decode(came: Any) -> np.ndarray:
            dxo = DXO(came.data_kind, data=dict(came.data), meta=dict(came.meta))  # used up below
            decoded = dequantizer.process_dxo(dxo, Shareable(), context).data["x"]
            return decoded.reshape(-1)  # 4 bits come back as (1, n)

        def size(came: Any) -> int:
            return weight([came.data["x"], *came.meta["quant_state"]["x"].values()])

        return Coding(encode, decode, size)

    return prepare


def bitsandbytes_blockwise8(array: np.ndarray) -> Coding:
    import torch
    from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise

    tensor = torch.from_numpy(array)
    return Coding(
        lambda: quantize_blockwise(tensor, blocksize=64),
        lambda came: dequantize_blockwise(*came).numpy(),
        lambda came: weight([came[0], came[1].absmax, came[1].code]),
    )


def smilelab_topk(array: np.ndarray) -> Coding:
    import torch
    from fedlab.contrib.compressor import TopkCompressor

    tensor, compressor = torch.from_numpy(array), TopkCompressor(KEPT)
    return Coding(
        lambda: compressor.compress(tensor),
        lambda came: compressor.decompress(*came, tensor.shape).numpy(),
        weight,
    )


def smilelab_qsgd(array: np.ndarray) -> Coding:
    import torch
    from fedlab.contrib.compressor import QSGDCompressor

    tensor, compressor = torch.from_numpy(array), QSGDCompressor(8)
    return Coding(
        lambda: compressor.compress(tensor),
        lambda came: compressor.decompress(came).numpy(),
        weight,
    )


def openfl(pipeline: str, **settings: Any) -> Callable[[np.ndarray], Coding]:
    """One of its transformation pipelines; its metadata, a few numbers, is not weighed."""

    def prepare(array: np.ndarray) -> Coding:
        import openfl.pipelines

        made = getattr(openfl.pipelines, pipeline)(**settings)
        return Coding(
            lambda: made.forward(array),
            lambda came: made.backward(came[0], list(came[1])),  # it pops from the list
            lambda came: len(came[0]),
        )

    return prepare


def torch_topk(array: np.ndarray) -> Coding:
    import torch

    tensor, k = torch.from_numpy(array), int(np.ceil(KEPT * array.size))
    sizes, full = torch.empty_like(tensor), torch.empty_like(tensor)

    def encode() -> tuple[Any, Any]:
        where = torch.topk(torch.abs(tensor, out=sizes), k, sorted=False).indices
        return tensor[where], where

    return Coding(encode, lambda came: full.zero_().index_put_((came[1],), came[0]).numpy(), weight)


def torch_float16(array: np.ndarray) -> Coding:
    import torch

    tensor = torch.from_numpy(array)
    half, full = torch.empty_like(tensor, dtype=torch.float16), torch.empty_like(tensor)
    return Coding(
        lambda: half.copy_(tensor), lambda came: full.copy_(came).numpy(), lambda came: came.nbytes
    )


def numpy_float16(array: np.ndarray) -> Coding:
    half, full = np.empty(array.shape, np.float16), np.empty_like(array)

    def encode() -> np.ndarray:
        np.copyto(half, array, casting="same_kind")
        return half

    def decode(came: np.ndarray) -> np.ndarray:
        np.copyto(full, came)
        return full

    return Coding(encode, decode, lambda came: came.nbytes)


def numpy_sparse(select: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Coding]:
    """Values and int32 positions of what `select` marks."""

    def prepare(array: np.ndarray) -> Coding:
        full = np.empty_like(array)

        def encode() -> tuple[np.ndarray, np.ndarray]:
            where = np.flatnonzero(select(np.abs(array)))
            return array[where], where.astype(np.int32)

        def decode(came: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
            full.fill(0)
            full[came[1]] = came[0]
            return full

        return Coding(encode, decode, weight)

    return prepare


def by_partition(sizes: np.ndarray) -> np.ndarray:
    kth = sizes.size - int(np.ceil(KEPT * sizes.size))
    return sizes >= np.partition(sizes, kth)[kth]


def numpy_int8(array: np.ndarray) -> Coding:
    """One scale for the whole vector."""
    full, small = np.empty_like(array), np.empty(array.shape, np.int8)

    def encode() -> tuple[np.ndarray, np.ndarray]:
        scale = np.abs(array, out=full).max() / np.float32(127)
        np.rint(np.multiply(array, 1 / scale, out=full), out=full)
        np.copyto(small, full, casting="unsafe")
        return small, scale

    return Coding(encode, lambda came: np.multiply(*came, out=full), weight)


ON_CPU = "patched to run on the CPU: Tensor.cuda returns the tensor"
KERNELS = (
    Kernel("numpy", "float16", "float16", numpy_float16),
    Kernel("torch", "float16", "float16", torch_float16),
    Kernel("nvflare", "float16", "float16", nvflare("float16")),
    Kernel("numpy", "threshold", "threshold:2.5758", numpy_sparse(lambda s: s > THRESHOLD)),
    Kernel("numpy", "top-k 1 % by partition", "topk:0.01", numpy_sparse(by_partition)),
    Kernel("torch", "topk 1 %", "topk:0.01", torch_topk),
    Kernel("fedlab", "top-k 1 %", "topk:0.01", smilelab_topk),
    Kernel(
        "openfl",
        "STC 1 %",
        "ternary:0.01",
        openfl("STCPipeline", p_sparsity=KEPT),
        "decodes 100 times too small: its mean counts the zeros",
    ),
    Kernel("numpy", "int8, one scale", "int8", numpy_int8),
    Kernel("bitsandbytes", "blockwise 8 bit", "int8", bitsandbytes_blockwise8, "blocks of 64"),
    Kernel("nvflare", "blockwise8", "int8", nvflare("blockwise8"), ON_CPU),
    Kernel(
        "fedlab",
        "QSGD 8 bit",
        "int8:stochastic",
        smilelab_qsgd,
        "sends int32 and bool: more than the float32 it was given",
    ),
    Kernel("nvflare", "float4", "int4", nvflare("float4"), ON_CPU),
    Kernel("nvflare", "normfloat4", "int4", nvflare("normfloat4"), ON_CPU),
    Kernel("openfl", "EDEN 4 bit", "int4", openfl("EdenPipeline", n_bits=4)),
)
