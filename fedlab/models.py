"""The course's models: built from a configuration with fixed numbers, nothing downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import transformers

from fedlab.configs import UnknownModelError, meta_model, read_config

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
    try:
        return transformers.GPTNeoXForCausalLM.from_pretrained(
            HUB_ID, cache_dir=str(cache_dir), dtype=torch.float32
        )
    except OSError as error:
        raise UnknownModelError(
            f"{HUB_ID}: its weights are not in {cache_dir} and the hub cannot be reached; "
            "leave cache_dir out for random weights of the same sizes"
        ) from error


def mlp(widths: Sequence[int], seed: int = 0) -> torch.nn.Sequential:
    """Dense layers with ReLU between them: input (batch, widths[0]) to logits (batch, widths[-1]).

    Raises ValueError for fewer than two widths or one below 1. Same seed, same numbers; torch's own
    generator is left alone.

    >>> sum(p.numel() for p in mlp((784, 32, 32, 10)).parameters())
    26506
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths: expected two or more, each at least 1, got {tuple(widths)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for before, after in pairwise(widths):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])  # logits, so no ReLU at the end


def seed_mlp(seed: int = 0) -> torch.nn.Sequential:
    """The memory lesson's Dense 784-64-10: input (batch, 784) to logits (batch, 10).

    50,890 parameters, 203,560 bytes in float32.

    >>> [tuple(p.shape) for p in seed_mlp().parameters()]
    [(64, 784), (64,), (10, 64), (10,)]
    """
    return mlp((784, 64, 10), seed)


def mnist_cnn(seed: int = 0) -> torch.nn.Sequential:
    """Two convolutions and a dense layer for MNIST: input (batch, 784) to logits (batch, 10).

    5,258 parameters, a tenth of `seed_mlp`'s, and activations many times larger than its own.

    >>> sum(p.numel() for p in mnist_cnn().parameters())
    5258
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 28, 28)),
            torch.nn.Conv2d(1, 8, kernel_size=3),  # (batch, 8, 26, 26)
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),  # (batch, 8, 13, 13)
            torch.nn.Conv2d(8, 16, kernel_size=3),  # (batch, 16, 11, 11)
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),  # (batch, 16, 5, 5)
            torch.nn.Flatten(),
            torch.nn.Linear(400, 10),
        )


def on_meta(model: str, dtype: str = "float32") -> torch.nn.Module:
    """Any bundled name, config.json or hub id as a model of shapes alone, on the meta device.

    >>> on_meta("llama-2-70b").get_input_embeddings().weight.device
    device(type='meta')
    """
    return meta_model(read_config(model), dtype)
