"""Known wrong answers to the exercises of lesson 06, and what each is told."""

WRONG = [
    ("06.1", 734_208, "holds twelve"),
    ("06.1", 4_405_248, "twelve messages"),
    ("06.1", 12 * 497_759_232 - 5_688 * 10**6, "MiB as MB"),
    ("06.1", 12 * 497_759_232 - 5_696 * 2**20, "not the sum"),
    ("06.2", lambda sizes: sum(int(s / 2**20) for s in sizes), "cut nothing"),
    ("06.3", 32 * 56_270_848, "sent nothing back"),
    ("06.3", 29 * 56_270_848, "it travelled"),
    ("06.3", 26 * 56_270_848, "all eight"),
    ("06.3", 14 * 56_270_848, "the first one is on the bill too"),
    ("06.3", 15 * 56_270_848, "count both directions"),
    ("06.3", 30, "those are messages"),
    ("06.4", lambda ledger, node: sum(t.payload for t in ledger.transfers), "no uplink"),
    (
        "06.4",
        lambda ledger, node: sum(
            t.payload
            for t in ledger.transfers
            if (t.node, t.direction, t.outcome) == (node, "up", "ok")
        ),
        "rejected reply was sent",
    ),
    ("06.5", 1_586_688, "two things"),
    ("06.5", ("head.weight", 3_122_688), "bill's own total"),
    ("06.5", ("head.weight", 50_688), "both copies"),
    ("06.5", ("head.weight", 2_994_688), "puts one message right"),
    ("06.5", ("head.weight", 2_354_688), "puts one direction right"),
    ("06.5", ("head.weight", 132_224), "one message"),
    ("06.5", ("head.weight", 793_344), "one direction"),
    ("06.5", ("head.weight", 1_536_000), "billed too much"),
    ("06.5", ("mix.weight", 1_586_688), "not as large"),
]
