"""The ledger: sums by direction and level, failures, tables."""

import csv
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlab.ledger import Ledger, Transfer
from fedlab.meters import traced_peak
from fedlab.units import Bytes, Levels


def transfer(name="1", node=0, number=1, direction="down", size=100, outcome="ok", reason=""):
    levels = (Bytes(size), Bytes(size + 10), Bytes(size + 1000))
    return Transfer(name, node, number, "train", direction, *levels, outcome, reason)


def two_rounds():
    return Ledger(
        [
            transfer("1", 0, 1),
            transfer("2", 1, 1),
            transfer("1", 0, 1, "up", 40),
            transfer("2", 1, 1, "up", 0, "failed", "ValueError: no"),
            transfer("3", 0, 2),
            transfer("3", 0, 2, "up", 60),
        ]
    )


TRANSFERS = st.lists(
    st.builds(
        transfer,
        name=st.sampled_from("abc"),
        number=st.integers(0, 4),
        direction=st.sampled_from(["down", "up"]),
        size=st.integers(0, 10**12),
        outcome=st.sampled_from(["ok", "failed", "rejected"]),
    )
)


@given(transfers=TRANSFERS)
def test_both_ways_together_are_down_plus_up_at_every_level(transfers):
    ledger = Ledger(transfers)
    assert ledger.levels() == ledger.levels("down") + ledger.levels("up")
    assert ledger.traffic == ledger.downlink + ledger.uplink == ledger.levels().payload
    assert ledger.levels() == sum((t.levels for t in transfers), Levels())


@given(transfers=TRANSFERS)
def test_the_rounds_add_up_to_the_whole(transfers):
    ledger = Ledger(transfers)
    rounds = ledger.per_round()
    assert rounds["traffic"].sum() == ledger.traffic
    assert rounds["downlink"].sum() == ledger.downlink
    assert rounds["failures"].sum() == len(ledger.failures)
    assert list(rounds.index) == sorted({t.round for t in transfers})
    assert len(ledger.table()) == len(transfers)


ANY = st.builds(
    Transfer,
    message_id=st.text(max_size=3),
    node=st.integers(0, 2**64 - 1),
    round=st.integers(-1, 2**70),
    message_type=st.sampled_from(["train", "evaluate", "query.about"]),
    direction=st.sampled_from(["down", "up"]),
    payload=st.integers(0, 2**70).map(Bytes),
    record=st.integers(0, 300).map(Bytes),
    message=st.integers(0, 3).map(Bytes),
    outcome=st.sampled_from(["ok", "failed", "rejected"]),
    reason=st.text(max_size=3),
)


@given(transfers=st.lists(ANY))
def test_every_transfer_comes_back_as_it_was_written(transfers):
    """They are not kept as they came: what many have in common is kept once."""
    ledger = Ledger(transfers)
    assert ledger.transfers == transfers
    assert [repr(t) for t in ledger.transfers] == [repr(t) for t in transfers]
    assert Ledger(ledger.transfers).transfers == transfers


@given(transfers=st.lists(ANY, min_size=1), data=st.data())
def test_rejecting_changes_one_transfer_and_no_other(transfers, data):
    chosen = data.draw(st.sampled_from(transfers))
    ledger = Ledger(transfers)
    matching = [
        index
        for index, t in enumerate(transfers)
        if (t.message_id, t.direction) == (chosen.message_id, "up")
    ]
    if not matching:
        with pytest.raises(KeyError):
            ledger.reject(chosen.message_id, "no good")
        assert ledger.transfers == transfers
        return
    ledger.reject(chosen.message_id, "no good")
    index = matching[-1]
    expected = replace(transfers[index], outcome="rejected", reason="no good")
    assert ledger.transfers == [*transfers[:index], expected, *transfers[index + 1 :]]


@pytest.mark.parametrize("node", [-1, 2**64, 1.5, None, "7"])
def test_a_node_that_has_no_id_is_refused_and_nothing_is_written(node):
    ledger = two_rounds()
    with pytest.raises((OverflowError, TypeError)):
        ledger.add(transfer(node=node))
    assert ledger.transfers == two_rounds().transfers
    ledger.add(transfer(node=2**64 - 1))
    assert ledger.transfers[-1].node == 2**64 - 1


