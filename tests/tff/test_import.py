"""What a session in TensorFlow Federated's environment can import, and what it never does."""

import subprocess
import sys

import pytest

import fedlab.tff

ABSENT = ("torch", "flwr", "transformers", "ray")


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_room_loads_nothing_heavy_beside_tensorflow_and_says_nothing():
    names = (*ABSENT, "matplotlib")  # pandas is Keras's own wish, where there is one
    code = f"import fedlab.tff, sys; print([name for name in {names} if name in sys.modules])"
    assert printed(code) == ["[]"]


@pytest.mark.parametrize(
    "rooms",
    [
        "fedlab.units, fedlab.sizes, fedlab.bandwidth, fedlab.memory",
        "fedlab.crossing, fedlab.data, fedlab.meters, fedlab.exercises, fedlab.plots",
    ],
)
def test_the_rooms_that_a_lesson_here_needs_import_without_tensorflow(rooms):
    names = (*ABSENT, "tensorflow", "tensorflow_federated")
    code = f"import {rooms}, sys; print([name for name in {names} if name in sys.modules])"
    assert printed(code) == ["[]"]


def test_a_prediction_and_a_configuration_are_read_here_as_in_the_main_environment():
    code = (
        "from fedlab import Bytes, DeviceMemory, FederatedRun, size_of\n"
        "print(int(FederatedRun(Bytes(203_560), cohort=10, rounds=5).traffic))\n"
        "print(int(size_of('llama-3.2-1b')))\n"
        "print(int(DeviceMemory('pythia-14m', optimizer='sgd').total) > 56_270_848)\n"
    )
    assert printed(code) == [str(2 * 10 * 5 * 203_560), "4943257600", "True"]


def test_every_name_that_is_promised_is_there():
    assert sorted(fedlab.tff.__all__) == fedlab.tff.__all__
    for name in fedlab.tff.__all__:
        assert hasattr(fedlab.tff, name)


def test_without_tensorflow_federated_the_room_says_what_to_do():
    code = (
        "import sys; sys.modules['tensorflow_federated'] = None\n"
        "try: import fedlab.tff\n"
        "except ImportError as error: print(error)\n"
    )
    assert printed(code) == [
        "fedlab.tff needs TensorFlow Federated, which has an environment of its own: run `make "
        "tff` in a clone, then choose the kernel fedlab-tff, or .venv-tff/bin/python"
    ]
