"""MiniLM with a classifier on top: the text model of the course."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from fedlab.configs import read_config
from fedlab.data import fetch


class TextClassifier(torch.nn.Module):
    """A language model's `body`, the mean over the tokens that are no padding, and a linear `head`.

    body: transformers' BertModel or the like, which maps ids and their mask to hidden states
    (batch, length, width).
    """

    def __init__(self, body: torch.nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = torch.nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids (batch, length) int64, padded with 0, to logits (batch, classes)."""
        mask = ids != 0
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        mask = mask.unsqueeze(-1)  # (batch, length, 1)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)  # (batch, width)
        logits: torch.Tensor = self.head(mean)
        return logits


def minilm(*, pretrained: bool = True, classes: int = 2, seed: int = 0) -> TextClassifier:
    """all-MiniLM-L6-v2 as a classifier: ids (batch, length) int64 to logits (batch, classes).

    A body of 22,565,376 parameters in 101 tensors (bundled as "minilm" with a pooler, of which a
    mean over tokens has no need) and a head of 385 for each class; float32. There is no dropout, so
    that a run can be repeated.

    pretrained: the published weights, fetched when the cache does not have them; False for random
    numbers throughout, which needs no cache. seed: of the head's numbers, and of a random body's.
    Torch's own generator is left alone.

    Raises DataError when the weights can be neither found nor fetched, ValueError for less than one
    class.

    Source: Wang et al. 2020, arXiv:2002.10957; the mean over tokens and the training of the
    published weights: Reimers and Gurevych 2019, arXiv:1908.10084.

    >>> model = minilm(pretrained=False)
    >>> sum(p.numel() for p in model.parameters()), sum(p.numel() for p in model.head.parameters())
    (22566146, 770)
    """
    if classes < 1:
        raise ValueError(f"classes: expected 1 or more, got {classes}")
    from transformers import BertConfig, BertModel  # seconds that the rest of the room does without

    weights = fetch("minilm") / "model.safetensors" if pretrained else None
    facts = read_config("minilm") | {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    config = BertConfig(**facts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TextClassifier(
            BertModel(config, add_pooling_layer=False), config.hidden_size, classes
        )
    if weights is not None:
        model.body.load_state_dict(_body_of(weights))
    return model


def _body_of(weights: Path) -> dict[str, torch.Tensor]:
    """The published tensors that the body has: no pooler, and no list of the positions 0 to 511."""
    return {
        name: tensor
        for name, tensor in load_file(weights).items()
        if not name.startswith("pooler.") and name != "embeddings.position_ids"
    }
