"""The ledger's way out of the ServerApp's process: what is written is read, and nothing else."""

import json
import logging
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fedlab.engines import DeploymentError
from fedlab.engines.deployment.book import MARK, RoundTrip, WrittenLedger, entry_in, read_book
from fedlab.engines.deployment.metering import flower_log_watched
from fedlab.ledger import Transfer
from fedlab.units import Bytes

SIZES = st.integers(0, 2**62).map(Bytes)
TRANSFERS = st.builds(
    Transfer,
    message_id=st.text(max_size=5),
    node=st.integers(0, 2**64 - 1),
    round=st.integers(0, 2**31),
    message_type=st.text(max_size=8),
    direction=st.sampled_from(["down", "up"]),
    payload=SIZES,
    record=SIZES,
    message=SIZES,
    outcome=st.sampled_from(["ok", "failed", "rejected"]),
    reason=st.text(st.characters(exclude_categories=[])),  # half characters too
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
GOOD = Transfer("1", 0, 1, "train", "up", Bytes(1), Bytes(2), Bytes(3))


def lines_of(transfers, *, end=True):
    """As a ServerApp's process writes them: a round trip, then the ledger, then the end."""
    lines = []
    ledger = WrittenLedger(lines.append)
    ledger.note(round=1, kind="train")
    for transfer in transfers:
        ledger.add(transfer)
    if end:
        ledger.note(end="", peak=7)
    return lines


def entries(transfers):
    return [json.loads(line) for line in lines_of(transfers)]


@given(st.lists(TRANSFERS, max_size=5))
def test_any_ledger_comes_back_as_it_was_one_line_an_entry(transfers):
    lines = lines_of(transfers)
    assert "".join(lines).splitlines() == [line.removesuffix("\n") for line in lines]
    assert "".join(lines).isascii()  # a log's encoding cannot harm it
    book = read_book(lines)
    assert book.ledger.transfers == transfers
    assert (book.finished, book.peak) == ("", 7)


@given(st.lists(TRANSFERS, min_size=1, max_size=5), st.text())
def test_a_reply_that_was_rejected_later_is_rejected_in_what_comes_back(transfers, reason):
    lines = []
    written = WrittenLedger(lines.append)
    for transfer in [*transfers, GOOD]:
        written.add(transfer)
    written.reject("1", reason)
    assert read_book(lines).ledger.transfers == written.transfers
    assert written.transfers[-1].outcome == "rejected"


def test_a_round_trip_lasts_until_the_next_one_and_the_last_until_the_end():
    trips = [(1.0, 1, "train"), (2.5, 1, "evaluate"), (4.0, 2, "train")]
    said = [{"time": time, "round": number, "kind": kind} for time, number, kind in trips]
    book = read_book(map(json.dumps, [*said, {"time": 9.0, "end": "", "peak": None}]))
    assert book.trips == [
        RoundTrip(1, "train", 1.0, 2.5),
        RoundTrip(1, "evaluate", 2.5, 4.0),
        RoundTrip(2, "train", 4.0, 9.0),
    ]
    assert book.peak is None


def test_without_its_end_a_book_is_not_finished():
    assert read_book(lines_of([GOOD], end=False)).finished is None
    assert read_book([]).finished is None


@pytest.mark.parametrize("before", ["", "no line's end ", "fedlab-led"])
def test_an_entry_is_found_behind_what_the_app_printed_before_it(before):
    (line, *_) = lines_of([GOOD])
    assert entry_in(before + MARK + line) == line
    assert entry_in(before + line) == ""


# --- from outside --------------------------------------------------------------------------------


def survives(lines):
    """A book that can be used, or DeploymentError and no other."""
    try:
        book = read_book(lines)
    except DeploymentError:
        return
    repr(book.ledger)
    assert all(math.isfinite(time) for trip in book.trips for time in (trip.began, trip.ended))
    assert all(type(t.node) is int and t.payload >= 0 for t in book.ledger)
    assert book.peak is None or book.peak >= 0


@given(
    st.lists(TRANSFERS, max_size=2),
    st.integers(0, 3),
    st.tuples(st.integers(0, 400), st.integers(0, 400)),
    st.text(max_size=4),
)
def test_a_line_with_other_characters_is_read_or_named(transfers, number, part, text):
    lines = lines_of(transfers)
    line = lines[number % len(lines)]
    first, last = sorted(place % len(line) for place in part)
    lines[number % len(lines)] = line[:first] + text + line[last:]
    survives(lines)


@given(st.data(), JSON)
def test_an_entry_with_other_values_is_read_or_named(data, value):
    changed = entries([GOOD])
    entry = data.draw(st.sampled_from(changed))
    inside = data.draw(st.sampled_from([entry, entry.get("transfer", entry)]))
    key = data.draw(st.sampled_from([*inside, "rejected", "other"]))
    inside[key] = value
    survives(map(json.dumps, changed))


@given(st.lists(JSON, max_size=3))
@example(["[" * 100_000])
@example([float("nan")])
def test_no_entries_at_all_are_named(values):
    survives(map(json.dumps, values))
    survives(map(str, values))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("node", -1),
        ("node", 2**64),
        ("node", True),
        ("round", 1.0),
        ("payload", "1"),
        ("message", -1),
        ("direction", "across"),
        ("outcome", "fine"),
        ("more", 1),
    ],
)
def test_a_transfer_that_cannot_be_is_named_with_its_line(key, value):
    changed = entries([GOOD])
    changed[1]["transfer"][key] = value
    with pytest.raises(DeploymentError, match=r"^line 2 of the ledger that came back .*Error"):
        read_book(map(json.dumps, changed))


def test_a_reply_that_never_came_cannot_be_rejected():
    with pytest.raises(DeploymentError, match=r"^line 1 .*KeyError"):
        read_book(['{"time": 1.0, "rejected": "1", "reason": ""}'])


def test_what_a_client_says_in_flowers_log_does_not_pass_for_an_entry(caplog):
    logger = logging.getLogger("flwr")
    forged = "oops\n" + MARK + json.dumps({"time": 1.0, "end": "", "peak": None})
    logger.addHandler(caplog.handler)
    try:
        with flower_log_watched(None):
            logger.warning("Received error in reply from node %d: %s", 1, forged)
    finally:
        logger.removeHandler(caplog.handler)
    assert "oops" in caplog.text
    assert not any(entry_in(line) for line in caplog.text.splitlines())
