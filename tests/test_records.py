"""Flower's records: what they weigh, which round they are of, and whether they can be sent."""

import numpy as np
import pytest
from apps import record
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects

from fedlab.records import objects_of, round_of, schema_of, unsendable, weigh


def test_weighing_reads_the_numbers_the_names_and_the_frame():
    content = RecordDict(
        {
            "arrays": record({"w": np.arange(6, dtype=np.float32), "bias": np.ones(3)}),
            "metrics": MetricRecord({"loss": 0.5}),
        }
    )
    levels = weigh(content)
    assert levels.payload == 6 * 4 + 3 * 8
    assert levels.record == levels.payload + 2 * 128 + len("wbias") + len("loss") + 8
    assert levels.record == sum(r.count_bytes() for r in content.values())
    assert levels.message == sum(len(o.deflate()) for o in get_all_nested_objects(content).values())


def test_several_array_records_are_weighed_together():
    one, two = record({"w": np.ones(2, np.float32)}), record({"w": np.zeros(5, np.float32)})
    assert weigh(RecordDict({"a": one, "b": two})).payload == 28
    assert weigh(RecordDict()).payload == weigh(RecordDict()).record == 0


def test_what_is_equal_travels_once_in_a_message_wherever_it_is():
    """Chunks too: two arrays of zeros in different shapes share all chunks but the first."""
    zeros = np.zeros(3_000_000, np.float32)
    content = RecordDict(
        {
            "a": record({"x": np.ones(3), "z": zeros}),
            "b": record({"y": np.ones(3), "t": zeros.reshape(2, -1)}),
        }
    )
    theirs = get_all_nested_objects(content)
    assert objects_of(content).keys() == theirs.keys()
    assert list(objects_of(content))[-1] == content.object_id
    assert weigh(content).message == sum(len(o.deflate()) for o in theirs.values())
    assert weigh(content).payload == 2 * (24 + 12_000_000)


@pytest.mark.parametrize(
    ("entries", "weight"),
    [
        ({"a": ""}, 1),
        ({"ab": b"", "c": []}, 3),
        ({"a": [""], "b": "xy"}, 4),
        ({"a": "", "n": 5, "flag": True, "l": [1, 2]}, 1 + 9 + 5 + 17),
    ],
)
def test_empty_config_entries_weigh_their_key_where_flower_raises(entries, weight):
    assert weigh(RecordDict({"config": ConfigRecord(entries)})).record == weight


@pytest.mark.parametrize(
    ("configs", "number"),
    [
        ({"config": {"server-round": 7}}, 7),
        ({"other": {"server-round": 3}}, 3),
        ({"config": {"lr": 0.1}, "more": {"server-round": 2}}, 2),
        ({"config": {"server-round": "two"}}, 0),
        ({"config": {}}, 0),
        ({}, 0),
    ],
)
def test_the_round_is_what_a_strategy_wrote(configs, number):
    assert round_of(RecordDict({k: ConfigRecord(v) for k, v in configs.items()})) == number


def test_a_schema_tells_names_and_lengths_apart_and_not_values():
    def schema(**records):
        return schema_of({name: MetricRecord(entries) for name, entries in records.items()})

    assert schema(m={"a": 1, "b": [1.0]}) == schema(m={"b": [2.0], "a": 0.5})
    assert schema(m={"a": 1}) != schema(n={"a": 1})
    assert schema(m={"a": 1}) != schema(m={"b": 1})
    assert schema(m={"a": 1}) != schema(m={"a": [1]})
    assert schema(m={"a": [1]}) != schema(m={"a": [1, 2]})


def test_content_that_can_be_sent_is_said_to_be_sendable():
    content = RecordDict(
        {
            "arrays": record({"w": np.ones(3)}),
            "metrics": MetricRecord({"n": 2**64 - 1, "l": [-(2**63)]}),
            "config": ConfigRecord({"text": "", "list": [], "größe": b"\x00"}),
        }
    )
    assert unsendable(content) == ""
    assert unsendable(RecordDict()) == ""


def mutated(**fields):
    array = Array(np.ones(3))
    for name, value in fields.items():
        setattr(array, name, value)
    broken = ArrayRecord()
    broken["w"] = array
    return broken


def with_a_broken_list():
    broken = MetricRecord({"l": [1.0]})
    broken["l"].append("two")
    return broken


@pytest.mark.parametrize(
    "broken",
    [
        MetricRecord({"n": 2**64}),
        MetricRecord({"n": -(2**63) - 1}),
        MetricRecord({"l": [-1, 2**64 - 1]}),
        ConfigRecord({"text": "\ud800"}),
        ConfigRecord({"\ud800": 1}),
        with_a_broken_list(),
        mutated(data="text"),
        mutated(data=np.ones(3)),
        mutated(shape=None),
        mutated(dtype=np.dtype("float32")),
        mutated(stype=None),
    ],
)
def test_content_that_cannot_be_sent_is_named(broken):
    assert unsendable(RecordDict({"fine": MetricRecord(), "rec": broken})).startswith("rec: ")
