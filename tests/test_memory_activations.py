"""Activations: what autograd keeps, by formula, by the allocator's count and without numbers."""

import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from layered import normed
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from fedlab.memory import saved_activations
from fedlab.models import mnist_cnn, on_meta, pythia_14m, seed_mlp


def classified(model, device="cpu", count=32):
    model = copy.deepcopy(model).to(device)
    batch = [torch.zeros(count, 784, device=device), torch.zeros(count, dtype=int, device=device)]
    return model, batch, lambda: cross_entropy(model(batch[0]), batch[1])


@given(count=st.integers(1, 40), widths=st.lists(st.integers(1, 30), min_size=1, max_size=3))
def test_an_mlps_activations_are_its_formula(count, widths):
    """By hand, from the derivatives: each layer needs its input, ReLU its output."""
    layers = [torch.nn.Linear(7, widths[0])]
    for before, after in pairwise(widths):
        layers += [torch.nn.ReLU(), torch.nn.Linear(before, after)]
    model, batch = torch.nn.Sequential(*layers), torch.zeros(count, 7)
    kept = saved_activations(lambda: model(batch).sum(), model=model, batch=[batch])
    assert kept == 4 * count * sum(widths[:-1])


@pytest.mark.parametrize("build", [seed_mlp, mnist_cnn])
def test_activations_are_what_the_allocator_did_not_get_back(build):
    """The profiler counts the allocator's calls, not autograd's: what stays after the forward pass.

    The loss itself stays too, and is no activation: 4 bytes.
    """
    model, batch, forward = classified(build())
    forward()  # what is allocated once
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        graph = forward()
    stayed = sum(event.self_cpu_memory_usage for event in run.key_averages())
    del graph
    assert saved_activations(forward, model=model, batch=batch) == stayed - 4


@pytest.mark.parametrize("build", [seed_mlp, mnist_cnn, normed])
def test_the_meta_device_counts_the_same(build):
    here, there = classified(build()), classified(build(), "meta")
    assert saved_activations(here[2], model=here[0], batch=here[1]) == saved_activations(
        there[2], model=there[0], batch=there[1]
    )


@pytest.mark.parametrize("build", [lambda: on_meta("pythia-14m"), pythia_14m])
def test_pythias_activations_are_one_number_on_the_cpu_and_on_meta(build):
    model = build().train()
    model.config._attn_implementation = "eager"  # meta has no fused attention
    tokens = torch.zeros(4, 512, dtype=torch.long, device=model.device)
    kept = saved_activations(lambda: model(tokens, labels=tokens).loss, model=model, batch=[tokens])
    assert kept == 609_501_188 - 4 * 512 * 8


def test_views_count_once_and_as_all_of_what_they_keep_alive():
    base = torch.zeros(100, requires_grad=True)

    def forward():
        doubled = base * 2.0
        return doubled[:10] ** 2, doubled[5:20] ** 2, doubled.reshape(10, 10).exp()

    assert saved_activations(forward, model=torch.nn.Module()) == 400 + 400  # doubled, exp's result


def test_parameters_and_buffers_are_not_activations():
    model = torch.nn.BatchNorm1d(3)
    x = torch.zeros(8, 3)
    kept = saved_activations(lambda: model(x).sum(), model=model, batch=[x])
    assert kept == 2 * 3 * 4  # the batch's mean and deviation


def test_without_gradients_nothing_is_kept():
    model, x = seed_mlp(), torch.zeros(4, 784)
    with torch.no_grad():
        assert saved_activations(lambda: model(x), model=model) == 0
    assert saved_activations(lambda: None, model=model) == 0
