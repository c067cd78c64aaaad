"""Models of shapes alone, for sizes and activations of what fits nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedlab.configs import meta_model, read_config

if TYPE_CHECKING:
    import torch


def on_meta(model: str, dtype: str = "float32") -> torch.nn.Module:
    """Any bundled name, config.json or hub id as a model of shapes alone, on the meta device.

    >>> on_meta("llama-2-70b").get_input_embeddings().weight.device
    device(type='meta')
    """
    return meta_model(read_config(model), dtype)
