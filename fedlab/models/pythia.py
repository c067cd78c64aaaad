"""Pythia-14m, the language model of the course's lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fedlab.configs import UnknownModelError, read_config

if TYPE_CHECKING:
    import transformers

HUB_ID = "EleutherAI/pythia-14m"


def pythia_14m(
    seed: int = 0, *, cache_dir: str | Path | None = None
) -> transformers.GPTNeoXForCausalLM:
    """EleutherAI's Pythia-14m as a causal language model, float32, with its own random numbers.

    14,067,712 parameters in 76 tensors. Every tensor is drawn from a normal distribution (deviation
    0.02, Pythia's own), biases and norms too: as in the trained checkpoint, no two are equal. A
    plain initialisation leaves 46 of the 76 equal to another (all zeros, all ones), and Flower
    sends equal tensors once. Same seed, same numbers; torch's own generator is left alone.

    cache_dir: opt in to the published weights instead, from the hub by way of this folder, widened
    to float32 (today's transformers keeps a checkpoint's own dtype, and a half weighs half).
    Raises UnknownModelError when they are neither there nor within reach.

    Source: Biderman et al., 2023 (arXiv:2304.01373), configuration of the published model.

    >>> model = pythia_14m()
    >>> sum(p.numel() for p in model.parameters())
    14067712
    """
    import transformers  # half a second that the course's small models do without

    if cache_dir is not None:
        return _published(cache_dir)
    config = transformers.GPTNeoXConfig(**read_config("pythia-14m"))
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        model = transformers.GPTNeoXForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.02, generator=generator)
    return model


def _published(cache_dir: str | Path) -> transformers.GPTNeoXForCausalLM:
    import transformers

    try:
        return transformers.GPTNeoXForCausalLM.from_pretrained(
            HUB_ID, cache_dir=str(cache_dir), dtype=torch.float32
        )
    except OSError as error:
        raise UnknownModelError(
            f"{HUB_ID}: its weights are not in {cache_dir} and the hub cannot be reached; "
            "leave cache_dir out for random weights of the same sizes"
        ) from error
