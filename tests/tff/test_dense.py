"""The dense network in Keras: torch's names and torch's shapes, in and out of a process."""

import numpy as np
import pytest
import tensorflow as tf
from processes import process_of

from fedlab.data import Examples
from fedlab.tff import accuracy, client_bytes, dense, fed_avg, initial, tensors_in, with_tensors


def test_the_networks_parameters_are_those_of_the_memory_lessons():
    assert dense().count_params() == 50_890
    assert dense((784, 10)).count_params() == 7_850
    assert [layer.activation.__name__ for layer in dense((784, 5, 3, 10)).layers] == [
        "relu",
        "relu",
        "linear",
    ]


def test_first_numbers_are_float32_the_same_for_a_seed_and_within_torchs_bounds():
    one, again, other = (initial(seed=seed) for seed in (1, 1, 2))
    assert {name: tensor.shape for name, tensor in one.items()} == {
        "0.weight": (64, 784),
        "0.bias": (64,),
        "2.weight": (10, 64),
        "2.bias": (10,),
    }
    for name, tensor in one.items():
        bound = (784 if name[0] == "0" else 64) ** -0.5
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, again[name])
        assert not np.array_equal(tensor, other[name])
        assert 0.5 * bound < abs(tensor).max() <= np.float32(bound)


def test_tensors_come_out_of_a_process_as_they_went_in_to_the_bit(worker):
    process = process_of("fp32")
    tensors = initial(seed=3)
    back = tensors_in(process, with_tensors(process, process.initialize(), tensors))
    assert list(back) == list(tensors)
    for name, tensor in tensors.items():
        assert back[name].flags.c_contiguous
        assert (back[name].dtype, back[name].tobytes()) == (np.float32, tensor.tobytes())


def test_a_process_starts_with_the_tensors_that_it_was_given(worker, few):
    process = process_of("fp32")
    still = with_tensors(process, process.initialize(), initial(seed=3))
    moved = process.next(still, [few]).state
    assert np.array_equal(tensors_in(process, still)["2.bias"], initial(seed=3)["2.bias"])
    assert 0 < abs(tensors_in(process, moved)["2.bias"] - initial(seed=3)["2.bias"]).max() < 0.1


@pytest.mark.parametrize("widths", [(784, 10), (784, 3, 10), (784, 5, 4, 10)])
def test_accuracy_is_that_of_the_keras_network_with_the_same_weights(widths):
    random = np.random.default_rng(0)
    inputs = random.standard_normal((200, 784)).astype(np.float32)
    tensors = initial(widths, seed=4)
    network = dense(widths)
    network.set_weights([tensor.T for tensor in tensors.values()])
    guesses = np.argmax(network(tf.constant(inputs)), axis=1)
    assert accuracy(tensors, Examples(inputs, guesses)) == 1.0
    assert accuracy(tensors, Examples(inputs, (guesses + 1) % 10)) == 0.0
    some = np.where(np.arange(200) < 50, guesses, (guesses + 1) % 10)
    assert accuracy(tensors, Examples(inputs, some)) == 0.25


def test_another_networks_process_moves_that_networks_bytes():
    sizes = client_bytes(fed_avg(lambda: dense((784, 10)), lr=0.5))
    assert (sizes.down, sizes.up) == (4 * 7850 + 4, 4 * 7850 + 36)
