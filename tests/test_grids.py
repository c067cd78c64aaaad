"""A layer on the server's side passes everything on, and leaves alone what goes out."""

import numpy as np
import pytest
from apps import (
    below_the_meter,
    client,
    client_where,
    echo,
    federation,
    good,
    instructions,
    metered,
    model,
    numbers,
    record,
)
from bad_clients import BAD
from flwr.app import ConfigRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg

from fedlab.grids import CheckingGrid, GridLayer, MeteredGrid
from fedlab.ledger import Ledger

EVERY_LAYER = [GridLayer, lambda grid: MeteredGrid(grid, Ledger()), CheckingGrid]


def test_a_layer_by_itself_changes_nothing():
    def run(wrap):
        results = []

        def main(grid):
            strategy = FedAvg(fraction_evaluate=0.0)
            results.append(strategy.start(wrap(grid), record(model()), num_rounds=2))

        ledger = federation(main, client(good)).ledger
        return ledger.transfers, numbers(results[0].arrays)

    bare, layered = run(lambda grid: grid), run(lambda grid: GridLayer(GridLayer(grid)))
    assert layered[0] == bare[0]
    for name, values in bare[1].items():
        np.testing.assert_array_equal(layered[1][name], values)


def test_a_layer_passes_on_everything_that_a_grid_has():
    def main(grid):
        layer = GridLayer(grid)
        assert layer.get_node_ids() == grid.get_node_ids() == [0, 1]
        assert [node.node_id for node in layer.get_nodes()] == [0, 1]
        assert layer.run.run_id == grid.run.run_id
        run = grid.run
        layer.set_run(run)
        assert layer.run is run
        content = RecordDict({"config": ConfigRecord({"a": 1})})
        message = layer.create_message(content, "query.about", 1, "group", 60.0)
        about = message.metadata
        assert (about.message_type, about.dst_node_id, about.group_id) == (
            "query.about",
            1,
            "group",
        )
        assert about.ttl == 60.0

    federation(main, client(echo))


def test_a_layer_implements_all_that_flower_asks_of_a_grid():
    assert not GridLayer.__abstractmethods__
    missing = [n for n in vars(Grid) if not n.startswith("_") and n not in vars(GridLayer)]
    assert missing == []


def test_find_gives_the_nearest_layer_of_a_kind():
    def main(grid):
        inner, _ = metered(grid)
        checking = CheckingGrid(inner)
        outer, _ = metered(checking)
        assert outer.find(MeteredGrid) is outer
        assert checking.find(MeteredGrid) is inner
        assert outer.find(CheckingGrid) is checking
        assert inner.find(CheckingGrid) is None
        assert CheckingGrid(below_the_meter(grid)).find(MeteredGrid) is None

    federation(main, client(echo))


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_pushing_and_pulling_works_as_sending_and_receiving_does(wrap):
    def by_pulling(grid):
        layer = wrap(grid)
        ids = layer.push_messages(instructions(grid))
        assert len(set(ids)) == 3
        replies = [reply for one in ids for reply in layer.pull_messages([one])]
        assert layer.pull_messages(ids) == []
        return replies

    def by_sending(grid):
        return wrap(grid).send_and_receive(instructions(grid))

    def run(way):
        seen = []

        def main(grid):
            seen.extend(way(grid))

        ledger = federation(main, client_where(BAD["another shape"].act, {1}), nodes=3).ledger
        answers = sorted((r.metadata.src_node_id, r.has_error()) for r in seen)
        return answers, sorted(map(str, ledger.transfers))

    assert run(by_pulling) == run(by_sending)


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_replies_are_a_list_that_can_be_read_twice(wrap):
    def main(grid):
        replies = wrap(grid).send_and_receive(iter(instructions(grid)))
        assert isinstance(replies, list)
        assert len(replies) == 2

    federation(main, client(echo))


@pytest.mark.parametrize("wrap", EVERY_LAYER)
def test_nothing_to_send_is_nothing_to_write(wrap):
    def main(grid):
        layer = wrap(grid)
        assert layer.send_and_receive([]) == []
        assert layer.push_messages([]) == []
        assert layer.pull_messages([]) == []

    ledger = federation(main, client(echo)).ledger
    assert ledger.transfers == []
    assert ledger.traffic == 0


def test_layers_leave_what_goes_out_alone():
    def main(grid):
        messages = instructions(grid)
        content = messages[0].content
        before = {key: rec.object_id for key, rec in content.items()}
        arrays = content["arrays"]
        layered = CheckingGrid(MeteredGrid(GridLayer(grid), Ledger()))
        layered.send_and_receive(messages)
        assert all(message.content is content for message in messages)
        assert content["arrays"] is arrays
        assert {key: rec.object_id for key, rec in content.items()} == before

    federation(main, client(BAD["a NaN"].act), check=True)
