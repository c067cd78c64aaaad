"""Low-rank adapters: what changes is small enough to travel alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def add_lora(
    model: torch.nn.Module, *, rank: int, targets: Sequence[str], seed: int = 0
) -> torch.nn.Module:
    """Freeze a model and put a low-rank adapter beside each target layer, in place.

    Where a linear layer of weight W (out, in) stood, W + 2·B·A stands, with A (rank, in) random and
    B (out, rank) zero: at first the model computes what it did. A and B alone require a gradient.
    They are rank · (in + out) parameters a layer. Works on the meta device too.

    targets: the last part of the layers' names, such as "query". rank: 1 or more. seed: of the
    numbers in A; torch's own generator is left alone.

    Returns the same model. Raises ValueError for a rank below 1, or a target that no layer's name
    ends in.

    Source: Hu et al. 2021, arXiv:2106.09685, by way of the library peft, with its alpha at twice
    the rank.

    >>> model = add_lora(torch.nn.Sequential(torch.nn.Linear(8, 6)), rank=2, targets=["0"])
    >>> [tuple(p.shape) for p in model.parameters() if p.requires_grad]
    [(2, 8), (6, 2)]
    """
    from peft import LoraConfig, inject_adapter_in_model  # seconds the other models do without

    if rank < 1:
        raise ValueError(f"rank: expected 1 or more, got {rank}")
    there = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    if missing := [target for target in targets if target not in there]:
        raise ValueError(f"targets: this model has no layer named {', '.join(missing)}")
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    return model
