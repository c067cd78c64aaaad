"""Sentences as token ids: what a language model takes in."""

from __future__ import annotations

import numpy as np

from fedlab.data.examples import Examples
from fedlab.data.fetching import fetch
from fedlab.data.sentences import Sentences

_SHORTEST, _LONGEST = 3, 512  # [CLS], a word, [SEP]; and the positions that MiniLM knows


def tokenized(sentences: Sentences, length: int = 32) -> Examples:
    """Sentences as examples that can be fed: token ids of MiniLM's own tokenizer, and the labels.

    inputs are (n, length) int64: a shorter sentence is padded with 0 at its end, a longer one cut
    (24 % of the course's sentences are longer than 32 tokens, 0.3 % longer than 64). labels are the
    sentences' own, (n,) int64. The tokenizer is fetched when the cache does not have it.

    Raises ValueError for a length outside 3 to 512, DataError when the tokenizer can be neither
    found nor fetched.

    Source: Wang et al. 2020, arXiv:2002.10957 (see `registry.MINILM`).
    """
    if not _SHORTEST <= length <= _LONGEST:
        raise ValueError(f"length: expected {_SHORTEST} to {_LONGEST} tokens, got {length}")
    from tokenizers import Tokenizer  # 0.1 s, and only texts need it

    tokenizer = Tokenizer.from_file(str(fetch("minilm") / "tokenizer.json"))
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length)  # with [PAD], whose id is 0
    inputs = np.zeros((len(sentences), length), np.int64)
    # One by one: encode_batch starts threads, which a later fork warns of, and is no faster here.
    for row, text in zip(inputs, sentences.texts, strict=True):
        row[:] = tokenizer.encode(text).ids
    return Examples(inputs, sentences.labels)
