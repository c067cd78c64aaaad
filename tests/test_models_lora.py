"""LoRA: adapters as large as the formula says, on a body that stays as it is."""

import numpy as np
import pytest
import torch
from weights import untrained

from fedlab.data import Examples
from fedlab.models import add_lora, mlp, on_meta
from fedlab.sizes import size_of
from fedlab.trainers import train, whole


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
