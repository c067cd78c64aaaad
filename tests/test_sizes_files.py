"""What safetensors files weigh: read from their headers, which are not believed unchecked."""

import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from fedlab import size_of
from fedlab.configs import UnknownModelError
from fedlab.sizes import tensors_of


@given(
    arrays=st.dictionaries(
        st.text("abc.", min_size=1, max_size=5),
        hnp.arrays(st.sampled_from(["<f4", "<f2", "<i8", "|u1"]), hnp.array_shapes(min_side=1)),
        min_size=1,
    )
)
def test_a_safetensors_file_weighs_what_is_in_it(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("st") / "model.safetensors"
    save_file(arrays, path)
    assert size_of(path) == size_of(arrays, tied="each")
    assert {s.name: s.shape for s in tensors_of(path)} == {n: a.shape for n, a in arrays.items()}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e5m2, torch.bool, torch.complex64])
def test_a_safetensors_file_keeps_its_own_dtype(tmp_path, dtype):
    path = tmp_path / "model.safetensors"
    save_torch_file({"w": torch.zeros(3, 5).to(dtype)}, path)
    assert size_of(path) == size_of(path, dtype="float64") == 15 * dtype.itemsize


def test_a_folder_of_shards_weighs_their_sum_and_needs_no_config(tmp_path):
    for index in range(3):
        shard = tmp_path / f"model-{index}.safetensors"
        save_file({f"w{index}": np.zeros(10 + index, np.float32)}, shard)
    assert size_of(tmp_path) == 4 * (10 + 11 + 12)
    assert [s.name for s in tensors_of(tmp_path)] == ["w0", "w1", "w2"]


def safetensors(header, data=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


WHOLE = safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))


@pytest.mark.parametrize(
    "blob",
    [
        *(WHOLE[:cut] for cut in (0, 4, 8, 20, len(WHOLE) - 1)),
        WHOLE + b"more",
        b"\xff" * 64,
        struct.pack("<Q", 2**60) + b"{}",
        safetensors({"w": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 10**15]}}, bytes(8)),
        safetensors({"w": {"dtype": "X9", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"w": {"dtype": "F4", "shape": [16], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors([1, 2]),
    ],
)
def test_a_broken_safetensors_file_is_refused_by_name(tmp_path, blob):
    path = tmp_path / "model.safetensors"
    path.write_bytes(blob)
    with pytest.raises(UnknownModelError, match=r"model.safetensors: expected"):
        size_of(path)


def test_a_whole_safetensors_file_written_by_hand_is_read(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(WHOLE)
    assert size_of(tmp_path / "w.safetensors") == 8


def test_a_safetensors_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnknownModelError, match=r"expected a whole safetensors file.*No such file"):
        size_of(tmp_path / "gone.safetensors")


def test_a_folder_that_holds_its_weights_twice_is_counted_once(tmp_path) -> None:
    for name in ("model-00001-of-00002", "model-00002-of-00002", "consolidated"):
        save_file({f"{name}.w": np.zeros(10, np.float32)}, tmp_path / f"{name}.safetensors")
    assert size_of(tmp_path) == 80
