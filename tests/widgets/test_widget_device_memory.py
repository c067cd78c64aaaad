"""The device memory demo: `DeviceMemory`'s numbers, and its formula once more in JavaScript."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from states import largest, put, smallest, state_of, states

from fedlab.memory import DeviceMemory
from fedlab.sizes import TensorSpec
from fedlab.widgets import DeviceMemoryDemo


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(DeviceMemoryDemo)


def rows(demo):
    return {label: value.split(", ")[0] for label, value in demo.readout().rows}


def test_the_readout_is_the_memorys():
    demo = DeviceMemoryDemo("pythia-14m", optimizer="adam", batch=4, activations=152_375_297)
    device = DeviceMemory(
        "pythia-14m",
        optimizer="adam",
        batch=4 * demo.example,
        dataset=6_000 * demo.example,
        activations=609_501_188,
    )
    assert demo.memory().components == device.components
    assert f"in a training step, a participant holds {device.peak}: " in demo.readout().headline
    said = dict(demo.readout().rows)
    assert said["All together"] == f"{device.total}, {int(device.total):,} B"
    assert said["Peak, held at one time"] == f"{device.peak}, {int(device.peak):,} B"
    shares = device.table()["share"]
    for label, name in {"Optimizer state": "optimizer state", "Data set": "dataset"}.items():
        assert said[label] == f"{device.components[name]}, {shares[name]}"
    assert list(said)[:-2] == [
        "Parameters",
        "Gradients",
        "Optimizer state",
        "Activations",
        "Batch",
        "Data set",
        "Update",
    ]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize(
    "model",
    [
        12_345,
        {"w": np.zeros((784, 64), np.float32), "b": np.zeros(64, np.float16)},
        [TensorSpec("in", (7, 3)), TensorSpec("out", (7, 3), tied_to="in"), TensorSpec("b", (5,))],
        torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)),
    ],
    ids=["bytes", "arrays", "tied", "module"],
)
def test_a_model_is_taken_to_the_byte(model, optimizer):
    demo = DeviceMemoryDemo(model, optimizer=optimizer, data="disk", activations=0, example=0)
    assert demo.memory().components == DeviceMemory(model, optimizer=optimizer).components


def test_an_optimizer_keeps_none_one_or_two_numbers_for_each_parameter():
    demo, kept = DeviceMemoryDemo(), []
    for demo.optimizer in ("sgd", "momentum", "adam"):
        kept.append(rows(demo)["Optimizer state"])
    assert kept == ["0 B", "10.00 MB (9.54 MiB)", "20.00 MB (19.07 MiB)"]  # and 4 bytes


def test_activations_and_batch_follow_the_batch_size_and_parameters_do_not():
    small, large = rows(DeviceMemoryDemo(batch=10)), rows(DeviceMemoryDemo(batch=1000))
    moved = {label for label in small if small[label] != large[label]}
    assert moved == {"Activations", "Batch", "All together", "Peak, held at one time"}


def test_data_on_the_disk_takes_no_memory():
    demo = DeviceMemoryDemo(examples=1_000_000)
    assert rows(demo)["Data set"] == "3.14 GB (2.93 GiB)"
    demo.data = "disk"
    assert rows(demo)["Data set"] == "0 B"


@pytest.mark.parametrize(
    ("activations", "when"), [(999, "when the update is built"), (1000, "in a training step")]
)
def test_it_says_when_the_peak_comes(activations, when):
    demo = DeviceMemoryDemo(1000, activations=activations, batch=1, example=0, data="disk")
    assert demo.readout().headline.startswith(f"At its peak, {when}")


@settings(max_examples=600)
@given(states(DeviceMemoryDemo), st.integers(1, 1000))
@example(largest(DeviceMemoryDemo), 1)
@example(smallest(DeviceMemoryDemo), 1)
@example(smallest(DeviceMemoryDemo) | {"model_size": 5, "update_share": 0.5}, 1)  # 2.5 becomes 2
def test_the_view_computes_what_python_does(node, state, tensors):
    demo = put(DeviceMemoryDemo(), state)
    demo._given = {"tensors": tensors}
    device, seen = demo.memory(), node.ask("formula", state_of(demo))
    held = {name: str(int(size)) for name, size in device.components.items() if name != "buffers"}
    assert seen["held"] == held
    assert (seen["total"], seen["peak"]) == (str(int(device.total)), str(int(device.peak)))
    assert device.components["buffers"] == 0
