"""The texts of a plan or an outcome from a stranger: whole, or a CrossingError in one sentence."""

import json

import pytest
from crossed import BOTH, MIB, refused, written

from fedlab.crossing import read_outcome, read_plan
from fedlab.meters import traced_peak

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path)


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
