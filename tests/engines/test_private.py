"""The private names of Flower that the engine touches, and the version that it knows.

When the first test fails, Flower was upgraded: read the others' failures, look at what changed in
Flower's InMemoryGrid, Message, Metadata, TaskIdentity and inflatable objects, mend in_process.py,
framing.py and records.py, then write the new version here.
"""

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import flwr.serverapp.strategy.strategy_utils as strategy_utils
import numpy as np
import pytest
from apps import client, echo, federation, instructions, model, record
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

import fedlab
from fedlab.records import objects_of

KNOWN = "1.41.0"


def test_this_is_the_flower_that_the_engine_knows():
    assert version("flwr") == KNOWN, (
        f"in_process.py knows Flower {KNOWN}, here is {version('flwr')}: re-check TaskIdentity, "
        "Metadata._message_id, Run.create_empty, inflate_object_from_contents, the log message "
        "'Waiting for nodes to connect', the sizes in framing.py and the strictness of records.py"
    )


def test_a_task_has_the_three_identities_that_the_engine_sets():
    for name in ("task_id", "run_id", "node_id"):
        assert isinstance(inspect.getattr_static(type(TaskIdentity), name), property)
        assert f"_{name}" in vars(TaskIdentity)
    assert len(vars(TaskIdentity).keys() & {"_task_id", "_run_id", "_node_id"}) == 3


def test_without_an_identity_no_message_can_be_made():
    """Why the engine sets one. If this no longer raises, the engine can stop doing so."""
    kept = TaskIdentity._run_id
    TaskIdentity._run_id = None
    try:
        with pytest.raises(RuntimeError, match=r"TaskIdentity.run_id is not set"):
            Message(RecordDict(), 0, "train")
    finally:
        TaskIdentity._run_id = kept


def test_a_message_is_named_through_its_metadatas_dict_as_flowers_own_grid_does():
    found = []

    def main(grid):
        message = instructions(grid)[0]
        assert message.metadata.message_id == ""
        message.metadata.__dict__["_message_id"] = "named"
        assert message.metadata.message_id == "named"
        assert Message(RecordDict(), reply_to=message).metadata.reply_to_message_id == "named"
        found.append(message)

    federation(main, client(echo))
    assert found
    from flwr.superlink.grid import inmemory_grid

    assert 'metadata.__dict__["_message_id"]' in inspect.getsource(inmemory_grid)


def test_a_message_can_be_made_around_given_metadata_and_content():
    def main(grid):
        message = instructions(grid)[0]
        again = Message(metadata=message.metadata, content=message.content)
        assert again.content is message.content
        assert again.metadata is message.metadata

    federation(main, client(echo))


def test_an_empty_run_has_the_id_that_it_is_given():
    assert Run.create_empty(run_id=7).run_id == 7


def test_deflated_objects_inflate_into_an_equal_content():
    content = RecordDict({"arrays": record(model(2.0)), "config": ConfigRecord({"a": 1})})
    deflated = {name: part.deflate() for name, part in objects_of(content).items()}
    again = inflate_object_from_contents(content.object_id, deflated)
    assert again.object_id == content.object_id
    assert list(again) == ["arrays", "config"]
    np.testing.assert_array_equal(again["arrays"]["w"].numpy(), model(2.0)["w"])


def test_our_walk_over_a_contents_objects_is_flowers_own():
    content = RecordDict({"a": record(model(1.0)), "b": record(model(1.0)), "c": ConfigRecord()})
    assert objects_of(content).keys() == get_all_nested_objects(content).keys()


def test_flower_logs_that_it_waits_for_nodes_with_both_numbers():
    source = inspect.getsource(strategy_utils.sample_nodes)
    assert '"Waiting for nodes to connect: %d connected (minimum required: %d).",' in source
    assert re.search(r"len\(all_nodes\),\s+min_available_nodes,\s+\)", source)


def test_private_names_of_flower_are_touched_in_the_engine_alone():
    rooms = Path(fedlab.__file__).parent.rglob("*.py")
    private = re.compile(r"TaskIdentity|_message_id\"|create_empty|inflate_object|__dict__\[")
    assert {p.name for p in rooms if private.search(p.read_text("utf-8"))} <= {"in_process.py"}
