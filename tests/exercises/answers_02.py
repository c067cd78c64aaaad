"""Known wrong answers to the exercises of lesson 02, and what each is told."""

WRONG = [
    ("02.1", 400_000_000, "counts its steps"),
    ("02.1", 300_000_000, "two numbers"),
    ("02.1", 200_000_000, "state of its own"),
    ("02.1", 400_000_800, "4 bytes a tensor"),
    ("02.1", 500_000_400, "four numbers"),
    ("02.2", lambda b, w: b * 4 * sum(w) + 4, "32·64·4"),
    ("02.2", lambda b, w: b * 4 * sum(w[1:]), "+ 4"),
    ("02.3", lambda budget, fixed, each: (budget - fixed) / each, "none"),
    ("02.3", lambda budget, fixed, each: (budget - fixed) // each, "no batch is negative"),
    ("02.4", 8 * 203_560, "the eight"),
    ("02.4", 16 * 10**9, "never leaves"),
    ("02.4", 203_560, "one update"),
    ("02.4", 203.56, "in MB"),
    ("02.4", 407_120_000, "receives updates"),
]
