"""Known wrong answers to the exercises of lesson 10, and what each is told."""

WRONG = [
    ("10.1", 900_333_568, "pushes its broadcast once"),
    ("10.1", 450_166_784, "replies alone"),
    ("10.1", 112_541_696, "one SuperNode's hop"),
    ("10.2", lambda sizes: sum(-(-size // 5_242_880) for size in sizes), "counts the pieces"),
    ("10.2", lambda sizes: 2 * len(sizes), "travel as well"),
    ("10.2", lambda sizes: 4 + len(sizes), "two objects"),
    ("10.2", lambda sizes: 4 + sum(1 + size // 5_242_880 for size in sizes), "two objects"),
    ("10.2", lambda sizes: 4 + sum(2 + size // 5_242_880 for size in sizes), "one piece"),
    ("10.3", 203_560, "payload"),
    ("10.3", 205_712, "each of its objects"),
    ("10.3", 211_296, "downlink"),
    ("10.3", 443_784, "both ways"),
    ("10.4", 0.0327, "one node's day"),
    ("10.4", 327_300, "in MB"),
    ("10.4", 284.8, "they receive answers"),
    ("10.4", 42.5, "they ask, too"),
    ("10.4", 304.8, "in GiB"),
    (
        "10.5",
        lambda wire, hop, kinds: wire.select(hop=hop, kinds=kinds).up / wire.select(hop=hop).up,
        "count both ways",
    ),
    (
        "10.5",
        lambda wire, hop, kinds: len(wire.select(hop=hop, kinds=kinds)) / len(wire.select(hop=hop)),
        "count bytes",
    ),
    ("10.5", lambda wire, hop, kinds: wire.select(kinds=kinds).total / wire.total, "all hops"),
    ("10.5", lambda wire, hop, kinds: 95.0, "not a percentage"),
]
