"""What a thing weighs in bytes, never loading weights to find out.

Everything is first described as a list of `TensorSpec` (name, shape, dtype, and which other tensor
it is tied to); a size is a sum over that list.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fedlab import configs
from fedlab.configs import UnknownModelError
from fedlab.units import Bytes

# numpy has no name for these; widths in bytes
_EXTRA_WIDTHS = {"bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e8m0fnu": 1}
FLOATS = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
_REPEAT = re.compile(r"\{(\d+)\}")
_SAFETENSORS_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "F8_E8M0": "float8_e8m0fnu",
}


@dataclass(frozen=True)
class TensorSpec:
    """A tensor's description: no numbers in it.

    tied_to names the earlier tensor that shares this one's memory, if one does.

    >>> TensorSpec("dense.weight", (64, 784), "float32").nbytes
    Bytes(200704)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    tied_to: str | None = None

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> Bytes:
        """elements x width of one element, in bytes."""
        width = _EXTRA_WIDTHS.get(self.dtype)
        return Bytes(self.elements * (width or np.dtype(self.dtype).itemsize))


def size_of(thing: Any, *, tied: Literal["once", "each"] = "once", dtype: str = "float32") -> Bytes:
    """The bytes of a model, a state dict, arrays, a configuration or a file of weights.

    thing: nn.Module, state_dict, torch or numpy array, list or dict of them, Flower ArrayRecord,
    Hugging Face config, bundled model name, path to a config.json, a safetensors file or a folder
    of either. tied: weights shared by two layers count "once" (memory, a checkpoint) or "each"
    (what a state dict sends). dtype: what a configuration's parameters are stored as, one of
    `FLOATS` (a file or an array says its own).

    Raises TypeError for a thing of another kind, ValueError for another dtype, UnknownModelError (a
    ValueError) for a name or file that describes no model.

    >>> size_of(np.zeros((784, 64), np.float32))
    Bytes(200704)
    >>> size_of([TensorSpec("a", (2, 3)), TensorSpec("b", (2, 3), tied_to="a")])
    Bytes(24)
    """
    if tied not in ("once", "each"):
        raise ValueError(f"tied: expected 'once' or 'each', got {tied!r}")
    specs = tensors_of(thing, dtype=dtype)
    return sum((s.nbytes for s in specs if tied == "each" or s.tied_to is None), Bytes(0))


def tensors_of(thing: Any, *, dtype: str = "float32") -> list[TensorSpec]:
    """Describe every tensor of `thing` (see `size_of`), in order, tied ones marked.

    Raises what `size_of` raises.

    >>> tensors_of({"w": np.zeros((2, 3), np.float16)})
    [TensorSpec(name='w', shape=(2, 3), dtype='float16', tied_to=None)]
    """
    if dtype not in FLOATS:
        raise ValueError(f"dtype: expected one of {', '.join(FLOATS)}, got {dtype!r}")
    if isinstance(thing, (str, Path)):
        return _from_name(str(thing), dtype)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.nn.Module):
        return tensors_of(thing.state_dict(keep_vars=True))
    transformers = sys.modules.get("transformers")
    if transformers is not None and isinstance(thing, transformers.PreTrainedConfig):
        return tensors_of(configs.cached_meta_model(thing.to_dict(), dtype))
    seen: dict[Any, str] = {}
    kept: list[Any] = []  # storages stay alive while their identity is compared
    specs = []
    for name, leaf in _leaves(thing, ""):
        if isinstance(leaf, TensorSpec):
            specs.append(leaf)
            continue
        key, storage = _memory(leaf)
        kept.append(storage)
        first = seen.setdefault(key, name)
        shape = tuple(int(n) for n in leaf.shape)
        kind = str(leaf.dtype).removeprefix("torch.")
        specs.append(TensorSpec(name, shape, kind, None if first == name else first))
    return specs


def _leaves(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every array-like of a nest of lists and dicts, with its dotted name."""
    if isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from _leaves(value, f"{name}.{key}" if name else str(key))
    elif isinstance(thing, TensorSpec) or (hasattr(thing, "shape") and hasattr(thing, "dtype")):
        yield name, thing
    elif isinstance(thing, Sequence) and not isinstance(thing, (bytes, bytearray)):
        for index, value in enumerate(thing):
            yield from _leaves(value, f"{name}.{index}" if name else str(index))
    else:
        raise TypeError(
            f"cannot size a {type(thing).__name__}{f' at {name!r}' if name else ''}: expected a "
            "model, a state dict, arrays, an ArrayRecord, a configuration, or a path"
        )


def _memory(array: Any) -> tuple[Any, Any]:
    """What tells two arrays that share memory from two that do not: (key, thing to keep alive)."""
    if hasattr(array, "untyped_storage"):  # torch, the meta device included
        storage = array.untyped_storage()
        return (id(storage), array.storage_offset(), tuple(array.shape)), storage
    if isinstance(array, np.ndarray) and array.size:
        return (array.__array_interface__["data"][0], array.shape, array.strides), array
    return id(array), array


def _from_name(name: str, dtype: str) -> list[TensorSpec]:
    path = Path(name)
    if path.suffix == ".safetensors":
        return _from_safetensors([path])
    if configs.found(path.is_dir):
        # some publishers put the same weights beside them again, as consolidated.safetensors
        shards = sorted(path.glob("model*.safetensors")) or sorted(path.glob("*.safetensors"))
        if shards:
            return _from_safetensors(shards)
    if (known := configs.find_bundled(name)) is not None:
        return _from_layout(known["tensors"], dtype)
    return tensors_of(configs.cached_meta_model(configs.read_config(name), dtype))


def _from_layout(layout: Mapping[str, Any], dtype: str) -> list[TensorSpec]:
    """Expand a bundled layout; a run of names with `{count}` is one layer, repeated."""
    specs = []
    for repeated, run in groupby(layout.items(), key=lambda item: _REPEAT.findall(item[0])):
        block = list(run)
        for layer in range(int(repeated[0]) if repeated else 1):
            for pattern, shape in block:
                name = _REPEAT.sub(str(layer), pattern)
                tied_to = shape if isinstance(shape, str) else None
                specs.append(TensorSpec(name, tuple(layout[tied_to or pattern]), dtype, tied_to))
    return specs


def _from_safetensors(paths: list[Path]) -> list[TensorSpec]:
    """Shapes and dtypes from the headers alone; the file's own dtype counts."""
    from safetensors import SafetensorError, safe_open

    specs = []
    for path in paths:
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - the handle is no mapping
                    view = file.get_slice(name)
                    if (kind := view.get_dtype()) not in _SAFETENSORS_DTYPES:
                        raise UnknownModelError(
                            f"{path}: expected numbers of whole bytes, got {kind} in {name}; "
                            f"known are {', '.join(_SAFETENSORS_DTYPES)}"
                        )
                    shape = tuple(view.get_shape())
                    specs.append(TensorSpec(name, shape, _SAFETENSORS_DTYPES[kind]))
        except (SafetensorError, OSError) as error:
            raise UnknownModelError(
                f"{path}: expected a whole safetensors file, got {type(error).__name__}: {error}; "
                "copy or download it again"
            ) from error
    return specs
