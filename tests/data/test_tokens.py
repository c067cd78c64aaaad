"""Sentences as MiniLM takes them in."""

import numpy as np
import pytest

from fedlab.data import Sentences, cached, tokenized
from fedlab.trainers import mini_batches

CLS, SEP = 101, 102
TEXTS = ("good", "a very, very long sentence indeed", "", "Good")


@pytest.fixture
def sentences():
    if cached("minilm") is None:
        pytest.skip("MiniLM is not in the cache: run python -m fedlab.data")
    return Sentences(TEXTS, np.array([1, 0, 0, 1]), np.zeros(4, np.int64))


def test_ids_are_int64_framed_padded_with_0_and_cut(sentences):
    examples = tokenized(sentences, length=6)
    assert (examples.inputs.dtype, examples.inputs.shape) == (np.int64, (4, 6))
    good, long, nothing, capital = examples.inputs.tolist()
    assert good == capital == [CLS, 2204, SEP, 0, 0, 0]
    assert (long[0], long[-1], 0 in long) == (CLS, SEP, False)
    assert nothing == [CLS, SEP, 0, 0, 0, 0]
    assert list(examples.labels) == [1, 0, 0, 1]


def test_a_length_changes_nothing_but_where_a_sentence_is_cut_or_padded(sentences):
    default, longer = tokenized(sentences).inputs, tokenized(sentences, length=48).inputs
    assert default.shape == (4, 32)
    assert np.array_equal(longer[:, :32], default)
    assert not longer[:, 32:].any()


def test_token_ids_can_be_fed(sentences):
    (batch,) = next(mini_batches(tokenized(sentences), 4).epoch(0))
    assert (str(batch.inputs.dtype), tuple(batch.inputs.shape)) == ("torch.int64", (4, 32))


@pytest.mark.parametrize("length", [2, 0, -1, 513])
def test_a_length_without_a_word_or_beyond_the_model_is_refused(length):
    nothing = Sentences((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match=rf"^length: expected 3 to 512 tokens, got {length}$"):
        tokenized(nothing, length)
