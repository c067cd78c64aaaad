"""One connection's streams, in memory: cut where requests begin, every byte counted once."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from fedlab.meters.book import Book, Conversation


def head(path, length=0):
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def counted(pieces):
    """What a conversation counts of ("up" | "down", bytes) pieces."""
    book = Book()
    conversation = Conversation(book, "hop")
    for way, piece in pieces:
        getattr(conversation, way)(memoryview(piece))
    return [(e.kind, int(e.up), int(e.down)) for e in book.copy()]


def cut(draw, data):
    """The same bytes in up to four pieces, none of them empty."""
    edges = draw(st.lists(st.integers(1, max(len(data) - 1, 1)), max_size=3))
    edges = sorted({0, len(data), *(edge for edge in edges if edge < len(data))})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


BODIES = st.binary(max_size=40) | st.sampled_from([b"x" * 100_000, b"GET / is no request", b"\n\n"])
PATHS = st.sampled_from(["/", "/v1/push", "/v1/pull?run=1", "/" + "long" * 40])


@given(requests=st.lists(st.tuples(PATHS, BODIES, st.binary(min_size=1))), data=st.data())
def test_each_request_is_counted_exactly_however_its_bytes_arrive(requests, data):
    pieces, expected = [], []
    for path, body, answer in requests:
        request = head(path, len(body)) + body
        pieces += [("up", piece) for piece in cut(data.draw, request)]
        pieces += [("down", piece) for piece in cut(data.draw, answer)]
        expected.append((path.partition("?")[0], len(request), len(answer)))
    assert counted(pieces) == expected


def record(kind, size):
    return bytes([kind, 3, 3]) + size.to_bytes(2) + b"\x00" * size


@given(
    requests=st.lists(st.tuples(st.integers(35, 300), st.integers(0, 4), st.integers(1, 3))),
    version=st.sampled_from([2, 3]),
    early_tickets=st.booleans(),
    data=st.data(),
)
def test_tls_is_one_exchange_for_the_handshake_and_one_for_each_request(
    requests, version, early_tickets, data
):
    """RFC 8446 (1.3, with its two session tickets) and RFC 5246 (1.2), record by record."""
    tickets = record(23, 250) * 2 if version == 3 else b""
    if version == 3:
        handshake = [
            ("up", record(22, 512)),
            ("down", record(22, 122) + record(20, 1) + record(23, 900)),
            ("up", record(20, 1) + record(23, 69)),
        ]
    else:
        handshake = [
            ("up", record(22, 200)),
            ("down", record(22, 900)),
            ("up", record(22, 66) + record(20, 1) + record(22, 40)),
            ("down", record(22, 170) + record(20, 1) + record(22, 40)),
        ]
    passing = list(handshake)
    if early_tickets and tickets:
        passing.append(("down", tickets))
    for number, (first, more, answers) in enumerate(requests):
        passing.append(("up", record(23, first)))
        if number == 0 and tickets and not early_tickets:
            passing.append(("down", tickets))
        passing.append(("up", record(23, 16_401) * more))
        passing.append(("down", record(23, 200) * answers))
    passing.append(("up", record(23, 19)))  # the client closes
    kinds = ["tls handshake"] + ["tls"] * len(requests)
    pieces = [(way, piece) for way, all_of in passing for piece in cut(data.draw, all_of) if piece]
    got = counted(pieces)
    assert [kind for kind, _, _ in got] == kinds
    for way, index in (("up", 1), ("down", 2)):
        assert sum(row[index] for row in got) == sum(
            len(piece) for side, piece in passing if side == way
        )
    assert got[0][1] == sum(len(piece) for way, piece in handshake if way == "up") + (
        0 if requests else 24
    )


@given(st.lists(st.tuples(st.sampled_from(["up", "down"]), st.binary(min_size=1)), max_size=20))
def test_whatever_passes_every_byte_counts_once(pieces):
    got = counted(pieces)
    for way, index in (("up", 1), ("down", 2)):
        assert sum(row[index] for row in got) == sum(len(p) for side, p in pieces if side == way)


def test_the_server_may_speak_first():
    assert counted([("down", b"220 mail\r\n"), ("up", b"HELO a\r\n"), ("down", b"250 a\r\n")]) == [
        ("other", 8, 17)
    ]


def test_a_body_after_100_continue_belongs_to_its_request():
    assert counted([("up", head("/a", 3)), ("down", b"HTTP/1.1 100 \r\n\r\n"), ("up", b"abc")]) == [
        ("/a", len(head("/a", 3)) + 3, 17)
    ]
