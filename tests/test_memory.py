"""What a participant holds: predicted from descriptions, counted on what PyTorch holds."""

import numpy as np
import pytest
import torch
from layered import normed, tied
from torch.nn.functional import cross_entropy

from fedlab.memory import DeviceMemory, ServerMemory
from fedlab.models import mnist_cnn, pythia_14m, seed_mlp

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


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
