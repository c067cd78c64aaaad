"""`import fedlab` costs nothing: heavy rooms open when they are asked for."""

import subprocess
import sys

import pytest

import fedlab

HEAVY = (
    "torch",
    "flwr",
    "transformers",
    "tensorflow",
    "ray",
    "pandas",
    "numpy",
    "matplotlib",
    "jax",
)


def loaded(code):
    """Which heavy modules a fresh Python has after `code`."""
    code += f"\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return eval(done.stdout)


@pytest.mark.parametrize(
    "code",
    [
        "import fedlab",
        "from fedlab import Bytes, FederatedRun, Ledger; FederatedRun(Bytes(100), cohort=2)",
        "import fedlab.units, fedlab.bandwidth, fedlab.configs, fedlab.ledger, fedlab.lab",
    ],
)
def test_predicting_by_hand_loads_no_heavy_module(code):
    assert set(loaded(code)) <= ({"numpy"} if "fedlab.lab" in code else set())


def test_sizing_a_bundled_model_loads_numpy_alone():
    assert loaded("from fedlab import size_of; size_of('llama-2-70b')") == ["numpy"]


@pytest.mark.parametrize(
    "code",
    [
        "import fedlab.memory",
        "import fedlab.data",
        "from fedlab import DeviceMemory; DeviceMemory('llama-2-70b', optimizer='adam').total",
        "from fedlab import ServerMemory; ServerMemory('pythia-14m', updates=9, rounds=2).total",
        "from fedlab import ServerMemory; ServerMemory('pythia-14m', updates=9, storage='half')",
    ],
)
def test_the_rooms_memory_and_data_need_numpy_alone(code):
    assert loaded(code) == ["numpy"]


def test_sizing_an_array_loads_no_torch():
    assert loaded("import numpy; from fedlab import size_of; size_of(numpy.zeros(3))") == ["numpy"]


def test_every_name_that_is_promised_is_there():
    for name in fedlab.__all__:
        assert getattr(fedlab, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fedlab' has no attribute 'Byte'"):
        _ = fedlab.Byte
    with pytest.raises(ImportError):
        exec("from fedlab import nothing_of_the_kind")


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert fedlab.__version__ == version("fedlab-course")
