"""MiniLM: the published weights and the drawn ones, and sentences turned into scores."""

import copy
import json

import numpy as np
import pytest
import torch
from weights import digests, untrained

from fedlab.data import Sentences, cached, tokenized
from fedlab.models import minilm
from fedlab.sizes import size_of
from fedlab.trainers import accuracy, train, whole


@pytest.fixture(scope="module")
def published():
    if cached("minilm") is None:
        pytest.skip("MiniLM is not in the cache: run python -m fedlab.data")
    return minilm()


def ids(*texts, length=32):
    labels = np.zeros(len(texts), np.int64)
    return tokenized(Sentences(texts, labels, labels), length)


def test_minilm_has_22565376_parameters_in_its_body_and_385_a_class_in_its_head():
    model = untrained()
    assert len(model.body.state_dict()) == 101
    assert sum(p.numel() for p in model.body.parameters()) == 22_565_376
    assert {t.dtype for t in model.state_dict().values()} == {torch.float32}
    assert size_of(model) == 4 * (22_565_376 + 2 * 385)
    assert size_of(minilm(pretrained=False, classes=5).head) == 4 * 5 * 385
    pooler = 384 * 384 + 384
    assert size_of("minilm") == 4 * (22_565_376 + pooler)


def test_an_untrained_minilm_is_the_same_for_the_same_seed_and_has_no_dropout():
    model, tokens = untrained(3), torch.tensor([[101, 2204, 102, 0]])
    assert digests(model) == digests(untrained(3)) != digests(untrained(4))
    assert torch.equal(model.train()(tokens), model.train()(tokens))
    assert torch.equal(model.train()(tokens), model.eval()(tokens))


def test_less_than_one_class_is_refused():
    with pytest.raises(ValueError, match=r"^classes: expected 1 or more, got 0$"):
        minilm(pretrained=False, classes=0)


def test_the_published_weights_are_the_files_and_the_seed_draws_the_head(published):
    from safetensors.torch import load_file

    stored = load_file(cached("minilm") / "model.safetensors")
    body = published.body.state_dict()
    assert set(stored) - set(body) == {
        "embeddings.position_ids",
        "pooler.dense.weight",
        "pooler.dense.bias",
    }
    assert all(torch.equal(tensor, stored[name]) for name, tensor in body.items())
    assert torch.equal(published.head.weight, untrained().head.weight)
    assert not torch.equal(published.head.weight, minilm(seed=1).head.weight)


def test_the_bundled_configuration_agrees_with_the_published_one(published):
    stored = json.loads((cached("minilm") / "config.json").read_text("utf-8"))
    ours = published.body.config.to_dict()
    differ = {key for key in stored if stored[key] != ours.get(key)}
    assert differ <= {
        *("_name_or_path", "transformers_version", "gradient_checkpointing"),  # of no effect
        *("hidden_dropout_prob", "attention_probs_dropout_prob", "position_embedding_type"),
    }


def test_minilm_averages_over_the_tokens_that_are_no_padding(published):
    texts = ("good", "a film that nobody will remember")
    hidden = []
    hook = published.body.register_forward_hook(
        lambda *seen: hidden.append(seen[2].last_hidden_state)
    )
    with torch.no_grad():
        logits = published(torch.tensor(ids(*texts).inputs))
        wider = published(torch.tensor(ids(*texts, length=40).inputs))
    hook.remove()
    by_hand = torch.stack([hidden[0][0, :3].mean(0), hidden[0][1, :8].mean(0)])
    assert torch.allclose(logits, published.head(by_hand), atol=1e-5)
    assert torch.allclose(logits, wider, atol=1e-5)
    assert logits.shape == (2, 2)


def test_published_weights_put_what_means_the_same_close_together(published):
    texts = ("A wonderful film.", "This movie is great.", "The senate passed the budget.")
    points = []
    hook = published.head.register_forward_pre_hook(lambda _, given: points.append(given[0]))
    with torch.no_grad():
        published(torch.tensor(ids(*texts).inputs))
    hook.remove()
    unit = torch.nn.functional.normalize(points[0])
    near, far = unit[0] @ unit[1], unit[0] @ unit[2]
    assert near > 0.6 > 0.1 > far


def test_a_head_alone_can_be_trained_on_a_published_body(published):
    model = copy.deepcopy(published)
    model.body.requires_grad_(False)
    texts = ("good", "bad", "great", "awful", "wonderful", "terrible")
    some = tokenized(Sentences(texts, np.array([1, 0] * 3), np.zeros(6, np.int64)), length=5)
    before = digests(model.body)
    losses = train(model, whole(some), lr=0.05, epochs=20, optimizer="adam")
    assert losses[-1] < losses[0]
    assert accuracy(model, some) == 1
    assert digests(model.body) == before
