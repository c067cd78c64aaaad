"""Activations: what autograd keeps between the forward and the backward pass, to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fedlab.units import Bytes

if TYPE_CHECKING:
    import torch


def saved_activations(
    forward: Callable[[], Any], *, model: torch.nn.Module, batch: Iterable[torch.Tensor] = ()
) -> Bytes:
    """The bytes that autograd saves for backward while `forward` runs, without the model's own.

    forward: runs the model and returns its loss (or anything that holds its graph). model: its
    parameters and buffers are left out. batch: tensors that are counted elsewhere, left out too.

    Each piece of memory counts once, however many views of it are saved, and as a whole: a view
    keeps all of it alive. On the meta device the count is the same and nothing is allocated, so a
    model that fits nowhere is counted too; there, attention has no fused kernels: ask for
    `attn_implementation="eager"` on both sides when you compare.

    >>> import torch
    >>> layer, x = torch.nn.Linear(784, 64), torch.zeros(32, 784)
    >>> saved_activations(lambda: layer(x).relu().sum(), model=layer, batch=[x])  # 32 x 64 x 4
    Bytes(8192)
    >>> saved_activations(lambda: layer(x).relu().sum(), model=layer)  # and the batch
    Bytes(108544)
    """
    from torch.autograd.graph import saved_tensors_hooks

    elsewhere = [t.untyped_storage() for t in (*model.parameters(), *model.buffers(), *batch)]
    kept: dict[int, Any] = {}  # storages by identity, alive so that none is used again

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[id(storage)] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        graph = forward()
    for storage in elsewhere:
        kept.pop(id(storage), None)
    total = sum((Bytes(storage.nbytes()) for storage in kept.values()), Bytes(0))
    del graph
    return total
