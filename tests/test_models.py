"""The course's models: fixed numbers, nothing downloaded, nobody's generator touched."""

import copy
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from weights import digests, untrained

from fedlab.configs import UnknownModelError
from fedlab.models import mlp, mnist_cnn, on_meta, pythia_14m, seed_mlp
from fedlab.sizes import size_of


@pytest.fixture(scope="module")
def pythia():
    return pythia_14m()


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


def test_the_small_models_load_no_transformers():
    code = (
        "import sys; from fedlab.models import minilm, mnist_cnn, pythia_14m, seed_mlp; "
        "seed_mlp(); mnist_cnn(); print('transformers' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
