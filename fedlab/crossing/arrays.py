"""The tensors of a dense network in an .npz file, checked before anything is allocated for them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from fedlab.logs import one_line

Tensors = dict[str, np.ndarray[Any, Any]]


class CrossingError(ValueError):
    """A file that crossed and is not what it should be, or a plan that nobody can run."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))  # it may quote what somebody else wrote


def names_of(layers: int) -> list[str]:
    """What torch names the tensors of a dense network with ReLUs between its layers, in order.

    >>> names_of(2)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    return [f"{2 * layer}.{part}" for layer in range(layers) for part in ("weight", "bias")]


def widths_of(tensors: Tensors, where: str) -> tuple[int, ...]:
    """The widths of a dense network, inputs first: (784, 64, 10).

    Raises CrossingError unless these are float32 "0.weight" (out, in), "0.bias" (out,), "2.weight",
    …, finite, each layer as wide as the next one expects.

    >>> layer = {"0.weight": np.zeros((10, 784), np.float32), "0.bias": np.zeros(10, np.float32)}
    >>> widths_of(layer, "initial.npz")
    (784, 10)
    """
    names = names_of(len(tensors) // 2)
    if not names or list(tensors) != names:
        raise CrossingError(
            f"{where}: expected a dense network's 0.weight, 0.bias, 2.weight, …, in this order, "
            f"got {', '.join(tensors) or 'nothing'}"
        )
    widths = [tensors["0.weight"].shape[-1] if tensors["0.weight"].ndim else 0]
    for weight, bias in zip(names[::2], names[1::2], strict=True):
        out = len(tensors[bias]) if tensors[bias].ndim else 0
        for name, shape in ((weight, (out, widths[-1])), (bias, (out,))):
            tensor = tensors[name]
            if tensor.dtype != np.float32 or tensor.shape != shape or 0 in shape:
                raise CrossingError(
                    f"{where}: {name}: expected float32 in shape {shape}, got {tensor.dtype} in "
                    f"shape {tensor.shape}"
                )
            if not np.isfinite(tensor).all():
                raise CrossingError(f"{where}: {name} holds NaN or infinity")
        widths.append(out)
    return tuple(widths)


def read_tensors(path: Path) -> Tensors:
    """The arrays of an .npz file by name, in order. Raises CrossingError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > path.stat().st_size:
                raise ValueError("its table of contents promises more bytes than it has")
            return {
                entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries
            }
    except Exception as error:  # zipfile and numpy raise a dozen kinds for what they never wrote
        raise unreadable(path, "NumPy's .npz", error) from error


def unreadable(path: Path, kind: str, error: Exception) -> CrossingError:
    """One sentence about a file that is not of its kind; it names no folder of this machine."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CrossingError(f"{path.name} cannot be read as {kind}: {why}")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """One array, allocated only when the file holds as many bytes as its header promises."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed; write it with numpy.savez")
    with archive.open(entry) as stream:
        promised = _promised(stream)
        if promised != entry.file_size:
            raise ValueError(f"{entry.filename} promises {promised} bytes, has {entry.file_size}")
    with archive.open(entry) as stream:
        array: np.ndarray[Any, Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array


def _promised(stream: IO[bytes]) -> int:
    """The length of an .npy file as its header says it, in bytes."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("expected version 1.0 of the .npy format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elements = 1
    for length in shape:  # Python's integers: numpy's would wrap around
        elements *= length
    return stream.tell() + elements * dtype.itemsize
