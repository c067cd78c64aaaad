"""Exchanges: what is written comes back, sums agree in every grouping, bad input is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlab.meters import Exchange, Exchanges, traced_peak
from fedlab.units import Bytes

SIZES = st.integers(0, 2**58).map(Bytes)
EXCHANGES = st.lists(
    st.builds(
        Exchange,
        hop=st.sampled_from(["server", "node 0", "node 1"]),
        kind=st.sampled_from(["/push", "/pull", "other"]),
        started=st.floats(0, 100),
        up=SIZES,
        down=SIZES,
    ),
    max_size=20,
)
ANY = st.lists(
    st.builds(
        Exchange,
        hop=st.text(max_size=3),
        kind=st.text(max_size=3),
        started=st.floats(allow_nan=False, allow_infinity=False),
        up=st.integers(0, 2**63 - 1).map(Bytes),
        down=st.integers(0, 2**63 - 1).map(Bytes),
    )
)


def exchange(hop="server", kind="/push", started=0.0, up=100, down=10):
    return Exchange(hop, kind, started, Bytes(up), Bytes(down))


def three():
    return Exchanges(
        [
            exchange(started=1_000.5),
            exchange("node 0", "/pull", 1_002.4, 7, 1_000),
            exchange("node 0", "/push", 1_000.7, 30, 3),
        ]
    )


@given(written=ANY)
def test_every_exchange_comes_back_as_it_was_written(written):
    exchanges = Exchanges(written)
    assert list(exchanges) == written
    assert [repr(e) for e in exchanges] == [repr(e) for e in written]
    assert len(exchanges) == len(written)


@given(written=ANY)
def test_json_and_a_copy_change_nothing(written):
    exchanges = Exchanges(written)
    assert list(Exchanges.from_json(json.loads(json.dumps(exchanges.as_json())))) == written
    assert list(exchanges.copy()) == written


@given(written=EXCHANGES)
def test_the_sums_agree_however_they_are_grouped(written):
    exchanges = Exchanges(written)
    assert exchanges.up == sum(e.up for e in written)
    assert exchanges.total == exchanges.up + exchanges.down
    assert type(exchanges.total) is Bytes
    for table in (exchanges.per_hop(), exchanges.per_kind(), exchanges.table()):
        assert table["up"].sum() == exchanges.up
        assert table["down"].sum() == exchanges.down
    assert exchanges.per_hop()["requests"].sum() == len(written)
    assert list(exchanges.per_hop().index) == list(exchanges.hops)
    assert sum((exchanges.select(hop=hop).total for hop in exchanges.hops), Bytes(0)) == (
        exchanges.total
    )


@given(written=EXCHANGES, seconds=st.floats(0.01, 200))
def test_over_time_no_byte_is_lost_and_no_slice_left_out(written, seconds):
    exchanges = Exchanges(written)
    table = exchanges.over_time(seconds)
    assert table.to_numpy().sum() == exchanges.total
    assert list(table.index) == [number * seconds for number in range(len(table))]
    for hop in exchanges.hops:
        assert table[hop, "up"].sum() == exchanges.select(hop=hop).up
        assert table[hop, "down"].sum() == exchanges.select(hop=hop).down


@given(written=EXCHANGES, since=st.floats(0, 100), until=st.floats(0, 100))
def test_a_selection_keeps_what_fits_in_its_order(written, since, until):
    chosen = Exchanges(written).select(
        hop="node 0", kinds={"/push", "other"}, since=since, until=until
    )
    assert list(chosen) == [
        e
        for e in written
        if e.hop == "node 0" and e.kind in ("/push", "other") and since <= e.started < until
    ]


def test_a_selection_begins_with_since_and_ends_before_until():
    assert len(three().select(since=1_000.5, until=1_000.7)) == 1
    assert three().select().as_json() == three().as_json()
    assert three().select(kinds=[]).hops == ()


def test_kinds_as_one_text_are_refused():
    with pytest.raises(ValueError, match="expected a collection of texts, got '/push'"):
        three().select(kinds="/push")


def test_hops_stand_in_the_order_of_their_first_exchange():
    assert three().hops == ("server", "node 0")
    assert three().select(hop="node 0").hops == ("node 0",)


def test_the_tables_have_whole_bytes():
    per_hop = three().per_hop()
    assert per_hop.loc["server"].to_dict() == {"requests": 1, "up": 100, "down": 10}
    assert per_hop.loc["node 0"].to_dict() == {"requests": 2, "up": 37, "down": 1_003}
    assert three().per_kind().loc["/push"].to_dict() == {"requests": 2, "up": 130, "down": 13}
    assert all(dtype.kind == "i" for dtype in per_hop.dtypes)


def test_over_time_counts_from_the_first_exchange_and_fills_gaps_with_zeros():
    table = three().over_time()
    assert list(table.index) == [0.0, 1.0]
    assert table["server", "up"].tolist() == [100, 0]
    assert table["node 0", "up"].tolist() == [30, 7]
    assert table["node 0", "down"].tolist() == [3, 1_000]
    assert list(three().over_time(0.5)["node 0", "down"]) == [3, 0, 0, 1_000]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_slice_of_no_length_is_refused(seconds):
    with pytest.raises(ValueError, match="seconds: expected a positive number"):
        three().over_time(seconds)


def test_slices_without_number_are_refused():
    apart = Exchanges([exchange(started=0.0), exchange(started=1e9)])
    with pytest.raises(ValueError, match="more than a million"):
        apart.over_time(1.0)
    assert len(apart.over_time(1e6)) == 1_001


def test_none_at_all_have_tables_and_sums_too():
    nothing = Exchanges()
    assert (nothing.total, nothing.hops, list(nothing)) == (0, (), [])
    assert list(nothing.per_hop().columns) == ["requests", "up", "down"]
    assert len(nothing.per_hop()) == len(nothing.per_kind()) == len(nothing.over_time()) == 0
    assert repr(nothing) == "Exchanges(0 on 0 hops, 0 B up, 0 B down)"


def test_an_open_exchange_grows_and_becomes_known_but_not_in_a_copy():
    exchanges = three()
    number = exchanges.add(exchange("node 1", "other", up=0, down=0))
    copy = exchanges.copy()
    exchanges.grow(number, up=5)
    exchanges.grow(number, up=-2, down=7)
    exchanges.rename(number, "/confirm")
    assert list(exchanges)[-1] == exchange("node 1", "/confirm", up=3, down=7)
    assert list(copy)[-1] == exchange("node 1", "other", up=0, down=0)


@pytest.mark.parametrize(
    "bad", [{"started": float("nan")}, {"started": float("inf")}, {"up": -1}, {"down": 2**63}]
)
def test_an_exchange_that_cannot_be_is_refused_and_nothing_is_written(bad):
    exchanges = three()
    with pytest.raises(ValueError, match="an exchange needs a finite time"):
        exchanges.add(exchange(**bad))
    assert list(exchanges) == list(three())
    exchanges.add(exchange())
    assert list(exchanges)[-1] == exchange()


def changed(**columns):
    return three().as_json() | columns


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "expected an object with hops, .*, got NoneType"),
        ([], "expected an object with hops, .*, got list"),
        ({}, r"expected an object with hops, .*, got \[\]"),
        (changed(more=[]), "expected an object with hops"),
        (changed(up=3), "expected up to be a list, got int"),
        (changed(up=[1]), "expected columns of one length"),
        (changed(hops=["a", 1]), "expected a text in hops, got 1"),
        (changed(kinds=[None, "b"]), "expected a text in kinds, got None"),
        (changed(hop=[0, 1, 2]), "expected hop to number one of 2 names, got 2"),
        (changed(kind=[0, 1, -1]), "expected kind to number one of 2 names, got -1"),
        (changed(hop=[0, 1, True]), "expected a whole number in hop, got True"),
        (changed(up=[0, 1, 2.5]), "expected a whole number in up, got 2.5"),
        (changed(down=[0, 1, "2"]), "expected a whole number in down, got '2'"),
        (changed(down=[0, 1, -2]), "bytes from 0 to"),
        (changed(up=[0, 1, 2**63]), "bytes from 0 to"),
        (changed(started=[0.0, 1.0, None]), "expected a decimal number in started, got None"),
        (changed(started=[0.0, 1.0, float("nan")]), "a finite time"),
        (changed(started=[0.0, 1.0, 2]), "expected a decimal number in started, got 2"),
    ],
)
def test_json_that_is_none_of_ours_is_refused_in_one_sentence(data, said):
    with pytest.raises(ValueError, match=said) as refused:
        Exchanges.from_json(data)
    assert "\n" not in str(refused.value)


def test_a_long_run_keeps_a_short_book():
    with traced_peak() as peak:
        exchanges = Exchanges()
        for number in range(20_000):
            exchanges.add(exchange(f"node {number % 8}", "/pull", float(number)))
    assert peak.size < 20_000 * 50
    with traced_peak() as reading:
        assert sum(e.up for e in exchanges) == exchanges.up
    assert reading.size < 10_000  # no list of them all