def test_a_long_run_keeps_a_short_book():
    with traced_peak() as peak:
        ledger = Ledger()
        for index in range(10_000):
            name = f"message-{index:06}"  # 63 bytes, and shared by both
            ledger.add(transfer(name, index))
            ledger.add(transfer(name, index, direction="up"))
    assert peak.size < 20_000 * 70
    with traced_peak() as reading:
        assert sum(1 for _ in ledger) == 20_000
        assert ledger.levels() == sum((t.levels for t in ledger), Levels())
        assert ledger.failures == []
    assert reading.size < 10_000  # no list of them all


def test_failures_are_failed_and_rejected_replies_in_order():
    ledger = two_rounds()
    ledger.reject("3", "a NaN")
    assert [(t.node, t.outcome, t.reason) for t in ledger.failures] == [
        (1, "failed", "ValueError: no"),
        (0, "rejected", "a NaN"),
    ]


def test_a_rejected_reply_stays_counted_and_the_instruction_stays_ok():
    ledger = two_rounds()
    before = ledger.levels("up")
    ledger.reject("1", "another shape")
    assert ledger.levels("up") == before
    assert ledger.transfers[0].outcome == "ok"
    assert (ledger.transfers[2].outcome, ledger.transfers[2].reason) == (
        "rejected",
        "another shape",
    )


def test_rejecting_marks_the_newest_reply_of_that_name():
    ledger = Ledger([transfer("1", number=n, direction="up") for n in (1, 2)])
    ledger.reject("1", "late")
    assert [t.outcome for t in ledger.transfers] == ["ok", "rejected"]


@pytest.mark.parametrize("name", ["9", ""])
def test_rejecting_a_reply_that_never_came_is_an_error(name):
    with pytest.raises(KeyError, match="no reply to message"):
        two_rounds().reject(name, "why")
    with pytest.raises(KeyError):
        Ledger([transfer("1")]).reject("1", "only the instruction is there")


def test_the_table_has_a_row_a_message_and_no_engines_ids():
    table = two_rounds().table()
    assert list(table.columns) == [
        *("node", "round", "message_type", "direction", "payload", "record", "message"),
        *("outcome", "reason"),
    ]
    assert table["payload"].tolist() == [100, 100, 40, 0, 100, 60]
    assert table["payload"].dtype.kind == "i"


def test_the_table_of_rounds_counts_instructions_bytes_and_failures():
    rounds = two_rounds().per_round()
    assert rounds.loc[1].to_dict() == {
        **{"instructions": 2, "downlink": 200, "uplink": 40},
        **{"traffic": 240, "failures": 1},
    }
    assert rounds.loc[2].to_dict() == {
        **{"instructions": 1, "downlink": 100, "uplink": 60},
        **{"traffic": 160, "failures": 0},
    }


def test_an_empty_ledger_has_tables_and_sums_too():
    ledger = Ledger()
    assert (len(ledger.table()), len(ledger.per_round())) == (0, 0)
    assert "payload" in ledger.table().columns
    assert (ledger.traffic, ledger.failures, ledger.levels()) == (0, [], Levels())


def test_a_csv_has_one_line_a_message_with_whole_bytes(tmp_path):
    path = tmp_path / "ledger.csv"
    two_rounds().to_csv(path)
    header, *rows = csv.reader(path.read_text("utf-8").splitlines())
    assert header == list(two_rounds().table().columns)
    assert rows[0] == ["0", "1", "train", "down", "100", "110", "1100", "ok", ""]
    assert rows[3] == ["1", "1", "train", "up", "0", "10", "1000", "failed", "ValueError: no"]
    assert len(rows) == 6


def test_a_reason_with_commas_and_quotes_survives_a_csv(tmp_path):
    path = tmp_path / "ledger.csv"
    reason = 'w: expected shape (2, 3), got "none"; Größe'
    Ledger([transfer(direction="up", outcome="rejected", reason=reason)]).to_csv(str(path))
    assert list(csv.reader(path.read_text("utf-8").splitlines()))[1][-1] == reason


def test_two_ledgers_share_nothing():
    first, second = Ledger(), Ledger()
    first.add(transfer())
    assert second.transfers == []
    given = [transfer()]
    Ledger(given).add(transfer())
    assert len(given) == 1


def test_repr_says_how_much_and_how_many_failed():
    assert repr(two_rounds()) == "Ledger(6 messages, 400 B of payload, 1 failures)"


def test_a_transfer_cannot_be_changed():
    with pytest.raises(AttributeError):
        transfer().outcome = "ok"
