"""The course's models: fixed numbers, nothing downloaded, nobody's generator touched."""

import copy
import hashlib
import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from fedlab.configs import UnknownModelError
from fedlab.data import Examples, Sentences, cached, tokenized
from fedlab.models import add_lora, minilm, mlp, mnist_cnn, on_meta, pythia_14m, seed_mlp
from fedlab.sizes import size_of
from fedlab.trainers import accuracy, train, whole


@pytest.fixture(scope="module")
def pythia():
    return pythia_14m()


def untrained(seed=0):
    return minilm(pretrained=False, seed=seed)


@pytest.fixture(scope="module")
def published():
    if cached("minilm") is None:
        pytest.skip("MiniLM is not in the cache: run python -m fedlab.data")
    return minilm()


def ids(*texts, length=32):
    labels = np.zeros(len(texts), np.int64)
    return tokenized(Sentences(texts, labels, labels), length)


def digests(model):
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in model.state_dict().items()
    }


def test_pythia_has_14067712_parameters_in_76_tensors_of_float32(pythia):
    assert len(pythia.state_dict()) == 76
    assert sum(t.numel() for t in pythia.state_dict().values()) == 14_067_712
    assert {t.dtype for t in pythia.state_dict().values()} == {torch.float32}
    assert size_of(pythia) == 56_270_848


def test_no_two_of_pythias_tensors_are_equal_or_constant(pythia):
    assert len(set(digests(pythia).values())) == 76
    assert all(t.std() > 0.01 for t in pythia.state_dict().values())


def test_the_same_seed_gives_the_same_numbers_and_another_others(pythia):
    assert digests(pythia_14m()) == digests(pythia)
    other = digests(pythia_14m(seed=1))
    assert not set(other.values()) & set(digests(pythia).values())


@pytest.mark.parametrize("build", [pythia_14m, seed_mlp, mnist_cnn, untrained])
def test_building_a_model_leaves_torchs_generator_alone(build):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    build()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_pythia_answers_tokens_with_finite_scores(pythia):
    with torch.no_grad():
        scores = pythia(torch.tensor([[1, 2, 3]])).logits
    assert scores.shape == (1, 3, 50_304)
    assert torch.isfinite(scores).all()


def test_the_seeds_network_maps_784_numbers_to_10():
    net = seed_mlp()
    assert net(torch.zeros(2, 784)).shape == (2, 10)
    assert [tuple(p.shape) for p in net.parameters()] == [(64, 784), (64,), (10, 64), (10,)]
    assert size_of(net) == 203_560


@pytest.mark.parametrize("build", [seed_mlp, mnist_cnn])
def test_a_small_network_is_the_same_for_the_same_seed(build):
    assert digests(build(3)) == digests(build(3)) != digests(build(4))


def test_the_seeds_network_is_what_torch_draws_for_its_seed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = torch.nn.Linear(784, 64), torch.nn.Linear(64, 10)
    net = seed_mlp()
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert torch.equal(net[0].weight, drawn[0].weight)
    assert torch.equal(net[2].weight, drawn[1].weight)


@pytest.mark.parametrize("widths", [(4, 3), (784, 32, 32, 10), (1, 1, 1, 1)])
def test_a_dense_network_has_the_widths_asked_for_and_ends_in_logits(widths):
    net = mlp(widths)
    assert net(torch.zeros(2, widths[0])).shape == (2, widths[-1])
    assert [type(layer) for layer in net[::2]] == [torch.nn.Linear] * (len(widths) - 1)
    assert [type(layer) for layer in net[1::2]] == [torch.nn.ReLU] * (len(widths) - 2)
    expected = sum((a + 1) * b for a, b in pairwise(widths))
    assert sum(p.numel() for p in net.parameters()) == expected


@pytest.mark.parametrize("widths", [(), (784,), (784, 0, 10), (784, -1)])
def test_a_dense_network_needs_two_widths_of_at_least_one(widths):
    with pytest.raises(ValueError, match=r"^widths: expected two or more, each at least 1, got"):
        mlp(widths)


def test_the_convolutional_network_maps_784_numbers_to_10_with_5258_parameters():
    net = mnist_cnn()
    assert net(torch.zeros(2, 784)).shape == (2, 10)
    assert size_of(net) == 4 * 5_258


def test_a_model_on_meta_has_shapes_and_no_numbers():
    model = on_meta("llama-2-7b", "bfloat16")
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.bfloat16)}
    assert size_of(model) == 2 * 6_738_415_616


