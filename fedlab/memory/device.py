"""What one participant holds while it trains, predicted component by component."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

from fedlab.memory.breakdown import Breakdown, sized
from fedlab.sizes import FLOATS, size_of, tensors_of
from fedlab.units import Bytes, whole_bytes

if TYPE_CHECKING:
    import pandas as pd

Optimizer = Literal["sgd", "momentum", "adam", "adamw"]
_MOMENTS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}  # tensors kept for each gradient
_STEP = 4  # Adam counts its steps in a float32 of its own for each tensor


class DeviceMemory(Breakdown):
    """What a participant holds, in bytes, component by component.

    - parameters = elements x width, summed over the model's tensors (tied ones once)
    - buffers = the same for what is no parameter (running statistics); of a torch module only,
      since a configuration does not tell them apart
    - gradients = one number for each trained parameter, in its dtype
    - optimizer state = gradients x 0 (sgd), 1 (momentum), 2 (adam, adamw); Adam's kind adds 4 bytes
      for each trained tensor, its step counter
    - activations = what autograd saves for backward: `saved_activations` counts it
    - batch, dataset = the inputs and labels of one step; of all the data that stays in memory
    - update = what is sent: by default the whole state dict (tied tensors each)

    model: anything that `size_of` takes, or a number of bytes. batch, dataset, activations, update:
    likewise; each is 0 by default but the update. Of a torch module, parameters with
    `requires_grad` are trained; of anything else, all floating-point tensors are.

    Raises ValueError for another optimizer or a negative size, and what `size_of` raises.

    >>> device = DeviceMemory("pythia-14m", optimizer="adam", batch=32_768, activations=609_484_804)
    >>> device.components["optimizer state"]  # 2 x 56,270,848 + 76 x 4
    Bytes(112542000)
    >>> device.total.short
    '890.87 MB'
    """

    def __init__(
        self,
        model: Any,
        *,
        optimizer: Optimizer = "sgd",
        batch: Any = 0,
        dataset: Any = 0,
        activations: Any = 0,
        update: Any = None,
    ) -> None:
        if optimizer not in _MOMENTS:
            raise ValueError(f"optimizer: expected one of {', '.join(_MOMENTS)}, got {optimizer!r}")
        parts = _parts(model)
        step_counters = _STEP * parts.trained_tensors if optimizer.startswith("adam") else 0
        components = {
            "parameters": parts.parameters,
            "buffers": parts.buffers,
            "gradients": parts.trained,
            "optimizer state": parts.trained * _MOMENTS[optimizer] + step_counters,
            "activations": sized(activations, "activations"),
            "batch": sized(batch, "batch"),
            "dataset": sized(dataset, "dataset"),
            "update": parts.sent if update is None else sized(update, "update"),
        }
        super().__init__(components)

    @property
    def peak(self) -> Bytes:
        """The most that is held at one time.

        Activations and batch are gone when the update is built, so of the two only the larger
        counts: total - min(activations + batch, update).
        """
        at_work = self.components["activations"] + self.components["batch"]
        return self.total - min(at_work, self.components["update"])

    def table(self, measured: int | None = None) -> pd.DataFrame:
        """One row a component, in bytes, and its share of the total.

        measured: what a process was seen to hold. It becomes the total, and what no component
        explains (temporaries, the allocator) a row of its own, below 0 where the process held less.
        """
        if measured is None:
            return super().table()
        remainder = {"remainder (measured)": Bytes(measured) - self.total}
        return Breakdown(self.components | remainder).table()


@dataclass(frozen=True)
class _Parts:
    """A model's bytes by what is done with them."""

    parameters: Bytes
    buffers: Bytes
    trained: Bytes
    trained_tensors: int
    sent: Bytes


def _parts(model: Any) -> _Parts:
    if isinstance(model, Real):
        size = whole_bytes(model, "model")
        return _Parts(size, Bytes(0), size, 1, size)
    if hasattr(model, "named_parameters"):  # a torch module, whose import is the caller's
        parameters = list(model.parameters())
        trained = [p for p in parameters if p.requires_grad]
        sent = size_of(model, tied="each")
        return _Parts(
            size_of(parameters),
            size_of(list(model.buffers())),
            size_of(trained),
            len(trained),
            sent,
        )
    specs = tensors_of(model)
    once = [spec for spec in specs if spec.tied_to is None]
    learned = [spec for spec in once if spec.dtype in FLOATS]
    return _Parts(
        size_of(once), Bytes(0), size_of(learned), len(learned), size_of(specs, tied="each")
    )
