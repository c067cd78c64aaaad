"""What a participant and the server hold: predicted from descriptions, counted on real objects."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from fedlab.aggregators import TreeMean
from fedlab.memory import DeviceMemory, ServerMemory, saved_activations
from fedlab.memory.server import tree_levels
from fedlab.models import mnist_cnn, on_meta, pythia_14m, seed_mlp
from fedlab.sizes import TensorSpec
from fedlab.units import Bytes

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def normed():
    """Batch normalisation: three buffers, one of them int64."""
    return torch.nn.Sequential(torch.nn.Linear(784, 20), torch.nn.BatchNorm1d(20))


def tied():
    model = torch.nn.Sequential(*(torch.nn.Linear(784, 784, bias=False) for _ in range(2)))
    model[1].weight = model[0].weight
    return model


def partly_frozen():
    model = mnist_cnn()
    model[1].requires_grad_(False)
    return model


MODELS = [seed_mlp, mnist_cnn, normed, tied, partly_frozen]


def counted(tensors):
    """Bytes of tensors that exist, those in the same memory once."""
    alone = {t.data_ptr(): t.numel() * t.element_size() for t in tensors if t is not None}
    return sum(alone.values())


def after_a_step(model, optimizer, batch, loss):
    """Train for one step, then count everything that PyTorch holds, itself."""
    loss(model, batch).backward()
    optimizer.step()
    state = [t for held in optimizer.state.values() for t in held.values()]
    return {
        "parameters": counted(model.parameters()),
        "buffers": counted(model.buffers()),
        "gradients": counted(p.grad for p in model.parameters()),
        "optimizer state": counted(t for t in state if torch.is_tensor(t)),
        "batch": counted(batch),
        "update": sum(t.numel() * t.element_size() for t in model.state_dict().values()),
    }


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_component_is_what_torch_holds_after_a_step(build, name):
    model, batch = build(), [torch.randn(32, 784), torch.zeros(32, dtype=torch.long)]
    predicted = DeviceMemory(model, optimizer=name, batch=batch).components
    optimizer = OPTIMIZERS[name](model.parameters())
    held = after_a_step(model, optimizer, batch, lambda m, b: cross_entropy(m(b[0]), b[1]))
    assert {key: predicted[key] for key in held} == held
    assert predicted["buffers"] == (168 if build is normed else 0)


@pytest.fixture(scope="module")
def pythia_after_a_step():
    model = pythia_14m()
    batch = [torch.randint(0, 50_304, (1, 16), generator=torch.Generator().manual_seed(0))]
    optimizer = torch.optim.AdamW(model.parameters())
    held = after_a_step(
        model, optimizer, batch, lambda m, b: m(input_ids=b[0], labels=b[0], use_cache=False).loss
    )
    return model, batch, held


def test_pythias_components_are_what_torch_holds_after_a_step(pythia_after_a_step):
    model, batch, held = pythia_after_a_step
    predicted = DeviceMemory(model, optimizer="adamw", batch=batch).components
    assert {key: predicted[key] for key in held} == held
    assert held["optimizer state"] == 2 * 56_270_848 + 76 * 4


def test_pythias_name_predicts_the_same_without_torch_objects(pythia_after_a_step):
    _, _, held = pythia_after_a_step
    by_name = DeviceMemory("pythia-14m", optimizer="adamw").components
    for key in ("parameters", "gradients", "optimizer state", "update"):
        assert by_name[key] == held[key]


def test_a_size_in_bytes_and_numpys_numbers_are_sizes():
    one, other = DeviceMemory(1000, batch=40), DeviceMemory(np.int64(1000), batch=np.int64(40))
    assert one.components == other.components
    assert other.components["batch"] == 40
    assert ServerMemory(np.int64(1000), updates=3).components["updates kept"] == 3000


def test_the_peak_counts_either_the_activations_and_the_batch_or_the_update():
    large = DeviceMemory(1000, activations=700, batch=600)
    assert large.total == 1000 + 1000 + 700 + 600 + 1000
    assert large.peak == large.total - 1000
    small = DeviceMemory(1000, activations=70, batch=60, update=500)
    assert small.peak == small.total - 130
    assert DeviceMemory(1000).peak == 2000 + 1000


def test_the_table_adds_up_and_shows_what_is_not_explained():
    device = DeviceMemory(seed_mlp(), optimizer="adam", batch=100_352)
    table = device.table(measured=device.total + 1234)
    assert table.loc["remainder (measured)", "bytes"] == "1,234"
    assert table.loc["total", "bytes"] == f"{device.total + 1234:,}"
    assert device.table(measured=0).loc["remainder (measured)", "bytes"] == f"-{device.total:,}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"optimizer": "lion"},
            "optimizer: expected one of sgd, momentum, adam, adamw, got 'lion'",
        ),
        ({"batch": -1}, "batch: expected a whole number of bytes, 0 or more, got -1"),
        ({"activations": float("nan")}, "activations: expected a whole number of bytes"),
        ({"update": 0.5}, "update: expected a whole number of bytes"),
    ],
)
def test_a_bad_component_is_named(settings, said):
    with pytest.raises(ValueError, match=said):
        DeviceMemory(100, **settings)


# --- activations ---------------------------------------------------------------------------------


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


# --- the server ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"aggregation": "list"}, (100, 0, 2000, 0, 100, 0)),
        ({"aggregation": "list", "rounds": 2}, (100, 100, 2000, 2000, 0, 0)),
        ({"aggregation": "list", "storage": "mapped"}, (0, 0, 2000, 0, 100, 0)),
        ({"aggregation": "running"}, (100, 0, 0, 0, 100, 100)),
        ({"aggregation": "running", "rounds": 5, "window": 8}, (100, 100, 0, 0, 100, 800)),
        ({"aggregation": "running", "window": 21}, (100, 0, 0, 0, 100, 2000)),
        ({"aggregation": "async", "window": 3, "storage": "half"}, (50, 0, 0, 0, 100, 300)),
        ({"aggregation": "tree", "fan_out": 3}, (100, 0, 0, 0, 300, 100)),
        ({"aggregation": "running", "update": 7, "window": 2}, (100, 0, 0, 0, 100, 14)),
        ({"aggregation": "list", "update": 7}, (100, 0, 140, 0, 100, 0)),
    ],
)
def test_the_servers_components_are_those_by_hand(settings, expected):
    memory = ServerMemory(100, updates=20, **settings)
    names = ("global model", "initial model", "updates kept", "previous round", "sums", "in flight")
    assert memory.components == dict(zip(names, expected, strict=True))
    assert memory.total == sum(expected)
    assert memory.table().loc["total", "bytes"] == f"{sum(expected):,}"


def test_a_sum_of_halves_is_in_float32_and_of_integers_in_float64():
    model = {"w": np.zeros(100, np.float16), "n": np.zeros(3, np.int32), "d": np.zeros(2)}
    memory = ServerMemory(model, updates=5, aggregation="running")
    assert memory.components["in flight"] == memory.components["global model"] == 200 + 12 + 16
    assert memory.components["sums"] == 400 + 24 + 16
    assert ServerMemory([TensorSpec("w", (9,), "bfloat16")], updates=1).components["sums"] == 36


def test_tied_tensors_are_stored_once_and_sent_and_summed_each():
    components = ServerMemory(tied(), updates=3, aggregation="running").components
    once = 784 * 784 * 4
    assert (components["global model"], components["sums"]) == (once, 2 * once)
    assert components["in flight"] == 2 * once


@given(updates=st.integers(1, 300), fan_out=st.integers(2, 12))
def test_a_tree_holds_as_many_sums_as_predicted(updates, fan_out):
    mean, most = TreeMean(fan_out), 0
    for _ in range(updates):
        mean.add({"w": np.zeros(1, np.float32)}, 1)
        most = max(most, mean.sums)
    assert most == tree_levels(updates, fan_out)
    memory = ServerMemory(Bytes(40), updates=updates, aggregation="tree", fan_out=fan_out)
    assert memory.components["sums"] == 40 * most


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"updates": 0}, "updates: expected a whole number, 1 or more, got 0"),
        ({"updates": True}, "updates: expected a whole number"),
        ({"updates": 2.0}, "updates: expected a whole number"),
        ({"aggregation": "running", "window": 0}, "window: expected a whole number, 1 or more"),
        ({"window": 1}, "window: a list keeps every update"),
        ({"fan_out": 1}, "fan_out: expected a whole number, 2 or more, got 1"),
        ({"rounds": 0}, "rounds: expected a whole number, 1 or more"),
        ({"aggregation": "median"}, "aggregation: expected list, running, tree or async"),
        ({"storage": "tape"}, "storage: expected resident, mapped or half, got 'tape'"),
        ({"update": -1}, "update: expected a whole number of bytes"),
    ],
)
def test_a_server_that_cannot_be_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        ServerMemory(100, **{"updates": 20, **settings})
