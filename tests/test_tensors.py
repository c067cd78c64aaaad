"""numpy's memory becomes a tensor's without a copy, on numpy's older versions too."""

import warnings

import numpy as np
import pytest

from fedlab import tensors


def exports_nothing(array: np.ndarray) -> None:
    raise BufferError("Cannot export readonly array")


@pytest.mark.parametrize("old_numpy", [False, True])
@pytest.mark.parametrize("read_only", [False, True])
def test_the_memory_is_shared_and_nothing_is_said(
    old_numpy: bool, read_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old_numpy:
        monkeypatch.setattr(tensors, "from_dlpack", exports_nothing)
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    array.flags.writeable = not read_only
    with warnings.catch_warnings(action="error"):
        tensor = tensors.shared(array)
    assert tensor.data_ptr() == array.ctypes.data
    assert tensor.tolist() == array.tolist()
