"""The arrays of a plan or an outcome from a stranger: whole, or refused before they take memory."""

import io
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from blobs import mutant
from crossed import BOTH, NETWORK, OUTCOME, PLAN, refused, written

from fedlab.crossing import CrossingError, read_outcome, read_plan


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path)


def npy(descr="'<f4'", shape="(2, 784)", order="False", data=None, header=None):
    """An .npy file whose header may say anything."""
    if header is None:
        header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    data = NETWORK["0.weight"].tobytes() if data is None else data
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def archive(members, **settings):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **settings) as file:
        for name, blob in members.items():
            file.writestr(f"{name}.npy", blob)
    return buffer.getvalue()


def saved(tensors, save=np.savez):
    buffer = io.BytesIO()
    save(buffer, **tensors)
    return buffer.getvalue()


def with_first(blob):
    """An archive that is whole but for its first member."""
    others = {n: npy(shape=str(t.shape), data=t.tobytes()) for n, t in NETWORK.items()}
    return archive(others | {"0.weight": blob})


def patched(blob, at, value):
    """The archive with bytes of its first member's entry in the table of contents changed."""
    bad, entry = bytearray(blob), blob.index(b"PK\x01\x02")
    bad[entry + at : entry + at + len(value)] = value
    return bytes(bad)


def test_what_these_tests_damage_is_whole_before(folder):
    assert read_plan(folder).clients == PLAN.clients
    assert read_outcome(folder).failures == OUTCOME.failures
    (folder / "initial.npz").write_bytes(with_first(npy()))
    assert read_plan(folder).initial.keys() == NETWORK.keys()


WHOLE = saved(NETWORK)
ZEROS = {name: np.zeros_like(tensor) for name, tensor in NETWORK.items()}
HEADERS = [
    {"shape": f"({10**15},)"},
    {"shape": f"({10**15},)", "data": b""},
    {"shape": f"(0, {10**30})", "data": b""},
    {"shape": "(-1, -1568)"},
    {"shape": "(" + "1," * 70 + ")"},
    {"shape": "[2, 784]"},
    {"descr": "'|O'"},
    {"descr": "'|S0'", "shape": f"({10**15},)", "data": b""},
    {"descr": "[]", "shape": f"({10**15},)", "data": b""},
    {"descr": "()"},
    {"descr": "'('"},
    {"descr": "'>f4'"},
    {"descr": "'<f8'", "shape": "(2, 392)"},
    {"descr": "'<i4'"},
    {"shape": "(784, 2)"},
    {"shape": "(1568,)"},
    {"shape": "()", "data": bytes(4)},
    {"header": "(" * 9000},
    {"header": "-" * 9000 + "1"},
    {"header": "{'descr': '<f4', [1]: 2}"},
    {"header": "[" * 90 + "]" * 90},
    {"header": " " * 60_000},
    {"header": ""},
]
ARCHIVES = {
    "nothing": b"",
    "text": b"no archive at all",
    "an archive of nothing": archive({}),
    "an archive of something else": archive({"readme": b"hello"}),
    "compressed members": saved(ZEROS, np.savez_compressed),
    "pickled objects": saved(NETWORK | {"0.bias": np.array([print], object)}),
    "an order of its own": saved(dict(reversed(NETWORK.items()))),
    "a tensor too many": saved(NETWORK | {"4.weight": np.zeros((3, 10), np.float32)}),
    "a tensor too few": saved({n: t for n, t in NETWORK.items() if n != "2.bias"}),
    "NaN": saved(NETWORK | {"2.bias": np.full(10, np.nan, np.float32)}),
    "infinity": saved(NETWORK | {"2.bias": np.full(10, -np.inf, np.float32)}),
    "no width at all": saved({"0.weight": np.zeros((0, 784), "f4"), "0.bias": np.zeros(0, "f4")}),
    "a table of contents of 4 GB": patched(WHOLE, 20, struct.pack("<II", 2**32 - 2, 2**32 - 2)),
    "members that promise as much": patched(
        with_first(npy(shape="(1000000, 784)")),
        20,
        struct.pack("<II", *[len(npy(shape="(1000000, 784)", data=b"")) + 3136 * 10**6] * 2),
    ),
    "an encrypted member": patched(WHOLE, 8, b"\x01"),
    "a version of the future": patched(WHOLE, 6, b"\x63"),
    "an unknown compression": patched(WHOLE, 10, b"\x63"),
    "a patched member": patched(WHOLE, 8, b"\x20"),
    "other numbers than its checksum": WHOLE.replace(bytes(40), bytes(39) + b"\x01", 1),
}


@BOTH
@pytest.mark.parametrize("blob", ARCHIVES.values(), ids=list(ARCHIVES))
def test_arrays_that_are_no_dense_network_are_refused(folder, read, text_name, arrays_name, blob):
    (folder / arrays_name).write_bytes(blob)
    refused(read, folder, f"^{arrays_name}")


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_that_says_anything_else_is_refused(folder, header):
    (folder / "initial.npz").write_bytes(with_first(npy(**header)))
    refused(read_plan, folder, r"^initial\.npz")


@BOTH
def test_arrays_that_are_not_there_or_cut_off_are_refused(folder, read, text_name, arrays_name):
    path = folder / arrays_name
    for cut in (*range(0, len(WHOLE), 97), len(WHOLE) - 1):
        path.write_bytes(WHOLE[:cut])
        refused(read, folder, f"^{arrays_name} cannot be read as NumPy's .npz: ")
    path.unlink()
    refused(read, folder, f"^{arrays_name} .*: No such file or directory$")
    path.mkdir()
    refused(read, folder, f"^{arrays_name} cannot be read as NumPy's .npz: ")


def test_thousands_of_mutants_are_read_whole_or_refused(folder):
    random = np.random.default_rng(0)
    read = 0
    for _ in range(3000):
        (folder / "initial.npz").write_bytes(mutant(WHOLE, random))
        with suppress(CrossingError):
            tensors = read_plan(folder).initial
            read += 1
            assert [tensor.shape[-1] for tensor in tensors.values()] == [784, 2, 2, 10]
    assert 0 < read < 1500  # what is changed may be a date