def test_a_model_on_meta_must_be_known():
    with pytest.raises(UnknownModelError, match="did you mean gpt2"):
        on_meta("gpt-2")


def test_published_weights_stored_in_half_precision_come_as_float32(pythia, tmp_path, monkeypatch):
    copy.deepcopy(pythia).half().save_pretrained(tmp_path / "published")
    monkeypatch.setattr("fedlab.models.pythia.HUB_ID", str(tmp_path / "published"))
    model = pythia_14m(cache_dir=tmp_path / "cache")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    assert size_of(model) == 56_270_848
    assert torch.equal(model.lm_head.weight, pythia.lm_head.weight.half().float())


def test_published_weights_out_of_reach_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("fedlab.models.pythia.HUB_ID", str(tmp_path / "nowhere"))
    with pytest.raises(UnknownModelError, match="leave cache_dir out"):
        pythia_14m(cache_dir=tmp_path)


# MiniLM


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


def test_a_head_alone_can_be_trained_on_a_published_body():
    if cached("minilm") is None:
        pytest.skip("MiniLM is not in the cache: run python -m fedlab.data")
    model = minilm()
    model.body.requires_grad_(False)
    texts = ("good", "bad", "great", "awful", "wonderful", "terrible")
    some = tokenized(Sentences(texts, np.array([1, 0] * 3), np.zeros(6, np.int64)), length=5)
    before = digests(model.body)
    losses = train(model, whole(some), lr=0.05, epochs=20, optimizer="adam")
    assert losses[-1] < losses[0]
    assert accuracy(model, some) == 1
    assert digests(model.body) == before


def trained_parameters(model):
    return [p for p in model.parameters() if p.requires_grad]


def test_lora_trains_rank_times_inputs_and_outputs_of_each_target_and_nothing_else():
    model = untrained()
    assert add_lora(model.body, rank=8, targets=["query", "value"]) is model.body
    shapes = [tuple(p.shape) for p in trained_parameters(model.body)]
    assert shapes == [(8, 384), (384, 8)] * 12  # 6 layers of 2 targets
    assert size_of(trained_parameters(model.body)) == 12 * 8 * (384 + 384) * 4


def test_lora_computes_what_the_model_did_until_it_is_trained():
    model, tokens = untrained(), torch.tensor([[101, 2204, 102, 0], [101, 2919, 3185, 102]])
    with torch.no_grad():
        before = model(tokens)
        add_lora(model.body, rank=2, targets=["query"])
        assert torch.equal(model(tokens), before)


def test_lora_is_reproducible_and_leaves_torchs_generator_alone():
    def drawn(seed):
        model = add_lora(mlp((6, 5, 4)), rank=3, targets=["0"], seed=seed)
        return trained_parameters(model)[0]

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = drawn(0), drawn(0), drawn(1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_lora_leaves_the_body_bit_for_bit():
    model = add_lora(mlp((4, 8, 2)), rank=2, targets=["0", "2"])
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    some = Examples(np.eye(4, dtype=np.float32), np.array([0, 1, 1, 0]))
    losses = train(model, whole(some), lr=0.05, epochs=40, optimizer="adam")
    assert losses[-1] < losses[0] / 2
    assert all(torch.equal(model.get_parameter(name), p) for name, p in frozen.items())


@pytest.mark.parametrize(
    ("name", "targets", "parameters"),
    [
        ("pythia-14m", ["query_key_value"], 6 * 8 * (128 + 3 * 128)),
        ("llama-2-7b", ["q_proj", "v_proj"], 32 * 2 * 8 * (4096 + 4096)),
    ],
)
def test_lora_of_a_model_of_shapes_alone_weighs_as_the_formula_says(name, targets, parameters):
    adapters = trained_parameters(add_lora(on_meta(name), rank=8, targets=targets))
    assert {p.device.type for p in adapters} == {"meta"}
    assert size_of(adapters) == 4 * parameters


def test_lora_of_a_rank_below_one_or_a_layer_that_is_not_there_says_so():
    with pytest.raises(ValueError, match="rank: expected 1 or more, got 0"):
        add_lora(mlp((4, 2)), rank=0, targets=["0"])
    with pytest.raises(ValueError, match="this model has no layer named q_proj"):
        add_lora(untrained().body, rank=1, targets=["query", "q_proj"])


def test_the_small_models_load_no_transformers():
    code = (
        "import sys; from fedlab.models import minilm, mnist_cnn, pythia_14m, seed_mlp; "
        "seed_mlp(); mnist_cnn(); print('transformers' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
