"""A participant's memory as a demo: what is in it, and which of it a slider moves."""

from __future__ import annotations

from typing import Any, cast

from fedlab.memory import DeviceMemory
from fedlab.memory.device import Optimizer
from fedlab.sizes import TensorSpec
from fedlab.widgets.base import Demo, Readout, module
from fedlab.widgets.controls import Choice, Number
from fedlab.widgets.picture import Look

_ROWS = {  # no buffers: a model given by its size has none
    "parameters": "Parameters",
    "gradients": "Gradients",
    "optimizer state": "Optimizer state",
    "activations": "Activations",
    "batch": "Batch",
    "dataset": "Data set",
    "update": "Update",
}


class DeviceMemoryDemo(Demo):
    """Drag what a participant holds while it trains. The numbers are `DeviceMemory`'s.

    model: what `DeviceMemory` takes; by default 10 MB. It sets the size of the parameters, for how
    many tensors Adam counts steps, and the share that is sent (tied tensors each). The demo trains
    all parameters and has no buffers: for a model where that is not so, ask `DeviceMemory`.
    optimizer: as in `DeviceMemory`. activations: bytes that autograd saves for one example. batch:
    examples in one step. example: bytes of one, with its label. examples: in the data set. data:
    "resident" in memory, or read from "disk". update_share: sent bytes / bytes of the parameters.

    What is outside the controls' limits becomes the nearest limit, with a note.

    >>> demo = DeviceMemoryDemo(optimizer="adam", batch=64)
    >>> demo.readout().headline
    'At its peak, in a training step, a participant holds 84.67 MB (80.74 MiB): 8.5 × its model.'
    >>> demo.batch = 1
    >>> demo.readout().headline.split(", a ")[0]
    'At its peak, when the update is built'
    """

    _esm = module("device_memory.js")

    model_size = Number(1, 10**12, "Size of the model", unit="MB", per_unit=10**6, decimals=2)
    optimizer = Choice(
        {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "adamw": "AdamW"}, "Optimizer"
    )
    activations = Number(0, 10**12, "Activations of one example", unit="kB", per_unit=10**3)
    batch = Number(1, 10**6, "Examples in a batch")
    example = Number(0, 10**12, "Size of one example", unit="kB", per_unit=10**3, decimals=1)
    examples = Number(1, 10**9, "Examples in the data set")
    data = Choice({"resident": "resident in memory", "disk": "read from disk"}, "Data set")
    update_share = Number(0.0, 4.0, "Update, share of the model", decimals=2)

    def __init__(
        self,
        model: Any = 10_000_000,
        *,
        optimizer: str = "sgd",
        activations: int = 400_000,
        batch: int = 32,
        example: int = 3_144,
        examples: int = 6_000,
        data: str = "resident",
        update_share: float | None = None,
    ) -> None:
        held = DeviceMemory(model, optimizer="adam").components
        share = held["update"] / (held["parameters"] or 1)
        super().__init__(
            model_size=held["parameters"],
            optimizer=optimizer,
            activations=activations,
            batch=batch,
            example=example,
            examples=examples,
            data=data,
            update_share=share if update_share is None else update_share,
            # beyond two moments, Adam's state is 4 bytes a tensor
            _given={"tensors": (held["optimizer state"] - 2 * held["gradients"]) // 4 or 1},
        )

    def memory(self) -> DeviceMemory:
        """The participant that the controls describe."""
        # Numbers of one byte, so that any size is whole; all in the first of the model's tensors.
        model = [TensorSpec("all", (self.model_size,), "float8_e5m2")]
        model += [TensorSpec("none", (0,))] * (self._given["tensors"] - 1)
        return DeviceMemory(
            model,
            optimizer=cast(Optimizer, self.optimizer),
            activations=self.activations * self.batch,
            batch=self.example * self.batch,
            dataset=self.example * self.examples if self.data == "resident" else 0,
            update=round(self.model_size * self.update_share),
        )

    def readout(self) -> Readout:
        """The peak, what it is made of, and when it comes."""
        device = self.memory()
        held, total, peak = device.components, device.total, device.peak
        at_work = held["activations"] + held["batch"]
        when = "in a training step" if at_work >= held["update"] else "when the update is built"
        return Readout(
            f"At its peak, {when}, a participant holds {peak}: "
            f"{peak / self.model_size:,.1f} × its model.",
            (
                *(
                    (label, f"{held[name]}, {held[name] / total:.1%}")
                    for name, label in _ROWS.items()
                ),
                ("All together", f"{total}, {int(total):,} B"),
                ("Peak, held at one time", f"{peak}, {int(peak):,} B"),
            ),
            {label: Look(held[name] / total) for name, label in _ROWS.items()}
            | {"All together": Look(apart=True)},
        )
