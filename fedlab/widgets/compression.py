"""Codecs as a demo: choose what of a real update travels, and in how many bits; see what it costs.

Unlike in the other demos the kernel answers each change, since the numbers are those of the real
codecs: the view draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from threading import RLock
from typing import Any, TypeAlias

import numpy as np
import traitlets

from fedlab.codecs import Chain, Codec, CodecError, parse
from fedlab.codecs.positions import Positions
from fedlab.codecs.sparse import Sparse
from fedlab.codecs.wire import DTYPES
from fedlab.units import Bytes
from fedlab.widgets.base import Demo, Readout, module
from fedlab.widgets.controls import Choice, Number
from fedlab.widgets.histogram import Histogram
from fedlab.widgets.picture import Look, Picture, histogram

_LEGEND = ("all values of the update", "those that travel")
_SEED = 0  # of random-k and of stochastic rounding: equal settings, equal numbers

Tensor: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Outcome:
    """What a codec makes of an update.

    kept: the positions of the values that travel, in the tensors laid end to end. encoded: bytes of
    all encoded tensors. error: of the decoded update, relative: ‖decoded - update‖ / ‖update‖.
    """

    kept: Positions
    encoded: Bytes
    error: float


class CompressionDemo(Demo):
    """Sparsify and quantize an update. The numbers are those of `fedlab.codecs`, encoded for real.

    update: {name: array of any shape}, or one array; float16, float32 or float64, taken as float32.
    Each tensor is encoded by itself, as `fedlab.mods.compress` does. keep: "all" values, those from
    a "threshold" on, "topk" or "randomk". fraction: of each tensor, for the last two. threshold:
    size of the smallest value kept. values: "float32", "float16", "int8", "int4" or "int2".
    rounding: "nearest" or "stochastic", for whole numbers.

    Raises CodecError for an update without values, of other numbers, or with NaN or infinity in it.
    What is outside the controls' limits becomes the nearest limit, with a note. Up to some 100,000
    values it answers as one drags.

    >>> demo = CompressionDemo(np.linspace(-1, 1, 1000), fraction=0.1, values="float32")
    >>> demo.readout().headline
    'topk:0.1 sends 100 of 1,000 values in 636 B, 15.90% of the bytes in float32; its relative \
error is 0.854.'
    >>> demo.values = "int8"
    >>> str(demo.codec)
    'topk:0.1|int8'
    """

    needs_kernel = True
    _esm = module("compression.js")
    # what the view draws: the readout with its looks, and the values that travel in each bin
    _answer: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)

    keep = Choice(
        {"all": "all", "threshold": "threshold", "topk": "top-k", "randomk": "random-k"},
        "Values to keep",
    )
    fraction = Number(0.0001, 1.0, "Fraction (top-k, random-k)", decimals=4)
    threshold = Number(0.000001, 1.0, "Threshold", decimals=6)
    values = Choice(
        {name: name for name in ("float32", "float16", "int8", "int4", "int2")}, "Values as"
    )
    rounding = Choice({"nearest": "to nearest", "stochastic": "stochastic"}, "Rounding (int)")

    def __init__(
        self,
        update: Mapping[str, Any] | np.ndarray[Any, Any],
        *,
        keep: str = "topk",
        fraction: float = 0.01,
        threshold: float = 0.001,
        values: str = "int8",
        rounding: str = "nearest",
    ) -> None:
        self._turn = RLock()
        self._update = _tensors(update)
        flat = np.concatenate([tensor.reshape(-1) for tensor in self._update.values()])
        self._histogram = Histogram.of(flat)
        self._squares = _squares(flat)
        super().__init__(
            keep=keep,
            fraction=fraction,
            threshold=threshold,
            values=values,
            rounding=rounding,
            _given={
                "counts": self._histogram.counts,
                "ticks": self._histogram.ticks,
                "legend": _LEGEND,
            },
        )
        self.observe(self._answer_again, [str(control.name) for control in self.controls()])

    @property
    def codec(self) -> Codec | None:
        """The codec that the controls describe; None where all travels as it is."""
        parts = []
        if self.keep != "all":
            number = self.threshold if self.keep == "threshold" else self.fraction
            parts.append(f"{self.keep}:{number}")
        if self.values != "float32":
            drawn = self.values.startswith("int") and self.rounding == "stochastic"
            parts.append(f"{self.values}:stochastic" if drawn else self.values)
        return parse("|".join(parts)) if parts else None

    def outcome(self) -> Outcome:
        """Encode the update and decode it. Raises CodecError that names the tensor."""
        codec, kept, size, lost, start = self.codec, [], 0, 0.0, 0
        for name, tensor in self._update.items():
            try:
                chosen, encoded, decoded = _sent(codec, tensor)
            except CodecError as error:
                raise CodecError(f"{name}: {error}") from None
            kept.append(start + chosen)
            size += encoded
            lost += _squares(np.subtract(decoded, tensor, dtype=np.float64))
            start += tensor.size
        relative = (lost / self._squares) ** 0.5 if self._squares else 0.0
        return Outcome(np.concatenate(kept), Bytes(size), relative)

    def readout(self) -> Readout:
        """What travels, in how many bytes, and what it loses."""
        return self._said()[0]

    def pictures(self, said: Readout) -> list[Picture]:
        """The histogram, above the bars."""
        counts, ticks = self._histogram.counts, self._histogram.ticks
        return [histogram(counts, self._said()[1], ticks, _LEGEND), *super().pictures(said)]

    @traitlets.default("_answer")
    def _answered(self) -> dict[str, Any]:
        said, kept = self._said()
        looks = {label: asdict(look) for label, look in said.looks.items()}
        rows = [(label, value, looks.get(label, {})) for label, value in said.rows]
        return {"headline": said.headline, "rows": rows, "kept": kept}

    def _answer_again(self, change: Any) -> None:
        # what the browser sends may come in another thread than a cell's code: the last one to
        # compute sees all changes
        with self._turn:
            self._answer = self._answered()

    def _said(self) -> tuple[Readout, tuple[int, ...]]:
        """The readout, and how many of the values that travel are in each bin."""
        try:
            out = self.outcome()
        except CodecError as error:
            return Readout(f"{error}."), ()
        kept, count = len(out.kept), self._histogram.bins.size
        dense = Bytes(4 * count)
        larger = max(out.encoded, dense)
        rows = {
            "Codec": str(self.codec or "none"),
            "Values that travel": f"{kept:,} of {count:,}, {kept / count:.2%}",
            "Tensors, each encoded by itself": f"{len(self._update):,}",
            "Encoded": f"{int(out.encoded):,} B",
            "In float32": f"{int(dense):,} B",
            "In float32 / encoded": f"{dense / out.encoded:,.1f}",
            "Relative error": f"{out.error:.3g}",
        }
        looks = {
            "Values that travel": Look(kept / count),
            "Encoded": Look(out.encoded / larger),
            "In float32": Look(dense / larger, colour=1),
            "Relative error": Look(min(out.error, 1)),  # 1 is as large as if nothing had come
        }
        headline = (
            f"{self.codec or 'plain float32'} sends {kept:,} of {count:,} values in {out.encoded}, "
            f"{out.encoded / dense:.2%} of the bytes in float32; "
            f"its relative error is {out.error:.3g}."
        )
        said = Readout(headline, tuple(rows.items()), looks)
        return said, self._histogram.among(out.kept)


def _sent(codec: Codec | None, tensor: Tensor) -> tuple[Positions, int, Tensor]:
    """Of one tensor: the positions of what travels, how many bytes, and what arrives."""
    every = np.arange(tensor.size)
    if codec is None:
        return every, tensor.nbytes, tensor
    chooser = codec.positions if isinstance(codec, Chain) else codec
    blob = codec.encode(tensor, seed=_SEED)
    kept = chooser.choose(tensor.reshape(-1), _SEED) if isinstance(chooser, Sparse) else every
    return kept, len(blob), codec.decode(blob, tensor.shape)


def _squares(values: np.ndarray[Any, Any]) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _tensors(update: Any) -> dict[str, Tensor]:
    """An update's tensors in float32, a copy; CodecError for what cannot be one."""
    named = update if isinstance(update, Mapping) else {"update": update}
    tensors = {str(name): _tensor(str(name), values) for name, values in named.items()}
    if not sum(tensor.size for tensor in tensors.values()):
        raise CodecError("expected an update of one value or more, got none")
    return tensors


def _tensor(name: str, values: Any) -> Tensor:
    if not isinstance(values, np.ndarray) or values.dtype.name not in DTYPES:
        of = f" of {values.dtype}" if hasattr(values, "dtype") else ""
        raise CodecError(
            f"{name}: expected a numpy array of {', '.join(DTYPES)}, "
            f"got {type(values).__name__}{of}"
        )
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        tensor = np.array(values, np.float32, order="C")
    if odd := int(np.count_nonzero(~np.isfinite(tensor))):
        raise CodecError(
            f"{name}: expected finite values, got {odd} of {tensor.size} NaN or infinite in float32"
        )
    return tensor
