"""Files from strangers: a plan or an outcome that is whole, or a CrossingError in one sentence."""

import io
import json
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from blobs import mutant

from fedlab.crossing import (
    CrossingError,
    Outcome,
    Plan,
    read_outcome,
    read_plan,
    write_outcome,
    write_plan,
)
from fedlab.meters import traced_peak
from fedlab.units import Bytes, Levels

MIB = 2**20
NETWORK = {
    "0.weight": np.full((2, 784), 0.5, np.float32),
    "0.bias": np.zeros(2, np.float32),
    "2.weight": np.ones((10, 2), np.float32),
    "2.bias": np.zeros(10, np.float32),
}
SIZES = Levels(Bytes(1), Bytes(2), Bytes(3))
PLAN = Plan(1, 0.1, 8, ((0, 1), (2,)), NETWORK)
OUTCOME = Outcome((0.1, 0.9), SIZES, SIZES, ("client 3: gone",), NETWORK)
DEEP = "[" * 100_000 + "]" * 100_000

BOTH = pytest.mark.parametrize(
    ("read", "text_name", "arrays_name"),
    [
        (read_plan, "plan.json", "initial.npz"),
        (read_outcome, "outcome.json", "final.npz"),
    ],
)


@pytest.fixture
def folder(tmp_path):
    """A whole plan and a whole outcome, side by side."""
    write_plan(tmp_path, PLAN)
    write_outcome(tmp_path, OUTCOME)
    return tmp_path


def refused(read, folder, sentence=""):
    """Refused in one sentence that names the file, and hardly anything was allocated for it."""
    with traced_peak() as peak, pytest.raises(CrossingError, match=sentence) as error:
        read(folder)
    (line,) = str(error.value).splitlines()
    assert len(line) <= 300
    assert str(folder) not in line
    assert peak.size < 4 * MIB


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


@BOTH
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"json cannot be read as JSON: No such file"),
        (b"", r"json cannot be read as JSON: Expecting value"),
        (b"{", r"json cannot be read as JSON: Expecting property name"),
        (b"\xff\xfe", r"json cannot be read as JSON: 'utf-8' codec"),
        (DEEP.encode(), r"json cannot be read as JSON: maximum recursion"),
        (b"1" * 5000, r"json cannot be read as JSON: Exceeds the limit"),
        (b"[1]", r"json: expected an object of .*, got list"),
        (b"null", r"json: expected an object of .*, got NoneType"),
        (b"{}", r"json: expected an object of .*, got none"),
        (b'{"a\\nb": "\\ud800"}', r"json: expected an object of .*, got a b"),
    ],
)
def test_a_text_that_is_no_object_of_the_right_names_is_refused(
    folder, read, text_name, arrays_name, text, sentence
):
    path = folder / text_name
    path.unlink()
    if text is not None:
        path.write_bytes(text)
    refused(read, folder, sentence)


@BOTH
def test_a_name_too_many_or_too_few_is_refused(folder, read, text_name, arrays_name):
    said = json.loads((folder / text_name).read_text())
    for name in said:
        fewer = {key: value for key, value in said.items() if key != name}
        for wrong in (fewer, fewer | {name.upper(): said[name]}, said | {"more": 1}):
            (folder / text_name).write_text(json.dumps(wrong))
            refused(read, folder, r"json: expected an object of ")


PLAN_VALUES = [
    *(
        ("rounds", value, "^rounds: expected a whole number")
        for value in (0, -1, True, 1.0, "1", None, [1])
    ),
    *(
        ("batch", value, "^batch: expected a whole number")
        for value in (0, -(10**30), False, 0.5, "8", {})
    ),
    *(
        ("lr", value, "^lr: expected a positive number")
        for value in (0, -0.1, True, float("nan"), float("inf"), 10**4000, "0.1", None, [0.1])
    ),
    ("clients", [], "^clients: expected at least one"),
    ("clients", [[1], []], "^clients: expected at least one"),
    ("clients", None, "clients: expected a list of lists"),
    ("clients", [1], "clients: expected a list of lists"),
    ("clients", {"0": [1]}, "clients: expected a list of lists"),
    ("clients", ["12"], "clients: expected a list of lists"),
    *(
        ("clients", [[0], [value]], "^client 1: expected indices of digits")
        for value in (-1, True, 1.0, float("nan"), "1", None, [1])
    ),
]
OUTCOME_VALUES = [
    *(
        ("accuracies", value, "accuracies: expected a list of numbers from 0 to 1")
        for value in (None, 0.5, [1.5], [-0.1], [float("nan")], [True], ["1"], [[0.5]], {})
    ),
    *(
        ("failures", value, "failures: expected a list of texts")
        for value in (None, "client 3: gone", [1], [None], {})
    ),
    *(
        (way, value, f"{way}: expected whole bytes as message, payload, record")
        for way in ("downlink", "uplink")
        for value in (
            None,
            3,
            [1, 2, 3],
            {"payload": 1, "record": 2},
            {"payload": 1, "record": 2, "message": 3, "wire": 4},
            {"payload": -1, "record": 2, "message": 3},
            {"payload": True, "record": 2, "message": 3},
            {"payload": 1.0, "record": 2, "message": 3},
        )
    ),
]


@pytest.mark.parametrize(
    ("read", "text_name", "name", "value", "sentence"),
    [
        *((read_plan, "plan.json", *case) for case in PLAN_VALUES),
        *((read_outcome, "outcome.json", *case) for case in OUTCOME_VALUES),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(folder, read, text_name, name, value, sentence):
    said = json.loads((folder / text_name).read_text()) | {name: value}
    (folder / text_name).write_text(json.dumps(said))
    refused(read, folder, sentence)


def test_an_index_beyond_all_digits_is_read_and_nothing_is_allocated_for_it(folder):
    said = json.loads((folder / "plan.json").read_text()) | {"clients": [[10**30]]}
    (folder / "plan.json").write_text(json.dumps(said))
    with traced_peak() as peak:
        assert read_plan(folder).clients == ((10**30,),)  # which digits there are, `shares` knows
    assert peak.size < MIB


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
